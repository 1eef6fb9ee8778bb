"""Degenerate texts: what a small model writes when it loses the thread.

Every rule aims at precision, because a false alarm costs an accepted row. Several follow the
elimination rules of Evol-Instruct (Xu et al. 2023, arXiv:2304.12244, section 3.2) and the filters
of Self-Instruct (Wang et al. 2023, arXiv:2212.10560, section 2.2).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from evolsynth.evaluation.gate.checks.repetition import Kind, repetition
from evolsynth.evaluation.gate.checks.role import role_confusion, self_talk
from evolsynth.evaluation.text.verbs import asks, states
from evolsynth.evaluation.text.words import COMMON, content, plain, stem, vocabulary, words
from evolsynth.findings import Finding

__all__ = [
    "Kind",
    "cut_off",
    "degenerate",
    "empty",
    "example_leak",
    "not_an_instruction",
    "refusal",
    "repetition",
    "template_leak",
    "too_long",
    "too_short",
]

MIN_WORDS = 3
REFUSAL_WORDS = 80
MAX_WORDS: dict[Kind, int] = {"instruction": 800, "response": 2000}


def degenerate(
    text: str,
    *,
    kind: Kind,
    finish_reason: str | None = None,
    examples: Sequence[str] = (),
) -> list[Finding]:
    """All that is wrong with a text by itself, most telling first; empty if nothing is.

    Args:
        finish_reason: ``"length"`` says that the model was cut off.
        examples: the few-shot examples the model was shown. For an evolution give only what it
            adds (`information.demand_added`), or its own seed may look like a copy.
    """
    flat = plain(text).strip()
    nothing = empty(text)
    if nothing is not None:
        return [nothing]
    checks = [
        template_leak(flat, kind),
        repetition(flat, kind),
        cut_off(flat, kind, finish_reason),
        too_short(flat) if kind == "instruction" else None,
        too_long(flat, MAX_WORDS[kind]),
        example_leak(flat, examples),
        *_role_findings(flat, kind),
    ]
    return [finding for finding in checks if finding is not None]


def _role_findings(text: str, kind: Kind) -> list[Finding | None]:
    if kind == "instruction":
        return [role_confusion(text), not_an_instruction(text)]
    return [refusal(text), self_talk(text)]


def empty(text: str) -> Finding | None:
    """Found where there is no letter, digit or sign that says anything."""
    said = any(c.isalnum() or unicodedata.category(c) in ("So", "Sm") for c in plain(text))
    return None if said else Finding("empty")


def too_short(text: str, least: int = MIN_WORDS) -> Finding | None:
    """Found where there are fewer words than ``least``."""
    count = _length(text)
    return Finding("too_short", {"words": count, "least": least}) if count < least else None


def too_long(text: str, most: int) -> Finding | None:
    """Found where there are more words than ``most``."""
    count = _length(text)
    return Finding("too_long", {"words": count, "most": most}) if count > most else None


def _length(text: str) -> int:
    """Words; in scripts without spaces two characters carry about as much as one."""
    if text.isascii():
        return len(words(text))
    ideographs = sum("\u3040" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7af" for c in text)
    return len(words(text)) + ideographs // 2


# Unfinished ---------------------------------------------------------------------------------------

_NEVER_LAST = vocabulary(
    """a an and because between but during every if including into its my nor or our than the their
    although unless via whereas whether while whose your"""
)
_SELDOM_LAST = vocabulary("about as at by for from in of on to with")
_ASKS_BACK = re.compile(r"\b(?:what|which|who|whom|where|how|that|to \w+)\b", re.I)


def cut_off(text: str, kind: Kind, finish_reason: str | None = None) -> Finding | None:
    """Found where the model was stopped, or the text leaves a fence, a bracket or a phrase open."""
    if finish_reason == "length":
        return Finding("cut_off", {"why": "the model reached its token limit"})
    if text.count("```") % 2:
        return Finding("cut_off", {"why": "an open code fence"})
    if kind == "response":
        return None
    tail = text[-20:]
    # "Question: ... Answer:" is a form to be filled in; a lone colon has nothing behind it
    if text[-1] in ",;" or re.search(r"\w-$|^[^:]*:$", text):
        return Finding("cut_off", {"why": "a trailing mark", "tail": tail})
    if _dangles(text):
        return Finding("cut_off", {"why": "a word that leads on", "tail": tail})
    if _unbalanced(re.sub(r"```.*?```|`[^`\n]*`", " ", text, flags=re.S)):
        return Finding("cut_off", {"why": "an open quotation or bracket", "tail": tail})
    return None


def _dangles(text: str) -> bool:
    last = re.search(r"(\w+)$", text)
    if last is None or not last.group().islower():
        return False
    if last.group() in _NEVER_LAST:
        return len(last.group()) > 1 or not re.search(r"[=+*/^\"'-]", text)
    sentence = re.split(r"[.!?\n]", text)[-1]
    return last.group() in _SELDOM_LAST and not _ASKS_BACK.search(sentence)


def _unbalanced(text: str) -> bool:
    marks = re.sub(r"(?<=\d)\"", "", text)
    if marks.count('"') % 2:
        return True
    brackets = re.sub(r"[:;]-?[()]", "", text)
    return any(brackets.count(a) > brackets.count(b) for a, b in ("()", "[]", "{}"))


# Leaks --------------------------------------------------------------------------------------------

_CONTROL = re.compile(
    r"<\|[\w ]{2,40}\|>|<[｜|][\w▁ ]{2,40}[｜|]>|</?(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>"
    r"|<(?:bos|eos|pad|unk)>|^<s>|</s>$|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS)\]",
    re.I,
)
_SCAFFOLD = re.compile(
    r"^#{2,4} ?(?:Instruction|Response|Input|Output|Human|Assistant|User)s?\s*:"
    r"|#\s?(?:the )?(?:given|new|rewritten|created|original) prompt\s?#|\brewritten prompt\b"
    r"|^\W*given prompt\W*:"
    r"|^(?:user|assistant|system)$|\Aassistant:",
    re.I | re.M,
)
#: A response may well be a dialogue; an instruction does not name its own speaker.
_SPEAKER = re.compile(r"\A(?:user|human|system|ai|bot):", re.I)


def template_leak(text: str, kind: Kind) -> Finding | None:
    """Found where control tokens or a prompt's own headings stand in the text."""
    leak = _CONTROL.search(text) or _SCAFFOLD.search(text)
    if leak is None and kind == "instruction":
        leak = _SPEAKER.search(text)
    return None if leak is None else Finding("template_leak", {"leaked": leak.group().strip()})


