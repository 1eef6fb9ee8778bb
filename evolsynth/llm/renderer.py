"""The process that renders strangers' templates: see `evolsynth.llm.sandbox`, which starts it.

A request is a length and ``(source, chat, variables, seconds)`` as JSON; without variables the
template is only compiled. Where ``chat`` is null, the source is a regular expression that is looked
for in the variables, which are a text. The answer is a length, a letter for what it is (``R``
rendered, ``S`` syntax, ``N`` refused, ``U`` undefined, ``F`` failed) and a text. It ends with its
standard input, and by a signal of the kernel's when a request takes more processor time than it
says, or the machine more than `_PATIENCE`.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
import re
import resource
import signal
import struct
import sys
from typing import Any, NoReturn

from jinja2 import StrictUndefined, Template, Undefined, ext, meta, nodes
from jinja2.exceptions import TemplateSyntaxError, UndefinedError
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

__all__ = ["serve"]

_LENGTH = struct.Struct("<Q")
_MEMORY = 1 << 29  # bytes, of the whole process
_PATIENCE = 60.0  # seconds
_LONGEST = 1 << 24  # characters of a rendered text, and
_LONGER = 8  # for each byte of the request
_SHOWN = 400  # characters of a reason


class _RefusedError(Exception):
    """The template called ``raise_exception``."""


class _Generation(ext.Extension):
    """``{% generation %}`` marks what a model wrote, for training; here it counts as nothing, and
    what is in it stays (a tag of the library transformers)."""

    tags = {"generation"}  # noqa: RUF012 - as jinja2 has it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return list(parser.parse_statements(("name:endgeneration",), drop_needle=True))


class _Nothing(Undefined):
    """What was not given; behind or before a text it counts as an empty one, as it does where it
    is written."""

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        return other if isinstance(other, str | Undefined) else self._fail_with_undefined_error()

    __radd__ = __add__


@functools.lru_cache(maxsize=64)
def _compiled(source: str, chat: bool) -> tuple[Template, str]:
    """The template, and the names that it asks for, one a line."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=[ext.loopcontrols, _Generation] if chat else [ext.loopcontrols],
        undefined=_Nothing if chat else StrictUndefined,
    )
    # The same messages must give the same prompt.
    del environment.filters["random"], environment.globals["lipsum"]
    if chat:
        environment.filters["tojson"] = _to_json
        environment.globals |= {"raise_exception": _refuse, "strftime_now": _fixed_date}
    else:
        del environment.filters["tojson"]
    named = meta.find_undeclared_variables(environment.parse(source))
    return environment.from_string(source), "\n".join(sorted(named))


def _refuse(message: str) -> NoReturn:
    raise _RefusedError(str(message))


def _fixed_date(pattern: str) -> str:
    """A fixed day, so that a template which writes today's date gives the same bytes tomorrow."""
    return datetime.date(2024, 7, 26).strftime(pattern)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As chat templates have it: unlike jinja2's own it escapes nothing for HTML."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _unpacked(value: dict[str, Any]) -> Any:
    """What the other process packed, from the inside out."""
    ((kind, inner),) = value.items()
    return tuple(inner) if kind == "tuple" else dict(inner)


def _answer(request: bytes) -> tuple[str, str]:
    """A kind's letter, and the text or the reason."""
    try:
        source, chat, variables, seconds = json.loads(request, object_hook=_unpacked)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        if chat is None:
            return "R", _found(source, variables)
        template, names = _compiled(source, chat)
        text = names if variables is None else template.render(variables)
    except TemplateSyntaxError as error:
        return "S", f"{_reason(error)}, in line {error.lineno}"
    except _RefusedError as error:
        return "N", str(error)[:_SHOWN]
    except UndefinedError as error:
        return "U", _reason(error)
    except MemoryError:
        return "F", "it takes too much memory or makes too long a text"
    except Exception as error:  # noqa: BLE001 - a template can end in any
        return "F", _reason(error)
    if len(text) > _LONGEST + _LONGER * len(request):
        return "F", "it makes too long a text"
    return "R", text


def _found(pattern: str, text: str | None) -> str:
    """Whether the pattern is found in the text, as a word or nothing; without one it is only read.

    Without what makes it safe in a process of its own: some patterns take for ever.
    """
    compiled = re.compile(pattern)
    return "yes" if text is not None and compiled.search(text) else ""


def _reason(error: Exception) -> str:
    """Why, on one line and without a full stop; some errors say nothing but their name."""
    return " ".join(str(error)[:_SHOWN].split()).rstrip(".") or type(error).__name__


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    with contextlib.suppress(ValueError, OSError):  # a system without this limit
        lowest = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (lowest, hard))


def serve() -> None:
    """Answer requests until there are no more."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, _MEMORY)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while len(head := requests.read(_LENGTH.size)) == _LENGTH.size:
        signal.setitimer(signal.ITIMER_REAL, _PATIENCE)
        kind, text = _answer(requests.read(_LENGTH.unpack(head)[0]))
        data = kind.encode() + text.encode("utf-8", "surrogatepass")
        answers.write(_LENGTH.pack(len(data)) + data)
        answers.flush()
        for clock in (signal.ITIMER_PROF, signal.ITIMER_REAL):
            signal.setitimer(clock, 0)


if __name__ == "__main__":
    serve()
