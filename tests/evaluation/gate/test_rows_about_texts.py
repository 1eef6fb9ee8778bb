"""The gate sees a row's input: good rows about texts stay, and bad ones are refused as before."""

from __future__ import annotations

import json

import pytest
from text_rows import (
    ABOUT_DATA,
    ABOUT_TEXTS,
    BEES,
    BOT,
    CLOCK,
    GLASS,
    LETTER,
    ROLES,
    TEA,
    UNSEEN,
    About,
    row_of,
)

from evolsynth.evaluation.gate.check import Case
from evolsynth.evaluation.gate.checks.row import turn_findings
from evolsynth.evaluation.gate.gate import Gate, part_findings
from evolsynth.rows import Message, Row
from evolsynth.streams import iterate

GOOD = {"texts": ABOUT_TEXTS, "data": ABOUT_DATA, "unseen": UNSEEN}


async def refused(rows: list[Row]) -> dict[str, tuple[str, ...]]:
    """Why the gate refuses rows, by their tasks; those that it accepts are left out."""
    out = [row async for row in Gate().check(iterate(rows))]
    assert all(row.failure is None and row.verdict is not None for row in out)
    return {
        f"{row.asked} => {row.response}": row.verdict.reasons
        for row in out
        if row.verdict is not None and not row.verdict.accepted
    }


@pytest.mark.parametrize("some", GOOD.values(), ids=GOOD)
async def test_good_rows_about_a_text_pass(some: tuple[About, ...]) -> None:
    assert await refused([row_of(one) for one in some]) == {}


@pytest.mark.parametrize("some", GOOD.values(), ids=GOOD)
async def test_they_pass_with_the_text_as_their_context_too(some: tuple[About, ...]) -> None:
    rows = [row_of(one).replace(extra={"context": one.input}) for one in some]
    assert await refused(rows) == {}


#: A text beside an instruction is no reason to let these pass.
STILL_BAD = {
    "says_nothing": [
        About("Who built the clock?", CLOCK, "the"),
        About("When was the clock moved?", CLOCK, "It was then."),
        About("Was the clock moved before or after the roof leaked?", CLOCK, "It was there."),
    ],
    "thin_answer": [
        About("Explain how black tea is made.", TEA, "Leaves."),
        About("Describe the life of a bumblebee queen.", BEES, "She sleeps."),
        About("Tell me about the clock.", CLOCK, "It is old."),
        About("Retell the passage as a story.", BEES, "A queen woke up."),
    ],
    "no_answer": [
        About("Who built the clock?", CLOCK, "I'm happy to help you with that. What do you need?"),
        About("What is in the lorry?", LETTER, "Please provide more details about the lorry."),
        About("Which years does the text name?", CLOCK, "The text names the years."),
        About("Is tea hot or cold when drunk?", TEA, "Tea is hot or cold when drunk."),
        About("List the days.", CLOCK, "Here are the days on which it is wound:"),
    ],
    "self_talk": [
        About("With which words does Kiri greet visitors?", CLOCK, "I am a helpful assistant."),
        About("Who trained Kiri?", BOT, "I was designed to answer questions, as I said before."),
    ],
    "refusal": [
        About("When will it be delivered?", CLOCK, "I'm sorry, but I cannot answer that question."),
        About("When will it be delivered?", LETTER, "I'm sorry, but I can't assist with that."),
    ],
    "template_leak": [
        About("List the roles.", CLOCK, "user\neditor"),
        About("Which response is right?", "A response: yes.", "### Response: yes"),
        About("List the roles.", ROLES, "user<|im_end|>"),
    ],
    "repetition": [
        About("Sort the words.", "fig, pear", "fig fig fig fig fig fig pear"),
        About("Give the passage a title.", CLOCK, "The clock clock of Harlow Green"),
    ],
    "copies_question": [
        About("Give the passage a title.", CLOCK, CLOCK),
        About("Give the passage a title.", CLOCK, f"Give the passage a title.\n\n{CLOCK}"),
        About(
            "Why did the council move the clock in 1881?",
            CLOCK,
            "Why did the council move the clock in 1881?",
        ),
    ],
    "placeholder_left": [
        About(
            "Answer the letter for Mrs Okafor.",
            LETTER,
            "Dear Mr Reed,\n\nTuesday suits me.\n\n[Your Name]",
        ),
    ],
    "about_prompt": [
        About(
            "Who wrote the letter?", LETTER, "Here is a revised version of your letter: Tom Reed."
        ),
    ],
    "wrong_language": [
        About(
            "What does the keeper do?",
            CLOCK,
            "Il remonte l'horloge chaque lundi et chaque jeudi, et il regarde les aiguilles de la "
            "tour avec les enfants de la ville.",
        ),
    ],
    "answers_rule_only": [
        About(
            "Name the maker of the town clock. Write in capital letters.",
            CLOCK,
            "Capital letters are letters that are written large.",
        ),
    ],
    "not_an_instruction": [
        About("The clock was moved in 1881.", CLOCK, "Yes."),
        About("Sure! Here is a question about the clock.", CLOCK, "Yes."),
        About("# The clock", CLOCK, "Yes."),
    ],
    "cut_off": [About("Say who built the clock and", CLOCK, "Edward Pell.")],
    "unanswerable": [About("What is your favourite part of the clock?", CLOCK, "Its hands.")],
    "empty": [
        About("?!", CLOCK, "Yes."),
        About("What is made of sand?", GLASS, "***"),
        About("Close all brackets.", "([{", " "),
    ],
    "several_requests": [
        About("Question 1: What is it? Question 2: Who is it?", GLASS, "Glass, nobody."),
    ],
}


