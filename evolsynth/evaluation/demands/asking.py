"""Where in an instruction its writer asks: not in what is given, quoted, told, or only possible.

"Correct the sentence: Use at most 10 words." asks for no length, nor does a story about a rule,
nor "If it is long, answer in one sentence". Rules for English; the words are in ``asking.txt``.
Where it cannot be told, nothing is asked: a demand that is overlooked costs less than one that
nobody made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from evolsynth.evaluation.text.numbers import COUNTS
from evolsynth.evaluation.text.verbs import SPELLINGS, VERBS
from evolsynth.evaluation.text.words import word_lists

__all__ = ["Sentence", "asked_sentences", "is_asked", "lowered"]

_LISTS = word_lists(__file__, "asking.txt")


def _any(section: str) -> str:
    return "(?:" + "|".join(line.replace(" ", r"\s+") for line in _LISTS[section]) + ")"


class Sentence(NamedTuple):
    """A sentence that may ask, in lower case, and its place in the text. ``quoted`` are the places
    in it, from and up to, that are code or stand between quotation marks. Up to ``stop`` it asks;
    behind may be what is given."""

    text: str
    start: int
    quoted: tuple[tuple[int, int], ...]
    stop: int

    @property
    def end(self) -> int:
        """Where it ends in the text."""
        return self.start + len(self.text)

    @property
    def unquoted(self) -> str:
        """The text with blanks for what is quoted."""
        return _unquoted(self.text, self.quoted)

    def cut(self) -> Sentence:
        """The part of it that asks."""
        return self._replace(text=self.text[: self.stop])

    def joined(self, other: Sentence) -> Sentence:
        """Two that follow each other, as one."""
        moved = tuple((a + len(self.text), b + len(self.text)) for a, b in other.quoted)
        return self._replace(text=self.text + other.text, quoted=self.quoted + moved)


@lru_cache(maxsize=16)
def _unquoted(text: str, quoted: tuple[tuple[int, int], ...]) -> str:
    """A text with blanks for its quotations, which are all within it."""
    parts, last = [], 0
    for start, end in quoted:
        start, end = max(start, last), min(end, len(text))
        parts += [text[last:start], "_" * (end - start)]
        last = max(end, last)
    return "".join((*parts, text[last:]))


def lowered(text: str) -> str:
    """The text in lower case, each letter at its place."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


# What is given ------------------------------------------------------------------------------------

_QUOTED = re.compile(
    r"```.{0,20000}?(?:```|\Z)|\"\"\".{0,20000}?\"\"\"|\"(?:[^\"\n]|\n(?!\s*\n)){1,900}\""
    r"|(?<![\w'])'(?:[^'\n]|'(?=\w)){1,400}'(?!\w)|`[^`\n]{1,300}`",
    re.S,
)
#: A line that begins with a small letter, or with a number that counts something, goes on.
_BORDER = re.compile(r"[.!?]+[)\]*\"']*\s+|\n[ \t]*\n\s*|\n(?![ \t]*(?:[a-z]|\d+ [a-z]))\s*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|mr|mrs|ms|dr|prof|st|no|fig|max|min|[a-z])"
    r"|(?:\A|\n)[ \t]*\d{1,2})\.$",
    re.I,
)
_MARK = re.compile(r"\s*(?:(?:[-*•#>]+|\(?(?:\d{1,2}|[a-z])[.)])\s+|\*\*)+")
_LABEL = re.compile(r"[\s*#>-]*(?P<label>[a-z][\w'/-]*(?: [\w'/-]+){0,3})(?: #?\d{1,2})?\**\s*:")
_ASKING_LABEL = re.compile(rf"(?:[\w-]+ ){{0,2}}{_any('asking labels')}\Z")
_DATA_LABEL = re.compile(rf"(?:[\w-]+ ){{0,2}}{_any('data labels')}\Z")
_DATA_LABEL_FIRST = re.compile(
    rf"[\s*#>-]{{0,8}}(?:[\w-]{{1,30}} ){{0,2}}"
    rf"(?:{_any('data labels')}|request|prompt|instruction)\*{{0,3}}\s{{0,3}}:"
)
#: "the following text", "this review": what is given comes behind.
_GIVEN = re.compile(
    r"\b(?:the|this|these|those|that|my|our|following|given|below)\b"
    rf"(?:\s+[\w'-]+){{0,3}}?\s+{_any('given')}\b"
)
_AHEAD = re.compile(r"\b(?:following|below)\b")
_HERE = re.compile(
    rf"\b(?:below|here)\s+(?:is|are)\b(?:\s+[\w'-]+){{0,4}}?\s+{_any('given')}\b(?!:)[^:]{{0,80}}\Z"
)
_OWN_ANSWER = re.compile(r"\byour\s+(?:\w+\s+)?(?:answer|response|reply)\b")
_ONE_INSTRUCTION = re.compile(
    r"\b(?:this|that|the|following)\s+(?:\w+\s+){0,2}(?:instruction|request|prompt|task|rule|command)\s*\Z"
)
_RULES = re.compile(rf"\b{_any('asking labels')}\b[^:]{{0,40}}\Z")
_LEADING = rf"[\W_]*(?:{_any('leading')}\b[\W_]*)*"
_WORKS_ON = re.compile(rf"{_LEADING}(?:(?:can|could|would|will)\s+you\s+)?{_any('works on')}\b")
_RESUMES = re.compile(rf"[\s*]*{_any('resuming')}\b")
_RESUMED = 400  # characters that such a line has at most


