"""Demands on answers as data: JSON, CSV, YAML, tags, code.

What passes here passes independent verifiers, too: the JSON kinds IFEval's
detectable_format:json_format; `csv` with its columns and rows, and no fence, IFBench's
custom:csv_city.
"""

from __future__ import annotations

import csv as csv_format
import io
import json
import random
import re
from typing import Annotated, Any

import msgspec
import yaml as yaml_format

from evolsynth.evaluation.demands.demand import Asked, Miss, kind
from evolsynth.evaluation.demands.fitting import Drawn, chosen, points_wanted
from evolsynth.evaluation.demands.points import split_list, terms
from evolsynth.evaluation.demands.shape import fences, unfenced
from evolsynth.evaluation.text.words import word_lists, words
from evolsynth.options import Count

__all__ = [
    "code_block",
    "code_only",
    "csv",
    "json_list",
    "json_object",
    "json_only",
    "json_records",
]
__all__ += ["tags", "yaml"]

_LISTS = word_lists(__file__, "data.txt")
#: Names of keys, columns, tags.
Names = Annotated[list[str], msgspec.Meta(min_length=1)]

#: What data in a form of its own cannot be as well.
_NO_TEXT = (
    *("words", "sentences", "paragraphs", "characters", "lines", "list", "list_order", "table"),
    *(
        "item_beginning",
        "item_length",
        "title",
        "headings",
        "emphasis",
        "labels",
        "summary",
    ),
    *("postscript", "parts", "thesis", "placeholders", "beginning", "ending", "quotes"),
    *("questions", "request", "versions", "opening"),
)

# JSON ---------------------------------------------------------------------------------------------


def _json(response: str) -> Any:
    """What the whole answer says as JSON, an object or an array, also in a fence; or a Miss."""
    body = response.strip()
    if body.startswith("```") and not re.match(r"```(?:json|Json|JSON)?\s", body):
        return Miss("The fence is none of JSON.", (0, 3))
    try:
        found = json.loads(unfenced(body))
    except json.JSONDecodeError as error:
        at = min(error.pos, max(len(response) - 1, 0))
        return Miss(f"It is not valid JSON: {error.msg}.", (at, at + 1))
    except RecursionError:
        return Miss("It is not valid JSON: too deep.")
    return found if isinstance(found, dict | list) else Miss("It is no JSON object or array.")


def _json_in(response: str) -> str:
    """The one JSON text that an answer holds, in a fence or between brackets; "" if none."""
    if fenced := _fenced(response):
        return fenced
    starts = [at for at in (response.find("{"), response.find("[")) if at >= 0]
    end = max(response.rfind("}"), response.rfind("]"))
    return response[min(starts) : end + 1] if starts else ""


def _fenced(response: str) -> str:
    """The code of the one fence of an answer; "" if it has none, or more."""
    found = fences(response)
    return found[0].code if len(found) == 1 else ""


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _bare_points(response: str) -> list[str]:
    points = split_list(response)[1]
    return [" ".join(point.split()).replace("**", "") for point in points]


@kind(
    "json_only",
    about="data",
    tasks=("ideas", "extraction", "classification", "fact"),
    clashes=_NO_TEXT,
)
def json_only(response: str) -> Miss | None:
    """Valid JSON and nothing else, also in a fence."""
    found = _json(response)
    if isinstance(found, Miss):
        return found
    return None if found else Miss("The JSON holds nothing.")


@json_only.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {}


@json_only.applies
def _(response: str) -> str:
    if points := _bare_points(response):
        return _as_json(points)
    return _json_in(response)


@kind(
    "json_object",
    about="data",
    tasks=("ideas", "classification", "fact", "letter", "calculation", "advice"),
    clashes=_NO_TEXT,
)
def json_object(response: str, *, keys: Names) -> Miss | None:
    """A JSON object that has given keys, no others, and says something under each.

    Args:
        keys: Its keys.
    """
    found = _json(response)
    if isinstance(found, Miss):
        return found
    if not isinstance(found, dict):
        return Miss("It is no JSON object.")
    return _keyed(found, keys)


