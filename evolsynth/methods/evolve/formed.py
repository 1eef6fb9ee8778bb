"""Evolutions of what is answered already, and rightly: the answer is formed anew, not asked for.

A row whose answer stands on a ground (`evolsynth.evaluation.grounds`) would lose it if a model
answered the evolved request. So its constraints are drawn among demands that a program can meet
with what the row knows: the bare answer, the sentence of the text that bears it out, how sure that
makes it, another question about the same text with its answer. The operations are Evol-Instruct's
constraints and, with a second question, its deepening (Xu et al. 2023, arXiv:2304.12244, section
3.2).
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from evolsynth.evaluation.demands.demand import KINDS, Asked, Demand
from evolsynth.evaluation.demands.found import demands_of
from evolsynth.evaluation.grounds.ground import stands
from evolsynth.methods.best_of import unmet
from evolsynth.methods.evolve.drafts import Formed, Written
from evolsynth.prompts import prompt_lists
from evolsynth.rows import Row

__all__ = ["by_form", "formable"]

#: Candidates of one round: the gate may have something against the first.
_CANDIDATES = 4
#: Characters of an answer that goes into a field, and of one that a word or two may stand before.
_FIELD, _SHORT = 300, 120
#: What says that nothing is to stand beside the answer, or gives it a form, and what only seems to.
_NO_MORE = re.compile(
    r"\b(?:only|nothing (?:but|else|more)|just|alone|no (?:more|other|explanation|comment)|"
    r"(?:one|a single) (?:word|letter|line|number|figure|term)|json|csv|yaml|array|table|bullets?|"
    r"bulleted|numbered|semicolons?|commas?|columns?|list|(?:each|one) on a line|exactly|"
    r"without|leave out|(?:full|complete|whole) sentence|in an? sentence|add nothing)\b",
    re.I,
)
_OF_TEXT = re.compile(
    r"\b(?:only (?:on|from|by|with)|(?:the|this) (?:\w+ )?(?:text|passage|table) (?:alone|only)|"
    r"exactly as it stands|alone decides)\b",
    re.I,
)
_CONSTRAINTS, _DEEPENING = "constraints", "deepening"


class _Known(NamedTuple):
    """What is known of an answer.

    ``said`` is the answer before any round, ``bare`` what of it goes into a field, ``sentence`` of
    the text it rests on, both None where there is none; ``ground`` the kind that it stands on, and
    ``others`` questions about the same text with their answers, where it answers a question;
    ``steps`` are the lines of a computed answer that lead to it, ``changes`` the words that a
    mended text had wrong, and what they are now, ``given`` those of which a sentence was written.
    """

    said: str
    bare: str | None
    sentence: str | None
    ground: str
    others: Sequence[Mapping[str, Any]]
    steps: str | None
    changes: Sequence[tuple[str, str]]
    given: Sequence[str]
    chance: random.Random


class _Form(NamedTuple):
    """A demand, and the answer that meets it."""

    demand: Demand
    response: str
    operation: str = _CONSTRAINTS
    other: Mapping[str, Any] | None = None


_Maker = Callable[[_Known], _Form | None]


def formable(row: Row) -> bool:
    """Whether a row is answered, and its answer stands on a ground that holds."""
    kind, against = stands(row)
    whole = row.response is not None and not row.messages
    return whole and kind is not None and against is None


def by_form(parent: Row, *, root: str, seed: int) -> list[Written]:
    """Candidates of one evolution, each with its answer; none where no form fits.

    Args:
        parent: for which `formable` holds.
        root: what the instruction was before the first round.
        seed: of what is drawn.
    """
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    asked, known = parent.instruction or "", _known(parent, chance)
    if _NO_MORE.search(_OF_TEXT.sub(" ", asked)):
        return []
    standing = demands_of(parent)
    makers = dict(_MAKERS)
    made: list[Written] = []
    while makers and len(made) < _CANDIDATES:
        name = chance.choices(list(makers), weights=[weight for _, weight in makers.values()])[0]
        form = makers.pop(name)[0](known)
        if form is None or any(form.demand.clashes(other) for other in standing):
            continue
        said = form.demand.worded(chance.randrange(1_000_000))
        text = f"{asked.rstrip()}{_gap(asked)}{said}"
        if unmet(form.response, [*standing, form.demand], text, parent.input or ""):
            continue
        told = {"demands": [form.demand.to_dict()]}
        answer = Formed(form.response, known.said, _ground(parent, root, known, form))
        made.append(Written(form.operation, text, told, answer))
    return made


def _gap(asked: str) -> str:
    """What stands before a demand: behind a statement or the like, which it is no part of, more."""
    return "\n\n" if re.search(r'[\n:]|[^.?!"]$', asked.strip()) else " "


def _known(row: Row, chance: random.Random) -> _Known:
    made = row.provenance["response"]
    ground, before = made["ground"], made.get("formed_from")
    said = before if isinstance(before, str) else row.response or ""
    bare = ground.get("answer")
    bare = bare if isinstance(bare, str) else said.strip()
    if "\n" in bare or '"' in bare or len(bare) > _FIELD:
        bare = None
    written = row.provenance.get("instruction")
    others = written.get("others", ()) if isinstance(written, Mapping) else ()
    sentence, whole = _sentence(row), _even(bare or "") == _even(said)
    if sentence is not None and sentence.rstrip(".") in f"{said}\n{row.instruction}":
        sentence = None  # it is said already
    above, _, last = said.strip().rpartition("\n")
    above = re.sub(r"(?:^|\n)[^\n]*:$", "", above)  # what leads to the last line alone
    steps = above if ground["kind"] == "computed" and bare and bare in last and above else None
    if not whole and not steps and (sentence is None or ground["kind"] not in _SAID_OUT):
        bare = None  # a field of it alone would leave out what was asked for beside it
    asks = (row.instruction or "").rstrip().endswith("?")
    restored = ground["kind"] == "restored"
    given = (row.input or "").split(", ") if restored and ground["spoiler"] == "words" else ()
    changes = _changes(row.input or "", said) if restored and not given else ()
    others = others if asks else ()
    return _Known(said, bare, sentence, ground["kind"], others, steps, changes, given, chance)


_MOST_CHANGES = 8


def _changes(spoiled: str, mended: str) -> list[tuple[str, str]]:
    """The words that differ, where words alone do and are as many; else nothing."""
    before, after = spoiled.split(), mended.split()
    if len(before) != len(after):
        return []
    pairs = [
        (one.strip(".,;:!?\"'()"), two.strip(".,;:!?\"'()"))
        for one, two in zip(before, after, strict=True)
        if one != two
    ]
    plain = all(one and two and one.casefold() != two.casefold() for one, two in pairs)
    return pairs if plain and len(set(pairs)) == len(pairs) <= _MOST_CHANGES else []


#: Grounds whose answers may be said in a sentence that holds no more than the bare answer does.
_SAID_OUT = frozenset({"span", "definition", "computed"})


def _even(text: str) -> str:
    return text.strip().rstrip(".").casefold()


def _sentence(row: Row) -> str | None:
    """The one sentence of the text that the answer rests on."""
    told, text = row.extra.get("evidence"), row.input or ""
    if not isinstance(told, list) or len(told) != 1 or not isinstance(told[0], Mapping):
        return None
    start, end = told[0].get("start"), told[0].get("end")
    if not isinstance(start, int) or not isinstance(end, int):
        return None
    sentence = text[start:end].strip()
    whole = '"' not in sentence and "\n" not in sentence and len(sentence.split()) > 3
    return sentence if whole else None


def _ground(parent: Row, root: str, known: _Known, form: _Form) -> dict[str, Any]:
    """What the new answer stands on: the same, or that and what the second answer stands on."""
    own = dict(parent.provenance["response"]["ground"])
    if form.other is None:
        return {**own, "answer": own.get("answer", known.said)}
    first = {"instruction": root, "response": known.said, "ground": own}
    if "evidence" in parent.extra:
        first["evidence"] = parent.extra["evidence"]
    return {"kind": "joined", "parts": [first, dict(form.other)]}


# The forms ----------------------------------------------------------------------------------------


@cache
def _names() -> Mapping[str, Sequence[str]]:
    return prompt_lists("evol_instruct/formed")


def _drawn(known: _Known, section: str) -> list[str]:
    return known.chance.choice(_names()[section]).split(" | ")


def _bare(known: _Known) -> str | None:
    """The answer for a field, without the full stop of a sentence that it is not."""
    if known.bare is None:
        return None
    short = len(known.bare.split()) <= 6 and known.bare.count(".") == 1
    return known.bare.rstrip(".") if short else known.bare


def _quoted(known: _Known) -> _Form | None:
    if known.sentence is None:
        return None
    pattern = known.chance.choice(_names()["quotations"]).replace("\\n", "\n")
    response = pattern.replace("{answer}", known.said.strip()).replace("{sentence}", known.sentence)
    return _Form(KINDS["quotes_text"](), response)


def _fields(known: _Known, section: str) -> tuple[list[str], list[str]] | None:
    """Names, and what stands under them: the answer, and its sentence where there is one."""
    if known.given:
        return _drawn(known, f"{section} of writing"), [", ".join(known.given), known.said.strip()]
    bare = _bare(known)
    if bare is None:
        return None
    if known.steps is not None:
        return _drawn(known, f"{section} with steps"), [known.steps, bare]
    if known.sentence is not None:
        return _drawn(known, f"{section} with evidence"), [bare, known.sentence]
    return None  # one field makes little of an answer


def _as_json(known: _Known) -> _Form | None:
    if (fields := _fields(known, "keys")) is None:
        return None
    values: dict[str, str | list[str]] = dict(zip(*fields, strict=True))
    if known.steps is not None or known.given:
        values[fields[0][0]] = list(known.given) or str(known.steps).split("\n")
    response = json.dumps(values, ensure_ascii=False)
    return _Form(KINDS["json_object"](keys=fields[0]), response)


def _as_yaml(known: _Known) -> _Form | None:
    if not (known.sentence or known.given) or (fields := _fields(known, "keys")) is None:
        return None
    lines = [f"{k}: {json.dumps(v, ensure_ascii=False)}" for k, v in zip(*fields, strict=True)]
    return _Form(KINDS["yaml"](keys=fields[0]), "\n".join(lines))


def _as_labels(known: _Known) -> _Form | None:
    if not (known.sentence or known.steps or known.given):
        return None
    if (fields := _fields(known, "labels")) is None:
        return None
    gaps = ["\n" if "\n" in value else " " for value in fields[1]]
    lines = [f"{n}:{gap}{v}" for n, gap, v in zip(fields[0], gaps, fields[1], strict=True)]
    return _Form(KINDS["key_values"](keys=fields[0]), "\n".join(lines))


def _as_tags(known: _Known) -> _Form | None:
    if known.sentence is not None:
        names, some = _drawn(known, "tags with evidence"), [_bare(known), known.sentence]
    else:
        section = "tags of writing" if known.given else "tags alone"
        names, some = _drawn(known, section), [known.said.strip()]
        if known.ground != "restored":
            return None
    if some[0] is None or any("<" in one or ">" in one for one in some if one):
        return None
    block = "\n" if known.ground == "restored" else ""
    parts = [f"<{n}>{block}{one}{block}</{n}>" for n, one in zip(names, some, strict=True)]
    return _Form(KINDS["tags"](names=names), "\n".join(parts))


#: Grounds of which it is certain how firmly the text bears the answer out.
_OUTRIGHT = frozenset({"span", "definition"})


def _with_certainty(known: _Known) -> _Form | None:
    if known.ground not in _OUTRIGHT:
        return None
    demand = KINDS["tells_certainty"].draw(known.chance, Asked("", "fact", given=True))
    if demand is None:
        return None
    label, answers = demand.values["label"], demand.values["answers"]
    if f"{label}:".casefold() in known.said.casefold():  # it names something else there
        return None
    return _Form(demand, f"{known.said.strip()}\n\n{label}: {answers[0]}")


def _with_result(known: _Known) -> _Form | None:
    bare = _bare(known)
    if bare is None or known.steps is None:
        return None
    (label,) = _drawn(known, "result labels")
    response = f"{known.said.strip()}\n\n{label}: {bare}"
    return _Form(KINDS["result_line"](label=label), response)


def _opened(known: _Known) -> _Form | None:
    if known.ground != "restored":
        return None
    (opening,) = _drawn(known, "openings of writing" if known.given else "openings")
    gap = "\n" if "\n" in known.said.strip() or len(known.said) > _SHORT else " "
    return _Form(KINDS["begins_with"](text=opening), f"{opening}{gap}{known.said.strip()}")


def _in_quotes(known: _Known) -> _Form | None:
    if not known.given:
        return None
    return _Form(KINDS["quoted"](), f'"{known.said.strip()}"')


def _with_changes(known: _Known) -> _Form | None:
    if not known.changes:
        return None
    arrow = known.chance.choice(_names()["arrows"])
    lines = "\n".join(f"{one} {arrow} {two}" for one, two in known.changes)
    return _Form(KINDS["lists_changes"](arrow=arrow), f"{known.said.strip()}\n\n{lines}")


def _with_second(known: _Known) -> _Form | None:
    some = [
        one
        for one in known.others
        if '"' not in one["instruction"] and "\n" not in f"{one['instruction']}{one['response']}"
    ]
    if not some or "\n" in known.said.strip():
        return None
    other = known.chance.choice(some)
    response = f"1. {known.said.strip()}\n2. {other['response'].strip()}"
    demand = KINDS["second_question"](question=other["instruction"])
    return _Form(demand, response, _DEEPENING, other)


#: How each form is made, and how often it is tried first.
_MAKERS: Mapping[str, tuple[_Maker, float]] = {
    "quoted": (_quoted, 4.0),
    "json": (_as_json, 2.0),
    "yaml": (_as_yaml, 0.7),
    "labels": (_as_labels, 2.0),
    "tags": (_as_tags, 1.0),
    "certainty": (_with_certainty, 1.5),
    "result": (_with_result, 3.0),
    "opened": (_opened, 0.5),
    "changes": (_with_changes, 5.0),
    "in quotes": (_in_quotes, 0.7),
    "second": (_with_second, 4.0),
}
