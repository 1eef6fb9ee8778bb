"""Where a JSON schema has schemas inside, and what its references point at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from evolsynth.errors import InputError

__all__ = ["parts_of", "target"]

_ONE = ["items", "additionalProperties", "additionalItems", "contains", "propertyNames", "not"]
_ONE += ["if", "then", "else", "unevaluatedItems", "unevaluatedProperties"]
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_NAMED = ("properties", "$defs", "definitions", "dependentSchemas")
_REFUSED = {
    "patternProperties": "Declare the properties by their names",
    "$dynamicRef": "Refer with $ref",
    "$recursiveRef": "Refer with $ref",
}
_MOST = 20_000  # schemas in a schema


def parts_of(root: Any) -> dict[str, Any]:
    """All schemas in a schema, itself among them, by the pointers that may refer to them.

    Raises:
        InputError: it refers to what is elsewhere or not there, is no schema in some place, or has
            what cannot be checked.
    """
    found: dict[str, Any] = {}
    left = [("#", root)]
    while left:
        place, schema = left.pop()
        if len(found) >= _MOST:
            raise InputError(f"The schema has over {_MOST:,} parts. Ask for less at once.")
        if not isinstance(schema, Mapping | bool):
            raise InputError(f"The schema is none at {place:.80}: a mapping was expected there.")
        found[place] = schema
        if isinstance(schema, Mapping):
            for name, way in _REFUSED.items():
                if name in schema:
                    raise InputError(f"The schema has '{name}' at {place:.80}. {way}.")
            if "$id" in schema and place != "#":
                raise InputError(f"The schema has '$id' at {place:.80}. Take it out.")
            left += _inside(place, schema)
    for schema in found.values():
        if isinstance(schema, Mapping) and "$ref" in schema:
            target(found, schema["$ref"])
    return found


def _inside(place: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in schema.items():
        at = f"{place}/{name}"
        if name in _NAMED and isinstance(value, Mapping):
            yield from ((f"{at}/{_pointed(key)}", inner) for key, inner in value.items())
        elif name in _LISTS and isinstance(value, list):
            yield from ((f"{at}/{number}", inner) for number, inner in enumerate(value))
        elif name in _ONE:
            yield at, value


def _pointed(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def target(parts: Mapping[str, Any], reference: Any) -> Any:
    """What a reference points at.

    Raises:
        InputError: it is not there, or not in this schema: nothing is fetched.
    """
    found = parts.get(unquote(reference)) if isinstance(reference, str) else None
    if found is None:
        raise InputError(
            f"The schema refers to {str(reference)!r:.80}, which is no schema in it. Refer to a "
            "definition of its own, as in '#/$defs/NAME'."
        )
    return found
