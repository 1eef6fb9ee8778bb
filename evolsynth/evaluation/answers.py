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
#: Tasks whose answer may be all of the instruction.
_SAYS_AGAIN = re.compile(r"\b(?:repeat|copy|say|echo|print|output|return|quote|read)\b", re.I)
COPIED_WORDS, NEW_WORDS, TAIL_WORDS = 6, 6, 4

_PROSE_END = re.compile(r"[.!?][\"')\]]*\s+\S")
_MARKED = re.compile(r"^\s*(?:[-*•>#|]|\d+[.)]|```)|[=;{}|<>]|https?://|\w+@\w+")
_VALEDICTION = re.compile(
    r"(?:sincerely|regards|wishes|yours|love|best|thanks|cheers|respectfully|faithfully|truly)\b",
    re.I,
)


def copies_question(
    response: str,
    instruction: str,
    *,
    least_copied: int = COPIED_WORDS,
    least_new: int = NEW_WORDS,
) -> Finding | None:
    """Found where a response says its instruction again, word for word, and hardly more.

    Not for tasks that work on a given text ("Correct the sentence"), whose answers are like it.

    Args:
        least_copied: words that an instruction has at least, for its copy to be told from chance.
        least_new: words of content beside the copied ones that make an answer.
    """
    asked = [w.text.casefold() for w in words(instruction)]
    said = [w.text.casefold() for w in words(response)]
    keeps = _SAYS_AGAIN if said == asked else _KEEPS_TEXT
    if len(asked) < least_copied or keeps.search(plain(instruction)):
        return None
    at = _place_of(asked, said)
    if at is None:
        return None
    known = {w.stem for w in content(instruction)}
    new = [w for w in content(response) if w.stem not in known]
    if len(new) >= least_new:
        return None
    return Finding(
        "copies_question", {"copied": " ".join(asked), "new_words": len(new), "least": least_new}
    )


def broken_off(response: str, *, least: int = TAIL_WORDS) -> Finding | None:
    """Found where running text stops in the middle of a sentence.

    The last line must have come to a sentence's end before and go on for some words without
    another (``least``). Lists, tables, code, verses, signatures and lone phrases may end as they
    like.
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
    if len(tokens) < least or ":" in rest or _VALEDICTION.search(rest):
        return None
    if last[-1].isalnum() and not tokens[-1].islower():
        return None  # a name or a number may be a signature or a value
    return Finding("broken_off", {"tail": rest[-40:], "words": len(tokens), "least": least})


def _place_of(wanted: list[str], tokens: list[str]) -> int | None:
    """Where ``wanted`` stands in ``tokens`` as a run, if it does."""
    for i in range(len(tokens) - len(wanted) + 1):
        if tokens[i : i + len(wanted)] == wanted:
            return i
    return None
