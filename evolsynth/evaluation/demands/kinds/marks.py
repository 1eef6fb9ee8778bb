"""Demands on marks: commas, exclamation marks, and others to use or to do without.

`no_commas` is IFEval's no_comma, and forbids commas of other scripts, too.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any, Literal

from evolsynth.evaluation.demands.demand import GIVEN, LISTS, Asked, Miss, kind
from evolsynth.evaluation.demands.reading import has_code
from evolsynth.evaluation.text.task import Task
from evolsynth.evaluation.text.words import word_lists
from evolsynth.options import Count

__all__ = ["MARKS", "avoids_mark", "no_commas", "no_exclamation_marks", "no_parentheses"]
__all__ += ["plain_text", "uses_mark"]

Mark = Literal[
    "semicolon", "colon", "dash", "question mark", "quotation mark", "ellipsis", "slash"
]  # fmt: skip
#: What each mark looks like; a dash stands between words or spaces, a hyphen is none.
MARKS: Mapping[Mark, re.Pattern[str]] = {
    "semicolon": re.compile(r"[;；]"),
    "colon": re.compile(r"[:：]"),
    "dash": re.compile(r"[–—―]|(?<=\S )--?(?=\s\S)|(?<=\w)--(?=\w)"),
    "question mark": re.compile(r"[?？¿]"),
    "quotation mark": re.compile(r"[\"“”„«»]"),
    "ellipsis": re.compile(r"…|\.{3,}"),
    "slash": re.compile(r"/"),
}
_PROSE: tuple[Task, ...] = ("explanation", "advice", "howto", "creative", "letter", "opinion")
_PROSE += ("conversation", "fact", "other")
_COMMA = re.compile(r"[,،、，]")
_LISTS = word_lists(__file__, "marks.txt")
_JOINING = frozenset(" ".join(_LISTS["words that need no comma before them"]).split())
_STARTING = frozenset(" ".join(_LISTS["words that begin a sentence"]).split())
_OPENING = frozenset(_LISTS["openings that need no comma behind them"])


# Commas -------------------------------------------------------------------------------------------


@kind("no_commas", about="commas", tasks=_PROSE, clashes=(*GIVEN, "table", "comma_list"))
def no_commas(response: str) -> Miss | None:
    """Without a comma, also in numbers and code."""
    return _without(response, _COMMA, "a comma")


@no_commas.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {}


@no_commas.applies
def _(response: str) -> str:
    """Where each comma can go and the text stays good: in numbers, at the end of a line, behind an
    opening such as "However", before "and" and its like, and between short items of a series,
    which "and" then joins."""
    if has_code(response):
        return ""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", response)
    text = re.sub(r",(?=[^\S\n]*(?:\n|$))", "", text)
    text = re.sub(r"(?m)(?:^|(?<=[.!?] ))([A-Z][a-z]+(?: [a-z]+){0,2}),(?= )", _opened, text)
    text = _SERIES.sub(lambda m: re.sub(r",(?: (?:and|or))? ", f" {m[1]} ", m[0]), text)
    return re.sub(r",(?= ([a-z]+))", lambda m: "" if m[1] in _JOINING else ",", text)


def _opened(match: re.Match[str]) -> str:
    return match[1] if match[1].lower() in _OPENING else match[0]


_ITEM = r"[A-Za-z][a-z'-]{0,30}(?: [a-z][a-z'-]{0,30})?"  # of one or two words
#: "apples, ripe pears, and plums"; "in May, bees and ants" is none.
_SERIES = re.compile(rf"\b{_ITEM}(?:(?:, {_ITEM}){{2,8}}|, {_ITEM},(?= )),? (and|or) (?=[a-z])")


# Exclamation marks --------------------------------------------------------------------------------


@kind(
    "no_exclamation_marks",
    about="exclamation marks",
    tasks=("creative", "letter", "conversation", "advice"),
    clashes=("data", "beginning", "ending", "request"),
)
def no_exclamation_marks(response: str) -> Miss | None:
    """Without an exclamation mark."""
    return _without(response, re.compile("[!¡！]"), "an exclamation mark")


@no_exclamation_marks.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {}


@no_exclamation_marks.applies
def _(response: str) -> str:
    if has_code(response):
        return ""
    text = re.sub(r"(?<![!！])[!！]*([?？])[!！]*", r"\1", response.replace("¡", ""))
    end = r"[!！]+(?=[\s\"'”’)\]*_]|$)"
    return re.sub(rf"(?<![.…!！]){end}", ".", re.sub(rf"(?<=[.…]){end}", "", text))


# Other marks --------------------------------------------------------------------------------------


@kind(
    "avoids_mark",
    about="marks",
    tasks=("explanation", "advice", "howto", "creative", "letter", "opinion", "conversation"),
    clashes=(*GIVEN, "table", "questions", "quotes", "bullet_mark", "choice"),
)
def avoids_mark(response: str, *, mark: Mark) -> Miss | None:
    """Without a mark.

    Args:
        mark: Which; a hyphen within a word is no dash.
    """
    return _without(response, MARKS[mark], f"the mark {mark}")


@avoids_mark.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    marks = ["colon", "dash", "semicolon"]
    if asked.task in ("creative", "letter", "conversation"):
        marks = ["dash", "question mark", "quotation mark"]  # what people use in them
    return {"mark": chance.choice(marks)}


@avoids_mark.applies
def _(response: str, *, mark: Mark) -> str:
    """Semicolons and dashes become full stops before what can begin a sentence ("it", "they"), and
    else commas; quotation marks round a word or two go, those of speech stay."""
    if has_code(response):
        return ""
    if mark == "quotation mark":
        bare = re.sub(r"^\s*[\"“]([^\"“”„«»]*)[\"”]\s*$", r"\1", response)
        return re.sub(r"[\"“]([\w'’-]+(?: [\w'’-]+){0,2})[\"”]", r"\1", bare)
    if mark not in _PARTING:
        return ""
    text = re.sub(r"[;；](?=[^\S\n]*(?:\n|$))", ".", response) if mark == "semicolon" else response
    return _PARTING[mark].sub(_parted, text)


#: A mark between two parts of a sentence, and the word behind it.
_PARTING: Mapping[Mark, re.Pattern[str]] = {
    "semicolon": re.compile(r"[;；] ([\w'’]{1,30})"),
    "dash": re.compile(r"(?:(?<=\w)[–—]|(?<=[\w,]) ?(?:[–—]|--) |(?<=[\w,]) - )([\w'’]{1,30})"),
}


def _parted(match: re.Match[str]) -> str:
    word = match[1]
    begins = re.split("['’]", word)[0].lower() in _STARTING
    return f". {word[0].upper()}{word[1:]}" if begins else f", {word}"


@kind(
    "uses_mark",
    about="marks",
    tasks=("explanation", "advice", "creative", "letter", "opinion", "other"),
    clashes=("data", "table", "language", "choice"),
)
def uses_mark(response: str, *, mark: Mark, n: Count) -> Miss | None:
    """A mark so often.

    Args:
        mark: Which; a hyphen within a word is no dash.
        n: The fewest times.
    """
    found = len(MARKS[mark].findall(response))
    if found >= n:
        return None
    return Miss(f"The mark {mark} stands in it {found} times; {n} were asked for.")


@uses_mark.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    if asked.words < 40:
        return None
    mark = chance.choice(["semicolon", "colon", "dash"])
    return {"mark": mark, "n": chance.randint(1, min(1 + asked.round, 3))}


@kind(
    "no_parentheses",
    about="parentheses",
    tasks=("explanation", "howto", "advice"),
    clashes=("data", "request", "choice"),
)
def no_parentheses(response: str) -> Miss | None:
    """Without round brackets."""
    return _without(response, re.compile(r"[()（）]"), "parentheses")


@no_parentheses.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {}


@no_parentheses.applies
def _(response: str) -> str:
    """What stands in brackets within a sentence goes between commas."""
    if has_code(response) or re.search(r"^\s*\(?\w{1,3}\)", response, re.M):
        return ""
    text = re.sub(rf"(?<=[\w,]) \({_INSIDE}\)(?=[.,;:!?]|\s*(?:\n|$))", r", \1", response)
    return re.sub(rf"(?<=\w) \({_INSIDE}\)(?= [a-z])", r", \1,", text)


#: A remark that is no sentence.
_INSIDE = r"([^()\n]{0,80}[^()\n.!?])"


# Markdown -----------------------------------------------------------------------------------------

_MARKDOWN = re.compile(
    r"\*\*[^*\n]+\*\*|__[^_\n]+__|(?<![*\w])\*[^*\s][^*\n]*\*(?![*\w])|`[^`\n]*`|```|"
    r"^[^\S\n]*(?:#{1,6} |[-*+•] |\d{1,3}[.)] |>|\|)|\[[^\[\]\n]*\]\([^()\n]*\)",
    re.M,
)


@kind(
    "plain_text",
    about="formatting",
    tasks=("explanation", "advice", "letter", "opinion", "fact", "creative", "conversation"),
    clashes=(*LISTS, "table", "headings", "emphasis", "thesis", "data", "title", "parts", "choice"),
)
def plain_text(response: str) -> Miss | None:
    """Without Markdown: no bold or italic words, headings, lists, tables, quotes, links, code."""
    return _without(response, _MARKDOWN, "formatting")


@plain_text.draws
def _(chance: random.Random, asked: Asked) -> Mapping[str, Any] | None:
    return {}


@plain_text.applies
def _(response: str) -> str:
    """Emphasis and the marks of headings go; a list stays one, so does not come out."""
    text = re.sub(r"(\*\*|__)([^*_\n]+)\1", r"\2", response)
    text = re.sub(r"(?<![*\w])\*([^*\s][^*\n]*)\*(?![*\w])", r"\1", text)
    return re.sub(r"^[^\S\n]*#{1,6} +", "", text, flags=re.M)


def _without(response: str, mark: re.Pattern[str], what: str) -> Miss | None:
    found = mark.search(response)
    return Miss(f"It has {what}.", found.span()) if found else None
