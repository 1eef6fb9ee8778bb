"""What can be wrong with a response beside its instruction: it copies it, or breaks off.

Beside the checks in ``quality``, ``roles`` and ``demands``. Each aims at precision: a false alarm
costs an accepted row.
"""

from __future__ import annotations

import re

from evolsynth.evaluation.text.words import content, plain, vocabulary, words
from evolsynth.findings import Finding

__all__ = ["broken_off", "copies_question", "says_nothing"]

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
#: Words that stand around a question in a form.
_FORM = frozenset(("question", "answer", "instruction", "request", "response", "q", "a"))
_LEADS_ON = vocabulary(
    """a an the and or but because if whether of to with for from into by at as that which who whose
    is are was were be been has have had will would can could should may might must their its your
    my our his this these those very more most than such not also every each between during while
    when where so before after until without through about against"""
)
_LEAST_BARE = 3  # words of an instruction that is all of its response
_STOP_WORDS = _LEADS_ON | vocabulary(
    """i you he she it we they me him us them mine yours hers ours theirs on off up down over out
    in so then there here too just only own same again once do does did doing am being having"""
)
COPIED_WORDS, NEW_WORDS, TAIL_WORDS = 6, 6, 4

_PROSE_END = re.compile(r"[.!?][\"')\]]*\s+\S")
_MARKED = re.compile(r"^\s*(?:[-*•>#|]|\d+[.)]|```)|[=;{}|<>]|https?://|\w@\w")
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
    bare = said == asked or [w for w in said if w not in _FORM] == asked
    keeps, least = (_SAYS_AGAIN, _LEAST_BARE) if bare else (_KEEPS_TEXT, least_copied)
    if len(asked) < least or keeps.search(plain(instruction)):
        return None
    at = 0 if bare else _place_of(asked, said)
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

    Either the last line came to a sentence's end before and goes on for some words without
    another (``least``), or it ends with a word that leads on ("of the") or with a comma. Lists,
    tables, code, verses, signatures and lone phrases may end as they like.
    """
    text = plain(response).strip()
    last = text.rpartition("\n")[2].strip()
    if not last or text.count("```") % 2 or text.endswith("```") or _MARKED.search(last):
        return None
    if not (last[-1].isalnum() or last[-1] in ",;-"):
        return None
    ends = list(_PROSE_END.finditer(last))
    every = last.split()
    if len(every) >= least and (last[-1] in ",;" or every[-1] in _LEADS_ON) and ":" not in last:
        tail = last[-40:]
        return Finding("broken_off", {"tail": tail, "words": len(every), "least": least})
    if not ends:
        return None
    rest = last[ends[-1].end() - 1 :]
    tokens = rest.split()
    if len(tokens) < least or ":" in rest or _VALEDICTION.search(rest):
        return None
    if last[-1].isalnum() and not tokens[-1].islower():
        return None  # a name or a number may be a signature or a value
    return Finding("broken_off", {"tail": rest[-40:], "words": len(tokens), "least": least})


def says_nothing(response: str) -> Finding | None:
    """Found where a response is made of punctuation and stop words alone.

    The third elimination rule of Evol-Instruct (Xu et al. 2023, arXiv:2304.12244, section 3.3).
    "Yes", "no" and single letters, which name options, are answers.
    """
    said = [word.text.casefold() for word in words(response)]
    if any(word not in _STOP_WORDS or len(word) == 1 for word in said):
        return None
    return Finding("says_nothing", {"words": len(said)}) if response.isascii() else None


def _place_of(wanted: list[str], tokens: list[str]) -> int | None:
    """Where ``wanted`` stands in ``tokens`` as a run, if it does."""
    for i in range(len(tokens) - len(wanted) + 1):
        if tokens[i : i + len(wanted)] == wanted:
            return i
    return None
