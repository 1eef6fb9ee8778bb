"""Of several answers the first that passes; what only its form lacks is made so by rule."""

from __future__ import annotations

from typing import Any

import pytest

from evolsynth.errors import EngineError, InputError
from evolsynth.evaluation.demands.demand import Demand
from evolsynth.llm.base import Capability, Request
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.scripted import Answer, Scripted
from evolsynth.methods.best_of import meet_by_rule, unmet
from evolsynth.methods.preference import preference
from evolsynth.methods.respond import RESPONSE_SAMPLING, SAMPLES_SAMPLING, respond
from evolsynth.rows import Row

SHORT = Demand.read({"kind": "words_at_most", "n": 8})
CAPITALS = Demand.read({"kind": "upper_case"})
LONG = "The Nile is a river in Africa, and it is among the longest rivers of the whole world."
FIT = "The Nile is a long river."
REFUSED = "I'm sorry, I cannot help."


def row(*demands: Demand, text: str = "Name a river.") -> Row:
    told = {"demands": [one.to_dict() for one in demands]}
    return Row.make(text, provenance={"instruction": told} if demands else {})


async def answered(some: Row, answers: Any, **options: Any) -> tuple[Row, Scripted]:
    llm = Scripted(answers)
    how = {"seed": 7, "candidates": 4, **options}
    (out,) = [one async for one in respond([some], llm, **how)]
    return out, llm


def told(some: Row) -> dict[str, Any]:
    made: dict[str, Any] = some.provenance["response"]
    return made


async def test_the_first_that_passes_is_taken_and_no_more_are_asked_for() -> None:
    out, llm = await answered(row(SHORT), [LONG, LONG, REFUSED, FIT, FIT, FIT], candidates=8)
    assert out.response == FIT
    assert len(llm.requests) == 4
    how = told(out)
    assert (how["candidate"], how["asked"], how["applied"]) == (3, 4, [])
    assert how["failed"] == [
        {"candidate": 0, "findings": [], "unmet": ["words_at_most"]},
        {"candidate": 1, "findings": [], "unmet": ["words_at_most"]},
        {"candidate": 2, "findings": ["refusal"], "unmet": []},
    ]


async def test_candidates_are_asked_for_two_at_a_time_of_one_prompt() -> None:
    llm = Scripted(lambda _: LONG, delay=0.01, concurrency=8)
    rows = [row(SHORT)]
    assert [r async for r in respond(rows, llm, candidates=4)]
    assert llm.most_active == 2
    assert len({str(r.prompt) for r in llm.requests}) == 1
    assert len({r.seed for r in llm.requests}) == 4
    assert [r.sampling for r in llm.requests] == [RESPONSE_SAMPLING, *[SAMPLES_SAMPLING] * 3]


async def test_where_none_passes_the_one_that_lacks_least_is_there() -> None:
    answers = ["I'm sorry, but I cannot help with that or anything else.", LONG, LONG, LONG]
    out, _ = await answered(row(SHORT), answers)
    assert out.response == LONG
    assert (told(out)["candidate"], told(out)["asked"]) == (1, 4)
    assert len(told(out)["failed"]) == 4


async def test_what_form_lacks_is_made_so_by_rule() -> None:
    out, llm = await answered(row(SHORT, CAPITALS), [LONG, FIT])
    assert out.response == FIT.upper()
    assert told(out)["applied"] == ["upper_case"]
    assert len(llm.requests) == 2


async def test_without_demands_the_gates_checks_decide() -> None:
    out, llm = await answered(row(), [REFUSED, FIT])
    assert out.response == FIT
    assert told(out)["prompt"] == "respond/brief"
    assert len(llm.requests) == 2


async def test_a_row_with_demands_is_not_told_a_form_by_its_system_turn() -> None:
    out, llm = await answered(row(SHORT), [FIT, FIT])
    assert told(out)["prompt"] == "respond/demands"
    assert "few clear sentences" not in str(llm.requests[0].prompt)
    own, llm = await answered(row(SHORT).replace(system="Be kind."), [FIT, FIT])
    assert "Be kind." in str(llm.requests[0].prompt)
    assert "prompt" not in told(own)
    other, _ = await answered(row(SHORT), [FIT, FIT], system="Be kind.")
    assert told(other)["system"] == "Be kind."


async def test_candidates_are_kept_on_request_the_one_taken_first() -> None:
    out, _ = await answered(row(SHORT), [LONG, FIT])
    assert "responses" not in out.extra
    out, _ = await answered(row(SHORT), [LONG, FIT], store_candidates=True)
    assert [one["response"] for one in out.extra["responses"]] == [FIT, LONG]
    assert out.extra["responses"][0]["seed"] == told(out)["seed"]


async def test_for_pairs_candidates_are_asked_for_until_one_has_failed_too() -> None:
    answers = [FIT, FIT, FIT, LONG, FIT, FIT]
    out, llm = await answered(row(SHORT), answers, candidates=8, store_candidates=True)
    assert len(llm.requests) == 4
    assert sorted(one["response"] for one in out.extra["responses"]) == [*[FIT] * 3, LONG]
    (pair,) = [one async for one in preference([out], margin=0.5)]
    assert (pair.extra["chosen"], pair.extra["rejected"]) == (FIT, LONG)
    assert pair.status == "accepted"


