r"""JSON schemas as GBNF, llama.cpp's grammars: an answer that obeys one is JSON of that form.

llama-cpp-python brings a converter, which was tried and is not used: a name or value with a quote
or backslash breaks its rules or adds others, its strings may hold raw ends of lines, which JSON has
not, a definition called ``string`` or ``my_node`` is taken for another or not found, and
``minItems`` of a million is written out.

What is made here admits no more than the schema does, except for what a grammar cannot count or
look back at (``uniqueItems``, ``multipleOf``, ``not``, overlaps of ``oneOf``, patterns that look
ahead, names that stand twice in an open object, wide ranges of numbers): that is for the check
afterwards. It may admit less: names stand in the order in which the schema declares them, of an
object with declared ones no others are written, white space is at most one space behind a comma or
a colon, numbers have at most 16 digits, and strings escape only what they must.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from os.path import commonprefix
from typing import Any

from evolsynth.errors import InputError
from evolsynth.llm.structured.pattern import characters, pattern_rule
from evolsynth.llm.structured.places import parts_of, target

__all__ = ["gbnf"]

_DEEPEST = 100  # schemas in schemas, on the way to any of them
_LONGEST = 200_000  # characters of a grammar
_MOST_WAYS = 256  # alternatives, and names of an object
_MOST_VALUES = 5000  # of an enum
_MOST_TIMES = 2000  # of a repetition, beyond which llama.cpp does not count
_MOST_LOOKS = 20_000  # at schemas
_NEAR = 1000  # whole numbers in a range that are written out

_CHARACTER = characters(((0, 0x10FFFF),))
_DIGITS = "[0-9]{0,15}"
_WHOLE = f'("0" | [1-9] {_DIGITS})'
_REST = '("." [0-9]{1,15})? ([eE] [-+]? [1-9] [0-9]{0,1})?'
_DAY = (
    '[12] [0-9]{3} "-" ('
    '("0" [13578] | "1" [02]) "-" ("0" [1-9] | [12] [0-9] | "3" [01]) | '
    '("0" [469] | "11") "-" ("0" [1-9] | [12] [0-9] | "30") | '
    '"02-" ("0" [1-9] | "1" [0-9] | "2" [0-8]))'
)
_TIME = '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9]'
_ZONE = '("Z" | [-+] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9])'
_HEX = "[0-9a-f]"
_FORMATS = {
    "date": _DAY,
    "time": f"{_TIME} {_ZONE}",
    "date-time": f'{_DAY} "T" {_TIME} {_ZONE}',
    "uuid": ' "-" '.join(f"{_HEX}{{{n}}}" for n in (8, 4, 4, 4, 12)),
}
_TYPES: Mapping[str, tuple[str, ...]] = {
    "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "string": ("pattern", "minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_ALL = ("object", "array", "string", "number", "boolean", "null")
#: Beside a `$ref` or alternatives, these say nothing about values.
_NOTES = frozenset({"title", "description", "default", "examples", "$comment", "$defs", "$schema"})
_NOTES |= {"definitions", "deprecated", "readOnly", "writeOnly", "$id", "discriminator"}

Way = frozenset[str]  # the rules without which an alternative has no text


@functools.lru_cache(maxsize=64)
def gbnf(schema: str) -> str:
    """The grammar of a JSON schema, which is given as its text.

    Raises:
        InputError: it says that there is no such value, refers to what is not there, or is too
            large or too deep for a grammar.
    """
    try:
        return _made(json.loads(schema))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"The schema is no JSON schema ({error!s:.80}). Correct it.") from None
    except RecursionError:
        raise InputError("The schema is nested too deeply. Make it flatter.") from None


def _made(root: Any) -> str:
    grammar = _Grammar(parts_of(root))
    try:
        return grammar.text(grammar.of(root, 0))
    except _Nothing:
        raise InputError("The schema admits no value at all. Take out what is false.") from None


class _Nothing(Exception):  # noqa: N818 - of the schema, and not of ours
    """No value is admitted here."""


class _Grammar:
    """Rules by their names, which are numbers: no text of a schema is part of a name."""

    def __init__(self, parts: Mapping[str, Any]) -> None:
        self._parts = parts
        self._rules: dict[str, str] = {}
        self._ways: dict[str, list[Way]] = {}
        self._known: dict[str, str] = {}  # rules by their text
        self._references: dict[str, str] = {}  # rules by what they refer to
        self._open: frozenset[str] = frozenset()  # references that began without a letter since
        self._size = self._looks = 0

    def text(self, first: str) -> str:
        """The grammar, which begins with this rule.

        Raises:
            InputError: no value of that form ever ends.
        """
        ends: set[str] = set()
        while more := {
            name
            for name, ways in self._ways.items()
            if name not in ends and any(way <= ends for way in ways)
        }:
            ends |= more
        if first not in ends:
            raise InputError(
                "The schema contains itself with no way out, so no value of it ever ends. Make a "
                "property optional, or allow null."
            )
        rules = "\n".join(f"{name} ::= {body}" for name, body in self._rules.items())
        return f"root ::= {first}\n{rules}\n"

    def _add(self, body: str, ways: Iterable[Iterable[str]] = ((),), *, name: str = "") -> str:
        """A rule with this body; the one that is there already, if one is."""
        if not name and body in self._known:
            return self._known[body]
        self._size += len(body)
        if self._size > _LONGEST:
            raise InputError(
                f"The schema is too large for a grammar: it would have over {_LONGEST:,} "
                "characters. Ask for less at once."
            )
        name = name or self._reserve()
        self._rules[name] = body
        self._ways[name] = [frozenset(way) for way in ways]
        self._known.setdefault(body, name)
        return name

    def _look(self, depth: int) -> None:
        """Count a look at a schema: definitions that merge with each other need never end."""
        self._looks += 1
        if self._looks > _MOST_LOOKS:
            raise InputError("The schema is too large for a grammar. Ask for less at once.")
        if depth > _DEEPEST:
            raise InputError(
                f"The schema is nested more than {_DEEPEST} deep. Make it flatter, or let a part "
                "refer to itself with $ref."
            )

    def _reserve(self) -> str:
        name = f"r{len(self._rules)}"
        self._rules[name] = ""
        return name

    # One schema -----------------------------------------------------------------------------------

    def of(self, schema: Any, depth: int) -> str:
        """The rule of a schema."""
        self._look(depth)
        if schema is False:
            raise _Nothing
        if schema is True or not schema:
            return self._anything()
        if "$ref" in schema:
            others = {
                name: v for name, v in schema.items() if name != "$ref" and name not in _NOTES
            }
            if not others:
                return self._reference(schema["$ref"], depth)
            told = [target(self._parts, schema["$ref"]), others]
            return self.of(self._merged(told, depth), depth + 1)
        if "const" in schema:
            return self._one_of([schema["const"]])
        if "enum" in schema:
            return self._one_of(schema["enum"])
        if "allOf" in schema:
            rest = {name: value for name, value in schema.items() if name != "allOf"}
            return self.of(self._merged([rest, *schema["allOf"]], depth), depth + 1)
        for name in ("anyOf", "oneOf"):
            if name in schema:
                return self._any_of(schema, name, depth)
        return self._typed(schema, depth)

    def _reference(self, reference: str, depth: int) -> str:
        found = target(self._parts, reference)
        if reference in self._open:
            raise InputError(
                f"The schema says of '{reference:.60}' only that it is itself. Give it a type."
            )
        if reference in self._references:
            return self._references[reference]
        name = self._references[reference] = self._reserve()
        before = self._open
        self._open |= {reference}
        try:
            inner = self.of(found, depth + 1)
        except _Nothing:
            del self._references[reference]
            raise
        finally:
            self._open = before
        return self._add(inner, [[inner]], name=name)

    def _merged(self, schemas: Sequence[Any], depth: int) -> Any:
        """One schema that says what all of them say, as far as grammars go."""
        self._look(depth)
        merged: dict[str, Any] = {}
        for schema in schemas:
            one = schema
            for _ in range(_DEEPEST):
                if not isinstance(one, Mapping) or set(one) - _NOTES != {"$ref"}:
                    break
                one = target(self._parts, one["$ref"])
            if one is False:
                return False
            if one is True:
                continue
            if "allOf" in one:
                rest = {name: value for name, value in one.items() if name != "allOf"}
                one = self._merged([rest, *one["allOf"]], depth + 1)
                if one is False:
                    return False
            for name, value in one.items():
                old = merged.get(name)
                if name == "properties" and old is not None:
                    both = {n: {"allOf": [old[n], v]} if n in old else v for n, v in value.items()}
                    merged[name] = {**old, **both}
                elif name == "required" and old is not None:
                    merged[name] = [*dict.fromkeys([*old, *value])]
                elif name in ("anyOf", "oneOf", "$ref") and old is not None:
                    continue  # checked afterwards
                else:
                    merged[name] = value
        return merged

    def _any_of(self, schema: Mapping[str, Any], name: str, depth: int) -> str:
        base = {n: v for n, v in schema.items() if n not in ("anyOf", "oneOf") and n not in _NOTES}
        found = []
        for one in schema[name]:
            try:
                whole = self._merged([base, one], depth) if base else one
                found.append(self.of(whole, depth + 1))
            except _Nothing:
                continue
        return self._either(found)

    def _either(self, names: Sequence[str]) -> str:
        names = [*dict.fromkeys(names)]
        if not names:
            raise _Nothing
        if len(names) > _MOST_WAYS:
            raise InputError(
                f"The schema has {len(names)} alternatives in one place, and a grammar at most "
                f"{_MOST_WAYS}. Write an enum, or ask for less at once."
            )
        return names[0] if len(names) == 1 else self._add(" | ".join(names), [[n] for n in names])

    def _typed(self, schema: Mapping[str, Any], depth: int) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            return self._either([self._typed({**schema, "type": one}, depth) for one in kind])
        if kind is None:
            kind = next((k for k, told in _TYPES.items() if not schema.keys().isdisjoint(told)), "")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind == "string":
            return self._string(schema)
        if kind in ("integer", "number"):
            return self._number(schema, whole=kind == "integer")
        if kind == "boolean":
            return self._add('"true" | "false"')
        return self._add('"null"') if kind == "null" else self._anything()

    # Its kinds ------------------------------------------------------------------------------------

    @property
    def _space(self) -> str:
        return self._add('" "?')

    def _string_of(self, inside: str) -> str:
        quote = _literal('"')
        return self._add(f"{quote} {inside} {quote}")

    def _anything(self) -> str:
        """Any JSON."""
        if "anything" not in self._references:
            name = self._references["anything"] = self._reserve()
            text, space = self._string({}), self._space
            pair = self._add(f'{text} ":" {space} {name}', [[name]])
            comma = f'"," {space}'
            kinds = [
                text,
                self._number({}, whole=False),
                self._add('"true" | "false"'),
                self._add('"null"'),
                self._add(f'"{{" ({pair} ({comma} {pair})*)? "}}"'),
                self._add(f'"[" ({name} ({comma} {name})*)? "]"'),
            ]
            self._add(" | ".join(kinds), [[kind] for kind in kinds], name=name)
        return self._references["anything"]

    def _string(self, schema: Mapping[str, Any]) -> str:
        if "pattern" in schema:
            rule = pattern_rule(schema["pattern"])
            if rule is not None:
                return self._string_of(rule)
        elif schema.get("format") in _FORMATS:
            return self._string_of(_FORMATS[schema["format"]])
        times = _times(schema, "minLength", "maxLength")
        return self._string_of(f"{self._add(_CHARACTER)}{times}")

    def _number(self, schema: Mapping[str, Any], *, whole: bool) -> str:
        low, high = _bounds(schema)
        if whole and low is not None and high is not None and high - low < _NEAR:
            first, last = int(-(-low // 1)), int(high // 1)
            first += first == schema.get("exclusiveMinimum")
            last -= last == schema.get("exclusiveMaximum")
            step = schema.get("multipleOf", 1)
            step = step if isinstance(step, int) and step > 0 else 1
            return self._one_of([n for n in range(first, last + 1) if n % step == 0])
        minus = '"-"?'
        if low is not None and low >= 0:
            minus = ""
        elif high is not None and high <= 0:
            minus = '"-"'
        return self._add(f"{minus} {_WHOLE} {'' if whole else _REST}".strip())

    def _one_of(self, values: Sequence[Any]) -> str:
        """One of some given values, by the letters that they have in common."""
        texts = sorted({_dumped(value) for value in values})
        if not texts:
            raise _Nothing
        if len(texts) > _MOST_VALUES:
            raise InputError(
                f"The schema has an enum of {len(texts)} values, and a grammar at most "
                f"{_MOST_VALUES}. Ask for a string, and look it up afterwards."
            )
        return self._tree(texts, 0)

    def _tree(self, texts: Sequence[str], depth: int) -> str:
        """Texts in alphabetical order: llama.cpp follows each alternative by itself, so there are
        as few in a place as there are letters."""
        if len(texts) == 1:
            return self._add(_literal(texts[0]))
        if depth > _DEEPEST:
            return self._add(" | ".join(_literal(text) for text in texts))
        head = commonprefix([texts[0], texts[-1]])  # noqa: RUF071
        groups: dict[str, list[str]] = {}
        for text in texts:
            groups.setdefault(text[len(head) : len(head) + 1], []).append(text[len(head) :])
        ways = [self._tree(group, depth + 1) if first else '""' for first, group in groups.items()]
        body = " | ".join(ways)
        return self._add(f"{_literal(head)} ({body})" if head else body)

    def _array(self, schema: Mapping[str, Any], depth: int) -> str:
        before, self._open = self._open, frozenset()
        try:
            return self._listed(schema, depth)
        finally:
            self._open = before

    def _listed(self, schema: Mapping[str, Any], depth: int) -> str:
        items = schema.get("items", schema.get("prefixItems") is None)
        prefix = schema.get("prefixItems", ())
        if isinstance(items, list):  # as they were called before 2020
            prefix, items = items, schema.get("additionalItems", False)
        least, most = int(schema.get("minItems", 0)), schema.get("maxItems")
        first = [self.of(one, depth + 1) for one in prefix[: None if most is None else int(most)]]
        if len(first) > _MOST_WAYS:
            raise InputError(
                f"The schema has a list of over {_MOST_WAYS} schemas. Make it shorter."
            )
        comma = f'"," {self._space}'
        left = (max(0, least - len(first)), None if most is None else int(most) - len(first))
        if left[1] is not None and left[1] < left[0]:
            raise _Nothing
        body = f" {comma} ".join(first)
        needed = [*first]
        try:
            item = None if left[1] == 0 else self.of(items, depth + 1)
        except _Nothing:
            item = None
        if item is None and left[0] > 0:
            raise _Nothing
        if item is not None:
            needed += [item] if left[0] else []
            more = self._add(f"{comma} {item}", [[item]])
            if first:
                body += f" {more}{_counted(*left)}"
            else:
                one_less = (max(0, left[0] - 1), None if left[1] is None else left[1] - 1)
                rest = "" if one_less[1] == 0 else f" {more}{_counted(*one_less)}"
                body = f"{item}{rest}" if left[0] else f"({item}{rest})?"
        return self._add(" ".join(('"["', body, '"]"')), [needed])

    def _object(self, schema: Mapping[str, Any], depth: int) -> str:
        before, self._open = self._open, frozenset()
        try:
            if schema.get("properties") or schema.get("required"):
                return self._named(schema, depth)
            return self._map(schema, depth)
        finally:
            self._open = before

    def _named(self, schema: Mapping[str, Any], depth: int) -> str:
        """An object of declared names, in their order, each with the comma that it needs."""
        others = schema.get("additionalProperties", True)
        required = set(schema.get("required", ()))
        declared = {**schema.get("properties", {})}
        declared |= {name: others for name in schema.get("required", ()) if name not in declared}
        if len(declared) > _MOST_WAYS:
            raise InputError(
                f"The schema has an object of {len(declared)} properties, and a grammar at most "
                f"{_MOST_WAYS}. Ask for less at once."
            )
        comma = f'"," {self._space} '
        rest = begin = '""'  # what may follow when something stands there already; when nothing
        needs: list[str] = []
        for name, inner in reversed(declared.items()):
            try:
                pair = self._pair(name, self.of(inner, depth + 1))
            except _Nothing:
                if name in required:
                    raise
                continue
            if name in required:
                needs.append(pair)
                begin = self._add(f"{pair} {rest}", [[pair]])
                rest = self._add(f"{comma}{pair} {rest}", [[pair]])
            else:
                begin = self._add(f"{pair} {rest} | {begin}")
                rest = self._add(f"({comma}{pair})? {rest}")
        return self._add(f'"{{" {begin} "}}"', [needs])

    def _pair(self, name: str, value: str) -> str:
        return self._add(f"{_literal(_dumped(name) + ':')} {self._space} {value}", [[value]])

    def _map(self, schema: Mapping[str, Any], depth: int) -> str:
        """An object of any names."""
        others = schema.get("additionalProperties", "properties" not in schema)
        least, most = int(schema.get("minProperties", 0)), schema.get("maxProperties")
        try:
            value = None if most == 0 else self.of(others, depth + 1)
        except _Nothing:
            value = None
        if value is None:
            if least:
                raise _Nothing
            return self._add('"{" "}"')
        space = self._space
        pair = self._add(f'{self._string({})} ":" {space} {value}', [[value]])
        rest = _counted(max(0, least - 1), None if most is None else int(most) - 1)
        more = self._add(f'"," {space} {pair}', [[pair]])
        body = f"{pair} {more}{rest}"
        body = f'"{{" {body} "}}"' if least else f'"{{" ({body})? "}}"'
        return self._add(body, [[pair]] if least else [()])


def _times(schema: Mapping[str, Any], least: str, most: str) -> str:
    low, high = int(schema.get(least, 0)), schema.get(most)
    if high is not None and high < low:
        raise _Nothing
    return _counted(low, None if high is None else int(high))


def _counted(least: int, most: int | None) -> str:
    """How often: as far as llama.cpp counts, the rest is checked afterwards.

    Raises:
        InputError: no answer is as long as that.
    """
    if least > _MOST_TIMES:
        raise InputError(
            f"The schema asks for at least {least:,} of something, and a grammar counts to "
            f"{_MOST_TIMES}. Ask for fewer."
        )
    if most is None or most > _MOST_TIMES:
        return f"{{{least},}}"
    return f"{{{least},{most}}}"


def _bounds(schema: Mapping[str, Any]) -> tuple[float | None, float | None]:
    lows = [schema[n] for n in ("minimum", "exclusiveMinimum") if _is_number(schema.get(n))]
    highs = [schema[n] for n in ("maximum", "exclusiveMaximum") if _is_number(schema.get(n))]
    return max(lows, default=None), min(highs, default=None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _literal(text: str) -> str:
    """A text in the quotes of GBNF.

    Raises:
        InputError: half a character stands in it.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError("Half a character stands in a text of the schema. Take it out.") from None
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return f"\\x{ord(char):02X}" if ord(char) < 0x20 or ord(char) == 0x7F else char
