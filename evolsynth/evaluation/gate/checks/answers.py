"""Checks of a response that speaks of its instruction instead of answering it.

A small model that is told a rule about the form of its answer often takes all of it for a
text to be revised, says the rule again, or talks of nothing else. Each check names what is certain
and leaves the rest: what is a revised text where one was asked for, and what a demand quotes, an
answer may well say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evolsynth.evaluation.demands.found import demands_in, demands_of, without_demands
from evolsynth.evaluation.gate.check import Case, check
from evolsynth.evaluation.text.finders import AnyCase
from evolsynth.evaluation.text.words import content, plain, sentences, words
from evolsynth.findings import Finding

__all__ = ["about_prompt", "answers_rule_only", "placeholder_left", "repeats_rule"]

_CHANGED = (
    r"(?:revised|corrected|rewritten|re-written|rephrased|improved|modified|edited|updated|reworded|"
    r"polished|refined|refactored|reformatted|proofread)"
)
_PROMPT = r"(?:text|prompt|question|instructions?|request|sentences?|message|query|task|paragraph)"
_ABOUT = AnyCase(
    rf"\b(?:here(?:'s| is| are)|this is|below is) (?:an? |the |my |your |one )?(?:\w+ )?{_CHANGED}"
    r"(?: and \w+)? (?:version|text|prompt|question|instruction|request|sentence|message|response|"
    r"answer|draft|paragraph)s?\b"
    rf"|\b{_CHANGED} version of (?:your|the|this) (?:original )?{_PROMPT}\b"
    rf"|\bi(?:'ve| have)? (?:made|{_CHANGED}) (?:some |several |a few |the following )?"
    rf"(?:minor |small )?(?:changes|corrections|edits|improvements|adjustments|your {_PROMPT})\b"
    r"|\b(?:rewritten|new|evolved|revised) (?:prompt|instruction|request)\W*:"
)
#: Tasks whose answer may be another version of something.
_REVISES = re.compile(
    r"\b(?:correct\w*|fix\w*|mend|edit\w*|revis\w*|rewrit\w*|re-?writ\w*|rephras\w*|paraphras\w*|"
    r"reword\w*|polish\w*|proofread|improv\w*|refin\w*|refactor\w*|format\w*|simplif\w*|shorten\w*|"
    r"expand\w*|summari[sz]\w*|translat\w*|convert\w*|chang\w*|turn|modif\w*|updat\w*|versions?|"
    r"drafts?|mistakes?|errors?|grammar|punctuat\w*|spelling|better|shorter|longer|clearer|"
    r"formal|friendlier|tone|prompts?|instructions?)\b",
    re.I,
)


@check(
    "about_prompt",
    "response",
    cost="text",
    place=18,
    languages=["en"],
    reads=["instruction", "response"],
    needs="a response",
    sentence="The response revises its instruction, or speaks of doing so, instead of answering.",
    advice="Ask for several candidates of each response, or take a larger model for them.",
)
def about_prompt(case: Case) -> Finding | None:
    """Found where a response presents a revised text though nothing was to be revised, begins
    with its instruction's own first words (six of them) though nothing is to be said again, or
    explains the piece that it has written to who asked for it; none of it where the row's input
    says so."""
    again = _says_first(case)
    if again is not None and not case.quotes(again):
        return Finding("about_prompt", {"said": again})
    explained = _EXPLAINS.search(case.answer)
    if explained is not None and not _ASKS_WHY.search(case.instruction):
        return Finding("about_prompt", {"said": explained.group().strip()})
    match = _ABOUT.search(case.answer)
    if match is None or case.quotes(match.group()) or _REVISES.search(_own_words(case)):
        return None
    return Finding("about_prompt", {"said": match.group()})


_SAID_FIRST = 6  # words
_AGAIN = re.compile(
    r"\b(?:repeat|restate|copy|quote|begin with|start with|continue|complete|finish|fill)\b", re.I
)
#: What introduces a piece of writing as an example, or tells its reader what it expresses.
_EXPLAINS = re.compile(
    r"\A\W{0,3}(?:sure\W{1,3})?here(?:'s| is) an example of (?:how|what) (?:you|to|a|an|i)\b"
    r"|\n\s{0,4}this (?:message|poem|haiku|story|letter|e-?mail|slogan|note|song|dialogue|"
    r"invitation|advertisement) "
    r"(?:conveys|captures|expresses|highlights|emphasi[sz]es|reflects|aims|uses)\b",
    re.I,
)
_ASKS_WHY = re.compile(r"\b(?:explain|why|how|example|analy[sz]e|describe what|meaning)\b", re.I)


def _says_first(case: Case) -> str | None:
    """The instruction's first words, where the response begins with them."""
    asked, said = (
        [w.text.casefold() for w in words(text)[:_SAID_FIRST]]
        for text in (case.instruction, case.answer)
    )
    if len(asked) < _SAID_FIRST or asked != said or _AGAIN.search(case.instruction):
        return None
    if _demands(case, "request_first") or _REVISES.search(_own_words(case)):
        return None
    return " ".join(said)


