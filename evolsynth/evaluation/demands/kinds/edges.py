"""Demands on how an answer begins and ends, and on what stands around it.

What passes here passes independent verifiers, too, all of IFEval: `begins_with` its class of
constrained starts, `ends_with` startend:end_checker, `quoted` startend:quotation, `request_first`
combination:repeat_prompt (with `request_of` the instruction), `two_versions`
combination:two_responses. Stricter on purpose: a beginning stands at the very beginning, not at
that of any line; quotation marks are one pair; two versions differ in words.
"""

from __future__ import annotations

import random
import re
from typing import Annotated

import msgspec

from evolsynth.evaluation.demands.demand import Asked, Miss, kind
from evolsynth.evaluation.demands.fitting import LONG, TOLD, Drawn, chosen, topic
from evolsynth.evaluation.demands.shape import in_prose, sentences
from evolsynth.evaluation.text.words import FUNCTION_WORDS, word_lists

__all__ = ["begins_with", "ends_with", "ends_with_question", "first_sentence_question"]
__all__ += ["last_word", "opens_without", "quoted", "request_first", "two_versions"]

_LISTS = word_lists(__file__, "edges.txt")
_BARE = ("data", "table", "request", "versions")
#: Marks that a phrase may have, and another demand may forbid.
_MARKS = ("commas", "exclamation marks", "marks")

#: Words and phrases.
Phrases = Annotated[list[str], msgspec.Meta(min_length=1)]


# The beginning ------------------------------------------------------------------------------------


@kind(
    "begins_with",
    about="beginning",
    tasks=(*TOLD, "fact", "conversation", "ordering", "formatting", "fill_in"),
    clashes=(*_BARE, "quotes", "title", "labels", "thesis", "case", *_MARKS),
)
def begins_with(response: str, *, text: str) -> Miss | None:
    """A given beginning, to the letter, and more behind it.

    Args:
        text: The word or phrase.
    """
    body = response.lstrip()
    start = len(response) - len(body)
    if not body.startswith(text) or (text[-1:].isalnum() and body[len(text) :][:1].isalnum()):
        return Miss(
            f'It begins with "{body[: len(text)]}".', (start, min(start + len(text), len(response)))
        )
    if any(map(str.isalnum, body[len(text) :])):
        return None
    return Miss(f'Nothing follows "{text}".', (start, len(response)))


@begins_with.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {"text": chance.choice(chosen(_LISTS, "beginnings", case.task)[0])}


@begins_with.applies
def _(response: str, *, text: str) -> str:
    body = response.strip()
    first = re.match(r"[A-Z][a-z]*(?=[ ,])", body)
    if text.endswith((":", "!")) and body[0].isalnum():
        return f"{text} {body}"
    small = first is not None and first.group().lower() in FUNCTION_WORDS and first.group() != "I"
    return f"{text} {body[0].lower()}{body[1:]}" if text.endswith(",") and small else ""


@kind(
    "opens_without",
    about="opening",
    tasks=(*LONG, "creative", "fact", "conversation", "rewriting"),
    clashes=("beginning", "data", "request", "language"),
)
def opens_without(response: str, *, words: Phrases) -> Miss | None:
    """No given word or phrase at the beginning, in any case.

    Args:
        words: Them.
    """
    body = response.lstrip(" \n\t*_#\"'“")
    flat = body.casefold().replace("’", "'")
    start = len(response) - len(body)
    for word in words:
        if re.match(rf"{re.escape(word.casefold())}\b", flat):
            return Miss(f'It begins with "{word}".', (start, start + len(word)))
    return None


@opens_without.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    some = chosen(_LISTS, "openings", case.task)[0]
    return {"words": sorted(chance.sample(some, chance.randint(2, 3)))}


@opens_without.applies
def _(response: str, *, words: list[str]) -> str:
    first, _, rest = response.strip().partition("\n")
    if first.rstrip("*_ ").endswith(":") and len(first.split()) < 25:
        return rest.strip()
    opened = re.match(r"\w+(?:,? \w+)?[!.,][ \n]+", response.strip())
    body = response.strip()[opened.end() :] if opened and len(opened.group()) < 20 else ""
    return body[:1].upper() + body[1:]


@kind(
    "first_sentence_question",
    about="questions",
    tasks=("explanation", "advice", "creative", "opinion"),
    clashes=("headings", *_BARE, "beginning", "title", "list", "thesis", "labels", "marks"),
)
def first_sentence_question(response: str) -> Miss | None:
    """A question as the first sentence, and more behind it."""
    some = sentences(response)
    if not some or not some[0].text.rstrip("\"'”’)*_ ").endswith("?"):
        place = (some[0].start, some[0].end) if some else None
        return Miss("The first sentence is no question.", place)
    return None if len(some) > 1 else Miss("Nothing follows the question.")


@first_sentence_question.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {} if case.words >= 40 else None


# The end ------------------------------------------------------------------------------------------


@kind(
    "ends_with",
    about="ending",
    tasks=(*TOLD, "conversation"),
    clashes=(
        *(*_BARE, *_MARKS, "postscript", "summary", "parts", "lines", "paragraphs"),
        *("no_exclamation_marks", "case"),
    ),
)
def ends_with(response: str, *, text: str) -> Miss | None:
    """A given end, in any case, and nothing behind it but quotation marks.

    Args:
        text: The phrase, with its full stop if it has one.
    """
    body = response.strip().strip('"')
    at = len(body) - len(text)
    found = body.casefold().endswith(text.strip().casefold())
    if not found or (text[:1].isalnum() and body[max(at - 1, 0) : at].isalnum()):
        start = max(len(response.rstrip()) - len(text), 0)
        return Miss(f'It does not end with "{text}".', (start, len(response)))
    if any(map(str.isalnum, body[: max(at, 0)])):
        return None
    return Miss(f'Nothing stands before "{text}".')


