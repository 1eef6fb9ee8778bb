"""Flags of the command line, made of options as functions declare them."""

from __future__ import annotations

import argparse
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from evolsynth.atomic import check_apart
from evolsynth.errors import InputError
from evolsynth.options import FilePath, Option, converted, holds_path, mark_of

__all__ = ["add_flags", "check_paths", "flag_of", "given", "note_path", "parsed", "value_of"]

_YAML = (".yaml", ".yml", ".json")


def flag_of(name: str) -> str:
    """The flag of an option: ``-n``, ``--max-tokens``."""
    return f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}"


def add_flags(
    parser: Any,
    options: Iterable[Option],
    *,
    called: Mapping[str, str] = {},
    prefix: str = "",
    short: Mapping[str, str] = {},
    required: bool = False,
) -> None:
    """Add a flag for each option: its name with hyphens, or what it is ``called`` instead.

    What was given is read back by `given`, with the same ``prefix``, which tells apart options of
    one name; an option that was not given has no entry there, so its default stands where it is
    declared and nowhere else. One that is in ``short`` has that flag too; with ``required`` one
    that has no default must be given.
    """
    for option in options:
        flags = [flag_of(called.get(option.name, option.name))]
        if option.name in short:
            flags.insert(0, short[option.name])
        about: dict[str, Any] = {
            "dest": f"{prefix}.{option.name}",
            "default": argparse.SUPPRESS,
            "help": _help(option),
            "required": required and option.required,
        }
        members = _members(option.kind)
        if members == {bool}:
            parser.add_argument(*flags, action=argparse.BooleanOptionalAction, **about)
            continue
        if (_is_texts(option.kind) and str not in members) or _is_names(members):
            about["action"] = "append"
        note_path(parser, about["dest"], flags[0], option.kind, option.default)
        alone = mark_of(option.kind, "alone")  # what the flag means without a value
        if alone is not None:
            about |= {"nargs": "?", "const": alone}
        parser.add_argument(
            *flags, type=_reader(option, parser), metavar=_metavar(option.kind, members), **about
        )


def _read_otherwise(place: str) -> str | None:
    """What ends a name whose file our reader takes for no JSON Lines; None where it does."""
    ending = Path(place).suffix[1:].lower()
    if ending in ("", "jsonl"):
        return None
    from evolsynth.data.packed import PACKED
    from evolsynth.data.reader import FORMATS

    made = FORMATS.find(ending)
    other = ending in PACKED or (made is not None and made is not FORMATS["jsonl"])
    return f".{ending}" if other else None


def note_path(parser: Any, dest: str, name: str, kind: Any, default: Any = None) -> None:
    """Remember, if the type says so, that the value under ``dest`` is a path that is read or
    written; ``name`` is how to call it. See `check_paths`."""
    reads, writes = mark_of(kind, "reads"), mark_of(kind, "writes")
    if reads or writes:
        known = parser.get_default("paths") or {}
        known[dest] = (name, writes, default)  # also for what is read while flags are parsed
        parser.set_defaults(paths=known)


def check_paths(namespace: argparse.Namespace) -> None:
    """See that no path that the command writes is read too, or written twice.

    Raises:
        InputError: one is; or a path is empty.
    """
    reads: list[str] = []
    writes: list[tuple[str, str]] = []
    for dest, (name, kind, default) in getattr(namespace, "paths", {}).items():
        value = vars(namespace).get(dest, default)
        for place in value if isinstance(value, list | tuple) else (value,):
            if not isinstance(place, str):
                continue
            if not place and kind is not None:
                raise InputError(f"{name}: the path is empty. Give one.")
            if kind is None:
                path, _, thing = place.rpartition(":")
                reads.append(path if thing and path.endswith(".py") else place)
            else:
                if kind == "rows" and (ending := _read_otherwise(place)):
                    raise InputError(
                        f"{name} {place}: rows are written as JSON Lines, and a {ending} file is "
                        "read as something else. Call it .jsonl."
                    )
                writes.append((name, place))
                if kind == "folder":
                    from evolsynth.pipeline.run.export import run_files

                    writes += [(name, str(file)) for file in run_files(Path(place))]
    check_apart(reads, writes)


def given(
    namespace: argparse.Namespace, options: Iterable[Option], prefix: str = ""
) -> dict[str, Any]:
    """The options that the command line gave, by name."""
    return {o.name: value_of(vars(namespace)[f"{prefix}.{o.name}"], o)
            for o in options if f"{prefix}.{o.name}" in namespace}  # fmt: skip


def value_of(value: Any, option: Option) -> Any:
    """The value of a flag that may have been given several times."""
    if isinstance(value, list) and _is_names(_members(option.kind)):
        return {name: to for one in value for name, to in one.items()}
    if not isinstance(value, list) or not _is_texts(option.kind) or str in _members(option.kind):
        return value
    flat = [one for item in value for one in (item if isinstance(item, list | tuple) else [item])]
    return converted(flat, option.kind)


