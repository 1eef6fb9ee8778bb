"""Whether a response to a question about a text stands in the text, and answers the question.

Made for rows with an input whose instruction asks for what stands there; rewriting, summaries,
labels, sums and what is made up are left alone. The rules are loaded where a row has a text.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from evolsynth.evaluation.gate.check import Case, check
from evolsynth.findings import Finding
from evolsynth.options import Share

if TYPE_CHECKING:
    from evolsynth.evaluation.support.score import Support

__all__ = ["misses_question", "support_of", "unsupported"]

_NAMED = 8  # words of an answer that a finding names at most


@check(
    "unsupported",
    "response",
    cost="text",
    place=20,
    languages=["en"],
    reads=["instruction"],
    needs="a response; a question about the row's input",
    sentence="The response says what does not stand in the row's text.",
    advice="Show the model one or two sentences of the text and not all of it, or lower the gate's "
    "setting least_support.",
)
def unsupported(case: Case, *, least_support: Share = 0.5) -> Finding | None:
    """Found where the response is less likely to stand in the row's text than is asked for.

    By rules, unless the step `support` has put a score on this response beside this text. Not where
    the row names a ground of its answer that holds: that says more.

    Args:
        least_support: The least likelihood that all of a response stands in its text.
    """
    found = support_of(case)
    if found is None:
        return None
    from evolsynth.evaluation.support.asked import says_that_text_does_not
    from evolsynth.evaluation.support.score import scored_for

    if not found.says or says_that_text_does_not(case.answer):
        return None
    score = scored_for(case.row)
    score = found.score if score is None else score
    if score >= least_support:
        return None
    words = [
        {"text": one.text, "start": one.start, "end": one.end, "why": one.kind}
        for one in found.against[:_NAMED]
    ]
    evidence = [{"start": start, "end": end} for start, end in found.evidence]
    return Finding(
        "unsupported",
        {"score": score, "least": least_support, "words": words, "evidence": evidence},
    )


def support_of(case: Case) -> Support | None:
    """Support by rules; None for a row that has no text or does not ask about it, and for one whose
    answer stands on a ground, which says more."""
    looked_at = _looked_at(case)
    if looked_at is None:
        return None
    from evolsynth.evaluation.support.score import read_support

    question, answer, text, title = looked_at
    return read_support(
        question, answer, text, title=title, embedder=case.embedder, static_only=True
    )


def _looked_at(case: Case) -> tuple[str, str, str, str] | None:
    """The question, the answer, the text and its title; None where there is nothing to look at."""
    text = case.row.input if case.input else None
    if text is None or not case.answer or case.ground:
        return None
    from evolsynth.evaluation.support.asked import asks_about_text

    question = asks_about_text(case.instruction, text)
    if question is None:
        return None
    title = case.row.extra.get("title")
    return question, values_of(case.response), text, title if isinstance(title, str) else ""


def values_of(response: str) -> str:
    """What an answer says: of JSON its values, as sentences; of any other text all of it."""
    if response.lstrip()[:1] not in ("{", "["):
        return response
    try:
        return " ".join(_values(json.loads(response)))
    except (ValueError, RecursionError):
        return response


def _values(data: object) -> list[str]:
    if isinstance(data, dict):
        return [value for one in data.values() for value in _values(one)]
    if isinstance(data, list):
        return [value for one in data for value in _values(one)]
    return [] if data is None or isinstance(data, bool) else [f"{data}."]


@check(
    "misses_question",
    "response",
    cost="text",
    place=21,
    languages=["en"],
    reads=["instruction"],
    needs="a response; a question about the row's input",
    sentence="The response does not give what the question about the text asks for.",
    advice="Take a larger model for the responses, or make several (samples) and choose.",
)
def misses_question(case: Case) -> Finding | None:
    """Found where a question about the row's text gets an answer of another kind.

    One without a time to "when", without a number to "how many", that says neither yes nor no,
    that only says the question again, or that comes from a sentence which does not speak of what
    was asked while another does.
    """
    looked_at = _looked_at(case)
    if looked_at is None:
        return None
    from evolsynth.evaluation.support.asked import misses

    question, answer, text, title = looked_at
    found = misses(question, answer, text, title=title)
    return None if found is None else Finding("misses_question", dict(found))
