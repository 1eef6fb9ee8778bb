"""What an answer's JSON must be: a JSON schema or a pydantic model, and the check against it."""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from evolsynth.errors import InputError, SetupError
from evolsynth.llm.sandbox import Fault, is_found
from evolsynth.llm.structured.places import parts_of

__all__ = ["Checked", "Malformed", "Schema", "read_json"]

V = TypeVar("V")

_LONGEST = 1_000_000  # characters of a schema
_DEEPEST = 100  # values in values
_MOST_TOLD = 5  # problems, and
_TOLD = 200  # characters of each
_FENCE = re.compile(r"```[a-zA-Z]*\s*\n(.*?)```", re.DOTALL)
_FORMATS = ("date", "uuid", "email", "ipv4", "ipv6")


class Malformed(Exception):  # noqa: N818 - of the answer, and not of ours
    """A text is not the JSON that was asked for; ``problems`` say where, and what is wrong."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Checked(NamedTuple, Generic[V]):
    """A value that is as it must be: as its user has it, and as plain JSON."""

    value: V
    plain: Any


class Schema(Generic[V]):
    """A JSON schema that answers are checked with, and the values that they then are.

    Args:
        given: a mapping, a JSON text, the path of a ``.json`` file, or a pydantic model. With a
            model values are its instances, and its own validators check them.

    ``text`` is the schema as JSON, properties in their order, ``body`` the same as data, ``name``
    the model's name or the schema's title.

    Raises:
        InputError: it is none of these, is no JSON schema, or refers to what it does not contain.
        SetupError: what checks JSON schemas is not installed.
    """

    def __init__(self, given: Mapping[str, Any] | str | os.PathLike[str] | type[V]) -> None:
        self.model: Any = given if isinstance(given, type) else None
        body = _of_model(given) if isinstance(given, type) else _read(given)
        if not isinstance(body, Mapping):
            raise InputError("The schema is no mapping. Write {'type': 'object', ...}.")
        self.text = _dumped(body)
        self.body: dict[str, Any] = json.loads(self.text)
        self.name = self.model.__name__ if self.model else str(self.body.get("title", "JSON"))
        if self.model is None:
            parts_of(self.body)
            _ = self._validator

    @cached_property
    def _validator(self) -> Any:
        try:
            import jsonschema
        except ImportError:
            raise SetupError(
                "Answers are checked against a JSON schema by jsonschema, which is not installed. "
                "Get it with: pip install 'evolsynth[structured]', or give a pydantic model."
            ) from None
        return _validator_of(jsonschema, self.body)

    def properties(self) -> dict[str, tuple[Any, bool]]:
        """The properties that an object of it has, each with its schema, and whether it must."""
        whole: Any = self.body
        for _ in range(_DEEPEST):
            if "$ref" not in whole:
                break
            whole = parts_of(self.body)[whole["$ref"]]
        needed = whole.get("required", ())
        return {n: (one, n in needed) for n, one in whole.get("properties", {}).items()}

    def check(self, text: str) -> Checked[V]:
        """The value that a text is, or has in it.

        Raises:
            Malformed: there is none, or it is not as it must be.
        """
        value = read_json(text)
        if self.model is not None:
            return self._by_model(value)
        try:
            errors = sorted(
                self._validator.iter_errors(value), key=lambda e: list(map(str, e.path))
            )
        except RecursionError:
            raise Malformed("$: nested too deeply") from None
        if errors:
            raise Malformed(*(_problem(error) for error in errors[:_MOST_TOLD]))
        return Checked(value, value)

    def _by_model(self, value: Any) -> Checked[V]:
        from pydantic import ValidationError

        try:
            made = self.model.model_validate_json(json.dumps(value))
        except ValidationError as error:
            told = error.errors(include_url=False, include_context=False, include_input=False)
            raise Malformed(*(_told(one["loc"], one["msg"]) for one in told[:_MOST_TOLD])) from None
        return Checked(made, made.model_dump(mode="json", by_alias=True))


# Reading a schema -----------------------------------------------------------------------------


def _of_model(model: type[Any]) -> Any:
    if not all(hasattr(model, name) for name in ("model_json_schema", "model_validate_json")):
        raise InputError(
            f"The schema is the class {model.__name__}, which is no pydantic model. Derive it from "
            "pydantic.BaseModel, or give a JSON schema."
        )
    try:
        return model.model_json_schema()
    except Exception as error:  # noqa: BLE001 - pydantic's, or of somebody's own type
        raise InputError(
            f"{model.__name__} has no JSON schema ({str(error).splitlines()[0]:.120}). Use types "
            "that JSON has."
        ) from None


def _read(given: Any) -> Any:
    if isinstance(given, Mapping):
        return given
    if not isinstance(given, str | os.PathLike):
        raise InputError(
            f"The schema is {type(given).__name__}. Give a mapping, a .json file or a pydantic "
            "model."
        )
    text, where = os.fspath(given), "The schema"
    if not text.lstrip().startswith("{"):
        where = text
        try:
            text = Path(text).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise InputError(f"{where}: not UTF-8 text. Save the schema as UTF-8.") from None
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise InputError(
                f"{where}: the schema cannot be read ({why}). Give the path of a .json file."
            ) from None
    try:
        return json.loads(text)
    except RecursionError:
        raise InputError(f"{where} is nested too deeply. Make it flatter.") from None
    except ValueError as error:
        raise InputError(f"{where} is no JSON ({error}). Correct it.") from None


def _dumped(body: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        text.encode()
        deep = _depth(json.loads(text)) > 2 * _DEEPEST
    except RecursionError:
        deep, text = True, ""
    except UnicodeEncodeError:
        raise InputError("Half a character stands in the schema. Take it out.") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"The schema is no JSON ({error}). Correct it.") from None
    if deep:
        raise InputError("The schema is nested too deeply. Make it flatter.")
    if len(text) > _LONGEST:
        raise InputError(f"The schema has over {_LONGEST:,} characters. Ask for less at once.")
    return text


def _validator_of(jsonschema: Any, body: Mapping[str, Any]) -> Any:
    """What checks values. It fetches nothing, and a pattern of the schema's cannot hold it up."""
    import referencing

    kind = jsonschema.validators.validator_for(body, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(body)
    except jsonschema.SchemaError as error:
        raise InputError(
            f"The schema is no JSON schema: {_told(error.absolute_path, error.message)}. "
            "Correct it."
        ) from None
    except RecursionError:
        raise InputError("The schema is nested too deeply. Make it flatter.") from None
    for part in parts_of(body).values():
        if isinstance(part, Mapping) and isinstance(part.get("pattern"), str):
            try:
                is_found(part["pattern"], None)
            except Fault as why:
                raise InputError(
                    f"The schema's pattern {part['pattern']!r:.60} cannot be used: {why}. Mend it."
                ) from None
    checks = jsonschema.FormatChecker(formats=_FORMATS)
    kind = jsonschema.validators.extend(kind, {"pattern": _pattern(jsonschema)})
    return kind(body, registry=referencing.Registry(), format_checker=checks)


def _pattern(jsonschema: Any) -> Any:
    def check(_: Any, pattern: str, value: Any, __: Any) -> Iterator[Any]:
        if not isinstance(value, str):
            return
        try:
            if is_found(pattern, value):
                return
        except Fault as why:
            yield jsonschema.ValidationError(f"the pattern {pattern!r:.60} cannot be tried: {why}")
            return
        yield jsonschema.ValidationError(f"{value!r:.60} does not match {pattern!r:.60}")

    return check


def _problem(error: Any) -> str:
    """What is wrong, and where; of alternatives, what is wrong with the nearest."""
    from jsonschema.exceptions import best_match

    error = best_match([error]) or error
    return _told(error.absolute_path, error.message)


def _told(path: Any, message: str) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    text = " ".join(f"${''.join(steps)}: {message}".split())
    return text if len(text) <= _TOLD else text[: _TOLD - 3] + "..."


# Reading an answer ----------------------------------------------------------------------------


def read_json(text: str) -> Any:
    """The JSON that a text is; or that stands in it, in a code block or behind some words.

    Raises:
        Malformed: it is none, a name stands twice in an object, or a number is none that can be
            kept.
    """
    try:
        value = _decoder.decode(text.strip())
    except json.JSONDecodeError as error:
        value = _inside(text, error)
    except RecursionError:
        raise Malformed("$: nested too deeply") from None
    except ValueError as error:  # a number with too many digits
        raise Malformed(f"$: {error}") from None
    if _depth(value) > _DEEPEST:
        raise Malformed(f"$: nested more than {_DEEPEST} deep")
    return value


def _inside(text: str, error: json.JSONDecodeError) -> Any:
    block = _FENCE.search(text)
    tried = [block[1]] if block is not None else []
    begin = re.search(r"[{\[]", text)
    tried += [text[begin.start() :]] if begin is not None else []
    for one in tried:
        try:
            return _decoder.raw_decode(one.strip())[0]
        except RecursionError:
            raise Malformed("$: nested too deeply") from None
        except ValueError:
            continue
    raise Malformed(f"$: it is no JSON: {error.msg}, at character {error.pos + 1}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counted.items() if count > 1)
        raise Malformed(f"$: the name {twice!r:.60} stands twice in an object")
    return made


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Malformed(f"$: the number {text:.40} is too large")
    return value


def _none(text: str) -> Any:
    raise Malformed(f"$: {text} is no number of JSON")


def _whole(text: str) -> int:
    value = int(text)
    if not -(2**63) <= value < 2**63:
        raise Malformed(f"$: the number {text:.40} is too large")
    return value


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_int=_whole, parse_constant=_none
)


def _depth(value: Any) -> int:
    """How deep values stand in values; over `_DEEPEST` twice, that is enough to know."""
    depth, level = 0, [value]
    while level and depth <= 2 * _DEEPEST:
        depth += 1
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return depth
