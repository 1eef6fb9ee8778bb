"""Requests that bring a text, whose answer a program makes: the model writes the text alone.

What is asked stands in ``prompts/magpie/with_text.j2``, what the answer is in
`evolsynth.evaluation.grounds.rule`. The model goes on from the request and the first words of its
text; a program cuts the text where it is whole, sees that it is of a sane length, and that the rule
has one answer for it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from evolsynth.evaluation.grounds.rule import (
    LEADS,
    answer_of,
    asked_by,
    text_with,
)
from evolsynth.evaluation.text.language import is_english
from evolsynth.findings import reason
from evolsynth.llm.base import LLM, Prompt, Request, Sampling
from evolsynth.prompts import PromptFile, load_prompt, made_by, prompt_hash
from evolsynth.rows import Row, derive_seed

__all__ = ["NO_TEXT", "Begun", "WithText", "Written", "with_text_asked"]

#: The reason of a row whose text is none, or decides no answer.
NO_TEXT = reason(
    "no_text",
    "The request was to bring a text, and has none that is whole, or none that decides the answer.",
    "Raise magpie's candidates, or leave out with_text.",
)

_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_WORDS = (5, 16)  # of a sentence
_ATTEMPTS = 4
_SENTENCE_TOKENS, _LIST_TOKENS = 40, 28
_ITEMS = (4, 7)  # of a list that is cut
_PLAIN_ITEM = re.compile(r"[a-z]+\Z")
_PLAIN_SENTENCE = re.compile(r"[A-Z0-9][A-Za-z0-9 ,.'@-]*[.!?]\Z")
#: An apostrophe that stands at the edge of a word, as a quotation mark does.
_QUOTING = re.compile(r"(?<![A-Za-z])'|'(?![A-Za-z])")
#: Two sentences with a comma between them.
_SPLICE = re.compile(r", (?:I|he|she|it|we|they|you|this|there|did|do|is|are|can)\b")
#: Rules whose texts have digits.
_WITH_DIGITS = ("numbers", "date", "email")
#: Words after which no sentence ends.
_ENDLESS = re.compile(r"\b(?:the|a|an|of|to|and|or|in|with|Mr|Mrs|Dr|St)[.!?]\Z")


class Begun(NamedTuple):
    """What the model goes on with.

    Args:
        rule: whose answer it is to have.
        lead: what is asked, without the text.
        start: the first words of the text.
        quoted: whether the text stands in quotes.
        seed: of what the program does with the text.
    """

    rule: str
    lead: str
    start: str
    quoted: bool
    seed: int

    @property
    def prefix(self) -> str:
        """What the user's turn begins with."""
        return f'{self.lead}: "{self.start}' if self.quoted else f"{self.lead}: {self.start},"


class Written(NamedTuple):
    """A request with its text, the rule that it asks for and its answer; or why there is none
    (``lacks``)."""

    instruction: str
    rule: str = ""
    answer: str = ""
    lacks: str | None = None
    text: str = ""

    @property
    def ground(self) -> dict[str, str]:
        """Why the answer is right."""
        return {"kind": "rule", "rule": self.rule, "answer": self.answer}

    def of(self, row: Row) -> Row:
        """The row with the answer, and why that is right; rejected if there is none."""
        if self.lacks is not None:
            return row.reject(NO_TEXT, **{NO_TEXT: {"lacks": self.lacks}})
        made = {**row.provenance, "response": {"ground": self.ground}}
        return row.replace(response=self.answer, provenance=made)


class WithText:
    """The requests of a prompt file."""

    def __init__(self) -> None:
        self.file: PromptFile = load_prompt(LEADS)
        self._rules: Mapping[str, Mapping[str, Any]] = self.file.value("rules")
        self.banned: Sequence[str] = tuple(self.file.value("banned"))

    @cached_property
    def leads(self) -> Mapping[str, str]:
        """What can be asked, and the rule of each."""
        return {lead: name for name, told in self._rules.items() for lead in told["leads"]}

    @cached_property
    def kinds(self) -> Mapping[str, str]:
        """The kind of task of each lead."""
        return {lead: str(self._rules[name]["kind"]) for lead, name in self.leads.items()}

    def begin(self, lead: str, seed: int, *, said: str | None = None) -> Begun:
        """A request with this lead and the first words of a text; the words for the lead are drawn
        too, unless it is given as it is ``said``."""
        chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
        name = self.leads[lead]
        kind = str(self._rules[name]["text"])
        swaps = self.file.value("swaps").get(name)
        if swaps is not None:
            ways = [(_filled_in(lead, swap), swap[2]) for swap in swaps]
            lead, start = chance.choice([way for way in ways if said in (None, way[0])])
        elif kind == "numbers":
            start = ", ".join(map(str, chance.sample(range(2, 100), 2)))
        else:
            starts = self.file.value("starts")
            start = self._filled(chance.choice(starts.get(name) or starts[kind]), chance)
        return Begun(name, lead, start, kind == "sentence", chance.getrandbits(32))

    def _filled(self, start: str, chance: random.Random) -> str:
        """First words with what is drawn for them."""
        names = self.file.value("names")

        def drawn(mark: re.Match[str]) -> str:
            if mark[0] == "#":
                return str(chance.randint(2, 90))
            if mark[0] == "@":
                return str(chance.choice(names))
            if mark[0] == "^":
                host = chance.choice(self.file.value("hosts"))
                return f"{chance.choice(names).lower()}@{host}"
            month = chance.choice(self.file.value("months"))
            return f"{chance.randint(1, 28)} {month} {chance.randint(1890, 2024)}"

        return re.sub(r"[#@^%]", drawn, start).rstrip()

    def written(self, begun: Begun, said: str, *, ended: bool) -> Written:
        """The request that comes of what the model said, which begins with the prefix; ``ended``
        says that it stopped by itself."""
        chance = random.Random(begun.seed)  # noqa: S311 - reproducible on purpose
        text = said[said.index(begun.start, len(begun.lead)) :]
        made = _sentence(text, begun) if begun.quoted else _list(text, chance, ended=ended)
        if made is None:
            return Written(said, lacks="text")
        shown = _spoiled(made, begun.rule)
        instruction = text_with(begun.lead, shown, quoted=begun.quoted)
        task = asked_by(instruction)
        if task is None or task.rule != begun.rule:
            return Written(instruction, lacks="text")
        try:
            answer = answer_of(task)
        except (ValueError, IndexError) as error:
            return Written(instruction, lacks=str(error))
        if begun.rule == "mended" and answer != made:
            return Written(instruction, lacks="what was spoiled does not tell what it was")
        return Written(instruction, begun.rule, answer, text=shown)