#: What stands for something that the writer did not know.
_GAP = re.compile(
    r"\[(?:(?:your|my|our|their|his|her|the|insert|recipient|sender|friend|name|company|date|"
    r"address|phone|city|state)(?:'s)?\b[^\]\n]{0,40}"
    r"|[\w' ]{1,30}\b(?:name|title|date|address|number|city|company|time|place))\]",
    re.I,
)
_WANTS_GAPS = re.compile(
    r"\b(?:templates?|placeholders?|blanks?|brackets?|forms?|gaps?)\b|\[", re.I
)


@check(
    "placeholder_left",
    "response",
    cost="text",
    place=18,
    languages=["en"],
    reads=["instruction", "response"],
    needs="a response",
    sentence="The response has gaps in brackets, such as [Your Name], that nobody asked for.",
    advice="Ask for several candidates of each response, or name people and places in the request.",
)
def placeholder_left(case: Case) -> Finding | None:
    """Found where something in square brackets stands for a name or the like, and the instruction
    asks for no template and no placeholders, nor has its input them."""
    gaps = _GAP.finditer(case.answer)
    match = next((gap for gap in gaps if gap.group() not in plain(case.input)), None)
    if match is None or _WANTS_GAPS.search(case.instruction) or _demands(case, "placeholders"):
        return None
    return Finding("placeholder_left", {"left": match.group()})


_RUN = 6  # words of a rule, one after the other, that nobody says by chance
_WHOLE = 4  # words that a shorter rule has at least which is said again as a whole
_SHORT = 3  # the same, said again as a sentence of its own
_QUOTED = re.compile(r'"[^"\n]{0,200}"|\([^)\n]{0,200}\)|\[[^\]\n]{0,200}\]')


@check(
    "repeats_rule",
    "response",
    cost="text",
    place=18,
    languages=["en"],
    reads=["instruction", "response"],
    needs="a response; an instruction with a checkable demand",
    sentence="The response says a rule of its instruction again instead of keeping to it.",
    advice="Ask for several candidates of each response, or take a larger model for them.",
)
def repeats_rule(case: Case) -> Finding | None:
    """Found where a response says a checkable demand of its instruction again, word for word.

    Not what the demand quotes, which the answer may be meant to say, nor where all of the
    instruction is to be repeated.
    """
    rules = _rules(case)
    if not rules or any("repeat" in rule.casefold() for rule in rules):
        return None
    if _demands(case, "request_first"):
        return None
    said = [w.text.casefold() for w in words(case.answer)]
    whole = {tuple(w.text.casefold() for w in words(s)) for s in sentences(case.answer)}
    for rule in rules:
        for piece in _QUOTED.split(rule):
            asked = [w.text.casefold() for w in words(piece)]
            found = (
                _common_run(asked, said, min(_RUN, len(asked))) if len(asked) >= _WHOLE else None
            )
            if found is None and len(asked) >= _SHORT and tuple(asked) in whole:
                found = asked
            if found is not None:
                return Finding("repeats_rule", {"said": " ".join(found)})
    return None


def _common_run(asked: Sequence[str], said: Sequence[str], length: int) -> Sequence[str] | None:
    """The first so many words, one after the other, that both have."""
    runs = {tuple(said[i : i + length]) for i in range(len(said) - length + 1)}
    pieces = (asked[i : i + length] for i in range(len(asked) - length + 1))
    return next((piece for piece in pieces if tuple(piece) in runs), None)


_OF_REQUEST, _OF_RULE = 2, 3  # words of content
_FEW, _OF_RULE_IN_FEW = 25, 2  # words of a short answer, which has no room for anything else


@check(
    "answers_rule_only",
    "response",
    cost="text",
    place=18,
    languages=["en"],
    reads=["instruction", "response"],
    needs="a response; an instruction with a checkable demand",
    sentence="The response speaks of the rules on its form and not of what was asked.",
    advice="Ask for several candidates of each response, or take a larger model for them.",
)
def answers_rule_only(case: Case) -> Finding | None:
    """Found where a response has no word of what was asked, nor of the text that it was asked of,
    and several of the rule on its form."""
    rules = _rules(case)
    if not rules:
        return None
    asked = {w.stem for w in content(_own_words(case))}
    ruled = {w.stem for rule in rules for w in content(_QUOTED.sub(" ", rule))} - asked
    said = {w.stem for w in content(case.response)}
    least = _OF_RULE_IN_FEW if len(words(case.response)) <= _FEW else _OF_RULE
    about = {w.stem for w in content(case.input)}
    if len(asked) < _OF_REQUEST or said & (asked | about) or len(said & ruled) < least:
        return None
    return Finding("answers_rule_only", {"said": sorted(said & ruled)})


def _rules(case: Case) -> Sequence[str]:
    """The checkable demands of the instruction, as it says them."""
    text = case.instruction
    return [plain(text[found.start : found.end]) for found in demands_in(text)]


def _own_words(case: Case) -> str:
    """The instruction without its checkable demands."""
    return plain(without_demands(case.instruction))


def _demands(case: Case, kind: str) -> bool:
    """Whether a demand of a kind is made."""
    return any(one.kind == kind for one in demands_of(case.row))
