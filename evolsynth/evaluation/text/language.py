"""Which language a text is in: cheaply, by script and by the commonest words.

Meant for a gate, so it says nothing (None) rather than something wrong: of short texts, of code,
of tables, and of languages in Latin letters that are not in its list.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from evolsynth.evaluation.text.words import plain, vocabulary
from evolsynth.findings import Finding

__all__ = ["LANGUAGES", "language", "wrong_language", "wrong_request_language"]

#: The commonest words of each language that few others of the list share.
_STOP_WORDS = {
    "en": vocabulary(
        """the and of to is are was were that this it with for you your be on as from have has not
        can will which they their or by an if there what when how we he she his her i do does a so
        who because but one no"""
    ),
    "de": vocabulary(
        """der die das und ist nicht ein eine einen zu mit auf für von den dem des im sich auch es
        sie ich wir werden wird sind oder aber wenn wie bei nach kann als zur zum"""
    ),
    "fr": vocabulary(
        """le la les et est une un des du de dans pour que qui pas sur avec ce cette il elle nous
        vous au aux par plus sont ou mais être l' d' qu' n' c' j' s'"""
    ),
    "es": vocabulary(
        """el la los las y es una un de del en que por para con no se su al como más pero son este
        esta o lo le hay muy también ser"""
    ),
    "it": vocabulary(
        """il lo la gli le e è una un di del della dei che per con non si nel nella sono come più ma
        questo questa o al alla anche essere i"""
    ),
    "pt": vocabulary(
        """o a os as e é uma um de do da dos das em no na que por para com não se ao como mais mas
        são este esta ou ele ela também você"""
    ),
    "nl": vocabulary(
        """de het een en van is niet op te dat die voor met zijn er aan ook als bij om naar wordt
        worden maar door ik je we ze kan of uit"""
    ),
    "pl": vocabulary(
        """nie to się w na i z że do jest o jak ale po co tak za od czy być może tego które który
        oraz dla są jego przez już tylko lub"""
    ),
    "sv": vocabulary(
        """och att det som en på är av för med den till inte har de om ett men var jag sig från vi
        så kan när eller du ska också"""
    ),
    "cs": vocabulary(
        """a se v na je že to s z do o i jako za ale by pro jsou tak po které který při od aby nebo
        když může být jeho není"""
    ),
    "tr": vocabulary(
        """ve bir bu da de için ile çok olarak daha en gibi kadar ne ama olan sonra var değil her ya
        olduğu veya ki mi"""
    ),
    "id": vocabulary(
        """yang dan di dengan untuk dari ini itu pada tidak dalam ke akan adalah juga bisa atau oleh
        karena dapat ada saya mereka anda"""
    ),
}
_WHOSE: dict[str, list[str]] = {}
for _name, _words in _STOP_WORDS.items():
    for _word in _words:
        _WHOSE.setdefault(_word, []).append(_name)
#: Scripts by the first word of a character's Unicode name, and the language they are taken for.
_SCRIPTS = {
    "CYRILLIC": "ru",
    "GREEK": "el",
    "ARABIC": "ar",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "THAI": "th",
    "HANGUL": "ko",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "zh",
}
#: What `language` can answer.
LANGUAGES = tuple(sorted({*_STOP_WORDS, *_SCRIPTS.values()}))

