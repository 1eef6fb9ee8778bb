"""Which language a text is in: cheaply, by script and by the commonest words.

Meant for a gate, so it says nothing (None) rather than something wrong: of short texts, of code,
of tables, and of languages in Latin letters that are not in its list.

Of 40 short requests in five languages that the lists were not made on (part b of
``evals/data/short_requests.jsonl``), `is_english` tells 39, and of 10,304 English texts of our
labelled data it takes one for foreign. py3langid tells all 40 and takes one of 400 for foreign, and
a start with it costs 1 s and 130 MB; with lingua it is 3 s and 340 MB.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from evolsynth.evaluation.text.words import plain, vocabularies
from evolsynth.findings import Finding

__all__ = ["LANGUAGES", "SCRIPTS", "by_letters", "is_english", "language", "wrong_language"]
__all__ += ["wrong_request_language"]

#: The commonest words of each language that few others of the list share.
_STOP_WORDS = vocabularies(__file__, "language.txt")
#: First words by which a request too short for common words is known to be English.
_ENGLISH_OPENINGS = _STOP_WORDS.pop("english openings")
#: And by which one is known to be in another language of the list.
_OTHER_OPENINGS = _STOP_WORDS.pop("other openings")
_NAMED = sorted(_STOP_WORDS.pop("named languages"))
_NAMED_INSIDE = sorted(_STOP_WORDS.pop("named languages, without spaces"))
_WHOSE: dict[str, list[str]] = {}
for _name, _words in _STOP_WORDS.items():
    for _word in _words:
        _WHOSE.setdefault(_word, []).append(_name)
#: Scripts by the first word of a character's Unicode name, and the language they are taken for.
_SCRIPTS = {
    "CYRILLIC": "ru", "GREEK": "el", "ARABIC": "ar", "HEBREW": "he", "DEVANAGARI": "hi",
    "THAI": "th", "HANGUL": "ko", "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "zh",
}  # fmt: skip
#: The languages that are told by their letters alone.
SCRIPTS = frozenset(_SCRIPTS.values())
#: What `language` can answer.
LANGUAGES = tuple(sorted({*_STOP_WORDS, *_SCRIPTS.values()}))

#: "l'homme" is "l'" and "homme": a lone l is a variable. "Here's" is one word, as "don't" is.
_WORD = re.compile(r"[^\W\d_]+(?:'(?:s|t|m|d|ll|re|ve)\b|'?)")
_NOT_PROSE = re.compile(r"```.*?(?:```|$)|`[^`\n]*`|https?://\S+", re.S)
_CODE_LINE = re.compile(
    # whether the line ends with a bracket is looked at once, not from each place in it
    r"^(?:(?=.*(\)):?\s*$))?.*(?:[;{}]\s*$| [-+*/]?=+ |(?(1)\w\(.*\):?\s*$|(?!)))|"
    r"^(?:[^\S\n]*\n)?[^\S\n]*(?:@|#include|:\w+|"
    r"(?:def|class|import|from|return|elif|while|for)\b.*:?\s*$).*$",
    re.M,
)
_CODE = re.compile(
    r"\w\((?:(?!\w\()[^)\n])*\)\s*[:;{]|[;{}]\s*$|^[^\S\n]*(?:#include|import \w+\s*$)", re.M
)
#: Empty lines but the first, from each of which `_CODE_LINE` would look at all that follow.
_EMPTY_LINES = re.compile(r"\n[^\S\n]*\n(?:[^\S\n]*\n)+")
_LEAST_WORDS, _LEAST_LETTERS = 12, 12
_LEAST_WITHOUT_KANA = 50  # letters of a text that is then no Japanese
_SURE = 2  # common words of English from which a short request is in it
_LEAST_SHARE = 0.2  # of a text's words that a language's list must hold
_LEAD = 1.5  # how many times as many as the next language's
#: Words by which a request names a language or asks for a translation, in each language: English
#: ones whole, of others what they begin with or hold.
_FOREIGN = re.compile(
    rf"\b(?:{'|'.join(_NAMED)})\w*|{'|'.join(_NAMED_INSIDE)}",
    re.I,
)


@lru_cache(maxsize=4096)
def language(text: str) -> str | None:
    """The language as a code of ISO 639-1 (``LANGUAGES``), or None where it cannot be told.

    Code and links are left out. Scripts are told from a dozen letters on, languages in Latin
    letters from a dozen words.
    """
    prose = _prose(plain(text))
    if _may_be_code(prose) and _CODE.search(prose):  # code outside of a fence
        prose = _CODE_LINE.sub(" ", _EMPTY_LINES.sub("\n\n", prose))
    if prose.isascii():
        return _latin(prose) if sum(map(str.isalpha, prose)) >= _LEAST_LETTERS else None
    scripts = Counter(_script(c) for c in prose if c.isalpha())
    letters = scripts.total()
    if letters < _LEAST_LETTERS:
        return None
    kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
    if kana and kana + scripts["CJK"] > letters / 2:
        return "ja"
    script, count = scripts.most_common(1)[0]
    if count <= letters / 2:
        return None
    return _latin(prose) if script == "LATIN" else _SCRIPTS.get(script)


@lru_cache(maxsize=4096)
def by_letters(text: str) -> str | None:
    """The language that most letters of a text, however short, are of; None for Latin ones."""
    scripts = Counter(_script(c) for c in text if c.isalpha())
    if not scripts:
        return None
    script, count = scripts.most_common(1)[0]
    return _SCRIPTS.get(script, "") if script != "LATIN" and 2 * count > scripts["LATIN"] else None


@lru_cache(maxsize=4096)
def is_english(text: str) -> bool:
    """Whether rules made for English may be asked: false where another language is told.

    Short requests are told by their first word, by common words, by their letters. True also where
    nothing can be told: of code, numbers, and a word or two. Some microseconds.
    """
    found = language(text)
    if found is not None:
        return found == "en"
    flat = plain(text)
    if "¿" in flat or "¡" in flat:
        return False
    tokens = _tokens(flat)
    if not tokens or not _is_latin(tokens):
        return not tokens
    counts = _counts(tokens)
    others = max(counts[name] for name in _STOP_WORDS if name != "en")
    strange = sum(not word.isascii() for word in tokens)
    english = counts["en"] + 2 * (tokens[0] in _ENGLISH_OPENINGS)
    return english >= others + 2 * (tokens[0] in _OTHER_OPENINGS) + (strange > len(tokens) / 5)


def wrong_language(response: str, instruction: str = "", *, expected: str = "") -> Finding | None:
    """Found where a response is in another language than its instruction, unasked.

    An instruction that names a language or asks for a translation may get any. Where the
    instruction's language cannot be told, nothing is said, unless one of the two is in Latin
    letters and the other is not.

    Args:
        expected: the code of the language that every response must be in; nothing else is then
            looked at.
    """
    found = language(response)
    if found is None:
        return None
    wanted = expected or language(instruction) or _leaning(instruction)
    if not wanted or found == wanted or (wanted == "Latin" and found in _STOP_WORDS):
        return None
    if not expected and _FOREIGN.search(plain(instruction)):
        return None
    if {found, wanted} == {"ja", "zh"} and not (_is_prose(response) and _is_prose(instruction)):
        return None  # names and titles in Chinese characters alone are Japanese too
    return Finding("wrong_language", {"language": found, "expected": wanted})


def _is_prose(text: str) -> bool:
    """Whether a text in Chinese characters is long enough to have kana if it were Japanese."""
    scripts = [_script(c) for c in text if c.isalpha()]
    return "HIRAGANA" in scripts or len(scripts) > _LEAST_WITHOUT_KANA


def wrong_request_language(instruction: str, expected: str) -> Finding | None:
    """Found where an instruction is not in the language that was asked for (empty: any).

    Requests are short, so English is also told by two of its common words, and another script
    by its letters.
    """
    if not expected:
        return None
    found = language(instruction)
    if found is None and expected not in _STOP_WORDS and _leaning(instruction) is not None:
        found = "Latin"
    elif found is None:
        counts = _counts(_tokens(plain(instruction)))
        if counts["en"] >= max(_SURE, counts[expected] + 1):
            found = "en"
    if found is None or found == expected:
        return None
    return Finding("wrong_language", {"language": found, "expected": expected})


def _leaning(instruction: str) -> str | None:
    """What a short instruction seems to be in: English, where its first word or most of its
    common words are; else only that its letters are Latin; None where nothing can be said."""
    tokens = _tokens(plain(instruction))
    if not tokens or not _is_latin(tokens):
        return None
    counts = _counts(tokens)
    others = max(counts[name] for name in _STOP_WORDS if name != "en")
    asks = tokens[0] in _ENGLISH_OPENINGS
    return "en" if counts["en"] + 2 * asks > others + (not asks) else "Latin"


def _tokens(flat: str) -> list[str]:
    """The words of a plain text in lower case, without its code and links."""
    return _small_words(_prose(flat))


def _prose(flat: str) -> str:
    """A plain text without its code and links."""
    return _NOT_PROSE.sub(" ", flat) if "`" in flat or "://" in flat else flat


def _may_be_code(prose: str) -> bool:
    """Whether a text has anything of what `_CODE` looks for."""
    return (
        ";" in prose or "{" in prose or "}" in prose or "(" in prose
        or "#include" in prose or "import " in prose
    )  # fmt: skip


def _small_words(prose: str) -> list[str]:
    """The words of a text, in lower case."""
    if prose.isascii() and "'" not in prose:  # else a word may end elsewhere in lower case
        return _WORD.findall(prose.lower())
    return [word.casefold() for word in _WORD.findall(prose)]


def _is_latin(tokens: Sequence[str]) -> bool:
    return all(_script(c) == "LATIN" for c in "".join(tokens) if c.isalpha())


def _latin(prose: str) -> str | None:
    """The language of a text in Latin letters."""
    words = _small_words(prose)
    if len(words) < _LEAST_WORDS:
        return None
    counts = _counts(words)
    best = max(counts, key=counts.__getitem__, default="")
    share = counts[best] / len(words)
    second = max((count for name, count in counts.items() if name != best), default=0) / len(words)
    return best if share >= _LEAST_SHARE and share >= _LEAD * second else None


def _counts(words: Sequence[str]) -> Counter[str]:
    """How many of the words are among the commonest of each language."""
    return Counter([name for word in words if word in _WHOSE for name in _WHOSE[word]])


@lru_cache(maxsize=4096)
def _script(character: str) -> str:
    return unicodedata.name(character, "UNKNOWN").split()[0]
