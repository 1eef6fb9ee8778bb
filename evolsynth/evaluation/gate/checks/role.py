"""Who speaks: an instruction is a person's, a response is an answer.

A small chat model often forgets which part it plays. In a user's turn it offers help; in its own
it introduces itself, repeats its system turn, or offers to help and stops there.
"""

from __future__ import annotations

import re

from evolsynth.evaluation.text.words import content, plain, words
from evolsynth.findings import Finding

__all__ = ["no_answer", "role_confusion", "self_talk", "thin_answer", "unanswerable"]

#: Words of substance that a response must have beside offers and questions.
SUBSTANCE_WORDS = 12

_ASSISTANT_SPEAKS = re.compile(
    r"\bi(?:'m| am) (?:here|ready|happy|glad|excited|able|designed|trained|programmed) to "
    r"(?:help|assist|support|guide|provide|offer|answer)\b"
    r"|\bi(?:'ll| will| can|'d| would)(?: \w+){0,3} (?:help|assist|guide|support|provide|offer|"
    r"give|be) (?:you|your)\b(?! (?:a call|my))"
    r"|\bi'?m an? (?:ai|virtual|digital|chat ?bot|language model)\b"
    r"|\byou are (?:a|an) (?:helpful )?(?:ai|assistant|chat ?bot)\b"
    r"|\b(?:can|may) i (?:help|assist) you\b|\bmy assistance\b|\bhugging ?face\b",
    re.I,
)
_SELF = re.compile(
    r"\byou(?: are|'re) an? (?:helpful )?(?:ai|assistant|chat ?bot)\b"
    r"|\b(?:i'?m|i am|as) an? (?:\w+ ){0,2}(?:ai|chat ?bot|language model|virtual assistant)\b"
    r"|\bi'?s an? helpful\b|\bhugging ?face\b|\bsmollm\b"
    r"|\bi(?:'m| am) a helpful assistant\b|\bin a few clear sentences\b"
    r"|\bi(?: was| am|'m|'ve been| have been) (?:designed|trained|programmed|created) "
    r"(?:to|by|with)\b",
    re.I,
)
_ABOUT_YOU = re.compile(
    r"\byour (?:own )?(?:name|job|website|business|company|services?|products?|hobb(?:y|ies)|"
    r"favou?rites?|experiences?|opinion|feelings?|goals?|plans?)\b"
    r"|\bmakes? you\b|\bare you (?:best|good|able|doing|going|from|happy|interested)\b"
    r"|\bdo you (?:like|feel|enjoy|love|want|have|live|help)\b|\bwith you\b",
    re.I,
)
_LIVE = re.compile(
    r"\bweather forecast\b|\bforecast for\b|\b(?:today|tonight|tomorrow|right now)\b"
    r"|\b(?:this|next|last|upcoming) (?:week|month|year)\b|\blatest\b|\bstock price\b"
    r"|\bbreaking news\b",
    re.I,
)
_OFFER = re.compile(
    r"\bi(?:'m| am|'d| would)(?: be)?(?: \w+)? (?:happy|glad|delighted|thrilled|excited|here|ready|"
    r"pleased|love to (?:help|assist))\b"
    r"|\b(?:i|we)(?:'ll| will| can|'d) (?:\w+ )?(?:help|assist|guide|support)\b"
    r"|\bhere to (?:help|assist)\b|\bsounds like an?\b|\bplease (?:share|provide|tell|let|go|feel|"
    r"give|specify)\b|\blet me know\b|\b(?:to )?get started\b|\bfeel free\b",
    re.I,
)
#: What cannot be done in a few words.
_WIDE = re.compile(
    r"\A\W*(?:explain|describe|compare|plan|write an?\b|tell me (?!if|whether)|give me some|create|"
    r"how (?:do|does|can|to)|why)\b",
    re.I,
)
_SHORT_ASKED = re.compile(
    r"\b(?:one|single|two|a) (?:\w+ )?sentences?\b|\b(?:\d|1\d) words\b"
    r"|\b(?:briefly|brief|short|one-line|title|name|phrase|joke|slogan|motto|tagline|headline|haiku|"
    r"caption|yes or no)\b",
    re.I,
)
_TALE = re.compile(r"\bas an? (?:\w+ )?(?:story|poem|conversation|letter|dialogue|speech)\b", re.I)
_PROMISE = re.compile(r"\bhere(?: are|'s| is)\b|\bthe following\b|:\W*$", re.I)
_QUESTION = 15  # words of content that a question has without a text to work on
WIDE_WORDS, _TALE_BY_WIDE = 15, 5 / 3
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")


