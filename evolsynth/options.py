"""Options as a function declares them: its signature and its docstring, and nothing else.

A pipeline's step, a field of YAML, the JSON schema, a flag of the command line, its help and the
tables in docs/ are all made of what stands here, so an option has one default, one type, one range
and one sentence.

A range stands in the type: ``Annotated[int, msgspec.Meta(ge=1)]``, or `Count` and `Share` below.
"""

from __future__ import annotations

import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple

import msgspec

from evolsynth.errors import InputError, did_you_mean

__all__ = ["Count", "FilePath", "FolderPath", "Natural", "Option", "OutputFolder", "OutputPath"]
__all__ += ["FormatName", "ModelName", "RayAddress", "RowsPath", "Several", "Share", "TextOrPath"]
__all__ += ["annotation", "converted", "holds_path", "mark_of", "option_texts", "options_of"]

#: A whole number from 1.
Count = Annotated[int, msgspec.Meta(ge=1)]
#: A whole number from 0.
Natural = Annotated[int, msgspec.Meta(ge=0)]
#: How many of something one row has at once, all of them in memory: a whole number from 1.
Several = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
#: A number from 0 to 1.
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]

#: The path of a file that is read; one in a pipeline file begins at that file's folder.
FilePath = Annotated[str, msgspec.Meta(extra={"path": "FILE", "reads": True})]
#: The same of a folder.
FolderPath = Annotated[str, msgspec.Meta(extra={"path": "DIR", "reads": True})]
#: A text that may be the path of a file that is read: a pipeline's, a model's.
TextOrPath = Annotated[str, msgspec.Meta(extra={"reads": True})]
#: A model by name or path, as for ``--model``.
ModelName = Annotated[str, msgspec.Meta(extra={"reads": True, "shown": "MODEL"})]
#: The address of a Ray cluster; alone, a Ray of this machine's own that is started and ended.
RayAddress = Annotated[str, msgspec.Meta(extra={"alone": "local", "shown": "ADDRESS"})]
#: The form that rows of a file have (`evolsynth.data.formats`).
FormatName = Annotated[str, msgspec.Meta(extra={"shown": "NAME"})]
#: The path of a file that is written; ``-`` is standard output. The command line sees that it is
#: none that is read (`evolsynth.atomic.check_apart`).
OutputPath = Annotated[str, msgspec.Meta(extra={"path": "FILE", "writes": "file"})]
#: The same of JSON Lines, which no name of another kind of file may hold.
RowsPath = Annotated[str, msgspec.Meta(extra={"path": "FILE", "writes": "rows"})]
#: The same of a folder that a run's files go to.
OutputFolder = Annotated[str, msgspec.Meta(extra={"path": "DIR", "writes": "folder"})]

#: Stands for the default of an option that must be given.
REQUIRED = inspect.Parameter.empty


class Option(NamedTuple):
    """One option: its name, its type (with its range), its default, and what it means."""

    name: str
    kind: Any
    default: Any
    text: str

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is REQUIRED


def options_of(function: Callable[..., Any], *, without: Collection[str] = ()) -> dict[str, Option]:
    """The options of a function, by name, in the order of its signature.

    Its first parameter, if that is called ``rows``, ``row`` or ``streams``, is none, nor are
    ``*args`` and ``**kwargs``, nor those in ``without``.
    """
    texts = option_texts(inspect.getdoc(function) or "")
    stars = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {
        name: Option(name, annotation(function, name), p.default, texts.get(name, ""))
        for place, (name, p) in enumerate(inspect.signature(function).parameters.items())
        if p.kind not in stars
        and name not in without
        and not (place == 0 and name in ("rows", "row", "streams"))
    }


def annotation(function: Callable[..., Any], name: str) -> Any:
    """What the function says of a parameter; Any if it says nothing that can be understood."""
    told = getattr(function, "__annotations__", {}).get(name, Any)
    holder = types.SimpleNamespace(__annotations__={name: told})
    home = sys.modules.get(getattr(function, "__module__", ""))
    names = getattr(inspect.unwrap(function), "__globals__", {} if home is None else vars(home))
    try:
        kind = typing.get_type_hints(holder, globalns=names, include_extras=True)[name]
    except Exception:  # noqa: BLE001 - a name known to type checkers only
        return Any
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        sayable = [one for one in typing.get_args(kind) if _is_sayable(one)]
        kind = typing.Union[tuple(sayable)] if sayable else Any  # noqa: UP007 - made, not written
    return kind if _is_sayable(kind) else Any


