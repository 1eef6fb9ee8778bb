"""What can be wrong with a response beside its instruction: it copies it, or breaks off.

Beside the checks in ``quality``, ``roles`` and ``demands``. Each aims at precision: a false alarm
costs an accepted row.
"""

from __future__ import annotations

import re

from evolsynth.evaluation.findings import Finding
from evolsynth.evaluation.words import content, plain, words

__all__ = ["broken_off", "copies_question"]

#: Tasks whose answer repeats the text that was given.
_KEEPS_TEXT = re.compile(
    r"\b(?:correct|fix|mend|edit|rewrite|rephrase|paraphrase|translate|extract|find|repeat|copy|"
    r"proofread|punctuat\w*|capitali\w*|format|convert|change|replace|remove|insert|add|fill|"
    r"complete|continue|reverse|sort|arrange|order|reorder|list|classify|highlight|return|output|"
    r"quote|choose|pick|select|identify|which|underline|turn|make|expand|shorten|summari[sz]e)\b",
    re.I,
)
_LEAST_COPIED = 6  # words
_LEAST_NEW = 6  # words of content after a copied question that make an answer

_PROSE_END = re.compile(r"[.!?][\"')\]]*\s+\S")
_MARKED = re.compile(r"^\s*(?:[-*•>#|]|\d+[.)]|```)|[=;{}|<>]|https?://|\w+@\w+")
_VALEDICTION = re.compile(
    r"(?:sincerely|regards|wishes|yours|love|best|thanks|cheers|respectfully|faithfully|truly)\b",
    re.I,
)
_LEAST_REST = 4  # words after the last sentence's end


def copies_question(response: str, instruction: str) -> Finding | None:
    """Found where a response says its instruction again, word for word, and hardly more.

    Not for tasks that work on a given text ("Correct the sentence"), whose answers are like it.
    """
    asked = [w.text.casefold() for w in words(instruction)]
    said = [w.text.casefold() for w in words(response)]
    if len(asked) < _LEAST_COPIED or _KEEPS_TEXT.search(plain(instruction)):
        return None
    at = _place_of(asked, said)
    if at is None:
        return None
    known = {w.stem for w in content(instruction)}
    new = [w for w in content(response) if w.stem not in known]
    if len(new) >= _LEAST_NEW:
        return None
    return Finding("copies_question", {"copied": " ".join(asked), "new_words": len(new)})


def broken_off(response: str) -> Finding | None:
    """Found where running text stops in the middle of a sentence.

    The last line must have come to a sentence's end before and go on for some words without
    another. Lists, tables, code, verses, signatures and lone phrases may end as they like.
    """
    text = plain(response).strip()
    last = text.rpartition("\n")[2].strip()
    if not last or text.count("```") % 2 or text.endswith("```") or _MARKED.search(last):
        return None
    if not (last[-1].isalnum() or last[-1] in ",;-"):
        return None
    ends = list(_PROSE_END.finditer(last))
    if not ends:
        return None
    rest = last[ends[-1].end() - 1 :]
    tokens = rest.split()
    if len(tokens) < _LEAST_REST or ":" in rest or _VALEDICTION.search(rest):
        return None
    if last[-1].isalnum() and not tokens[-1].islower():
        return None  # a name or a number may be a signature or a value
    return Finding("cut_off", {"why": "ends mid-sentence", "tail": rest[-40:]})


def _place_of(wanted: list[str], tokens: list[str]) -> int | None:
    """Where ``wanted`` stands in ``tokens`` as a run, if it does."""
    for i in range(len(tokens) - len(wanted) + 1):
        if tokens[i : i + len(wanted)] == wanted:
            return i
    return None
