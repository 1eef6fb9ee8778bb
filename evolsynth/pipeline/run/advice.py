"""What to change when many rows are rejected for a reason, or fail by an error.

One practical sentence for each code of `evolsynth.findings` and each error. The gate's
settings that are named here are those that ``evolsynth gates --yaml`` prints.
"""

from __future__ import annotations

__all__ = ["ADVICE", "FAILURES", "advise", "advise_failure"]

#: By the reason's code. A code without a sentence here fails a test.
ADVICE: dict[str, str] = {
    "empty": "Give max_tokens more room, and see whether a stop string stands at the very "
    "beginning of what the model writes.",
    "too_short": "Take a larger model or seeds that are whole sentences, or lower the gate's "
    "setting min_words.",
    "too_long": "Lower max_tokens, or raise the gate's setting max_instruction_words or "
    "max_response_words.",
    "repetition": "Set a repetition penalty of 1.1 to 1.2 in the step's sampling, or lower "
    "max_tokens, since loops come at the end of long texts.",
    "cut_off": "Raise max_tokens of the step that writes the text.",
    "template_leak": "Give the model the chat template that it was trained with, and look in a "
    "preview for the stop string that is missing.",
    "example_leak": "Give other or more few-shot examples, or raise the temperature a little.",
    "not_an_instruction": "Lower the temperature of the source to about 0.8, raise its candidates, "
    "or begin with seeds instead of magpie.",
    "role_confusion": "Keep the model's own system prompt in magpie, or raise its candidates.",
    "unanswerable": "Steer the source with a system prompt or a topic towards timeless questions.",
    "missing_input": "Ask for self-contained tasks in the system prompt or the criteria, or bring "
    "the texts along as contexts.",
    "several_requests": "Lower max_tokens of the source, so that one request fills it.",
    "answers_itself": "Lower max_tokens of the source, or add a newline to its stop strings.",
    "off_topic": "Raise magpie's candidates, name the topic in more words, or lower on_topic.",
    "bad_turn": "Ask for fewer turns (n_turns), or take a larger model for conversations.",
    "repeated_turn": "Raise the temperature, or ask for fewer turns (n_turns).",
    "self_talk": "Leave out the system prompt of the responses, or shorten it.",
    "no_answer": "Take a larger model for the responses, or make several (samples) and choose.",
    "thin_answer": "Raise max_tokens of the responses, ask for detail in their system prompt, or "
    "lower the gate's setting thin_answer_words.",
    "unfit_demand": "Raise evolve's candidates, or begin with instructions that leave more room.",
    "breaks_limit": "Lower max_tokens of the responses, or raise the gate's setting limit_slack.",
    "refusal": "Take seeds and topics away that the model declines, or another model for the "
    "responses.",
    "copies_question": "Take a larger model for the responses, or another prompt of theirs.",
    "broken_off": "Raise max_tokens of the responses.",
    "wrong_language": "Write system prompts and seeds in the language that you want, or set the "
    "gate's language settings to the one that comes.",
    "no_response": "Put respond() before the gate, or see in the failed rows why it gave nothing.",
    "high_ifd": "Lower the temperature of the responses, or raise the gate's setting max_ifd.",
    "not_selected": "Ask for more rows: better ones took all the places.",
    "too_similar": "Give more varied seeds, or raise the cosine from which rows count as alike.",
    "exact_duplicate": "Raise the temperature, give more varied seeds, or remove doubles from "
    "the input with `evolsynth dedup`.",
    "near_duplicate": "Raise the temperature, give more varied seeds, topics or system prompts, "
    "or raise the gate's setting near_duplicate.",
    "same_wording": "Give more seed tasks or subjects, raise the temperature, or raise "
    "most_similar.",
    "not_for_text": "Give seed tasks that only need text, or name such subjects.",
    "off_subject": "Raise the candidates, or name subjects that the model knows.",
    "wrong_count": "Ask for fewer items, or take a larger model.",
    "wrong_label": "Take a larger model for classification tasks, or labels that differ more.",
    "input_is_output": "Raise the temperature, or the candidates, of the step that writes inputs.",
    "conflicting_outputs": "Ask for fewer instances of a task, or lower the outputs' temperature.",
    "no_new_demand": "Raise evolve's candidates, or the temperature of its sampling.",
    "weak_evolution": "Raise evolve's candidates, ask for fewer rounds, or lower the gate's "
    "setting good_evolution.",
    "no_information_gain": "Leave out ask_for_gain, or raise evolve's candidates.",
    "same_task": "Raise the temperature or the candidates of evolutions in breadth.",
    "other_field": "Lower the temperature of evolutions in breadth, or raise the candidates.",
    "says_nothing": "Take a larger model for the responses, or forbid such beginnings by a "
    "grammar.",
    "same_response": "Raise the temperature of the responses, or take samples of two models.",
    "tie": "Make more samples of each response, or lower preference's margin.",
    "no_good_response": "Take a larger model for the responses, or lower preference's least.",
    "information_loss": "Use the anchored prompts for a small model, raise evolve's candidates, "
    "or raise the gate's setting information_loss.",
    "dropped": "Let your own step yield every row that it takes in, with row.reject(...) for "
    "those that it does not want.",
}

#: By the error's name, as `Failure.error` has it.
FAILURES: dict[str, str] = {
    "EngineError": "See that the model or its server still runs and has memory, then start the "
    "same command again.",
    "RequestError": "Shorten the rows or prompts named in the failed rows, or give the model a "
    "larger context.",
    "LLMError": "See the message in the failed rows, and whether the model answers by itself.",
    "InputError": "Mend the rows at the places that the failed rows name, or leave them out.",
    "CapabilityError": "Give the step another model, or leave out the option that the message "
    "names.",
    "TemplateError": "Give the model a chat template that has the roles which the rows use.",
    "SetupError": "Install or mend what the message names; `evolsynth doctor` shows what is there.",
    "ModelNotFound": "Put the model file in its place again; `evolsynth doctor` says where it is "
    "looked for.",
    "Shortfall": "Raise the step's attempts, give more varied contexts or seeds, or ask it for "
    "fewer rows.",
    "Unpaired": "Let every branch before group() hand on each of its rows.",
    "StepError": "Mend the step's own function where the message points, then start the same "
    "command again.",
    "TimeoutError": "Give the step more time or a smaller concurrency.",
}


def advise(code: str) -> str:
    """What to change where this reason rejects many rows."""
    return ADVICE.get(code) or (
        f"Read some rows that were rejected as '{code}', and change the step that wrote them, or "
        "the check."
    )


def advise_failure(error: str) -> str:
    """What to change where this error makes many rows fail."""
    return FAILURES.get(error) or (
        "Read the messages of the failed rows; an error of your own step is to be mended there."
    )
