"""A user's own prompt: text, or a jinja2 template over a row's fields.

Only the user's text is a template. What rows hold is put in as it is, whatever it looks like.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import jinja2
import msgspec

from evolsynth.errors import InputError
from evolsynth.llm.sandbox import Sandbox
from evolsynth.llm.template import to_json
from evolsynth.rows import Row

__all__ = ["RowTemplate"]

_FIELDS = ("id", "instruction", "response", "system", "method", "round", "parents", "scores")
_UNKNOWN = re.compile(r"'(\w+)' is undefined")
_MARK = re.compile(r"\{[{%#]")
_NAME = "<prompt>"


class RowTemplate:
    """A prompt with the fields of a row in it: ``"Answer in one line: {{ instruction }}"``.

    All fields that a row has can be named, also those of the user's own; ``messages`` is a list
    of turns with ``role`` and ``content``. A field that is missing or null is an error, unless the
    template asks ``is defined`` first. ``sha256`` is the hash of the text (first 16 digits).

    Raises:
        InputError: the template is empty or does not parse, with the line.
    """

    def __init__(self, source: str) -> None:
        if not source.strip():
            raise InputError("The prompt is empty. Write what the model is to be asked.")
        self.source = source
        self.sha256 = hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:16]
        self._environment = Sandbox({"tojson": to_json})
        self._environment.undefined = jinja2.StrictUndefined
        try:
            with self._environment.bounded(len(source)):
                code = self._environment.compile(source, filename=_NAME)
            self._template = jinja2.Template.from_code(
                self._environment, code, self._environment.make_globals(None)
            )
        except jinja2.TemplateSyntaxError as error:
            raise InputError(
                f"The prompt, line {error.lineno}: {error.message}. Mend the template, or write "
                "{% raw %}...{% endraw %} around braces that are meant as text."
            ) from None
        except (jinja2.TemplateError, RecursionError, SyntaxError) as error:
            raise InputError(f"The prompt: {error}. Mend the template.") from None

    @property
    def head(self) -> str:
        """What stands before the first brace that means something: the same for every row."""
        found = _MARK.search(self.source)
        return self.source if found is None else self.source[: found.start()]

    def render(self, row: Row) -> str:
        """The prompt for a row.

        Raises:
            InputError: a field is missing, or the template fails; with its line and the row.
        """
        fields = _fields(row)
        size = len(self.source) + _size(fields)
        try:
            with self._environment.bounded(size):
                text = self._template.render(fields)
        except jinja2.UndefinedError as error:
            where = self._where(error.__traceback__, row)
            found = _UNKNOWN.fullmatch(str(error.message))
            if found is None:
                raise InputError(f"{where}: {error.message}. Mend the row or the prompt.") from None
            raise InputError(
                f"{where}: there is no field '{found[1]}'. The row has {', '.join(fields)}."
            ) from None
        # what a template runs is the user's own, and may fail in any way that Python can
        except (
            jinja2.TemplateError,
            ArithmeticError,
            AttributeError,
            LookupError,
            MemoryError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            where = self._where(error.__traceback__, row)
            raise InputError(f"{where}: {error}. Mend the row or the prompt.") from None
        if not text.strip():
            raise InputError(f"The prompt for row {row.id} is empty. Mend the row or the prompt.")
        return text

    def _where(self, trace: TracebackType | None, row: Row) -> str:
        line = None
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == _NAME:
                line = trace.tb_lineno
            trace = trace.tb_next
        place = "The prompt" if line is None else f"The prompt, line {line}"
        return f"{place}, for row {row.id}"


def _fields(row: Row) -> dict[str, Any]:
    """What a template can name: fields that hold something, the row's own before a user's."""
    own = {name: getattr(row, name) for name in _FIELDS}
    if row.messages:
        own["messages"] = msgspec.to_builtins(row.messages)
    return {**row.extra, **{name: value for name, value in own.items() if value is not None}}


def _size(fields: Mapping[str, Any]) -> int:
    return sum(len(str(value)) for value in fields.values())