def asked_sentences(text: str) -> Iterator[Sentence]:
    """The sentences of a text with plain quotation marks that are not given as data.

    A line behind "the following text", behind a colon that leads on to it, or behind a label such
    as "Text:" is given, and so are those that follow, until one begins as demands do.
    """
    flat = lowered(text)
    marked = '"' in flat or "'" in flat or "`" in flat
    quoted = [one.span() for one in _QUOTED.finditer(flat)] if marked else []
    given = sure = False
    ahead = ""  # what a line before says of the next: "surely" given, or "perhaps"
    first = 0
    for start, end, opens in _pieces(text, quoted):
        piece = flat[start:end]
        if opens == "paragraph" or (opens and not (given and sure)):
            sure = ahead == "surely"
            given, ahead = _goes_on(piece, given, ahead), ""
        elif _DATA_LABEL_FIRST.match(piece) and start:
            given = True
        if given:
            continue
        while first < len(quoted) and quoted[first][1] <= start:
            first += 1
        held = []
        for place in range(first, len(quoted)):
            if quoted[place][0] >= end:
                break
            held.append((quoted[place][0] - start, quoted[place][1] - start))
        stop, told = _leads_to_given(piece, held)
        ahead = "" if _MARK.match(piece) else told or ahead  # a point of a list leads to the next
        given = bool(piece[stop:].strip(" :\n"))
        if opens and _labelled(piece):
            stop = 0
        yield Sentence(piece, start, tuple(held), stop)


def _pieces(text: str, quoted: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, str]]:
    """From, up to, and what it begins: "line", "paragraph" or "". No border is inside quotation
    marks."""
    start, place, opens = 0, 0, "paragraph"
    for border in _BORDER.finditer(text):
        first, last = border.span()
        while place < len(quoted) and quoted[place][1] <= first:
            place += 1
        if (
            place < len(quoted)
            and quoted[place][0] < first
            and (last <= quoted[place][1] or not text[last : last + 1].isupper())
        ):
            continue  # within quotation marks, or behind them in the same sentence
        lines = border.group().count("\n")
        if not lines and _ABBREVIATION.search(text[max(start, first - 8) : first + 1]):
            continue
        yield start, last, opens
        start, opens = last, ("", "line", "paragraph")[min(lines, 2)]
    if start < len(text):
        yield start, len(text), opens


def _goes_on(line: str, given: bool, ahead: str) -> bool:
    """Whether a line is given, too."""
    if ahead == "surely":
        return True
    label = _LABEL.match(line)
    if label and _ASKING_LABEL.match(label["label"]):
        return label["label"] in ("request", "prompt") and (given or bool(ahead))
    if label and _DATA_LABEL.match(label["label"]):
        return True
    if not given and not ahead:
        return False
    return len(line) > _RESUMED or _RESUMES.match(line) is None


