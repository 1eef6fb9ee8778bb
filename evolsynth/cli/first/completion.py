"""``evolsynth completion``: commands, flags and values for a shell, out of the same declarations as
the parser and the help."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from evolsynth.atomic import writing

__all__ = ["Command", "Flag", "commands", "completion"]

Shell = Literal["bash", "zsh", "fish"]
_ABOUT = 70  # characters of a sentence beside a word


class Flag(NamedTuple):
    """What can be completed behind a flag, or at a place: ``file``, ``folder``, one of some words,
    nothing that is known (``value``), or nothing at all (``none``)."""

    names: tuple[str, ...]
    about: str
    takes: Literal["file", "folder", "words", "value", "none"]
    words: tuple[str, ...] = ()


class Command(NamedTuple):
    """A command, its flags, and what stands by position."""

    name: str
    about: str
    flags: tuple[Flag, ...]
    places: tuple[Flag, ...]


def completion(shell: Shell) -> int:
    """Print what completes commands and flags in a shell.

    bash: evolsynth completion bash > ~/.local/share/bash-completion/completions/evolsynth; zsh:
    > FOLDER/_evolsynth, a folder of $fpath; fish: > ~/.config/fish/completions/evolsynth.fish.
    Print it again after an update.

    Args:
        shell: bash, zsh or fish.
    """
    known = list(commands())
    lines = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](known)
    with writing(None) as write:
        write("\n".join(lines) + "\n")
    return 0


def commands() -> Iterator[Command]:
    """All commands, those of other packages too."""
    from evolsynth.cli.main import _parser

    names = _choices(_parser(None))
    for name, about in names.items():
        parser = _choices_of(_parser(name))[name]
        paths = parser.get_default("paths") or {}
        flags: list[Flag] = []
        places: list[Flag] = []
        for action in parser._actions:
            one = Flag(tuple(action.option_strings), _short(action.help), *_takes(action, paths))
            (flags if one.names else places).append(one)
        yield Command(name, _short(about), tuple(flags), tuple(places))


def _subparsers(parser: argparse.ArgumentParser) -> Any:
    return next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))


def _choices_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return dict(_subparsers(parser).choices)


def _choices(parser: argparse.ArgumentParser) -> dict[str, str]:
    return {one.dest: one.help or "" for one in _subparsers(parser)._get_subactions()}


def _takes(action: argparse.Action, paths: dict[str, Any]) -> tuple[Any, tuple[str, ...]]:
    shown = action.metavar if isinstance(action.metavar, str) else ""
    if action.nargs == 0:
        return "none", ()
    if action.choices is not None:
        return "words", tuple(map(str, action.choices))
    if re.fullmatch(r"\{[\w,.-]+\}", shown):
        return "words", tuple(shown[1:-1].split(","))
    if "DIR" in shown or (not action.option_strings and action.dest == "folder"):
        return "folder", ()
    return ("file" if action.dest in paths else "value"), ()


def _short(text: str | None) -> str:
    """One line of plain text."""
    line = " ".join((text or "").replace("%%", "%").split())
    return line if len(line) <= _ABOUT else f"{line[: _ABOUT - 1].rsplit(' ', 1)[0]}…"


def _quoted(text: str) -> str:
    """For any of the three shells, in single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "’") + "'"


def _bash(known: list[Command]) -> Iterator[str]:
    """Where nothing is given back, bash completes the names of files by itself."""
    yield "_evolsynth() {"
    yield "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}"
    yield "  local command=${COMP_WORDS[1]} words="
    yield "  COMPREPLY=()"
    yield "  if [ $COMP_CWORD -eq 1 ]; then"
    yield f"    words='{' '.join(one.name for one in known)} --help --version'"
    yield '    COMPREPLY=( $(compgen -W "$words" -- "$cur") )'
    yield "    return"
    yield "  fi"
    yield '  case "$command $prev" in'
    for one in known:
        for flag in one.flags:
            at = "|".join(f'"{one.name} {name}"' for name in flag.names)
            if flag.takes == "words":
                yield f"    {at}) words='{' '.join(flag.words)}' ;;"
            elif flag.takes != "none":
                yield f"    {at}) return ;;"
    yield "  esac"
    yield '  if [ -z "$words" ]; then'
    yield '    case "$command" in'
    for one in known:
        first = " ".join(word for place in one.places[:1] for word in place.words)
        flags = " ".join(name for flag in one.flags for name in flag.names)
        typed = f"""case "$cur" in -*) words='{flags}' ;; esac ;;"""
        yield f"      {one.name}) words='{first}'; {typed}"
    yield "    esac"
    yield "  fi"
    yield '  [ -z "$words" ] || COMPREPLY=( $(compgen -W "$words" -- "$cur") )'
    yield "}"
    yield "complete -o bashdefault -o default -F _evolsynth evolsynth"


_ZSH = {"file": ":file:_files", "folder": ":folder:_files -/", "value": ":value: ", "none": ""}


def _zsh(known: list[Command]) -> Iterator[str]:
    yield "#compdef evolsynth"
    yield "_evolsynth() {"
    yield "  local -a commands"
    yield "  commands=("
    for one in known:
        yield f"    {_quoted(f'{one.name}:{one.about}')}"
    yield "  )"
    yield "  if (( CURRENT == 2 )); then"
    yield "    _describe command commands"
    yield "    return"
    yield "  fi"
    yield "  local command=$words[2]"
    yield "  shift words"
    yield "  (( CURRENT-- ))"
    yield "  case $command in"
    for one in known:
        told = [f"{name}[{_in_brackets(flag.about)}]{_after(flag)}"
                for flag in one.flags for name in flag.names]  # fmt: skip
        told += [f"*{_after(place)}" for place in one.places[:1]]
        yield f"    {one.name}) _arguments {' '.join(map(_quoted, told))} ;;"
    yield "  esac"
    yield "}"
    yield "compdef _evolsynth evolsynth"


def _after(flag: Flag) -> str:
    return f":value:({' '.join(flag.words)})" if flag.takes == "words" else _ZSH[flag.takes]


def _in_brackets(text: str) -> str:
    return re.sub(r"[\[\]:]", lambda sign: {"[": "(", "]": ")", ":": ";"}[sign[0]], text)


def _fish(known: list[Command]) -> Iterator[str]:
    yield "complete -c evolsynth -f -n __fish_use_subcommand -l help -d 'all commands'"
    for one in known:
        told = f"-a {one.name} -d {_quoted(one.about)}"
        yield f"complete -c evolsynth -f -n __fish_use_subcommand {told}"
    for one in known:
        seen = f"complete -c evolsynth -n '__fish_seen_subcommand_from {one.name}'"
        for flag in one.flags:
            names = " ".join(
                f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
                for name in flag.names
            )
            takes = {"none": "-f", "words": f"-x -a '{' '.join(flag.words)}'", "value": "-x"}
            yield f"{seen} {names} {takes.get(flag.takes, '-r -F')} -d {_quoted(flag.about)}"
        for place in one.places[:1]:
            if place.takes == "words":
                yield f"{seen} -f -a '{' '.join(place.words)}'"
