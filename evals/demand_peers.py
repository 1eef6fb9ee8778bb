"""The checks of if-verifiable (IFEval and IFBench) that are about the same as kinds of ours.

How they are loaded, and what of them cannot be had, is told by `evals.verifiers`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from evals.verifiers import registry
from evolsynth.evaluation.demands import Demand
from evolsynth.evaluation.demands.kinds.language import CODES

__all__ = ["COUNTERPARTS", "Counterpart", "Peer", "counterparts"]


class Counterpart(NamedTuple):
    """A check of theirs: its id, its arguments. ``looser``: it asks for less than ours
    does, so that only what passes ours has to pass it."""

    name: str
    arguments: Mapping[str, Any]
    looser: bool = False


Values = Mapping[str, Any]
#: All of them together say what a demand says; none where it has values that they lack.
Counterparts = tuple[Counterpart, ...]


def _theirs(name: str, **arguments: Any) -> Counterparts:
    return (Counterpart(name, arguments),)


def _looser(some: Counterparts) -> Counterparts:
    return tuple(one._replace(looser=True) for one in some)


def _within(
    name: str, key: str, relation: str, least: int | None, most: int | None, **more: Any
) -> Counterparts:
    """A count of IFEval's from ``least`` to ``most``: "at least" the one, "less than" one more."""
    found: Counterparts = ()
    if least is not None:
        found += _theirs(name, **{key: least, relation: "at least"}, **more)
    if most is not None:
        found += _theirs(name, **{key: most + 1, relation: "less than"}, **more)
    return found


def _letters(v: Values, least: int | None, most: int | None) -> Counterparts:
    name, letter = "keywords:letter_frequency", v["letter"]
    return _within(name, "let_frequency", "let_relation", least, most, letter=letter)


def _often(v: Values, least: int | None, most: int | None) -> Counterparts:
    name, word = "keywords:frequency", re.escape(v["word"])
    return _within(name, "frequency", "relation", least, most, keyword=word)


def _capitals(least: int | None, most: int | None) -> Counterparts:
    name, key, relation = "capital_word_frequency", "capital_frequency", "capital_relation"
    return _within(f"change_case:{name}", key, relation, least, most)


def _words(least: int | None, most: int | None) -> Counterparts:
    return _within("length_constraints:number_words", "num_words", "relation", least, most)


def _sentences(least: int | None, most: int | None) -> Counterparts:
    return _within("length_constraints:number_sentences", "num_sentences", "relation", least, most)


def _choice(v: Values) -> Counterparts:
    answers = v["answers"]
    if all(answer.startswith("My answer is ") for answer in answers):
        return _looser(_theirs("detectable_format:constrained_response"))
    plain = not any("/" in answer for answer in answers)
    return _theirs("format:options", options="/".join(answers)) if plain else ()


def _language(v: Values) -> Counterparts:
    code = {"zh": "zh-cn"}.get(CODES[v["language"]], CODES[v["language"]])
    return _theirs("language:response_language", language=code)


def _json(_: Values) -> Counterparts:
    return _looser(_theirs("detectable_format:json_format"))