_WORD = re.compile(r"[^\W\d_]+'?")  # "l'homme" is "l'" and "homme": a lone l is a variable
_NOT_PROSE = re.compile(r"```.*?(?:```|$)|`[^`\n]*`|https?://\S+", re.S)
_CODE_LINE = re.compile(
    r"^.*(?:[;{}]\s*$| [-+*/]?=+ |\w\(.*\):?\s*$)|^\s*(?:@|#include|:\w+|(?:def|class|import|"
    r"from|return|elif|while|for)\b.*:?\s*$).*$",
    re.M,
)
_CODE = re.compile(r"\w\([^)\n]*\)\s*[:;{]|[;{}]\s*$|^\s*(?:#include|import \w+\s*$)", re.M)
#: First words by which a request too short for common words is known to be English.
_ENGLISH_OPENINGS = vocabulary(
    """what who whom whose why how which when where give write name tell list explain describe
    suggest make show find create compare choose calculate convert count sort solve summarise
    summarize classify identify outline draft discuss design should could would please"""
)
_LEAST_WORDS, _LEAST_LETTERS = 12, 12
_SURE = 2  # common words of English from which a short request is in it
_LEAST_SHARE = 0.2  # of a text's words that a language's list must hold
_LEAD = 1.5  # how many times as many as the next language's
_FOREIGN = re.compile(
    r"\b(?:translat\w*|languages?|english|german|french|spanish|italian|portuguese|dutch|russian|"
    r"chinese|mandarin|japanese|korean|arabic|hebrew|hindi|greek|latin|turkish|polish|swedish|"
    r"danish|norwegian|finnish|czech|thai|vietnamese|indonesian|ukrainian|bilingual)\b",
    re.I,
)


@lru_cache(maxsize=4096)
def language(text: str) -> str | None:
    """The language as a code of ISO 639-1 (``LANGUAGES``), or None where it cannot be told.

    Code and links are left out. Scripts are told from a dozen letters on, languages in Latin
    letters from a dozen words.
    """
    prose = _NOT_PROSE.sub(" ", plain(text))
    if _CODE.search(prose):  # code outside of a fence
        prose = _CODE_LINE.sub(" ", prose)
    if prose.isascii():
        scripts = Counter(LATIN=sum(map(str.isalpha, prose)))
    else:
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
    if found is None or (not expected and _FOREIGN.search(plain(instruction))):
        return None
    wanted = expected or language(instruction) or _leaning(instruction)
    if wanted == "Latin" and found in _STOP_WORDS:
        return None
    if not wanted or found == wanted:
        return None
    return Finding("wrong_language", {"language": found, "expected": wanted})


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
        tokens = _WORD.findall(_NOT_PROSE.sub(" ", plain(instruction)))
        counts = _counts([word.casefold() for word in tokens])
        if counts["en"] >= max(_SURE, counts[expected] + 1):
            found = "en"
    if found is None or found == expected:
        return None
    return Finding("wrong_language", {"language": found, "expected": expected})


def _leaning(instruction: str) -> str | None:
    """What a short instruction seems to be in: English, where its first word or most of its
    common words are; else only that its letters are Latin; None where nothing can be said."""
    flat = plain(instruction)
    tokens = [w.casefold() for w in _WORD.findall(_NOT_PROSE.sub(" ", flat))]
    if not tokens or any(_script(c) != "LATIN" for c in "".join(tokens) if c.isalpha()):
        return None
    counts = _counts(tokens)
    others = max(counts[name] for name in _STOP_WORDS if name != "en")
    asks = tokens[0] in _ENGLISH_OPENINGS
    return "en" if counts["en"] + 2 * asks > others + (not asks) else "Latin"


def _latin(prose: str) -> str | None:
    words = [w.casefold() for w in _WORD.findall(prose)]
    if len(words) < _LEAST_WORDS:
        return None
    counts = _counts(words)
    shares = {name: counts[name] / len(words) for name in _STOP_WORDS}
    (best, share), (_, second) = sorted(shares.items(), key=lambda item: -item[1])[:2]
    return best if share >= _LEAST_SHARE and share >= _LEAD * second else None


def _counts(words: Sequence[str]) -> Counter[str]:
    """How many of the words are among the commonest of each language."""
    return Counter(name for word in words for name in _WHOSE.get(word, ()))


@lru_cache(maxsize=4096)
def _script(character: str) -> str:
    name = unicodedata.name(character, "UNKNOWN")
    return name.split()[0]
