"""YAML as its 1.2 core schema reads it, with the line of each value, and nothing but data.

Numbers are those of JSON, ``true`` and ``false`` alone are booleans (``no`` is a text), dates are
texts. Editors read it so too. Tags, a key that stands twice and aliases that contain themselves
are errors; anchors, aliases and merge keys are as usual, as long as what they amount to is small.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from evolsynth.errors import EvolsynthError, InputError

__all__ = ["RESOLVERS", "Document", "parse_value", "told"]

_MOST = 200_000
_LEVELS = 100
_STR, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"

#: Tag, what it looks like, and its possible first characters.
RESOLVERS: tuple[tuple[str, re.Pattern[str], list[str]], ...] = (
    ("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    ("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    (
        "tag:yaml.org,2002:int",
        re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"),
        list("-+0123456789"),
    ),
    (
        "tag:yaml.org,2002:float",
        re.compile(
            r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
        ),
        list("-+.0123456789"),
    ),
    (_MERGE, re.compile(r"^<<$"), ["<"]),
)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with these resolvers in the place of its own."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in RESOLVERS:
    _Loader.add_implicit_resolver(_tag, _pattern, _first)


def _whole(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = node.value.lower()
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    try:
        return int(text[2:] if base != 10 else text, base)
    except ValueError:
        raise yaml.constructor.ConstructorError(
            None, None, "too long a number", node.start_mark
        ) from None


_Loader.add_constructor("tag:yaml.org,2002:int", _whole)


class Document:
    """One parsed file: its nodes, their lines and their values.

    Args:
        text: the file's.
        name: what messages call it.

    Raises:
        InputError: it is no YAML, or none that can be taken; with the line.
    """

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        try:
            self._loader = _Loader(text)
            root = self._loader.get_single_node()
        except yaml.YAMLError as error:
            raise self._refused(error) from None
        except RecursionError:
            raise InputError(f"{name}: nested too deeply. Write it flatter.") from None
        if root is None:
            raise InputError(f"{name}: the file is empty. Begin with `steps:`.")
        self.root: yaml.Node = root
        self._look(root)

    def wrong(self, node: yaml.Node | None, field: str, told: str) -> InputError:
        """An error with the file, the node's line and the field."""
        line = "" if node is None else f", line {node.start_mark.line + 1}"
        return InputError(f"{self.name}{line}{f', {field}' if field else ''}: {told}")

    @contextmanager
    def at(self, node: yaml.Node, field: str) -> Iterator[None]:
        """Says of an error in its block where in the file it is."""
        try:
            yield
        except EvolsynthError as error:
            raise self.wrong(node, field, str(error)) from None

    def value(self, node: yaml.Node) -> Any:
        """The node as Python's own values.

        Raises:
            InputError: it has a tag, or a key that cannot be one.
        """
        try:
            return self._loader.construct_object(node, deep=True)
        except yaml.YAMLError as error:
            raise self._refused(error) from None

    def items(self, node: yaml.Node, field: str, what: str) -> list[tuple[str, Any, Any]]:
        """A mapping's (key, key's node, value's node), merge keys taken in.

        Raises:
            InputError: it is none; ``what`` says what it should be.
        """
        if not isinstance(node, yaml.MappingNode):
            raise self.wrong(node, field, f"{what}, not {told(self.value(node))}.")
        try:
            self._loader.flatten_mapping(node)
        except yaml.YAMLError as error:
            raise self._refused(error) from None
        found: dict[str, tuple[str, Any, Any]] = {}
        for key, value in node.value:
            name = self.value(key)
            if not isinstance(name, str):
                raise self.wrong(key, field, f"the name {name!r} is no text. Put it in quotes.")
            found[name] = (name, key, value)
        return list(found.values())

    def entries(self, node: yaml.Node, field: str, what: str) -> list[yaml.Node]:
        """A list's nodes.

        Raises:
            InputError: it is none; ``what`` says what it should be.
        """
        if not isinstance(node, yaml.SequenceNode):
            raise self.wrong(node, field, f"{what}, not {told(self.value(node))}.")
        return list(node.value)

    def _look(self, root: yaml.Node) -> None:
        """See that no key stands twice and that aliases amount to little, without expanding any."""
        sizes: dict[int, int] = {}
        under_way: set[int] = set()

        def size(node: yaml.Node, level: int) -> int:
            if id(node) in sizes:
                return sizes[id(node)]
            if id(node) in under_way:
                raise self.wrong(node, "", "an alias that contains itself. Take it out.")
            if level > _LEVELS:
                raise self.wrong(node, "", "nested too deeply. Write it flatter.")
            under_way.add(id(node))
            total = 1
            if isinstance(node, yaml.MappingNode):
                self._once(node)
                for key, value in node.value:
                    total += size(key, level + 1) + size(value, level + 1)
            elif isinstance(node, yaml.SequenceNode):
                total += sum(size(inner, level + 1) for inner in node.value)
            under_way.discard(id(node))
            sizes[id(node)] = total
            if total > _MOST:
                told = f"over {_MOST:,} values, aliases taken in. Put data into a file of its own."
                raise self.wrong(node, "", told)
            return total

        size(root, 0)

    def _once(self, node: yaml.MappingNode) -> None:
        seen: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            name = (key.tag, key.value)
            if name in seen:
                told = f"'{key.value}' stands twice, first in line {seen[name]}. Take one out."
                raise self.wrong(key, "", told)
            seen[name] = key.start_mark.line + 1

    def _refused(self, error: yaml.YAMLError) -> InputError:
        if isinstance(error, yaml.MarkedYAMLError):
            mark = error.problem_mark or error.context_mark
            where = "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"
            problem = " ".join((error.problem or error.context or "").split())
        else:
            where, problem = "", " ".join(str(error).split())
        tag = re.search(r"constructor for the tag '([^']*)'", problem)
        if tag is not None:
            short = tag[1].replace("tag:yaml.org,2002:", "!!")
            return InputError(
                f"{self.name}{where}: the tag {short} is not allowed. Write plain values."
            )
        if "found character '\\t'" in problem:
            problem += "; indent with spaces"
        return InputError(f"{self.name}{where}: not YAML ({problem}). Mend it there.")


def parse_value(text: str, name: str) -> Any:
    """One value as it would stand in a file; nothing is null.

    Raises:
        InputError: it is no YAML.
    """
    if not text.strip():
        return None
    document = Document(text, name)
    return document.value(document.root)


def told(value: Any) -> str:
    """A value for people, with its kind."""
    if value is None:
        return "nothing"
    kinds = {bool: "the boolean", str: "the text", dict: "a mapping", list: "a list"}
    kind = kinds.get(type(value), "the number" if isinstance(value, int | float) else "")
    if isinstance(value, dict | list):
        return kind
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    return f"{kind} {shown if len(shown) <= 60 else shown[:57] + '...'}".strip()
