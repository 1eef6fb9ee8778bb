"""Kinds that ask a larger model: its answers are taken where nothing speaks against them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from grounded_passages import row

from evolsynth.errors import CapabilityError
from evolsynth.evaluation.gate.gate import Gate, part_findings
from evolsynth.evaluation.gate.tier import tier_of
from evolsynth.evaluation.grounds.asked.extract_fields import record_against
from evolsynth.evaluation.grounds.ground import stands
from evolsynth.llm.base import Capability, Request
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.grounded.grounded import grounded
from evolsynth.methods.grounded.kinds.extract_fields import keys_in
from evolsynth.prompts import filled, prompt_lists
from evolsynth.rows import Row

#: With this no key is asked for that the text has nothing for, and a summary may have 35 words.
SEED = 1
QUAY = (
    "The quay of Norvik was built in 1874 by the engineer Hugo Pell, because the old pier could "
    "no longer hold the larger ships. It is 212 metres long and 9 metres wide, and its stones "
    "come from the quarry at Ost. In 1931 a storm tore away 40 metres of the wall. The town had no "
    "money, and the quay was closed for two years. The ships lay in the bay then, and small "
    "boats brought their goods to the beach.\n\n"
    "Hugo Pell's granddaughter Ada Pell led the repair, which cost 85,000 crowns, and the quay "
    "opened again on 4 May 1933, although the new wall was not yet painted. Today fishing boats "
    "use it in summer, and ferries do not call there any longer, since the water beside it is "
    "hardly deeper than 3 metres."
)
RECORD = {"builder": "Hugo Pell", "year_built": "1874", "quay_length": "212 metres",
          "repair_cost": "85,000 crowns"}  # fmt: skip
SUMMARY = (
    "The quay of Norvik was built in 1874 for larger ships. In 1931 a storm tore away its wall, "
    "and it was closed until Ada Pell led the repair. Today fishing boats use it."
)
READS = (
    "Hugo Pell's granddaughter Ada Pell led the repair. It cost 85,000 crowns. The quay opened "
    "again on 4 May 1933. The new wall was not yet painted. Today fishing boats use it in summer. "
    "Ferries do not call there any longer. The water beside it is hardly deeper than 3 metres."
)


def answering(answer: str, keys: str = "\n".join(RECORD)) -> Callable[[Request], str]:
    def script(request: Request) -> str:
        return keys if "Answer with\nthe keys alone" in str(request.prompt) else answer

    return script


async def made(kind: str, answer: str, *, larger: bool = True, **given: Any) -> list[Row]:
    llm = Scripted(answering(answer, **given), parameters=7_000_000_000 if larger else 135_000_000)
    texts = [row(QUAY, "The Quay of Norvik", source="quay.md")]
    return [
        one async for one in grounded(texts, llm, kinds={kind: 1.0}, each=1, others=0, seed=SEED)
    ]


def reader_of(one: Row) -> str:
    return str(one.provenance["response"]["ground"]["reader"])


# What is right ------------------------------------------------------------------------------------


async def test_a_record_whose_values_stand_in_the_text() -> None:
    fenced = f"```json\n{json.dumps(RECORD)}\n```"
    (one,) = await made("extract_fields", fenced)
    assert json.loads(one.response or "") == RECORD
    assert all(f'"{key}"' in (one.instruction or "") for key in RECORD)
    assert stands(one) == ("extract_fields", None)
    assert tier_of(one) == ("verified", ("ground:extract_fields",))
    places = [QUAY[p["start"] : p["end"]] for p in one.extra["evidence"]]
    assert any("85,000" in place for place in places)
    assert one.provenance["response"]["prompt"] == "grounded/extract_fields"
    assert one.provenance["response"]["keys"]["prompt"] == "grounded/field_names"


async def test_null_for_a_key_of_which_the_text_says_nothing() -> None:
    keys = "\n".join([*RECORD, "phone_number"])
    answer = json.dumps({**RECORD, "phone_number": None})
    (one,) = await made("extract_fields", answer, keys=keys)
    assert json.loads(one.response or "")["phone_number"] is None


async def test_a_summary_within_its_bound() -> None:
    (one,) = await made("summarise", SUMMARY)
    assert one.response == SUMMARY
    assert str(one.provenance["response"]["ground"]["most"]) in (one.instruction or "")
    tier, stands_on = tier_of(one)
    assert (tier, stands_on[0]) == ("verified", "ground:summarise")  # and maybe the bound, too
    judged = [row async for row in Gate().check([one])]
    assert [row.status for row in judged] == ["accepted"]


async def test_a_paragraph_for_a_reader() -> None:
    rows = [
        one
        for seed in range(24)
        async for one in grounded(
            [row(QUAY, "The Quay of Norvik")],
            Scripted(lambda _: READS, parameters=7_000_000_000),
            kinds={"for_reader": 1.0},
            each=1,
            seed=seed,
        )
        if one.response
    ]
    assert {reader_of(one) for one in rows} == {"child", "newcomer", "learner"}  # none is shorter
    for one in rows:
        assert (one.input or "") in QUAY  # the paragraph, not all of the text
        assert tier_of(one) == ("verified", ("ground:for_reader",))


# What is wrong ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"quay_length": "9 metres"},  # the width
        {"quay_length": "40 metres"},  # of the wall that was lost
        {"year_built": "1931"},
        {"year_built": "1875"},  # nowhere in the text
        {"builder": "Ada Pell"},
        {"repair_cost": None},  # though the text says it
        {"repair_cost": "two years"},
        {"builder": ["Hugo Pell", "Otto Pell"]},
        {"builder": {"name": "Hugo Pell"}},
    ],
)
async def test_a_record_with_one_wrong_value(wrong: dict[str, object]) -> None:
    """Its key is neither asked for nor answered."""
    (one,) = await made("extract_fields", json.dumps({**RECORD, **wrong}))
    (key,) = wrong
    assert json.loads(one.response or "") == {k: v for k, v in RECORD.items() if k != key}
    assert f'"{key}"' not in (one.instruction or "")
    assert stands(one) == ("extract_fields", None)
    assert record_against(list(RECORD), {**RECORD, **wrong}, QUAY) is not None


async def test_a_record_with_more_wrong_values_than_right_ones() -> None:
    wrong = {"builder": "Ada Pell", "year_built": "1931"}
    (one,) = await made("extract_fields", json.dumps({**RECORD, **wrong}))
    assert one.status == "rejected"


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps(
            {**{k: v for k, v in RECORD.items() if k != "builder"}, "architect": "Hugo Pell"}
        ),
        json.dumps({**RECORD, "town": "Norvik"}),
        json.dumps(dict(reversed(RECORD.items()))),
        json.dumps(list(RECORD.values())),
        json.dumps(dict.fromkeys(RECORD)),
        "The builder was Hugo Pell.",
        '{"builder": "Hugo Pell"',
    ],
)
async def test_a_record_with_other_keys_or_none(answer: str) -> None:
    (one,) = await made("extract_fields", answer)
    assert one.status == "rejected"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("1874", "1873"),  # no number of the text
        ("built in 1874", "built in 1931"),  # a number of the text, of something else
        ("built in 1874", "built in 1874 by Otto Brandt"),
        ("Ada Pell led", "Hugo Pell led"),
        ("larger ships", "smaller ships"),
        ("it was closed", "it was not closed"),
        ("until Ada Pell", "and loved by poets and painters until Ada Pell"),
        ("fishing boats use it", "ferries call there"),
        (SUMMARY[SUMMARY.index("In 1931") :], "It is 212 metres long and 9 metres wide."),  # lost
        (
            "Today",
            "Today the quay, whose stones come from the quarry at Ost, is a place where " * 3,
        ),
    ],
)
async def test_a_summary_with_something_invented_or_lost(right: str, wrong: str) -> None:
    assert right in SUMMARY
    (one,) = await made("summarise", SUMMARY.replace(right, wrong))
    assert one.status == "rejected"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("85,000", "58,000"),
        ("Ferries do not call there any longer. ", ""),
        ("do not call", "call"),
        ("Ada Pell led", "Ada Lund led"),
        (" The new wall was not yet painted.", ""),
        ("hardly deeper", "deeper"),
        ("fishing boats use it", "fishing boats of many kinds and colours use it"),
    ],
)
async def test_a_paragraph_with_something_invented_or_lost(right: str, wrong: str) -> None:
    assert right in READS
    answer = READS.replace(right, wrong)
    for seed in range(16):  # each reader once or more
        llm = Scripted(answering(answer), parameters=7_000_000_000)
        kinds = {"for_reader": 1.0}
        texts = [row(QUAY, "Q")]
        rows = [one async for one in grounded(texts, llm, kinds=kinds, each=1, seed=seed)]
        assert [one.status for one in rows] == ["rejected"]


async def test_what_is_no_easier_to_read_is_refused() -> None:
    """Whatever the reader, the paragraph itself is not what was asked for."""
    part = QUAY.split("\n\n")[1]
    (one,) = await made("for_reader", part)
    assert one.status == "rejected"


@pytest.mark.parametrize("kind", ["extract_fields", "summarise"])
async def test_the_gate_finds_what_was_changed_afterwards(kind: str) -> None:
    answer = json.dumps(RECORD) if kind == "extract_fields" else SUMMARY
    (one,) = await made(kind, answer)
    changed = one.replace(response=(one.response or "").replace("1874", "1933"))
    assert stands(changed)[1] is not None
    other = one.replace(extra={**one.extra, "input": QUAY.replace("1874", "1901")})
    assert stands(other)[1] is not None
    assert tier_of(other)[0] != "verified"


# How it is asked ----------------------------------------------------------------------------------


async def test_a_second_answer_is_asked_for_where_the_first_was_wrong() -> None:
    answers = iter([SUMMARY.replace("1874", "1873"), SUMMARY])
    llm = Scripted(lambda _: next(answers), parameters=7_000_000_000)
    texts = [row(QUAY, "The Quay of Norvik")]
    rows = [one async for one in grounded(texts, llm, kinds={"summarise": 1.0}, each=1, seed=SEED)]
    assert rows[0].response == SUMMARY
    assert rows[0].provenance["response"]["candidate"] == 1
    assert "1873" in rows[0].provenance["response"]["failed"][0]


async def test_who_answers_is_asked_and_not_who_judges() -> None:
    judge, answerer = Scripted([]), Scripted(lambda _: SUMMARY, parameters=7_000_000_000)
    texts, kinds = [row(QUAY, "The Quay of Norvik")], {"summarise": 1.0}
    rows = [
        one
        async for one in grounded(texts, judge, answerer=answerer, kinds=kinds, each=1, seed=SEED)
    ]
    assert rows[0].response == SUMMARY
    assert not judge.requests


async def test_a_small_model_goes_on_with_examples() -> None:
    (one,) = await made("summarise", f" {SUMMARY}\nText: another", larger=False)
    assert one.response == SUMMARY


async def test_one_that_can_do_neither_is_told_so() -> None:
    llm = Scripted([], capabilities={Capability.LOGPROBS})
    with pytest.raises(CapabilityError):
        [one async for one in grounded([row(QUAY)], llm, kinds={"summarise": 1.0})]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("year_built\nbuilder", ["year_built", "builder"]),
        ("1. Year built\n2. `builder`", ["year_built", "builder"]),
        ("- year_built, builder, builder", ["year_built", "builder"]),
        ("These are the names of all the facts that matter here:\nbuilder", ["builder"]),
        ("", []),
    ],
)
def test_keys_are_read_from_a_list(text: str, keys: list[str]) -> None:
    assert keys_in(text) == keys


@pytest.mark.parametrize("wording", prompt_lists("grounded/extract_fields")["keys"])
def test_no_wording_forbids_null(wording: str) -> None:
    """A demand for JSON with these keys wants something under each."""
    asked = filled(wording, {"keys": '"builder", "year_built", "phone_number"', "title": "Quay"})
    answer = json.dumps({"builder": "Hugo Pell", "year_built": "1874", "phone_number": None})
    one = Row.make(asked, response=answer, extra={"input": QUAY})
    assert part_findings(one, "response") == []


@pytest.mark.parametrize("kind", ["extract_fields", "summarise", "for_reader"])
def test_wordings_are_many_and_of_their_own(kind: str) -> None:
    lists = prompt_lists(f"grounded/{kind}")
    wordings = [line for form, lines in lists.items() if ":" not in form for line in lines]
    assert len(set(wordings)) == len(wordings) >= 12