def parsed(text: str, kind: Any) -> Any:
    """A value as the command line gives it.

    ``@FILE`` stands for what is in the file: YAML or JSON by its ending, else lines where several
    texts are taken, else its text. ``null`` is None where that can be. A list or a mapping is
    written as in YAML; a mapping to numbers also as ``a=2,b``, one to texts as ``a=b``.

    Raises:
        InputError: it is no such value; the message is the end of a sentence.
    """
    members = _members(kind)
    if text.startswith("@") and len(text) > 1 and not holds_path(kind):
        return _filed(text[1:], kind)
    if text == "null" and type(None) in _all_members(kind):
        return None
    several = text.lstrip()[:1] in ("{", "[") and members != {str}
    if str in members and not several:
        return converted(text, kind)
    if _is_texts(kind) and not several:
        return text
    if members == {float}:
        with suppress(ValueError):  # "nan" too, which YAML writes in another way
            return converted(float(text), kind)
    if _is_names(members) and not several:
        return converted(_names(text), kind)
    if Mapping in {typing.get_origin(m) for m in members} | members and not several:
        return converted(_weights(text), kind)
    from evolsynth.pipeline.yaml.yaml_lines import parse_value

    return converted(parse_value(text, "the value"), kind)


def _weights(text: str) -> dict[str, float]:
    """``constraints=2,deepening`` as weights; a name alone has the weight 1."""
    weights = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        try:
            weights[name.strip()] = float(value) if value else 1.0
        except ValueError:
            raise InputError(f"'{value}' is no number. Write {name}=2, say.") from None
    return weights


def _names(text: str) -> dict[str, str]:
    """``verdict=label,text=instruction`` as new names, the old ones first."""
    names = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        old, sign, new = part.partition("=")
        if not (sign and old.strip() and new.strip()):
            raise InputError(f"'{part}' names nothing anew. Write OLD=NEW.")
        names[old.strip()] = new.strip()
    return names


def _is_names(members: set[Any]) -> bool:
    """Whether the type is a mapping from names to names, and nothing else."""
    return all(typing.get_args(one) == (str, str) and _is_mapping(one) for one in members)


def _is_mapping(kind: Any) -> bool:
    home = typing.get_origin(kind)
    return isinstance(home, type) and issubclass(home, Mapping)


def _filed(path: str, kind: Any) -> Any:
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text. Save the file as UTF-8.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
    named, listed = Path(path).suffix.lower(), text.lstrip()[:1] in ("{", "[")
    if named in _YAML or (not named and listed and _members(kind) != {str}):
        from evolsynth.pipeline.yaml.yaml_lines import parse_value

        return converted(parse_value(text, path), kind)
    if _is_texts(kind):
        return [line.strip() for line in text.splitlines() if line.strip()]
    return converted(text, kind)


def _reader(option: Option, parser: Any) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if text.startswith("@"):
            note_path(parser, text, text, FilePath, text[1:])
        try:
            return parsed(text, option.kind)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _help(option: Option) -> str:
    text = option.text.rstrip(".")
    if not text[1:2].isupper():
        text = text[:1].lower() + text[1:]
    default = option.default
    if option.required:
        text += " (must be given)"
    elif "default" not in text and default not in (None, "", (), False):
        if isinstance(default, tuple):
            default = " ".join(map(repr, default))
        elif default is True:
            default = flag_of(option.name)
        if isinstance(default, int | float | str):
            text += f" (default: {default})"
    return text.replace("%", "%%")


def _metavar(kind: Any, members: set[Any]) -> str:
    for one in members:
        if typing.get_origin(one) is Literal:
            return "{" + ",".join(map(str, typing.get_args(one))) + "}"
    if holds_path(kind):
        return str(mark_of(kind, "path"))
    if (shown := mark_of(kind, "shown")) is not None:
        return str(shown)
    if members <= {int, float}:
        return "N" if members == {int} else "X"
    if any(typing.get_args(one) == (str, float) for one in members):
        return "NAME=X,..."
    if _is_names(members):
        return "OLD=NEW"
    return "TEXT" if str in members or _is_texts(kind) else "YAML"


def _all_members(kind: Any) -> set[Any]:
    """The types that a union is made of, without their ranges."""
    if hasattr(kind, "__metadata__"):
        return _all_members(kind.__origin__)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return set().union(*map(_all_members, typing.get_args(kind)))
    return {kind}


def _members(kind: Any) -> set[Any]:
    found = _all_members(kind) - {type(None)}
    return {str} if found == {Any} else found


def _is_texts(kind: Any) -> bool:
    """Whether the type is, or has among others, a list of texts."""
    return any(
        typing.get_origin(one) not in (None, Literal, dict, Mapping)
        and issubclass(typing.get_origin(one), typing.Sequence)
        and [_all_members(kind) for kind in typing.get_args(one)[:1]] == [{str}]
        for one in _members(kind)
    )
