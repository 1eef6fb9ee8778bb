"""Responses to questions about a text: what does not stand in it, and what misses the question."""

from __future__ import annotations

from typing import Any

import pytest

from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.evaluation.gate.gate import part_findings
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.findings import Finding
from evolsynth.rows import Row

MILL = (
    "The water mill of Dunfall was built in 1764 by the carpenter Elias Thorne. Its wheel is six "
    "metres wide and turned two pairs of stones. Farmers from eleven villages brought their grain, "
    "and the miller kept a tenth of the flour as his pay. The mill was closed in 1931, because a "
    "flood had broken the dam. Swallows nest under the roof, and bats hunt them at dusk. "
    "The mill has never been sold."
)


def row(instruction: str, response: str, text: str = MILL, **extra: Any) -> Row:
    return Row.make(instruction, response=response, extra={"input": text, **extra})


def found(code: str, one: Row) -> Finding | None:
    return CHECKS[code].find(Case(one))


# What must be found -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "response", "word"),
    [
        ("Who built the mill?", "The mill was built by Samuel Reed.", "Samuel"),
        ("When was the mill built?", "It was built in 1704.", "1704"),
        ("When was the mill closed?", "The mill was closed in 1764.", "1764"),
        ("How wide is the wheel?", "Its wheel is nine metres wide.", "nine"),
        ("Who hunts at dusk?", "Swallows hunt bats at dusk.", "hunt"),
        ("Has the mill been sold?", "Yes, the mill has been sold.", "sold"),
        ("What did the miller keep?", "The miller kept a tenth of the cattle.", "cattle"),
        ("Why was the mill closed?", "It was closed because a fire had destroyed it.", "fire"),
        ("Who brought grain?", "The miller brought grain to the farmers.", "brought"),
        ("How many villages were there?", "Farmers from six villages brought grain.", "six"),
        ("How often is the mill open?", "It is open three times a week.", "three"),
        ("Was the wheel turned by water or wind?", "The cattle turned the wheel.", "cattle"),
        ("What was kept? Who came?", "1. A tenth of the flour\n2. Peter Stone", "Peter"),
        ("How many villages were there?", "12. They brought grain.", "12"),
    ],
)
def test_what_does_not_stand_in_the_text_is_found_and_named(
    question: str, response: str, word: str
) -> None:
    finding = found("unsupported", row(question, response))
    assert finding is not None
    named = finding.detail["words"]
    assert word in " ".join(one["text"] for one in named)
    for one in named:
        assert response[one["start"] : one["end"]] == one["text"]
    for place in finding.detail["evidence"]:
        assert MILL[place["start"] : place["end"]].endswith(".")


@pytest.mark.parametrize(
    ("question", "response", "wants"),
    [
        ("When was the mill built?", "Elias Thorne built the mill.", "a time"),
        ("How wide is the wheel?", "The wheel turned the stones.", "a number"),
        ("Has the mill been sold?", "Swallows nest under the roof.", "yes or no"),
        ("Why was the mill closed?", "The mill was closed.", "something new"),
        ("When was the mill closed?", "Elias Thorne built it in 1764.", "another sentence"),
        ("What nests under the roof?", "A tenth of the flour.", "another sentence"),
        (
            "How many villages brought grain?",
            "There were two pairs of stones.",
            "a number of villages",
        ),
        ("Who built the mill?", "I'm glad you like the story!", "an answer"),
        ("How many villages brought grain?", "I'm glad you like a story!", "an answer"),
        ("Who built the mill?", "Was the mill built in 1764?", "an answer"),
    ],
)
def test_an_answer_to_another_question_is_found(question: str, response: str, wants: str) -> None:
    finding = found("misses_question", row(question, response))
    assert finding is not None
    assert finding.detail["wants"] == wants


# Good rows of many kinds --------------------------------------------------------------------------

