"""Who speaks, and whether anything is said."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.findings import Finding
from evolsynth.rows import Row


def no_answer(response: str, instruction: str = "") -> Finding | None:
    return CHECKS["no_answer"].find(Case(Row.make(instruction, response=response)))


def self_talk(response: str, instruction: str = "") -> Finding | None:
    return CHECKS["self_talk"].find(Case(Row.make(instruction, response=response)))


def thin_answer(response: str, instruction: str = "") -> Finding | None:
    return CHECKS["thin_answer"].find(Case(Row.make(instruction, response=response)))


def role_confusion(text: str) -> Finding | None:
    """On an instruction that a model wrote."""
    return CHECKS["role_confusion"].find(
        Case(Row.make(text, provenance={"instruction": {"attempt": 0}}))
    )


def unanswerable(text: str) -> Finding | None:
    """On an instruction that a model wrote."""
    return CHECKS["unanswerable"].find(
        Case(Row.make(text, provenance={"instruction": {"attempt": 0}}))
    )


@pytest.mark.parametrize(
    "text",
    [
        "I am here to help you plan your wedding.",
        "I can offer you advice on candles. What do you sell?",
        "You are a helpful assistant that knows rivers.",
        "How can I help you today?",
    ],
)
def test_an_instruction_that_speaks_as_the_assistant_is_found(text: str) -> None:
    finding = role_confusion(text)
    assert finding is not None
    assert finding.detail["said"] in text


@pytest.mark.parametrize(
    "text",
    [
        "Can you help me write a letter to my landlord?",
        "How can I help my son with fractions?",
        "I will give my neighbour a plant. Which one?",
        "Can I give you a call?",
    ],
)
def test_a_person_who_speaks_of_help_is_no_assistant(text: str) -> None:
    assert role_confusion(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "I'm an AI designed to assist users in many ways.",
        "As a virtual assistant, I know many rivers.",
        "Sure! You are a helpful assistant, answer in one sentence.",
        "I have been created to provide information.",
    ],
)
def test_a_response_about_itself_is_found(text: str) -> None:
    assert self_talk(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "The bridge was designed to carry trams.",
        "An assistant takes notes while the chef cooks.",
        "I was trained as a nurse, said Mara, and left the ward.",
    ],
)
def test_other_talk_of_designs_and_assistants_is_fine(text: str) -> None:
    assert self_talk(text) is None


def test_an_offer_and_a_question_are_no_answer() -> None:
    finding = no_answer("I'd be happy to help with your garden! What size is it?")
    assert finding is not None
    assert finding.detail["said"].startswith("I'd be happy")


def test_an_offer_before_a_real_answer_is_fine() -> None:
    text = (
        "I'd be happy to help! Plant tomatoes after the last frost, in full sun, and water them "
        "at the root twice a week."
    )
    assert no_answer(text) is None


@pytest.mark.parametrize("text", ["Paris.", "42", "Yes, since 1989.", "No."])
def test_a_short_answer_is_an_answer(text: str) -> None:
    assert no_answer(text, "Is it so, and since when?") is None


def test_a_promise_without_its_list_is_no_answer() -> None:
    text = "Cities can save water in many ways. Here are some ideas that help in summer."
    assert no_answer(text) is not None
    assert no_answer(f"{text}\n1. Fix leaks.\n2. Plant trees that need little.") is None


def test_a_story_of_a_line_is_thin() -> None:
    asked = "How do rivers flow? Write the answer as a short story."
    assert thin_answer("Once a river flowed to the sea, and that was all of it.", asked) is not None
    assert thin_answer("Once a river flowed. " * 7, asked) is None


def test_saying_the_question_again_is_no_answer() -> None:
    asked = "Why is Lisbon a popular city for tourists?"
    assert no_answer("Lisbon is a popular city for tourists.", asked) is not None
    assert no_answer("Lisbon is popular for its mild winters.", asked) is None


def test_a_wide_question_wants_more_than_a_few_words() -> None:
    finding = thin_answer("It rains.", "Explain how clouds are formed.")
    assert finding is not None
    assert finding.detail == {"words": 2, "least": 15}


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        ("Explain in one sentence how clouds form.", "Warm air rises and its water cools."),
        ("What is the capital of Peru?", "Lima."),
        ("Write a short title for my essay on bees.", "The Hum of Summer"),
        ("Name three rivers.", "Danube, Rhine, Elbe."),
    ],
)
def test_a_few_words_are_enough_where_few_were_asked(instruction: str, response: str) -> None:
    assert thin_answer(response, instruction) is None


@pytest.mark.parametrize(
    "text",
    [
        "What is the weather forecast for Lisbon?",
        "What makes you happy at work?",
        "What is your favourite river?",
        "Which phones came out this year?",
    ],
)
def test_what_no_model_can_know_is_found(text: str) -> None:
    assert unanswerable(text) is not None


@pytest.mark.parametrize(
    "text",
    ["How do you make bread rise?", "Why do rivers flood in spring?", "Name three uses of salt."],
)
def test_a_general_you_is_no_talk_of_the_model(text: str) -> None:
    assert unanswerable(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Tell me about the history of [city].",
        "Write to the boss of [company_name] about my job.",
    ],
)
def test_a_gap_that_is_still_to_be_filled_cannot_be_answered(text: str) -> None:
    found = unanswerable(text)
    assert found is not None
    assert found.detail["said"].startswith("[")


@pytest.mark.parametrize(
    "text",
    [
        "What does arr[index] return?",
        "Replace each placeholder by a name: [city] is far.",
        "Is [Naruto] a name?",
        "Read this: [see the notes](notes.md).",
        "Make a letter of this.\nDear [name], ...",
    ],
)
def test_brackets_with_a_meaning_are_no_gap(text: str) -> None:
    assert unanswerable(text) is None


# Habits of one model, words of one prompt ---------------------------------------------------------


def of(model: str, prompt: str, *, instruction: str = "Why?", response: str = "") -> Case:
    made = {"model": model, "prompt": prompt}
    provenance = {"instruction": made, "response": made}
    return Case(Row.make(instruction, response=response, provenance=provenance))


def test_what_one_model_says_of_itself_is_asked_of_that_model_alone() -> None:
    said = "I was made by Hugging Face and I's a helpful one."
    small = of("SmolLM2-135M-Instruct", "respond/brief", instruction=said, response=said)
    other = of("Qwen", "respond/brief", instruction=said, response=said)
    for name, part in (("self_talk", "response"), ("role_confusion", "instruction")):
        assert CHECKS[name].find(small, part) is not None  # type: ignore[arg-type]
        assert CHECKS[name].find(other, part) is None  # type: ignore[arg-type]
    assert self_talk("Hugging Face hosts models. It's a helpful site.") is None


def test_a_prompts_own_words_are_asked_of_what_it_made_alone() -> None:
    said = "Tides come from the moon, in a few clear sentences."
    assert CHECKS["self_talk"].find(of("any", "respond/brief", response=said)) is not None
    assert CHECKS["self_talk"].find(of("any", "no/such", response=said)) is None
    assert self_talk(said) is None


@pytest.mark.parametrize(
    ("system", "thin"),
    [
        ("You are brief.", False),
        ("Answer in one sentence.", False),
        ("Give short answers.", False),
        ("You are a friendly teacher.", True),
        ("Explain everything in depth, in words a child knows.", True),
    ],
)
def test_a_system_turn_may_want_few_words(system: str, thin: bool) -> None:
    row = Row.make("Why is the sky blue?", response="Air scatters blue light most.", system=system)
    assert (CHECKS["thin_answer"].find(Case(row)) is not None) == thin