async def with_text_asked(
    llm: LLM,
    prompt: Prompt,
    lead: str,
    *,
    seed: int,
    sampling: Sampling,
    stop: Sequence[str],
    said: str | None = None,
) -> tuple[Written, dict[str, Any]]:
    """A request with a text, at the first of some attempts that has one, and how it was made.

    Args:
        prompt: what stands before a user's words.
        lead: what is asked.
        seed: of the row and candidate.
        sampling: how the text is drawn.
        stop: what ends a request.
        said: the lead as it is said already, with the words that were drawn for it.
    """
    texts = WithText()
    written, made = Written(lead, lacks="text"), dict[str, Any]()
    for attempt in range(_ATTEMPTS):
        own = derive_seed(seed, "magpie/text", "", attempt=attempt)
        begun = texts.begin(lead, own, said=said)
        request = Request(
            prompt=prompt,
            seed=own,
            max_tokens=_SENTENCE_TOKENS if begun.quoted else _LIST_TOKENS,
            sampling=sampling,
            stop=('"' if begun.quoted else ".", *stop),
            banned=tuple(text for text in texts.banned if text not in begun.prefix),
            prefix=begun.prefix,
        )
        completion = await llm.complete(request)
        source = {**texts.file.provenance, "template_sha256": prompt_hash(prompt)}
        made = made_by(llm, request, completion, source, attempt=attempt)
        # the program has cut the text where it is whole
        made |= {"finish_reason": "stop", "rule": begun.rule}
        ended = completion.finish_reason == "stop"
        written = texts.written(begun, completion.text, ended=ended)
        if written.lacks is None:
            break
    return written, made


def _filled_in(lead: str, swap: Sequence[str]) -> str:
    """The lead with the words of a pair."""
    return lead.replace("{a}", swap[0]).replace("{b}", swap[1])


def _sentence(text: str, begun: Begun) -> str | None:
    """The text's first sentence, if it is whole and plain."""
    end = _SENTENCE_END.search(text, len(begun.start))
    if end is None:
        return None
    made = text[: end.end()].strip()
    words = made[:-1].split()
    plain = _PLAIN_SENTENCE.match(made) is not None and _ENDLESS.search(made) is None
    plain = plain and _QUOTING.search(made) is None
    plain = plain and _SPLICE.search(made) is None
    if begun.rule not in _WITH_DIGITS:
        plain = plain and re.search(r"\d", made) is None
    sane = _WORDS[0] <= len(words) <= _WORDS[1] and plain and is_english(made)
    often = max((words.count(w) for w in words if len(w) > 3), default=0)
    return made if sane and often < 3 else None


def _list(text: str, chance: random.Random, *, ended: bool) -> str | None:
    """The text's first items, as long as they are plain and new."""
    items: list[str] = []
    numbers = text[:1].isdigit()
    for item in text.split(","):
        one = item.strip().removeprefix("and ").rstrip(".").strip()
        fits = one.isdecimal() and len(one) < 4 if numbers else _PLAIN_ITEM.match(one) is not None
        if not fits or one in items:
            break
        items.append(one)
    most = chance.randint(*_ITEMS)
    if text.count(",") == len(items) - 1 and not ended:
        items = items[:-1]  # the last may not be whole
    return ", ".join(items[:most]) if len(items) >= _ITEMS[0] else None


def _spoiled(text: str, rule: str) -> str:
    """The text as the request shows it."""
    if rule == "mended":
        return text[:1].lower() + text[1:].rstrip(".")
    return text
