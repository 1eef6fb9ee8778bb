"""What to do next: with no command, and where a command was written wrongly."""

from __future__ import annotations

import argparse
import re

from evolsynth.errors import nearest

__all__ = ["ABOUT", "BEGIN", "parser_error", "welcome"]

ABOUT = "Instruction-tuning data on a laptop, checked before a row is accepted."
BEGIN = """\
begin with one of these:
  evolsynth init FOLDER                            four questions, then a project and its first rows
  evolsynth demo                                   100 verified rows and a report, from nothing
  evolsynth texts FOLDER -n 50                     rows about texts of your own
  evolsynth gate data.jsonl -o ok.jsonl --rejects bad.jsonl     judge rows of any tool
  evolsynth doctor                                 what this machine has, and how to get the rest

evolsynth COMMAND --help explains one; evolsynth completion SHELL completes them.
"""


def welcome() -> str:
    """What is said to somebody who names no command."""
    told = "usage: evolsynth COMMAND ...", ABOUT, BEGIN.rstrip(), "evolsynth --help lists all."
    return "\n\n".join(told)


def parser_error(parser: argparse.ArgumentParser, message: str) -> str:
    """A line on how the command is used, what is wrong, and what to do: not all of its flags."""
    from evolsynth.cli.progress.screen import shown  # which loads rich

    hint = _meant(parser, message)
    if found := re.match(r"argument COMMAND: invalid choice: ('.*?') \(choose", message):
        message = f"there is no command {found[1]}."
    prog = parser.prog
    return shown(f"usage: {_usage(parser)}\n{prog}: error: {message}\n{hint}See: {prog} --help\n")


def _usage(parser: argparse.ArgumentParser) -> str:
    """What stands by position, and nothing of the flags but those that must be given."""
    if parser.usage:
        return parser.usage % {"prog": parser.prog}
    words = [parser.prog]
    for action in parser._actions:
        if not action.option_strings:
            name = str(action.metavar or action.dest)
            words.append({"?": f"[{name}]", "+": f"{name} ...", "A...": f"{name} ..."}.get(
                str(action.nargs), name))  # fmt: skip
        elif action.required:
            words.append(f"{action.option_strings[-1]} {action.metavar}")
    return " ".join([*words, "[options]"] if not isinstance(parser._actions[-1],
                    argparse._SubParsersAction) else words)  # fmt: skip


def _meant(parser: argparse.ArgumentParser, message: str) -> str:
    """The command or flag that was probably meant."""
    names: list[str] = []
    if found := re.match(r"argument COMMAND: invalid choice: '(.*?)' \(choose", message):
        actions = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
        names = [name for action in actions for name in action.choices]
    elif found := re.match(r"unrecognized arguments: (--[\w-]+)", message):
        names = [flag for action in parser._actions for flag in action.option_strings]
    if found is None:
        return ""
    meant = nearest(found[1], names)
    return "" if meant is None else f"Did you mean {meant}?\n"