def role_confusion(instruction: str) -> Finding | None:
    """Found where the instruction speaks as the assistant, or to itself."""
    match = _ASSISTANT_SPEAKS.search(plain(instruction))
    return Finding("role_confusion", {"said": match.group()}) if match else None


def unanswerable(instruction: str) -> Finding | None:
    """Found where no model can answer from the text alone: about itself, about today, or about
    something that is still to be filled in, such as "[city]"."""
    text = plain(instruction)
    match = _ABOUT_YOU.search(text) or _LIVE.search(text) or _to_fill_in(text)
    return Finding("unanswerable", {"said": match.group()}) if match else None


#: "the history of [city]"; not "arr[index]", and not a text that says what brackets are for.
_SLOT = re.compile(
    r"(?<![\w\])])\[(?:the |your |a )?[a-z]{3,20}(?:[_ ][a-z]{2,20}){0,2}\](?![(\[])"
)
_ABOUT_SLOTS = re.compile(r"bracket|placeholder|template|blank|\bfill|replace|```|\n", re.I)
_MOST_WORDS = 40


def _to_fill_in(text: str) -> re.Match[str] | None:
    if len(text.split()) > _MOST_WORDS or _ABOUT_SLOTS.search(text):
        return None
    return _SLOT.search(text)


def self_talk(response: str) -> Finding | None:
    """Found where the response speaks of itself as a program, or repeats its system turn."""
    match = _SELF.search(plain(response))
    return Finding("self_talk", {"said": match.group()}) if match else None


def no_answer(
    response: str, instruction: str = "", *, least_substance: int = SUBSTANCE_WORDS
) -> Finding | None:
    """Found where the response is offers to help and questions, and hardly anything else.

    Also where it only says the instruction's own words again, or ends with the promise of what
    should follow. Short answers without an offer or a question are answers: "Paris." is one.
    """
    sentences = [s for s in _SENTENCE.findall(plain(response)) if s.strip()]
    if sentences and _PROMISE.search(sentences[-1]) and len(sentences) <= 2:
        return Finding("no_answer", {"said": sentences[-1].strip()})
    known = {w.stem for w in content(instruction)}
    said = [w.stem for w in content(response)]
    # To say a question's words again is no answer; to extract or to sort a given text's is one.
    asked = plain(instruction).strip().endswith("?") and len(known) <= _QUESTION
    if asked and len(said) >= 3 and known.issuperset(said):
        return Finding("no_answer", {"said": response})
    substance, evasions, offered = 0, [], False
    for sentence in sentences:
        if sentence.rstrip().endswith("?") or _OFFER.search(sentence):
            evasions.append(sentence.strip())
            offered = offered or bool(_OFFER.search(sentence))
        else:
            substance += len(words(sentence))
    if offered and substance < least_substance:
        return Finding(
            "no_answer", {"said": evasions[0], "words": substance, "least": least_substance}
        )
    return None


def thin_answer(
    response: str, instruction: str, *, least_words: int = WIDE_WORDS
) -> Finding | None:
    """Found where something wide ("Explain how ...", "... as a story") gets a few words."""
    asked = plain(instruction)
    count = len(words(response))
    least = 0
    if re.search(r"[=;{}`]", response):  # code says much in few words
        return None
    if _TALE.search(asked):
        least = round(least_words * _TALE_BY_WIDE)
    elif _WIDE.search(asked) and not _SHORT_ASKED.search(asked):
        least = least_words
    return Finding("thin_answer", {"words": count, "least": least}) if count < least else None
