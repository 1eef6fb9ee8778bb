"""A record of the passage as JSON: a model names its keys, and fills them in when it is asked.

Keys whose values nobody can be sure of are left out, of the answer and of what is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from evolsynth.evaluation.grounds.asked.extract_fields import (
    KEY,
    quoted,
    record_against,
    record_of,
    value_against,
)
from evolsynth.evaluation.grounds.made.settled import says
from evolsynth.evaluation.text.language import is_english
from evolsynth.evaluation.text.words import stem, words
from evolsynth.llm.base import LLM
from evolsynth.methods.grounded.draft import Draft, Passage, Place
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import answered, draft, drawn, place
from evolsynth.methods.transformed.saying import first_fit
from evolsynth.prompts import prompt_lists

__all__ = ["extract_fields", "keys_in"]

_FEWEST, _MOST = 3, 6
#: How often a key is asked for, too, that the text has nothing for.
_ABSENT = 0.3
_TOKENS, _RECORD_TOKENS = 120, 320


@kind("extract_fields", task="formatting", weight=1.5)
async def extract_fields(passage: Passage, random: Random, llm: LLM) -> Sequence[Draft]:
    """One record, of three to six keys."""
    seed, absent = random.getrandbits(63), random.random() < _ABSENT
    if not is_english(passage.text):
        return ()
    named = await first_fit(
        llm,
        "grounded/field_names",
        {"text": passage.text},
        key="",
        seed=seed,
        max_tokens=_TOKENS,
        against=lambda text: None if len(keys_in(text)) >= _FEWEST else "It names too few keys.",
        candidates=1,
    )
    if named.text is None:
        return ()
    keys = keys_in(named.text)
    if absent and (other := _absent(passage.text, random)):
        keys = keys[: _MOST - 1]
        keys.insert(len(keys) // 2, other)
    values = {"keys": quoted(keys), "title": passage.title}
    wording = drawn("extract_fields", random, values, "keys")

    def kept(text: str) -> dict[str, Any]:
        record = record_of(text) or {}
        if list(record) != keys:
            return {}
        return {
            key: value
            for key, value in record.items()
            if value_against(key, value, passage.text, title=passage.title) is None
        }

    def against(text: str) -> str | None:
        record = kept(text)
        if len(record) < _FEWEST:
            return "Too few of its values are those of their keys."
        return record_against(list(record), record, passage.text, title=passage.title)

    made = await answered(
        llm,
        "extract_fields",
        wording,
        values,
        passage.text,
        seed=seed,
        max_tokens=_RECORD_TOKENS,
        against=against,
    )
    if made is None:
        return ()
    text, how = made
    record = kept(text)
    output = json.dumps(record, ensure_ascii=False, indent=2)
    return (
        draft(
            "extract_fields",
            wording,
            passage,
            answer=output,
            values={**values, "keys": quoted(list(record)), "output": output},
            ground={"keys": list(record), "about": passage.title},
            evidence=_evidence(passage, record),
            whole=True,
            how={**how, "keys": named.how, "asked": keys},
        ),
    )


def keys_in(text: str) -> list[str]:
    """The keys that an answer names, each once, no more than six."""
    found = (re.sub(r"\W+", "_", part.strip(" -*\"'`.")) for part in re.split(r"[\n,]", text))
    keys = [re.sub(r"^\d+_", "", one.lower()).strip("_") for one in found]
    return list(dict.fromkeys(key for key in keys if KEY.fullmatch(key)))[:_MOST]


def _absent(text: str, random: Random) -> str:
    """A key of which a text says nothing; empty where it has words of all that there are."""
    there = {word.stem for word in words(text)}
    known = prompt_lists("grounded/extract_fields")["keys: absent"]
    free = [key for key in known if not any(stem(part) in there for part in key.split("_"))]
    return random.choice(free) if free else ""


def _evidence(passage: Passage, record: Mapping[str, Any]) -> tuple[Place, ...]:
    """The sentences that hold the values."""
    found: set[Place] = set()
    for value in record.values():
        for item in value if isinstance(value, list) else [value or ""]:
            holders = [s for s in passage.sentences if item and says(s.of(passage.text), item)]
            found.update(holders[:1] or place(passage.text, item))
    return tuple(sorted(found))