async def test_every_other_pair_is_asked_the_request_without_its_demands() -> None:
    """A small model speaks of the rule: what it says without it may keep to it all the same."""
    whole = row(SHORT, text="Name a river. Use at most 8 words.")
    asked: list[str] = []

    def answer(request: Request) -> str:
        asked.append("whole" if "8 words" in str(request.prompt) else "alone")
        return FIT if len(asked) == 8 else LONG

    out, _ = await answered(whole, answer, candidates=8)
    assert sorted(asked[:4]) == ["alone", "alone", "whole", "whole"]
    assert asked[0] == asked[1] == asked[4] == asked[5]
    assert asked[2] == asked[3] == asked[6] == asked[7]
    assert out.instruction == whole.instruction
    made = told(out)
    if asked[7] == "alone":
        assert (made["question"], made["prompt"]) == ("Name a river.", "respond/brief")
    else:
        assert "question" not in made
        assert made["prompt"] == "respond/demands"


async def test_an_answer_to_the_request_alone_is_held_to_the_form() -> None:
    """No small model counts to three bullets by itself."""
    bullets = Demand.read({"kind": "bullets_exactly", "n": 3})
    whole = row(bullets, text='Name rivers. Put it in three bullet points, marked with "*".')
    _, llm = await answered(whole, lambda _: FIT)
    asked = {("three" in str(r.prompt), r.grammar is not None) for r in llm.requests}
    assert asked == {(True, False), (False, True)}
    free = Scripted(lambda _: FIT, capabilities=set(Capability) - {Capability.GRAMMAR})
    assert [r async for r in respond([whole], free, candidates=4)]
    assert not any(r.grammar for r in free.requests)
    out, _ = await answered(whole, lambda r: "* a lake\n* a river\n* a pond" if r.grammar else FIT)
    assert "root ::=" in told(out)["grammar"]


async def test_one_candidate_that_fails_does_not_touch_the_others() -> None:
    answers: list[Answer] = [EngineError("gone"), FIT]
    out, _ = await answered(row(SHORT), answers)
    assert (out.response, out.status) == (FIT, "pending")


async def test_a_row_without_any_candidate_has_failed() -> None:
    out, llm = await answered(row(SHORT), [EngineError("gone"), EngineError("still gone")])
    assert out.failure is not None
    assert out.failure.message == "gone"
    assert len(llm.requests) == 2


async def test_the_same_bytes_for_any_concurrency() -> None:
    def answer(request: Request) -> str:
        return FIT if request.seed % 3 == 0 else LONG

    rows = [row(SHORT, text=f"Name {i} rivers.") for i in range(20)]
    made = []
    for width in (1, 7):
        llm = Scripted(answer, delay=lambda r: r.seed % 5 / 1000)
        made.append([r async for r in respond(rows, llm, candidates=6, concurrency=width)])
    assert made[0] == made[1]
    assert len({told(r)["asked"] for r in made[0]}) > 1


async def test_one_candidate_is_left_as_it_comes() -> None:
    out, _ = await answered(row(CAPITALS), [FIT], candidates=1)
    assert out.response == FIT
    assert "candidate" not in told(out)


@pytest.mark.parametrize("options", [{"samples": 2}, {"candidates": 0}])
async def test_what_does_not_go_together_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(InputError, match="candidates"):
        await answered(row(), [FIT], **options)


def test_rules_are_tried_in_another_order_where_one_undoes_the_other() -> None:
    """A title that is added to a text in capitals is not in capitals."""
    title = Demand.read({"kind": "title", "form": "<<title>>"})
    text = "Pears and figs grow here. So do plums."
    for demands in ((CAPITALS, title), (title, CAPITALS)):
        made, applied = meet_by_rule(text, demands, "What grows here?")
        assert not unmet(made, demands, "What grows here?")
        assert set(applied) == {"upper_case", "title"}
        assert "PEARS AND FIGS GROW HERE." in made


def test_what_meets_all_is_not_touched_and_what_rules_cannot_mend_stays() -> None:
    assert meet_by_rule(FIT, [SHORT], "") == (FIT, ())
    needs = Demand.read({"kind": "includes", "words": ["delta"]})
    assert meet_by_rule(FIT, [needs], "") == (FIT, ())
    assert meet_by_rule("", [CAPITALS], "") == ("", ())


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="session")
async def test_the_real_model_is_held_to_forms_that_it_never_finds_by_itself(
    smollm: LlamaCpp,
) -> None:
    some: list[dict[str, Any]] = [
        {"kind": "bullets_exactly", "n": 4},
        {"kind": "headings", "names": ["What to Do", "What to Avoid"]},
        {"kind": "checklist", "n": 5},
    ]
    demands = [Demand.read(one) for one in some]
    rows = [row(one, text=f"How do I look after a cat? {one.worded(0)}") for one in demands]
    options: dict[str, Any] = {"seed": 7, "candidates": 2, "max_tokens": 120}
    out = [r async for r in respond(rows, smollm, **options)]
    again = [r async for r in respond(rows[:1], smollm, concurrency=1, **options)]
    assert out[:1] == again
    for one, demand in zip(out, demands, strict=True):
        assert demand.check(one.response or "", asked=one.instruction or "") is None