def _labelled(line: str) -> bool:
    """Whether a line says what something is: "Topic: bees"."""
    label = _LABEL.match(line)
    if label is None or _ASKING_LABEL.match(label["label"]):
        return False
    words = label["label"].split()
    return len(words) <= 2 and not (_is_verb(words[0]) or words[0] in ("be", "with", "vary"))


def _leads_to_given(text: str, quoted: Sequence[tuple[int, int]]) -> tuple[int, str]:
    """Where in a sentence that asks something given begins, and what is to be expected behind."""
    works = _WORKS_ON.match(text) is not None
    colon = text.find(":")
    while colon >= 0:
        head = text[:colon]
        if (
            not any(a < colon < b for a, b in quoted)
            and text[colon + 1 :].lstrip()[:1] not in ("'", '"')
            and _announces(head, works)
        ):
            return colon + 1, "" if text[colon + 1 :].strip() else "surely"
        colon = text.find(":", colon + 1)
        if colon > 400:
            break
    if _HERE.search(text):
        return len(text), "surely"
    if _RULES.search(text.rstrip(" :\n")) or any(b - a > 60 for a, b in quoted):
        return len(text), ""  # or it is here, quoted
    if _AHEAD.search(text):
        return len(text), "surely"
    return len(text), "perhaps" if _GIVEN.search(text) else ""


def _announces(head: str, works: bool) -> bool:
    """Whether what stands before a colon leads on to something given."""
    if works:
        return _OWN_ANSWER.search(head) is None
    if _RULES.search(head) and not _ONE_INSTRUCTION.search(head):
        return False
    found = [one.end() for one in _GIVEN.finditer(head)]
    return bool(found) and (_AHEAD.search(head) is not None or not head[found[-1] :].strip())


# What is asked ------------------------------------------------------------------------------------

_NEAR = 300  # characters before or behind a demand that are looked at
_LEADS = re.compile(rf"\A{_LEADING}")
_VERBS = (
    VERBS
    | frozenset(_LISTS["verbs"])
    | set(SPELLINGS)
    | {v[:-3] + "ise" for v in VERBS if v.endswith("ize")}
)


def _is_verb(word: str) -> bool:
    return word in _VERBS


