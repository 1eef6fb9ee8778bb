"""What a check found, and one plain sentence for each code, for the report and the CLI."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["EXPLANATIONS", "Finding", "explain"]


class Finding(msgspec.Struct, frozen=True):
    """One thing wrong with a text.

    ``code`` is short, stable and in snake_case: it lands in ``Verdict.reasons``. ``detail`` holds
    what a person needs to judge the finding (the twin's id, the repeated words) and nothing that
    varies between runs; it is plain JSON.
    """

    code: str
    detail: dict[str, Any] = {}


#: A new check adds its code here, so that no reason ever reaches the report without a sentence.
EXPLANATIONS: dict[str, str] = {
    "empty": "There is no text.",
    "too_short": "The instruction has too few words to ask for anything.",
    "too_long": "The text is longer than a single request or answer should be.",
    "repetition": "The text repeats itself in a loop.",
    "cut_off": "The text stops before it is finished.",
    "template_leak": "The text contains pieces of a chat template or of the prompt that made it.",
    "example_leak": "The text copies a few-shot example instead of following it.",
    "not_an_instruction": "The text does not ask for anything.",
    "role_confusion": "The instruction speaks as the assistant, not as somebody who asks.",
    "unanswerable": "It asks about the model itself or what changes daily, or has a gap to fill.",
    "missing_input": "The instruction points at a text, code or data that is not there.",
    "several_requests": "The text is several instructions that have nothing to do with each other.",
    "answers_itself": "The instruction goes on with its own answer.",
    "off_topic": "The instruction is not about the topic that was asked for.",
    "bad_turn": "A later turn of the conversation would be refused by itself; the details say why.",
    "repeated_turn": "A turn says an earlier one of the same speaker again.",
    "self_talk": "The response speaks of itself as a program or repeats its system turn.",
    "no_answer": "The response only offers help or asks back.",
    "thin_answer": "The response is a few words where an explanation or a text was asked for.",
    "unfit_demand": "The added demand leaves no room for an answer, or has nothing it refers to.",
    "breaks_limit": "The response is clearly longer than the instruction allows.",
    "refusal": "The text declines to answer.",
    "copies_question": "The response only says its instruction again.",
    "broken_off": "The response stops in the middle of a sentence.",
    "wrong_language": "The text is in another language than it should be.",
    "no_response": "The row has no response.",
    "high_ifd": "The instruction makes the response less likely: the two hardly belong together.",
    "not_selected": "Enough rows with better scores were selected.",
    "too_similar": "A row with better scores that was selected says nearly the same.",
    "exact_duplicate": "The same text, apart from case, spaces and end punctuation, came earlier.",
    "near_duplicate": "A text with almost the same meaning and the same facts came earlier.",
    "same_wording": "Its words come in nearly the same order as those of an earlier task.",
    "not_for_text": "It needs a picture, a sound, a file or a program, not a text.",
    "off_subject": "It is not about the subject that it was asked to be about.",
    "wrong_count": "The list has more or fewer items than were asked for.",
    "wrong_label": "The input does not seem to have the label that is given as its output.",
    "input_is_output": "The output says the same as the input.",
    "conflicting_outputs": "The same input has different outputs, and none is known to be right.",
    "no_new_demand": "The evolved instruction asks for nothing that the original did not.",
    "weak_evolution": "The added demand is unlikely to make a better instruction of its original.",
    "no_information_gain": "The model holds the evolved instruction for equal to its original.",
    "same_task": "The new task asks for the same as the one that it was to differ from.",
    "other_field": "The new task has nothing to do with the field of the one it was made from.",
    "says_nothing": "The response is made of punctuation and stop words alone.",
    "same_response": "All responses to the instruction are the same, so none can be preferred.",
    "tie": "The scores of the best and the worst response are too close to prefer one.",
    "no_good_response": "Even the best of the responses is not good enough to be preferred.",
    "information_loss": "The evolved instruction lost or changed something the original asked for.",
    "dropped": "A step of a pipeline took the row in and never gave it back.",
}


def explain(code: str) -> str:
    """The sentence for a code; a code of somebody's own check is shown by its name."""
    return EXPLANATIONS.get(code) or code.replace("_", " ").capitalize() + "."
