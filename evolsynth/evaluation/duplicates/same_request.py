"""Whether two alike texts ask for the same: the same facts, roles and things.

A high cosine alone is not enough: "the 5 largest rivers" and "the 7 largest rivers", or a request
and its negation, lie closer together than most paraphrases. "Translate it from French into German"
and "from German into French" have every word in common. No measure of similarity tells such texts
apart, so what keeps them apart is looked for: a number, a name, a quotation, code, a negation, two
opposites (`same_facts`); beside that, signs, swapped roles, and a sentence more (`same_request`).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.fuzz import ratio

from evolsynth.evaluation.text import facts
from evolsynth.evaluation.text.numbers import numbers
from evolsynth.evaluation.text.words import (
    NEGATORS,
    UNSPACED,
    clauses,
    content,
    occurs,
    plain,
    stems_of,
    vocabulary,
    word_lists,
    words,
)

__all__ = [
    "Worded",
    "about_another",
    "asked_of",
    "asks_more",
    "digest",
    "has_code",
    "in_words_only",
    "normalise",
]
__all__ += ["only_difference", "same_facts", "same_references", "same_request", "same_words"]
__all__ += ["sums_of", "swapped_roles"]

#: Words before a noun that say nothing about its part in the sentence.
_ARTICLES = vocabulary("a an the this that these those my your his her its our their some any")
#: What joins two equals: their order means nothing.
_EQUALS = vocabulary("and or nor versus vs with & /")
_POLITE = vocabulary(
    "thank thanks advanc appreciat welcom hello hi hey dear sir madam greet regard"
)
#: The part of a text's words that another may lack and still say all that it says.
_ELSE = 0.1
_SIGN = re.compile(r"(?<=[A-Za-z])(?:\+\+|#)|(?<=[\w)])\s*[+*/^<>=%×÷]\s*(?=[\w(])")
_EDGES = ".!?…,;:\"'`*"
_LAST = re.compile(rf"(?<![\s{re.escape(_EDGES)}])[\s{re.escape(_EDGES)}]*[{re.escape(_EDGES)}]\Z")
#: In code quotation marks and semicolons are its own.
_LAST_OF_CODE = re.compile(r"(?<![\s.!?…,:])[\s.!?…,:]*[.!?…,:]\Z")
_FIRST = re.compile(rf"\A[{re.escape(_EDGES)}]+(?=[^\W\d])")
#: What a factorial, a derivative or A* ends in: a bracket, or a word of one letter or of digits.
_IN_FORMULA = re.compile(r"(?:[)\]]|(?<!\w)(?:\d+|[^\W\d_]))\Z")
#: A mark by itself behind one of these is what the text is about; else it ends a sentence, as in
#: French.
_NAMES_SIGN = re.compile(
    r"\b(?:operators?|signs?|symbols?|marks?|characters?|tokens?|wildcards?|quantifiers?|mean|means|is|"
    r"prefix|suffix|and|or)\Z",
    re.I,
)
_SENTENCE_MARKS = ("?", "!", ".", "…", "...", ":", ";", ",", "?!", '"', "'")
#: Marks that are not seen: zero width, direction of writing, variants of emoji, soft hyphens.
_UNSEEN = dict.fromkeys(
    (0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065),
     *range(0x2066, 0x206A), 0xFE0E, 0xFE0F, 0xFEFF)
)  # fmt: skip
_BEGINS = re.compile(r"\A[A-Z][a-z]*(?=\s)")
_POWER = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+")
_MAY_BE_CODE = re.compile(r"[`$(){}\[\]=<>\\|&;]|\n[ \t]|::|\w_\w|\s--?[A-Za-z]")
#: Text that is code, or has some in it: where case, indentation and signs count.
_CODE = re.compile(
    r"`[^`\n]{1,200}`|\$[A-Za-z_]\w*|\w\((?!s\))[^)\n]{0,99}\)|\w\[[^\]\n]{1,99}\]|[{}]"
    r"|\w\s{1,9}=\s{1,9}\S|\w=\w|\w\s{0,9}(?:[=!<>:+*/-]=|->|=>|&&|\|\|)|;[ \t]{0,9}(?:\n|\Z)"
    r"|\n[ \t]{1,40}\S[^\n]{0,99}[:;(){}=]|:\n[ \t]{1,40}\S"
    r"|</?[a-z]\w*[ />]|\\\w|::|\b\w+_\w+\b"
    r"|(?<=\s)--?[A-Za-z][\w-]{0,30}(?![\w-])"  # a flag of a command: "ls -A"
)
#: Pieces of such a text that two must have in common: what is assigned or compared, words with a
#: sign that prose has not, and flags.
_PIECE = re.compile(
    r"[\w.]{1,40}\s{0,4}(?:[-+*/%:!<>]?={1,3}|[<>])\s{0,4}[\w.\"']{1,40}|\n {1,40}\S{1,40}"
    r"|\S{0,40}[^\w\s.,;:!?'\"-]\S{0,40}|(?<=\s)--?[A-Za-z][\w-]{0,30}(?![\w-])"
)
_FACTORIAL = re.compile(r"(?:\d|\)|(?<!\w)[^\W\d_])[!*](?!\w)")
_ALONE = re.compile(r"(?<!\S)[^\w\s]+(?!\S)")
_NO_SIGN = vocabulary("- – — * • · … . , : ; | > # ``` ~ --")
_REVERSING = ("un", "in", "im", "ir", "dis", "non", "de")


def _opposites(section: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one, other in map(str.split, word_lists(__file__, "opposites.txt")[section]):
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return found


_COMMON, _MORE = _opposites("common"), _opposites("more")


def normalise(text: str) -> str:
    """The form in which exact duplicates are equal.

    NFKC (a power is "^2" before), straight quotes, no marks that are not seen, casefolded, runs of
    white space as one space, no punctuation that belongs to a sentence at the edges: "5!" keeps its
    mark, "the operator ??" too, and a text of nothing but punctuation stays as it is. Of a text
    with code (`has_code`) case, lines and indentation stay. Idempotent.
    """
    flat = text
    if not text.isascii():  # most are, and NFKC leaves them alone
        flat = _POWER.sub(_power, text.translate(_UNSEEN))
        flat = unicodedata.normalize("NFKC", plain(unicodedata.normalize("NFKC", flat)))
    if has_code(flat):
        lines = ((line, line.expandtabs(4)) for line in flat.splitlines() if line.strip())
        said = (" " * (len(w) - len(w.lstrip())) + " ".join(line.split()) for line, w in lines)
        kept = _BEGINS.sub(
            lambda m: m.group().lower(), _trimmed("\n".join(said).strip(), _LAST_OF_CODE)
        )
        if has_code(kept):
            return kept
        flat = kept
    small = flat.lower() if flat.isascii() else unicodedata.normalize("NFKC", flat.casefold())
    return _trimmed(" ".join(small.split()))


def has_code(text: str) -> bool:
    """Whether a text is code, or has some in it, as its signs tell."""
    return _MAY_BE_CODE.search(text) is not None and _CODE.search(text) is not None


def _power(match: re.Match[str]) -> str:
    return "^" + unicodedata.normalize("NFKC", match.group()).replace("\u2212", "-")


def _trimmed(flat: str, marks: re.Pattern[str] = _LAST) -> str:
    """A text without the marks of sentences at its edges."""
    while flat:
        head = _without_end(_FIRST.sub("", flat) if marks is _LAST else flat, marks)
        if head == flat or not head:
            return flat
        flat = head
    return flat


def _without_end(flat: str, marks: re.Pattern[str]) -> str:
    last = marks.search(flat[-_EDGE:])
    if last is None:
        return flat
    run = last.group()
    head = flat[: len(flat) - len(run)]
    if run[0].isspace():
        mark = run.strip()
        kept = mark not in _SENTENCE_MARKS or _NAMES_SIGN.search(head[-_EDGE:]) is not None
        return flat if kept else head
    if run[0] in "!'*\"" and _IN_FORMULA.search(head[-_EDGE:]):
        paired = run[0] in "'*\"" and flat.count(run[0]) % 2 == 0
        if not paired:
            return head + run[0] * (len(run) - len(run.lstrip(run[0])))
    return head


_EDGE = 40  # characters that are looked at on either end


def asked_of(text: str, about: str) -> str:
    """An instruction and its input as one text: what exact duplicates are equal in."""
    return f"{text}\n\n{about}" if about else text


def digest(text: str, size: int) -> bytes:
    """So many bytes that tell texts apart, the same for all that `normalise` makes equal."""
    flat = normalise(text).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(flat, digest_size=size).digest()


class Worded(NamedTuple):
    """Different words, and those of them that have a reverse, each with it: an opposite, or the
    word without a prefix that denies it."""

    words: Collection[str]
    against: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, words: Collection[str], *, more: bool = False) -> Worded:
        """These words; ``more``: with the reverses of the other list."""
        return cls(words, tuple(pair for word in words for pair in _reverses(word, more)))


@lru_cache(maxsize=65536)
def _reverses(word: str, more: bool) -> tuple[tuple[str, str], ...]:
    opposites, prefixes = (_MORE, ("il",)) if more else (_COMMON, _REVERSING)
    bare = (word.removeprefix(prefix) for prefix in prefixes if word.startswith(prefix))
    return tuple((word, one) for one in (*opposites.get(word, ()), *bare) if one)


def _opposed(one: Worded, other: Worded) -> bool:
    """Whether one text has a word where the other has its reverse ("formal", "informal")."""
    return any(
        reverse in there.words and word not in there.words and reverse not in here.words
        for here, there in ((one, other), (other, one))
        for word, reverse in here.against
    )


class _Facts(NamedTuple):
    """What two texts must agree in to be duplicates, worked out once for each."""

    exact: tuple[str, ...]  # quotations and code, normalised
    names: tuple[str, ...]  # stems of the words of names
    flat: str
    stems: frozenset[str]
    words: Worded
    more: Worded  # the same words, with the reverses that count for `same_request` alone
    signs: tuple[tuple[str, ...], ...]  # of sums, by themselves, and pieces of code


@lru_cache(maxsize=4096)
def sums_of(text: str) -> tuple[frozenset[tuple[object, int]], bool]:
    """The numbers of a text, with how often each stands there, and whether it denies anything."""
    values = Counter(n.values[0] for n in numbers(text))
    return frozenset(values.items()), any(word.stem in NEGATORS for word in words(text))


@lru_cache(maxsize=4096)
def _facts_of(text: str) -> _Facts:
    said = frozenset(w.text.casefold() for w in words(text))
    return _Facts(
        exact=tuple(normalise(p.text) for p in (*facts.quotations(text), *facts.code(text))),
        names=tuple(w.stem for name in facts.names(text) for w in content(name.text)),
        flat=normalise(text),
        stems=stems_of(text),
        words=Worded.of(said),
        more=Worded.of(said, more=True),
        signs=_signs(text),
    )


def same_facts(one: str, other: str) -> bool:
    """Whether two texts agree in numbers, names, quotations, code, signs, negation and opposites.

    A name counts as absent only if its words are nowhere in the other text, in any case or with
    another ending.
    """
    return sums_of(one) == sums_of(other) and same_references(one, other)


def same_references(one: str, other: str) -> bool:
    """Whether two texts agree in all that `same_facts` asks for, but numbers and negation."""
    here, there = _facts_of(one), _facts_of(other)
    if here.signs != there.signs or _another_sign(here.flat, there.flat):
        return False
    for a, b in ((here, there), (there, here)):
        if any(text not in b.flat for text in a.exact):
            return False
        if any(not occurs(stem, b.stems) for stem in a.names):
            return False
    return not _opposed(here.words, there.words)


def in_words_only(text: str) -> Worded | None:
    """The words of a text that has no fact but its words: no number, no negation, no name, no
    quotation, code or sign, and no script without spaces. None for any other."""
    if sums_of(text) != _NO_SUMS:
        return None
    prose = _PROSE.fullmatch(text) is not None
    if not prose and (
        facts.quotations(text) or facts.code(text) or any(_signs(text)) or _SENSE.search(text)
    ):
        return None
    if any(content(name.text) for name in facts.names(text)):
        return None
    said = _LETTERS.findall(text.lower()) if prose else (word.lower for word in words(text))
    return Worded.of(tuple(dict.fromkeys(said)))


_NO_SUMS: tuple[frozenset[tuple[object, int]], bool] = (frozenset(), False)
#: Words of letters with a space or a comma and a space between two: most texts are that, and it
#: holds no quotation, code or sign.
_PROSE = re.compile(r"(?:[A-Za-z]+,? )*+[A-Za-z]+[.?]?")
_LETTERS = re.compile("[a-z]+")


def same_words(one: Worded, other: Worded) -> bool:
    """What `same_facts` says of two texts that have no other facts."""
    return not _opposed(one, other)


#: Letters that are a word or most of one: of scripts without spaces all but the kana.
_SENSE = re.compile(rf"(?![\u3040-\u30ff])[{UNSPACED}]")
_SHORT, _WORDS = 40, 4  # characters of a text, and of what stands in another's place


def _another_sign(one: str, other: str) -> bool:
    """Whether short texts without spaces between words are the same but for one word: 春天的诗 and
    秋天的诗 have nearly all their characters in common."""
    if max(len(one), len(other)) > _SHORT or not (_SENSE.search(one) and _SENSE.search(other)):
        return False
    most = min(len(one), len(other))
    head = next((k for k in range(most) if one[k] != other[k]), most)
    tail = next((k for k in range(most - head) if one[-1 - k] != other[-1 - k]), most - head)
    apart = one[head : len(one) - tail], other[head : len(other) - tail]
    return all(0 < len(part) <= _WORDS and _SENSE.search(part) is not None for part in apart)


@lru_cache(maxsize=8192)
def same_request(one: str, other: str) -> bool:
    """Whether nothing in two alike texts says that they ask for different things.

    The same names, quotations, code and signs (`same_references`), no two words that are each
    other's opposite, none that have changed places, no sentence that asks for more, and of two
    questions the same question word and no qualifier that only one has.
    Numbers and negation are not looked at: only texts with one `fact_key` are compared at all.
    """
    return (
        same_references(one, other)
        and not _opposed(_facts_of(one).more, _facts_of(other).more)
        and not swapped_roles(one, other)
        and not asks_more(one, other)
        and not asks_more(other, one)
        and not _other_question(one, other)
    )


def _other_question(one: str, other: str) -> bool:
    if "?" not in one or "?" not in other:
        return False
    from evolsynth.evaluation.duplicates.questions import adds_to, asks_otherwise

    return asks_otherwise(one, other) or adds_to(one, other)


def _signs(text: str) -> tuple[tuple[str, ...], ...]:
    """Signs that change what a word or a sum is ("C#" and "C++", "2 + 3" and "2 * 3"), those that
    stand by themselves ("what does ? mean"), and the pieces of code with their case and place."""
    flat = normalise(text)
    inside = tuple(sorted(match.group().strip() for match in _SIGN.finditer(flat)))
    inside += tuple(sorted(_FACTORIAL.findall(flat)))
    alone = tuple(sorted(s for s in _ALONE.findall(flat) if s not in _NO_SIGN))
    return inside, alone, tuple(_PIECE.findall(flat)) if has_code(flat) else ()


def swapped_roles(one: str, other: str) -> bool:
    """Whether two words stand each where the other stands in the other text.

    A word's place is the word before it in the clause, articles left out: "from French into
    German" and "from German into French". A phrase or sentence that moved as a whole keeps its
    places, and so do two names that "and" joins.
    """
    mine, theirs = _places(one), _places(other)
    moved = {
        (places[0], theirs[word][0])
        for word, places in mine.items()
        if len(places) == 1 and len(theirs.get(word, ())) == 1 and places != theirs[word]
    }
    return any(
        (after, before) in moved
        for before, after in moved
        if before not in _EQUALS and after not in _EQUALS
    )


@lru_cache(maxsize=8192)
def _places(text: str) -> dict[str, tuple[str, ...]]:
    """For the stem of each word of content, what stands before it wherever it occurs."""
    found: dict[str, list[str]] = {}
    for start, end in clauses(text):
        part = text[start:end]
        meant = {word.start for word in content(part)}
        before = ""
        for word in words(part):
            lower = word.text.casefold()
            if word.start in meant:
                found.setdefault(word.stem, []).append(before)
            if lower not in _ARTICLES:
                before = lower
    return {stem: tuple(places) for stem, places in found.items()}


def asks_more(one: str, other: str) -> bool:
    """Whether ``one`` says all that ``other`` does, and has a sentence of its own beside it.

    "Define this word." and "Define this word. Word: scarce", a request and its evolution. Thanks
    and greetings ask for nothing.
    """
    mine, theirs = ({w.stem for w in content(text)} for text in (one, other))
    parts = clauses(one)
    if len(parts) <= len(clauses(other)) or len(theirs - mine) > _ELSE * len(theirs):
        return False
    sentences = ({w.stem for w in content(one[start:end])} - _POLITE for start, end in parts)
    return any(own and 2 * len(own - theirs) >= len(own) for own in sentences)


def only_difference(one: str, other: str) -> tuple[str, str] | None:
    """The one word of content that each text has alone, where all else is the same, in order.

    "care for a cactus" and "care for an orchid" give ("cactus", "orchid").
    """
    a, b = ([w for w in words(t) if w.text.casefold() not in _ARTICLES] for t in (one, other))
    if len(a) != len(b):
        return None
    apart = [(x, y) for x, y in zip(a, b, strict=True) if x.stem != y.stem]
    if len(apart) != 1:
        return None
    x, y = apart[0]
    meant = x in content(one) and y in content(other)
    return (x.text, y.text) if meant else None


#: How alike two spellings of one word are at least ("colour", "color"; "marathon", "maraton").
_SPELT = 80.0


def about_another(one: str, other: str) -> bool:
    """Whether two questions differ in one word of content, and it is no other spelling: of a short
    question most words may be those of another, "a marathon" and "a triathlon".

    By words alone they are told apart; whether the two words mean the same, vectors decide.
    """
    if "?" not in one or "?" not in other:
        return False
    apart = only_difference(one, other)
    return apart is not None and ratio(*(word.casefold() for word in apart)) < _SPELT