_OPENS = re.compile(
    r"(?:\A|[,;:(\[.!?*]|\s-+|\b(?:and|but|please|also|then|so|or|to|you|must|should|will|shall|that|only"
    r"|always|you're|i'd like|kindly|just|finally|additionally|simply|otherwise|while))[\s*]*\Z"
)
_REQUEST = re.compile(
    rf"{_LEADING}(?:(?:do\s+not|don't|never|avoid|without|let's|let|make|be|keep|ensure)\b"
    r"|(?:can|could|would|will)\s+(?:you|u|i\s+(?:get|have))\b(?!\s+(?:rather|say|prefer|ever|agree|call)\b)"
    r"|i\s+(?:\w+\s+)?(?:need|want|wish|expect)\b|i(?:'d|\s+would)\s+(?:\w+\s+)?(?:like|love|prefer)\b|you(?:'ll)?\s+(?:must|should|need|are|will|have|can)\b"
    r"|(?:your|my|our)\s+(?:task|job|goal|challenge)\b|what\s+i\s+(?:need|want)\b|(?:help|need)\b"
    rf"|your\s+(?:[\w'-]+\s+){{0,3}}?{_any('answers')}\b"
    rf"|an?\s+(?:[\w-]+\s+){{0,2}}?{_any('answers')}\s+(?:about|on|of|for|in|with|that)\b"
    r"|(?:the\s+)?(?:words?|letters?)\s+(?:[\w'-]+\s+){0,5}?(?:should|must)\b"
    r"|(?:the|your|this|all|everything)\s+(?:[\w'-]+\s+){0,3}?"
    r"(?:should|must|has\s+to|have\s+to|needs?\s+to|may|can)\b"
    r"|(?:it|there)\s+(?:must|should|has|needs|may|can|is\s+important)\b|(?:the\s+)?same\b|again\b|tl;?dr\b"
    rf"|in\s+(?:your|the|this)\s+(?:\w+\s+)?{_any('answers')}\b"
    r"|(?:in|with|using|as|within|at\s+(?:most|least)|no\s+more)\b[^,]{0,80},\s*(?:please\s+)?\Z"
    r"|(?P<word>[a-z][a-z-]*)\b)"
)
_QUESTION = re.compile(
    rf"{_LEADING}(?:what|who|why|how|which|where|when|whose|whom|is|are|was|were|do|does|did|has|have)(?:'s|'re)?\b"
)
_BARS = re.compile(rf"\b{_any('bars')}(?!\w)|\b{_any('bars in a clause')}(?!\w)[^,;:]*\Z")
_BARS_FIRST = re.compile(rf"{_LEADING}{_any('bars at the beginning')}(?!\w)")
_NOT_BEFORE = re.compile(rf"(?:\b|(?<=\w)(?=n't)){_any('not before')}[\s\"'*(~]*\Z|~\s*\Z")
#: "a title of", "the introduction should be": a demand behind is one of that part.
_PART = re.compile(
    rf"\b{_any('parts')}(?:\s+(?:of|with|that\s+(?:is|are|has|have)|which\s+(?:is|are)|in|using|to|each|are|is"
    r"|(?:should|must|can|may|has\s+to|have\s+to|needs?\s+to)(?:\s+\w+)?))?[\s\"'*]*\Z"
)
_NOT_BEHIND = re.compile(rf"['\")\]*,]*\s+{_any('not behind')}(?!\w)|\s?-?ish\b|\s*/")
_ADDS = re.compile(
    rf"\A\W*{_any('adding')}\b|\w\s*,?\s+and\s+(?:then\s+|also\s+|\w+ly\s+)?"
    r"(?:explain|say|tell\s+me|justify|describe)\b[^,;]*\Z"
)
_TAKEN_BACK = re.compile(
    r"\b(?:not|never|without|avoid|instead\s+of|rather\s+than|no\s+need|(?:don|doesn|needn|shouldn)'t)\b(?:(?!\b(?:and|but)\s+(?:it|that|the|your|this|please|use|keep|write|must|should|has|needs?|have|be|end|start|contain|answer)\b)[^,;:.]){0,80}\Z"
)
_ALSO = re.compile(
    r"(?:[,;:(]\s*(?:and\s+|but\s+)?|\b(?:and|but)\s+)(?:the|your|this|it)\b(?:\s+[\w'-]+){0,3}?"
    r"\s+(?:should|must|has\s+to|have\s+to|needs?\s+to)(?:\s+\w+)?\s*\Z"
)
_ABOUT_WRITING = re.compile(rf"\b{_any('questions about')}\W*\Z")
_PHRASE = re.compile(r"(?:in|with|using|as|within|at\s+(?:most|least)|no\s+more)\b")
#: "it must not exceed", "your poem should": a subject, and what is demanded of it.
_SUBJECT = re.compile(rf"{_LEADING}(?:it|(?:the|your|this)(?:\s+[\w'-]+){{1,4}})\s*")
_MUST = re.compile(
    r"(?:must|should|has\s+to|have\s+to|needs?\s+to|may\s+not|cannot|can't|is\s+to)\b"
)
#: A verb that tells as well as it demands: "essays have at least", "should have at least".
_VERB_FIRST = re.compile(r"(?:have|contain|use|include|be|consist|feature|mention)\b")
_BEFORE_VERB = re.compile(
    r"(?:[,;:(*]|\b(?:must|should|to|and|or|but|shall|will|can|may|please|not|also|only|you|then|so))\s*\Z"
)
_LIMIT_FIRST = re.compile(
    r"(?:no\s+(?:more|less|fewer|longer)|not\s+more|at\s+(?:most|least)|max|min|under|below|less|fewer|between"
    r"|exactly|up\s+to|only|a\s+(?:maximum|minimum)|no\b)"
)
_FRAGMENT_END = re.compile(r"\s*(?:[.,;:!?)]|\Z|(?:and|but|please|with|in|using)\b)")
_DENIES = re.compile(r"(?:do\s+not|don't|must\s+not|never|avoid|without|with\s+no|should\s+not)\b")
_INTRODUCES = re.compile(rf"{_LEADING}{_any('introducing')}\b")
_IN = re.compile(r"(?:in|within)\b")
_COUNTS = re.compile(rf"\d|\b(?:{'|'.join(COUNTS)}|single|word)\b")
#: "tweets had to be", "the word that is written": told of something there is, save of an answer.
_TOLD = re.compile(
    r"\b(?:had\s+to\s+be|been|was|were|(?:that|which|who)\s+(?:is|are))"
    r"(?:\s+(?:written|given|printed|only|always|often))?\W*\Z"
)
_MADE = re.compile(
    rf"\b(?:sure|ensure|check)\b|\A{_LEADING}(?:(?:can|could|would|will)\s+you\s+(?:please\s+)?)?(?:write|create|compose|generate|draft|make|give|produce|tell)\b"
    rf"|\b(?:your|the)\s+(?:\w+\s+)?{_any('answers')}\s+(?:is|are)\W*\Z"
)
_TURNS = re.compile(
    r"(?:,|\bso)\s*(?:(?:please|also|then|so|and|but|\w+ly|you\s+(?:should|must))\s+)*(?P<word>[a-z]+)\b"
)


