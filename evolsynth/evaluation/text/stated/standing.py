"""Whether a sentence can be shown without those around it. For English."""

from __future__ import annotations

import re

from evolsynth.evaluation.text.stated.verb_forms import is_command

__all__ = ["refers_back", "stands_alone"]

#: What refers to a sentence before, wherever it stands.
_REFERS = re.compile(
    r"\b(?:this|these|those|such|also|however|therefore|instead|latter|former|thus|hence|too"
    r"|likewise|similarly|otherwise|moreover|furthermore|meanwhile|nevertheless|nonetheless|here"
    r"|another|her|we|you|your|our|my|us|as well|for example|for instance|in turn"
    r"|consequently|afterwards|accordingly|above|below|the same|that (?:way|time|year|day|is)"
    r"|both|respectively|the (?:other|rest|second|next|result|process|reason|others))\b",
    re.I,
)
_OPENS = re.compile(
    r"^(?:it|its|they|their|them|his|one|some|others?|most|many|few|several|all|each|neither|either"
    r"|none|that|there|then|next|first|second|third|finally|later|soon|now|today|even|still|yet|but"
    r"|and|so|or|because|since|if|when|while|although|though|unlike|like|instead|only|again|once"
    r"|nobody|nothing|everything|everyone|anyone|what|who|how|why|where|whether|as|with|without"
    r"|to|by then|at first|at last|by now|not|no|never|perhaps|indeed|eventually|after|before)\b",
    re.I,
)
_UNQUOTABLE = re.compile(r"[\"“”«»|*_#\[\]<>{}`\n:;…—]|\s[–-]\s|\.\.|\?|!")
#: A pronoun with no clause before it in the sentence that could hold what it stands for.
_LOOSE = re.compile(
    r"(?<!that )(?<!because )(?<!when )(?<!if )(?<!and )(?<!but )(?<!as )(?<!so )(?<!while )"
    r"(?<!before )(?<!after )(?<!until )(?<!since )(?<!where )(?<!which )(?<!, )(?<!than )"
    r"\b(?:it|they|them|themselves|he|she|him)\b|(?<!and )\bthen\b"
    r"|\bthere\b(?! (?:is|are|was|were))"
)
_WORDS = re.compile(r"\S+")


def stands_alone(sentence: str) -> bool:
    """Whether a sentence is understood without those around it: it has a noun for its subject,
    refers to nothing before it, quotes nothing, and has 5 to 32 words."""
    count = len(_WORDS.findall(sentence))
    if not 5 <= count <= 32 or not sentence.endswith(".") or not sentence[:1].isupper():
        return False
    if is_command(sentence) or _LOOSE.search(sentence):
        return False
    if _UNQUOTABLE.search(sentence) or _OPENS.search(sentence) or _REFERS.search(sentence):
        return False
    return sentence.count("(") == sentence.count(")")


_COUNTS_ON = re.compile(r"The (?:first|second|third|two|three|four|five|\w+ ones?)\b")


def refers_back(sentence: str) -> bool:
    """Whether a sentence may lean on the one before it: it opens with a pronoun or a conjunction,
    or has "this", "such", "also" in it."""
    return bool(_COUNTS_ON.match(sentence)) or bool(
        _OPENS.search(sentence) or _REFERS.search(sentence) or _LOOSE.search(sentence)
    )
