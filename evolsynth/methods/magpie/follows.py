"""What follows from Magpie's options before it runs: columns, answers, the command's next steps."""

from __future__ import annotations

from collections.abc import Mapping

from evolsynth.columns import Columns, ColumnType
from evolsynth.methods.magpie.steering import SystemPrompts, steering_hint
from evolsynth.methods.method import Options

__all__ = ["answers", "columns", "hints", "then"]


def columns(_: str, options: Options, __: Columns) -> Columns:
    """What rows have: an answer and turns only where they are asked for."""
    has: dict[str, ColumnType] = {"instruction": "text"}
    if answers(options):
        has["response"] = "text"
        if options.get("n_turns", 1) != 1 or options.get("include_system_prompt"):
            has["messages"] = "messages"
    if options.get("system_prompt") is not None:
        has["system"] = "text"
        if isinstance(options["system_prompt"], Mapping):
            has["system_prompt_key"] = "text"
    elif options.get("topic") is not None:
        return Columns(has, {"system": "not every topic brings one"})
    return Columns(has)


def then(options: Options) -> dict[str, Options]:
    """The command answers where magpie does not, so that nothing is spent on a bad request."""
    if options.get("only_instruction"):
        return {"gate": {}}
    names = {"response_sampling": "sampling", "response_max_tokens": "max_tokens"}
    names["response_prompt"] = "prompt"
    told = {name: options[own] for own, name in names.items() if own in options}
    return {"respond": told, "gate": {}}


def answers(options: Options) -> bool:
    """Whether it answers what it writes."""
    only = options.get("only_instruction")
    return options.get("n_turns", 1) > 1 if only is None else not only


def hints(options: Options) -> list[str]:
    """Where a system prompt will disappoint."""
    choices = SystemPrompts(options.get("system_prompt")).choices
    return [hint for c in choices if (hint := steering_hint(c.text or "")) is not None]