_COMMON = frozenset(stem(word) for word in COMMON)


def example_leak(text: str, examples: Sequence[str]) -> Finding | None:
    """Found where the text takes over four words of content in a row, or most of an example.

    Words that any request may hold ("limit your answer to ... sentences") are not distinctive:
    a run needs two others.
    """
    here = [w.stem for w in content(text)]
    runs = {tuple(here[i : i + 4]) for i in range(len(here) - 3)}
    threes = {tuple(here[i : i + 3]) for i in range(len(here) - 2)}
    for number, example in enumerate(examples):
        there = content(example)
        stems = [w.stem for w in there]
        for i in range(len(stems) - 3):
            run = tuple(stems[i : i + 4])
            if run in runs and _distinctive(run):
                copied = example[there[i].start : there[i + 3].end]
                return Finding("example_leak", {"example": number, "copied": copied})
        theirs = {t for i in range(len(stems) - 2) if _distinctive(t := tuple(stems[i : i + 3]))}
        if len(theirs) >= 2 and len(theirs & threes) >= 0.6 * len(theirs):
            return Finding("example_leak", {"example": number, "copied": example})
    return None


def _distinctive(run: tuple[str, ...]) -> bool:
    return sum(s not in _COMMON and not s.isdigit() for s in run) >= 2


# Requests and refusals ----------------------------------------------------------------------------

_SORRY = re.compile(
    r"\A\W*(?:(?:(?:i'm|i am) (?:\w+ )?(?:sorry|afraid)|sorry|(?:my )?apologies|unfortunately|"
    r"i apologi[sz]e|regrettably)\b[^.!?]{0,40}?\b(?:i|this|that|it|we)\b[^.!?]{0,40}?(?:\bnot\b|"
    r"n't\b|\bcannot\b|\bunable\b|\bbeyond\b|\boutside\b|\bagainst\b)"
    r"|i(?:'d| would) (?:rather|prefer) not\b|i(?:'m| am) not (?:able|allowed|permitted|"
    r"comfortable|programmed|designed)\b|it (?:would not|wouldn't|is not|isn't) (?:be )?"
    r"(?:appropriate|possible for me|ethical)\b"
    r"|(?:i'm|i am)(?: \w+)? sorry\b(?! (?:for|to hear|that you|about))"
    r"|i apologi[sz]e,? but|as an? (?:ai|artificial intelligence|(?:large )?language model)\b"
    r"|(?:sorry, )?(?:but )?i (?:cannot|can't|can not|won't|am unable to|am not able to|"
    r"'m unable to|'m not able to) (?:assist|help|provide|fulfil|answer|complete|comply|do that|"
    r"write|create|generate|access|give|offer))",
    re.I,
)