@pytest.mark.parametrize("code", STILL_BAD)
async def test_bad_rows_about_a_text_are_refused_as_before(code: str) -> None:
    for one in STILL_BAD[code]:
        reasons = await refused([row_of(one)])
        assert reasons, one
        assert code in next(iter(reasons.values())), one


def findings(instruction: str, response: str, **extra: str) -> list[str]:
    row = Row.make(instruction, response=response, extra=extra)
    return [one.code for one in part_findings(row, "response")]


def test_what_an_input_says_is_no_fault_of_the_answer_and_without_it_is() -> None:
    for one in ABOUT_TEXTS:
        assert findings(one.instruction, one.response, input=one.input) == []
    greeting = "I am a helpful assistant, how can I help you today?"
    ask = "With which words does Kiri greet visitors?"
    assert findings(ask, greeting, input=BOT) == []
    assert "self_talk" in findings(ask, greeting)
    why = "Why did the council move the clock?"
    assert findings(why, "Because the roof leaked.", input=CLOCK) == []
    assert findings(why, "Because the roof leaked.") == ["thin_answer"]


def test_a_gap_a_sign_and_a_choice_are_answered_in_a_word_with_or_without_a_text() -> None:
    assert findings("Was steel made before or after iron?", "After.") == []
    assert findings("Which sign fits, < or >: 3 _ 2?", ">") == []
    assert findings("Fill in the missing word: He sat ___ the chair.", "on") == []
    assert findings("Was steel made before or after iron?", "of") == ["says_nothing"]
    assert findings("Name two articles about steel or iron.", "the") == ["says_nothing"]


def test_an_input_in_the_instruction_counts_once() -> None:
    row = Row.make(f"Sum it up.\n\n{CLOCK}", response="A clock moved.", extra={"input": CLOCK})
    case = Case(row)
    assert (case.input, case.beside, case.shown) == (CLOCK, "", row.instruction)
    assert case.alone(case.instruction) == "Sum it up."
    beside = Case(row.replace(instruction="Sum it up."))
    assert beside.shown == row.instruction
    assert beside.alone("Sum it up.") == "Sum it up."
    assert beside.alone(None) is None


def test_words_are_quoted_whole_and_in_their_order() -> None:
    case = Case(row_of(ABOUT_TEXTS[0]))
    assert case.quotes("hands are MADE of copper")
    assert case.quotes("“In 1881, the council”")
    for said in ("ands are made", "copper of made", "", "...", "made of gold"):
        assert not case.quotes(said)


def test_a_later_turn_about_the_text_may_quote_it() -> None:
    turns = [
        Message("user", "Who wrote it?"),
        Message("assistant", "Tom Reed."),
        Message("user", "What does he say of Friday?"),
        Message("assistant", "I'm sorry, but we cannot deliver your bookshelf on Friday."),
    ]
    assert turn_findings(turns, about=LETTER) == []
    assert [one.code for one in turn_findings(turns)] == ["refusal"]


def test_the_rows_are_of_many_kinds_and_each_is_there_once() -> None:
    rows = [*ABOUT_TEXTS, *ABOUT_DATA, *UNSEEN]
    assert len(rows) == len({json.dumps(one) for one in rows}) >= 110
    assert len({one.input for one in rows}) >= 30