def is_asked(
    sentence: Sentence, start: int, end: int, *, opens: bool, counts: bool = False
) -> bool:
    """Whether what stands at a place of a sentence is asked of the answer.

    Args:
        opens: it begins a sentence or a part of one; else it stands within a request.
        counts: it is a length, which may be that of something added to the answer.
    """
    if any(a < start < b for a, b in sentence.quoted):
        return False
    text = sentence.unquoted
    head = text[:start]
    if mark := _MARK.match(head):
        head = head[mark.end() :]
    label = _LABEL.match(head)
    labelled = label is not None and _ASKING_LABEL.match(label["label"]) is not None
    if label is not None and labelled:
        head = f"write {head[label.end() :]}" if head[label.end() :].strip() else ""
    near = head[-_NEAR:]
    if _BARS.search(near) or _BARS_FIRST.match(head) or _NOT_BEHIND.match(text, end):
        return False
    if opens:
        so = not _bare(head) or near.rstrip().endswith(" so") or _requests(head)
        return so and _OPENS.search(near) is not None
    if _NOT_BEFORE.search(near) or _PART.search(near) or (counts and _ADDS.search(near)):
        return False
    if _TAKEN_BACK.search(near) and not _DENIES.match(text, start):
        return False
    if _TOLD.search(near) and not _MADE.search(near):
        return False
    said = text[start : start + _NEAR]
    orders = _requests(said) and not _PHRASE.match(said)
    if not _bare(head):
        return orders or labelled or _stands_alone(text[end:]) or _is_fragment(text, start, end)
    if _SUBJECT.fullmatch(head) and _MUST.match(said):
        return True
    if _VERB_FIRST.match(said) and not _BEFORE_VERB.search(head):
        return False
    if _requests(head) or (orders and _INTRODUCES.match(head) and _OPENS.search(near)):
        return True
    if not _QUESTION.match(head) or text[end:].strip(" .?!)\n*"):
        return False
    number = _IN.match(text, start) and _COUNTS.search(text, start, end)
    return bool(number) and not _ABOUT_WRITING.search(near)


def _bare(head: str) -> str:
    """What is left of the words before something, without those that only lead on to it."""
    return _LEADS.sub("", head[:_NEAR], count=1).strip()


def _requests(head: str) -> bool:
    """Whether a sentence that begins so asks for something."""
    found = _REQUEST.match(head)
    if found and (not found["word"] or _is_verb(found["word"])):
        return True
    near = head[-_NEAR:]
    return any(_is_verb(one["word"]) for one in _TURNS.finditer(near)) or bool(_ALSO.search(near))


def _is_fragment(text: str, start: int, end: int) -> bool:
    """Whether a phrase is a demand in short: "No more than 200 words, and no scary parts"."""
    return bool(_LIMIT_FIRST.match(text, start) and _FRAGMENT_END.match(text, end))


def _stands_alone(rest: str) -> bool:
    """Whether a phrase that begins its sentence asks: "In one sentence, what is a tort?"."""
    rest = rest[:_NEAR].strip(" .!?)\n*,:;")
    if not rest or len(rest.split()) <= 3:
        return True
    return _requests(rest) or _QUESTION.match(rest) is not None