_FOR_ANOTHER = re.compile(
    r"\b(?:letter|e-?mail|message|reply|apolog\w*|excuse|declin\w*|refus\w*|dialogue|"
    r"conversation|story|scene|script|translate\w*|rewrite|rephrase|paraphrase|sentence|speech|"
    r"text|note|tweet|poem|song|correct|edit)\b",
    re.I,
)
_MODEL_DECLINES = re.compile(
    r"\b(?:assist|answer|comply|(?:this|that|your) (?:request|question|topic)|guidelines|provide|"
    r"language model|an ai|generate|fulfil\w*|help (?:you )?with (?:this|that))\b",
    re.I,
)


def refusal(text: str, most_words: int = REFUSAL_WORDS, *, instruction: str = "") -> Finding | None:
    """Found where a response of fewer words than ``most_words`` begins by declining.

    The elimination rule of Evol-Instruct, with an opening instead of the word "sorry" anywhere.
    Where the instruction asks for words that somebody is to say ("Write a reply that ..."), only
    if it is a model that declines ("answer", "assist", "guidelines").
    """
    match, count = _SORRY.search(text), len(words(text))
    if match is None or count >= most_words:
        return None
    if _FOR_ANOTHER.search(plain(instruction)) and not _MODEL_DECLINES.search(text):
        return None
    return Finding("refusal", {"opening": match.group(), "words": count, "most": most_words})


_ASSISTANT = re.compile(
    r"\A\W*(?:sure[,!.]|certainly[,!.]|of course[,!.]|absolutely[,!.]|great (?:question|choice)"
    r"|here(?: is|'s| are)\b|below (?:is|are)\b|as an ai\b|i(?:'d| would) be (?:happy|glad) to"
    r"|i(?:'m| am) (?:happy|glad|here) to (?:help|assist)|i can (?:help|assist|explain|provide)\b"
    r"|i(?:'m| am) sorry, (?:but|i)|i hope this|you're welcome|thank you for (?:your|the|asking)"
    r"|how (?:can|may) i (?:help|assist) you|hello!? how (?:can|may) i)",
    re.I,
)
_CODE_START = re.compile(
    r"\A(?:import \w+$|from \w+ import|def \w+\(|class \w+[:(]|#include|public |<\?php|<!doctype"
    r"|<html|package \w+;|using \w+;|function \w+\(|(?:var|let|const) \w+ ?=|\{\s*\"|//|/\*)",
    re.I | re.M,
)
_HEADING = re.compile(r"\A(?:#{1,6} [^\n]+|\*\*[^*\n]+\*\*:?|[A-Z][\w ]{0,40}:)\Z")


def not_an_instruction(text: str) -> Finding | None:
    """Found for a statement, an assistant's opening, code, numbers, noise, or a heading."""
    why = _answers(text) or _debris(text)
    return None if why is None else Finding("not_an_instruction", {"why": why})


def _answers(text: str) -> str | None:
    opening = _ASSISTANT.search(text)
    if opening is None:
        stated = states(text) and text[-1] in ".!" and not asks(text)
        return "a statement" if stated else None
    rest = text[opening.end() :]
    offered = re.match(r"how|hello|as an ai|i can|sure", opening.group().strip(), re.I)
    # "Here is my code. Why does it fail?" asks; "How can I help you?" offers
    return None if not offered and asks(rest) else "an assistant's opening"


def _debris(text: str) -> str | None:
    letters = [c for c in text if c.isalpha()]
    if "\ufffd" in text or len({_script(c) for c in letters}) > 3:
        return "noise"
    if sum(not c.isspace() for c in text) > 3 * max(len(letters), 1) and not asks(text):
        return "mostly numbers or symbols"
    if asks(text):
        return None
    if _CODE_START.search(text[:60]):
        return "code"
    return "a heading" if _HEADING.match(text) else None


def _script(character: str) -> str:
    """The script by the first word of the character's name: LATIN, CYRILLIC, CJK, ..."""
    return unicodedata.name(character, "UNKNOWN").split()[0]
