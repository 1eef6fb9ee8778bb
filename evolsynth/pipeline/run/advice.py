"""What to change when many rows fail by an error.

One practical sentence for each error; those for reasons stand where a reason is declared.
"""

from __future__ import annotations

__all__ = ["FAILURES", "advise_failure"]

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


def advise_failure(error: str) -> str:
    """What to change where this error makes many rows fail."""
    return FAILURES.get(error) or (
        "Read the messages of the failed rows; an error of your own step is to be mended there."
    )