def _keyed(found: dict[str, Any], keys: list[str]) -> Miss | None:
    for key in keys:
        if found.get(key) in (None, "", [], {}):
            return Miss(f'Nothing stands under "{key}".')
    extra = [key for key in found if key not in keys]
    return Miss(f'"{extra[0]}" is none of the keys.') if extra else None


@json_object.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    some = chosen(_LISTS, "keys", case.task)
    return {"keys": chance.choice(some)} if some else None


@json_object.applies
def _(response: str, *, keys: list[str]) -> str:
    pattern = rf"^[-*_ \t]*({'|'.join(map(re.escape, keys))})[*_]*[ \t]?:[*_]*[ \t]+(\S.*)$"
    pairs = re.findall(pattern, response, re.M | re.I)
    said = {key.casefold(): value.strip() for key, value in pairs}
    if len(pairs) == len(keys) and len(said) == len(keys):
        return _as_json({key: said[key.casefold()] for key in keys})
    return _json_in(response)


@kind("json_list", about="data", tasks=("ideas",), clashes=_NO_TEXT)
def json_list(response: str, *, n: Count) -> Miss | None:
    """A JSON array of so many different strings.

    Args:
        n: The strings.
    """
    found = _json(response)
    if isinstance(found, Miss):
        return found
    if not isinstance(found, list):
        return Miss("It is no JSON array.")
    if not all(isinstance(one, str) and one.strip() for one in found):
        return Miss("Something in the array is no text.")
    if len(set(found)) < len(found):
        return Miss("The array says something twice.")
    return None if len(found) == n else Miss(f"It has {len(found)} strings; {n} were asked for.")


@json_list.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = points_wanted(chance, case, size=15, least=3, most=8)
    return {"n": n} if n else None


@json_list.applies
def _(response: str, *, n: int) -> str:
    points = _bare_points(response)
    return _as_json(points) if len(points) == n else _json_in(response)


@kind("json_records", about="data", tasks=("ideas",), clashes=_NO_TEXT)
def json_records(response: str, *, keys: Names, n: Count) -> Miss | None:
    """A JSON array of so many objects that all have given keys.

    Args:
        keys: Their keys.
        n: The objects.
    """
    found = _json(response)
    if isinstance(found, Miss):
        return found
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        return Miss("It is no JSON array of objects.")
    if len(found) != n:
        return Miss(f"It has {len(found)} objects; {n} were asked for.")
    return next(filter(None, (_keyed(one, keys) for one in found)), None)


@json_records.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = points_wanted(chance, case, size=30, least=2, most=5)
    return {"keys": chance.choice(chosen(_LISTS, "record keys", case.task)), "n": n} if n else None


@json_records.applies
def _(response: str, *, keys: list[str], n: int) -> str:
    pairs = terms(split_list(response)[1])
    if len(keys) == 2 and len(pairs) == n:
        return _as_json([dict(zip(keys, pair, strict=True)) for pair in pairs])
    return _json_in(response)


# CSV, YAML, tags ----------------------------------------------------------------------------------


@kind("csv", about="data", tasks=("ideas",), clashes=_NO_TEXT)
def csv(response: str, *, columns: Names, n: Count) -> Miss | None:
    """Lines of values with commas between: a header with given columns, and so many rows.

    Args:
        columns: The header.
        n: The rows below it.
    """
    try:
        rows = list(csv_format.reader(io.StringIO(unfenced(response)), strict=True))
    except csv_format.Error as error:
        return Miss(f"It is not valid CSV: {error}.")
    if not rows or rows[0] != columns:
        return Miss(f"The first line is not {','.join(columns)}.")
    for place, row in enumerate(rows[1:], 1):
        if len(row) != len(columns) or not all(cell.strip() for cell in row):
            return Miss(f"Row {place} does not fill the columns.")
    return None if len(rows) - 1 == n else Miss(f"It has {len(rows) - 1} rows; {n} were asked for.")


@csv.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    n = points_wanted(chance, case, size=20, least=2, most=8)
    return (
        {"columns": chance.choice(chosen(_LISTS, "record keys", case.task)), "n": n} if n else None
    )