#: By kind of ours, a line each: what of theirs says the same of its values.
COUNTERPARTS: Mapping[str, Callable[[Values], Counterparts]] = {
    # letters, marks, numbers
    "lower_case": lambda v: _theirs("change_case:english_lowercase"),
    "upper_case": lambda v: _theirs("change_case:english_capital"),
    "title_case": lambda v: _theirs("format:title_case"),
    "capital_words_at_least": lambda v: _looser(_capitals(v["n"], None)),
    "capital_words_at_most": lambda v: _capitals(None, v["n"]),
    "letter_at_least": lambda v: _letters(v, v["n"], None),
    "letter_at_most": lambda v: _letters(v, None, v["n"]),
    "avoids_letter": lambda v: _letters(v, None, 0),
    "no_commas": lambda v: _theirs("punctuation:no_comma"),
    "numbers_exactly": lambda v: _theirs("count:numbers", N=v["n"]),
    # words
    "includes": lambda v: _theirs(
        "keywords:existence", keywords=[re.escape(w) for w in v["words"]]
    ),
    "avoids": lambda v: _theirs(
        "keywords:forbidden_words", forbidden_words=[re.escape(w) for w in v["words"]]
    ),
    "word_at_least": lambda v: _often(v, v["n"], None),
    "word_at_most": lambda v: _often(v, None, v["n"]),
    "word_exactly": lambda v: _often(v, v["n"], v["n"]),
    "word_in_sentence": lambda v: _theirs("sentence:keyword", word=v["word"], N=v["n"]),
    "different_words_at_least": lambda v: _theirs("count:unique_word_count", N=v["n"]),
    "no_word_more_than": lambda v: _theirs("words:repeats", small_n=v["n"]),
    "conjunctions": lambda v: _theirs("count:conjunctions", small_n=v["n"]),
    # voice, language, a choice
    "pronouns_at_least": lambda v: _theirs("count:pronouns", N=v["n"]),
    "language": _language,
    "choice": _choice,
    # length
    "words_at_most": lambda v: _words(None, v["n"]),
    "words_at_least": lambda v: _words(v["n"], None),
    "words_between": lambda v: _theirs(
        "count:word_count_range", min_words=v["least"], max_words=v["most"]
    ),
    "words_about": lambda v: _words(v["n"] - v["off"], v["n"] + v["off"]),
    "sentences_at_most": lambda v: _sentences(None, v["n"]),
    "sentences_at_least": lambda v: _sentences(v["n"], None),
    "sentences_exactly": lambda v: _sentences(v["n"], v["n"]),
    # paragraphs, lists
    "paragraphs_divided": lambda v: (
        _theirs("length_constraints:number_paragraphs", num_paragraphs=v["n"])
        if v["divider"] == "***"
        else ()
    ),
    "first_word_of_paragraph": lambda v: _theirs(
        "length_constraints:nth_paragraph_first_word",
        num_paragraphs=v["n"],
        nth_paragraph=v["nth"],
        first_word=v["word"],
    ),
    "bullets_exactly": lambda v: _theirs(
        "detectable_format:number_bullet_lists", num_bullets=v["n"]
    ),
    "bullet_mark": lambda v: _looser(_theirs("format:list", sep=v["mark"])),
    "nested_bullets": lambda v: _looser(_theirs("format:sub-bullets")),
    "sentences_then_bullets": lambda v: _looser(_theirs("format:no_bullets_bullets")),
    # structure, data
    "title": lambda v: _theirs("detectable_format:title") if v["form"] == "<<title>>" else (),
    "sections_exactly": lambda v: _looser(
        _theirs(
            "detectable_format:multiple_sections", section_spliter=v["word"], num_sections=v["n"]
        )
    ),
    "placeholders": lambda v: _theirs(
        "detectable_content:number_placeholders", num_placeholders=v["n"]
    ),
    "postscript": lambda v: _theirs(
        "detectable_content:postscript",
        postscript_marker="P.P.S" if v["marker"] == "P.P.S." else v["marker"],
    ),
    "italic_thesis": lambda v: _looser(_theirs("format:thesis")),
    "highlighted": lambda v: _theirs(
        "detectable_format:number_highlighted_sections", num_highlights=v["n"]
    ),
    "json_only": lambda v: _theirs("detectable_format:json_format"),
    **dict.fromkeys(("json_object", "json_list", "json_records"), _json),
    # edges
    "begins_with": lambda v: _looser(
        _theirs("multi-turn:constrained_start", starter=re.escape(v["text"]))
    ),
    "ends_with": lambda v: _theirs("startend:end_checker", end_phrase=v["text"]),
    "quoted": lambda v: _theirs("startend:quotation"),
    "request_first": lambda v: _theirs("combination:repeat_prompt", prompt_to_repeat=v["asked"]),
    "two_versions": lambda v: _theirs("combination:two_responses"),
}


def counterparts(demand: Demand, asked: str) -> Counterparts:
    """What of theirs says what a demand says; none if nothing does.

    Args:
        demand: of ours.
        asked: the request without the demand.
    """
    made = COUNTERPARTS.get(demand.kind)
    return made({**demand.values, "asked": asked}) if made else ()


class Peer:
    """if-verifiable's checks.

    Raises:
        SetupError: see `registry`.
    """

    def __init__(self) -> None:
        self._known = registry()

    def passes(self, one: Counterpart, response: str) -> bool:
        """Whether a response passes a check of theirs, strictly."""
        check = self._known[one.name](one.name)
        check.build_description(**one.arguments)
        return bool(response.strip() and check.check_following(response))