REVIEW = (
    "The kettle looks lovely and boils quickly, but the handle came off after a week and the shop "
    "did not answer my letters."
)
LIST = "Rye, three loaves\nWheat, five loaves\nOat biscuits, twelve tins\nBarley bread, nine loaves"
NOTICE = (
    "Dear neighbours,\n\nThe pool is open every Tuesday, Friday and Saturday. The sauna is warm "
    "from Monday to Thursday. Please bring your own towels. Its water is kept at 24 degrees, that "
    "of the children's basin at 30.\n\nYours,\nIda Krone"
)
TALK = (
    "Q: How did you learn to fly a glider, Mr Brandt?\nA: From my aunt, who flew the mail.\n"
    "Q: Have you ever had to land in a field?\nA: Twice, and both times in the same one."
)
CODE = "def area(width, height):\n    return width * height\n\nprint(area(3, 4))\nprint(area(5, 6))"

GOOD = [
    row("Who built the mill?", "Elias Thorne."),
    row("Who built the mill?", "It was built by the carpenter Elias Thorne in 1764."),
    row("Who built the mill?", "Elias Thorne, a carpenter, built the mill."),
    row("When was the mill built?", "1764"),
    row("In what year was the mill closed?", "In 1931."),
    row("How wide is the wheel?", "6 metres"),
    row("How wide is the wheel?", "The wheel is six meters wide."),
    row("How many villages did farmers come from?", "Eleven."),
    row("How much of the flour did the miller keep?", "He kept a tenth of it."),
    row("Why was the mill closed?", "A flood had broken the dam."),
    row("Why was the mill closed?", "Because the dam was broken by a flood."),
    row("What hunts the swallows?", "Bats do, at dusk."),
    row("What hunts the swallows?", "Swallows are hunted by bats at dusk."),
    row("Has the mill ever been sold?", "No."),
    row("Has the mill ever been sold?", "No, the mill has never been sold."),
    row("Did farmers bring grain to the mill?", "Yes, farmers from eleven villages did."),
    row("Where do swallows nest?", "Under the roof."),
    row("What turned the stones?", "The stones were turned by the wheel."),
    row(
        "Who built the mill? Answer as JSON with the keys name and year.",
        '{"name": "Elias Thorne", "year": 1764}',
    ),
    row(
        "When was the mill closed? Quote the sentence.",
        'In 1931. "The mill was closed in 1931, because a flood had broken the dam."',
    ),
    row("What was the miller paid with?", "According to the text, a tenth of the flour."),
    row("Who was the miller's wife?", "The text does not say."),
    row("How deep is the river?", "The passage doesn't mention how deep the river is."),
    row(
        "Summarize the text in one sentence.", "An old mill worked for locals until nature shut it."
    ),
    row(
        "Write a story using these words.",
        "Once a princess met a dragon in 1212.",
        "mill, bats, dam",
    ),
    row("Translate the first sentence into German.", "Die Wassermühle wurde 1764 gebaut."),
    row("Rewrite the text for children.", "Once upon a time, kids, there was a big wheel!"),
    row("What is the sentiment of this review: positive, negative or mixed?", "Mixed", REVIEW),
    row("Classify the review as praise or complaint.", "Complaint", REVIEW),
    row("Is this review positive or negative?", "Negative", REVIEW),
    row("What is the main idea of the text?", "A mill served its region well for ages."),
    row("Give the text a title.", "Grain and Water"),
    row("How many loaves are there in total?", "There are 17 loaves.", LIST),
    row("How many years passed between the two dates?", "167 years passed."),
    row("What does this code print?", "It prints 12 and 30.", CODE),
    row("Add a docstring to the function.", '"""Area of a rectangle."""', CODE),
    row("What does the word 'dusk' mean?", "The time just before night falls."),
    row("What do you think of the miller's pay?", "It strikes me as generous in hard years."),
    row("Should I buy this kettle?", "I would look for a sturdier one.", REVIEW),
    row("Write a polite reply to the customer.", "Dear Sir, we are sorry for the trouble.", REVIEW),
    row("Continue the text with one sentence.", "Tourists admire it on Sundays."),
    row("What lesson can be learned from the text?", "Floods end even useful things."),
    row("How many words are in the first sentence?", "Fourteen words."),
    row("List the items in alphabetical order.", "Barley bread, Oat biscuits, Rye, Wheat", LIST),
    row("What would have happened without the flood?", "Perhaps it would still grind."),
    row("Sort the numbers.", "1764, 1931"),
    row("Does the text say who built the mill?", "Yes, it names the carpenter Elias Thorne."),
    row("Does the text say what the mill cost?", "No, the text does not say what it cost."),
    row("Is it true that the mill was built in 1800?", "No, it was built in 1764."),
    row("Which of these headings fits the text: The mill, The boat?", "The mill"),
    row(
        "When was the mill built? Answer as JSON and say how sure the text makes it.",
        '{"year": 1764, "sure": "The text states it outright."}',
    ),
    row(
        "When was the mill closed? Then say how sure the text makes this.",
        "In 1931. The text says so directly, so this is certain.",
    ),
    row("What animals live at the mill?", "Swallows and bats."),
    row("What is six metres wide?", "The wheel of the mill."),
    row("What happened in 1931?", "The mill was closed because a flood had broken the dam."),
    row("Who was Elias Thorne?", "He was a carpenter."),
    row("Who built the mill? Answer in capitals.", "THE CARPENTER ELIAS THORNE BUILT IT."),
    row("How many pairs of stones did the wheel turn?", "Two pairs."),
    row("How wide is the wheel?", "The mill of Dunfall has a wheel of six metres."),
    row("Which letter is it?", "It is the letter A.", f"{MILL} The letter on its door is an A."),
    row("How often does the pool open?", "Three times a week.", NOTICE),
    row("How do swimmers know the pool's days?", "It opens three times a week.", NOTICE),
    row("Is the children's basin warmer or colder than the pool?", "Warmer.", NOTICE),
    row("Is the pool run by a club or a hotel?", "A club.", NOTICE),
    row("What are the neighbours asked to do?", "Please bring your own towels.", NOTICE),
    row("Which is right: a) Sunday b) Friday?", "b)", NOTICE),
    row("The pool is open every Sunday. What is wrong here?", "It is not Sunday.", NOTICE),
    row("How often did Mr Brandt land in a field?", "Twice.", TALK),
    row("How often has the mill been sold?", "Never."),
    row("What is he asked last?", "Have you ever had to land in a field?", TALK),
    row("What is he asked last?", '"Have you ever had to land in a field?"', TALK),
    row(
        "Answer the questions. 1. Who built the mill? 2. What hunts the swallows?",
        "1. Elias Thorne\n2. Bats",
    ),
    row("Who built the mill? When was it closed?", "(1) Elias Thorne\n(2) In 1931"),
    Row.make("Who wrote Faust?", response="Goethe wrote Faust."),
    row("Who built the mill?", "Somebody called Zed.", "short"),
]