@csv.applies
def _(response: str, *, columns: list[str], n: int) -> str:
    pairs = terms(split_list(response)[1])
    if len(columns) == 2 and len(pairs) == n:
        made = io.StringIO()
        csv_format.writer(made, lineterminator="\n").writerows([columns, *pairs])
        return made.getvalue().rstrip("\n")
    return _fenced(response)


@kind("yaml", about="data", tasks=("ideas", "letter", "advice"), clashes=_NO_TEXT)
def yaml(response: str, *, keys: Names) -> Miss | None:
    """YAML that has given keys, no others, and says something under each, also in a fence.

    Args:
        keys: Its keys.
    """
    try:
        found = yaml_format.safe_load(unfenced(response))
    except (yaml_format.YAMLError, ValueError, RecursionError):
        return Miss("It is not valid YAML.")
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        return Miss("It is no YAML with keys.")
    return _keyed(found, keys)


@yaml.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    some = chosen(_LISTS, "keys", case.task)
    return {"keys": chance.choice(some)} if some else None


@yaml.applies
def _(response: str, *, keys: list[str]) -> str:
    return _fenced(response)


@kind(
    "tags",
    about="data",
    tasks=("explanation", "advice", "fact", "opinion", "calculation", "classification", "letter"),
    clashes=(
        *("sentences", "paragraphs", "lines", "title", "beginning", "ending", "quotes", "request"),
        *("parts", "versions", "thesis"),
    ),
)
def tags(response: str, *, names: Names) -> Miss | None:
    """Everything inside tags as of XML, in their order: "<name>...</name>".

    Args:
        names: Of the tags.
    """
    at = 0
    for name in names:
        start, end = response.find(f"<{name}>", at), response.find(f"</{name}>", at)
        if start < 0 or end < start:
            return Miss(f"It has no <{name}> with its </{name}>.")
        if response[at:start].strip():
            return Miss("Something stands outside the tags.", (at, start))
        if not any(map(str.isalnum, response[start + len(name) + 2 : end])):
            return Miss(f"<{name}> holds nothing.", (start, end))
        at = end + len(name) + 3
    outside = response[at:].strip()
    return Miss("Something stands behind the tags.", (at, len(response))) if outside else None


@tags.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {"names": chance.choice(chosen(_LISTS, "tag names", case.task))}


@tags.applies
def _(response: str, *, names: list[str]) -> str:
    return f"<{names[0]}>\n{response.strip()}\n</{names[0]}>" if len(names) == 1 else ""


# Code ---------------------------------------------------------------------------------------------


@kind("code_block", about="data", tasks=("code",), clashes=_NO_TEXT[2:])
def code_block(response: str, *, language: str) -> Miss | None:
    """Code in a markdown fence that names its language.

    Args:
        language: As it stands behind the three backticks.
    """
    found = fences(response)
    if not any(one.code.strip() for one in found):
        return Miss("It has no code in a fence.")
    for one in found:
        if one.language.casefold() != language.casefold():
            why = f'A fence says "{one.language}", not "{language}".'
            return Miss(why, (one.start, one.end))
    return None


@code_block.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    known = {name for names in chosen(_LISTS, "languages", case.task) for name in names}
    said = {word.lower for word in words(case.instruction)} & known
    return {"language": said.pop()} if len(said) == 1 else None


@code_block.applies
def _(response: str, *, language: str) -> str:
    made = response
    for one in reversed(fences(response)):
        if not one.language:
            made = f"{made[: one.start]}```{language}\n{one.code}\n```{made[one.end :]}"
    return made


@kind("code_only", about="data", tasks=("code",), clashes=_NO_TEXT)
def code_only(response: str) -> Miss | None:
    """One fence of code and nothing else."""
    body = response.strip()
    found = fences(body)
    if len(found) != 1 or (found[0].start, found[0].end) != (0, len(body)):
        return Miss("It is not one fence of code alone.")
    return None if found[0].code.strip() else Miss("The fence is empty.")


@code_only.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {}


@code_only.applies
def _(response: str) -> str:
    found = fences(response)
    return response[found[0].start : found[0].end] if len(found) == 1 else ""