def _is_sayable(kind: Any) -> bool:
    """Whether JSON has values of the type; it has no functions, for one."""
    try:
        msgspec.inspect.type_info(kind)
    except Exception:  # noqa: BLE001 - msgspec raises several kinds
        return False
    return not isinstance(msgspec.inspect.type_info(kind), msgspec.inspect.CustomType)


def holds_path(kind: Any) -> bool:
    """Whether a text of this type is the path of a file."""
    return bool(mark_of(kind, "path"))


def mark_of(kind: Any, name: str) -> Any:
    """What the type, or one that it is made of, is marked with under that name; None if nothing."""
    for told in getattr(kind, "__metadata__", ()):
        if isinstance(told, msgspec.Meta) and name in (told.extra or {}):
            return told.extra[name]  # type: ignore[index] # it is there
    marks = (mark_of(one, name) for one in typing.get_args(kind))
    return next((mark for mark in marks if mark is not None), None)


_ENTRY = re.compile(r"^ {4}([a-z_]+(?:, [a-z_]+)*): (.*)$")


@cache
def option_texts(doc: str) -> Mapping[str, str]:
    """A text for each option that a docstring has under ``Args:``."""
    texts: dict[str, str] = {}
    _, _, rest = doc.partition("\nArgs:\n")
    names: list[str] = []
    for line in rest.splitlines():
        entry = _ENTRY.match(line)
        if entry is not None:
            names = entry[1].split(", ")
            texts.update(dict.fromkeys(names, entry[2]))
        elif line.startswith(" " * 8) and names:
            texts.update({name: f"{texts[name]} {line.strip()}" for name in names})
        elif line and not line.startswith(" "):
            break
    return {name: _plain(text) for name, text in texts.items()}


def _plain(text: str) -> str:
    text = text.replace("``", "`")
    return text[:1].upper() + text[1:]


_WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}


def converted(value: Any, kind: Any) -> Any:
    """A value of YAML, JSON or a command line as one of the type.

    Raises:
        InputError: it is none; the message is the end of a sentence.
    """
    if kind is Any:
        return value
    _known_fields(value, kind)
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InputError(_told(str(error))) from None
    except TypeError:  # msgspec cannot tell such types apart
        return value


def _known_fields(value: Any, kind: Any) -> None:
    """A field of a struct that is not there is a slip of the pen, also where msgspec skips it."""
    if isinstance(value, Mapping):
        structs = [k for k in (kind, *typing.get_args(kind)) if _is_struct(k)]
        if not structs:
            return
        fields = [name for struct in structs for name in struct.__struct_encode_fields__]
        for name in value:
            if name not in fields:
                raise InputError(f"there is no '{name}'. {did_you_mean(str(name), fields)}")


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _told(message: str) -> str:
    """msgspec's message in words: what was expected, what there is, and where inside."""
    what, _, place = message.partition(" - at `$")
    place = place.rstrip("`").lstrip(".").replace("[...]", "one of its values")
    found = re.fullmatch(r"Expected `([^`]*)`, got `([^`]*)`", what)
    if found is not None:
        kinds = [_WORDS.get(kind, kind) for kind in found[1].split(" | ")]
        what = f"{' or '.join(kinds)} was expected, not {_WORDS.get(found[2], found[2])}"
        if "str" in found[1] and found[2] in ("int", "float", "bool"):
            what += ". Put it in quotes"
    elif (bound := re.fullmatch(r"Expected `(?:int|float)` ([<>]=) (\S+)", what)) is not None:
        what = f"it must be {bound[2]} or {'more' if bound[1] == '>=' else 'less'}"
    else:
        what = what.replace("`", "'")
        what = what[:1].lower() + what[1:]
    return f"{f'in {place}, ' if place else ''}{what}."