@ends_with.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {"text": chance.choice(chosen(_LISTS, "endings", case.task)[0])}


@ends_with.applies
def _(response: str, *, text: str) -> str:
    body = response.rstrip()
    glue = " " if in_prose(body) and "\n" not in body else "\n\n"
    return f"{body}{glue}{text}" if body.rstrip("\"'”’)*_")[-1:] in ".!?…" else ""


@kind(
    "ends_with_question",
    about="ending",
    tasks=("advice", "letter", "opinion", "conversation", "creative", "explanation"),
    clashes=(*_BARE, "postscript", "summary", "lines", "questions", "marks"),
)
def ends_with_question(response: str) -> Miss | None:
    """A question at the very end."""
    body = response.rstrip("\"'”’)*_ \n\t")
    if body.endswith("?"):
        return None
    some = sentences(response)
    return Miss("It does not end with a question.", (some[-1].start, len(body)) if some else None)


@ends_with_question.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {}


@kind(
    "last_word",
    about="ending",
    tasks=("explanation", "advice", "creative", "opinion"),
    clashes=(*_BARE, "postscript", "summary", "parts", "questions"),
)
def last_word(response: str, *, word: str) -> Miss | None:
    """A given last word, in any case.

    Args:
        word: It.
    """
    tail = response.rstrip()[-200:]
    found = re.findall(r"\w+(?:['’-]\w+)*", tail)
    if found and found[-1].casefold() == word.casefold():
        return None
    last = found[-1] if found else ""
    start = response.rfind(last)
    return Miss(f'The last word is "{last}", not "{word}".', (start, start + len(last)))


@last_word.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    some = topic(case.instruction)
    return {"word": chance.choice(some[-2:])} if some and case.words >= 30 else None


# Around it ----------------------------------------------------------------------------------------

_OPENS = re.compile(r'"(?=[\w¿¡(\'“‘*])')


@kind(
    "quoted",
    about="quotes",
    tasks=(*TOLD, "fact", "rewriting", "conversation"),
    clashes=(
        "list_order",
        "item_beginning",
        "item_length",
        *_BARE,
        "beginning",
        "labels",
        "parts",
        "postscript",
        "list",
        "headings",
        "marks",
    ),
)
def quoted(response: str) -> Miss | None:
    """The whole answer in one pair of double quotation marks."""
    body = response.strip()
    if len(body) < 3 or body[0] != '"' or body[-1] != '"':
        return Miss("It does not stand between double quotation marks.")
    inner = body[1:-1]
    at = inner.find('"')
    if at >= 0 and not inner[:at][-1:].isspace() and inner[at - 1 : at] not in ("(", "[", "\\"):
        return Miss("The first quotation mark closes before the end.", (0, at + 2))
    return None if any(map(str.isalnum, inner)) else Miss("There is nothing between them.")


@quoted.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {}


@quoted.applies
def _(response: str) -> str:
    return '"' + response.strip().strip('"').replace('"', "'") + '"'


@kind(
    "request_first",
    about="request",
    tasks=("explanation", "advice", "howto", "ideas", "fact", "opinion"),
    clashes=(
        "data",
        "words",
        "sentences",
        "characters",
        "lines",
        "paragraphs",
        "beginning",
        "plan",
    ),
)
def request_first(response: str, *, asked: str) -> Miss | None:
    """The request first, word for word, without what says to repeat it; then the answer."""
    request = _request(asked)
    body = response.strip()
    if not body.casefold().startswith(request.casefold()):
        return Miss(
            "It does not begin with the request, word for word.",
            (0, min(len(request), len(response))),
        )
    if any(map(str.isalnum, body[len(request) :])):
        return None
    return Miss("No answer follows the request.", (len(request), len(response)))


def _request(asked: str) -> str:
    from evolsynth.evaluation.demands.request import request_of

    return request_of(asked, request_first.wordings)


@request_first.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {} if len(case.instruction) <= 200 else None


@request_first.applies
def _(response: str, *, asked: str) -> str:
    return f"{_request(asked)}\n\n{response.strip()}"


@kind(
    "two_versions",
    about="versions",
    tasks=("creative", "letter", "rewriting", "conversation"),
    clashes=(
        *(
            "data",
            "table",
            "parts",
            "title",
            "ending",
            "postscript",
            "request",
            "paragraphs",
            "lines",
        ),
        *("list", "list_order", "words", "sentences", "characters", "formatting"),
    ),
)
def two_versions(response: str) -> Miss | None:
    """Two different answers with six asterisks between them, and none elsewhere."""
    parts = response.split("******")
    if len(parts) != 2 or parts[1].startswith("*"):
        return Miss(f"Six asterisks stand at {len(parts) - 1} places, not at one.")
    said = [" ".join(re.findall(r"\w+", part.casefold())) for part in parts]
    if not all(said):
        return Miss("On one side of the asterisks stands nothing.")
    return None if said[0] != said[1] else Miss("The two versions are the same.")


@two_versions.draws
def _(chance: random.Random, case: Asked) -> Drawn:
    return {}


@two_versions.applies
def _(response: str) -> str:
    return re.sub(
        r"^[ \t]*(?:\*{3,5}|\*{7,}|-{3,}|={3,}|_{3,})[ \t]*$", "******", response, flags=re.M
    )
