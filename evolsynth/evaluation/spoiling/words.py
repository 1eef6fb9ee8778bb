"""Words of a sentence, of which one is to be written again."""

from __future__ import annotations

import re
from random import Random

from evolsynth.evaluation.spoiling.spoiler import Spoiled, spoiler
from evolsynth.evaluation.text.words import content, sentences

__all__ = ["words"]

_LENGTH = range(7, 20)  # words of the sentence
_COUNTS = {3: "three", 4: "four"}
_LEAST = 4  # letters of a word that is named
_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
#: A sentence that begins and ends as one, without quotes, brackets, colons or dashes.
_PLAIN = re.compile(r"[A-Z][A-Za-z0-9 ,.'’%-]*\.")
#: What points to another sentence.
_POINTS = re.compile(
    r"\b(?:hers|theirs|this|these|those|such|so|there|then|thus|here|also|too|another|others?|"
    r"either|neither|instead|however|therefore|still|again|later|soon|afterwards|meanwhile|same|"
    r"former|latter|above|below)\b|^(?:\S+ ){0,4}(?:he|she|it|they|him|her|them|his|its|their)\b",
    re.I,
)
#: "The slab" is one that was spoken of; "a slab", "slabs" and "Ann" are not.
_SPOKEN_OF = re.compile(r"(?:The|At|In|On|From|After|Before|With|That|We|You|I|My|Our|Your)\b")


@spoiler("words", unit="sentence", task="creative", decides=False)
def words(text: str, chance: Random) -> Spoiled | None:
    """Leaves three or four words of a sentence that stands by itself; one with all of them is
    asked for, and the original is one."""
    count = len(_WORD.findall(text))
    if count not in _LENGTH or len(sentences(text)) != 1 or _PLAIN.fullmatch(text) is None:
        return None
    if _POINTS.search(text) or _SPOKEN_OF.match(text):
        return None
    every = [word.lower() for word in _WORD.findall(text)]
    fitting = sorted(
        {
            word.text
            for word in content(text)
            if word.text.isalpha() and word.text.islower() and len(word.text) >= _LEAST
            and every.count(word.text) == 1
        }
    )  # fmt: skip
    wanted = chance.choice(list(_COUNTS))
    if len(fitting) < wanted:
        return None
    taken = sorted(chance.sample(fitting, wanted))
    return Spoiled(", ".join(taken), {"count": _COUNTS[wanted]})
