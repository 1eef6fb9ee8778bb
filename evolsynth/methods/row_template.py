"""A user's own prompt: plain text, or a template over the fields of a row."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import jinja2
import jinja2.meta
import msgspec

from evolsynth.errors import InputError
from evolsynth.llm.sandbox import FAILURES, Sandbox, reason_of
from evolsynth.rows import Row

__all__ = ["RowTemplate"]

_MARKS = re.compile(r"\{\{|\{%|\{#")
_UNDEFINED = re.compile(r"'([^']+)' is undefined")
_SHOWN = 60
_FIELDS = ("id", "instruction", "response", "system", "messages", "method", "round", "scores")


class RowTemplate:
    """Text in which ``{{ instruction }}`` stands for that field of a row.

    Only this text is a template: what it puts in place is data, in which braces mean nothing.
    It may name ``id``, ``instruction``, ``response``, ``system``, ``messages``, ``method``,
    ``round``, ``scores`` and any other field that the row has; one that is null is not there
    (``{% if system is defined %}``). It runs in a sandbox with bounded work.

    ``name`` is what messages call it, ``head`` the text before the first field, ``fields`` the
    names that it asks for, ``sha256`` the first 16 digits of its hash.

    Raises:
        InputError: it is empty, or does not parse.
    """

    def __init__(self, source: str, *, name: str = "prompt") -> None:
        if not source.strip():
            raise InputError(f"The {name} is empty. Write what the model is to be asked.")
        short = " ".join(source.split())
        shown = short if len(short) <= _SHOWN else short[: _SHOWN - 3] + "..."
        self.name = f'The {name} "{shown}"'
        self.source = source
        self.sha256 = hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:16]
        mark = _MARKS.search(source)
        self.head = source[: mark.start()] if mark else source
        self.fields: tuple[str, ...] = ()
        self._template: jinja2.Template | None = None
        if mark is None:
            return
        self._environment = Sandbox({})
        self._environment.undefined = jinja2.StrictUndefined
        try:
            with self._environment.bounded(len(source)):
                named = jinja2.meta.find_undeclared_variables(self._environment.parse(source))
                self._template = self._environment.from_string(source)
        except jinja2.TemplateSyntaxError as error:
            told = f"{error.message}, in line {error.lineno}"
            raise InputError(f"{self.name} does not parse: {told}. Mend it.") from None
        except (*FAILURES, SyntaxError) as error:
            raise InputError(f"{self.name} does not parse: {reason_of(error)}. Mend it.") from None
        self.fields = tuple(sorted(named))

    def render(self, row: Row) -> str:
        """The text for a row.

        Raises:
            InputError: the row lacks a field, or the template fails on what it has.
        """
        if self._template is None:
            return self.source
        variables = _variables(row)
        try:
            with self._environment.bounded(len(self.source) + _size(variables)):
                return self._template.render(variables)
        except jinja2.UndefinedError as error:
            found = _UNDEFINED.match(str(error))
            if found is None:
                raise InputError(f"{self.name} fails for row {row.id}: {error}.") from None
            there = ", ".join(name for name in variables if name != "id")
            raise InputError(
                f"{self.name} asks for the field '{found[1]}', which row {row.id} lacks: "
                f"it has {there}."
            ) from None
        except FAILURES as error:
            raise InputError(f"{self.name} fails for row {row.id}: {reason_of(error)}.") from None


def _variables(row: Row) -> dict[str, Any]:
    own = {name: getattr(row, name) for name in _FIELDS}
    own["messages"] = msgspec.to_builtins(row.messages) or None
    return {name: value for name, value in {**row.extra, **own}.items() if value is not None}


def _size(variables: dict[str, Any]) -> int:
    return sum(len(value) for value in variables.values() if isinstance(value, str))