@pytest.mark.parametrize("one", GOOD, ids=[f"{r.instruction} {r.response}"[:60] for r in GOOD])
def test_good_rows_of_many_kinds_are_left_alone(one: Row) -> None:
    assert found("unsupported", one) is None
    assert found("misses_question", one) is None


@pytest.mark.parametrize("name", ["unsupported", "misses_question"])
def test_rules_for_english_say_nothing_of_other_languages(name: str) -> None:
    german = (
        "Die Mühle wurde 1764 von dem Zimmermann Elias Thorne gebaut. Ihr Rad ist sechs Meter "
        "breit und trieb zwei Steine."
    )
    assert found(name, row("Wer hat die Mühle gebaut?", "Samuel Reed.", german)) is None


def test_the_least_support_is_a_setting() -> None:
    one = row("Who built the mill?", "Samuel Reed built it.")
    assert "unsupported" in [f.code for f in part_findings(one, "response")]
    easy = GateSettings(least_support=0.0)
    assert "unsupported" not in [f.code for f in part_findings(one, "response", easy)]


@pytest.mark.parametrize(("against", "refused"), [(None, False), ("Another answer.", True)])
def test_a_ground_that_holds_says_more_than_the_rules(
    against: str | None, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground = "evolsynth.evaluation.grounds.ground.stands"
    monkeypatch.setattr(ground, lambda row: ("named", against))
    one = row("Why was the mill closed?", "The dam broke in the flood of 1930.")
    one = one.replace(provenance={"response": {"ground": {"kind": "named"}}})
    assert (found("unsupported", one) is not None) is refused
