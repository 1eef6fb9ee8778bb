"""One sentence of the text to be found and quoted: that with certain words, or an answer in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from evolsynth.evaluation.grounds.made.find_sentence import position_of, time_question
from evolsynth.evaluation.grounds.made.settled import sentences_with
from evolsynth.evaluation.text.facts import Place as Found
from evolsynth.evaluation.text.facts import names
from evolsynth.evaluation.text.stated.verb_forms import is_command, is_verb
from evolsynth.evaluation.text.words import FUNCTION_WORDS
from evolsynth.methods.grounded.draft import Draft, Passage
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import draft, drawn, english

__all__ = ["find_sentence"]

_MEASURE = re.compile(r"(?<![\w.,^-])(?:\d[\d,]*(?:\.\d+)?) (per ?cent|[a-z]{3,}s)(?![\w-])")
#: Months and adjectives, which tell little of a sentence.
_NO_NAME = re.compile(
    r"^(?:Jan|Febr)uary$|^March$|^April$|^May$|^Ju(?:ne|ly)$|^August$|^(?:Sept|Nov|Dec)ember$|^October$"
    r"|^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day$|^\w+(?:ian|ish|ese|ean|can|man|nch|tch)$"
)
_WHOLE = re.compile(r"(?!.*  )[A-Z][^|#*_\[\]\n]{20,240}\.")
_FIRST = re.compile(r"([A-Z][\w-]+ )(?:(?:of |the |de )+)?$")


@kind("find_sentence", task="extraction", weight=0.7)
@english
def find_sentence(passage: Passage, random: Random) -> Iterator[Draft]:
    """Sentences that alone name somebody or something, give a measure, or tell when it was."""
    found = [(s.of(passage.text), s) for s in passage.sentences]
    random.shuffle(found)
    for sentence, span in found:
        if not _WHOLE.fullmatch(sentence) or not _closed(sentence):
            continue
        form, values = _asked(sentence, passage, random)
        if not form:
            continue
        values["sentence"] = sentence
        yield draft(
            "find_sentence",
            drawn("find_sentence", random, {**values, "title": passage.title}, form),
            passage,
            answer=sentence,
            values=values,
            ground={"key": values["key"]} if form == "key" else {"placed": form == "place"},
            evidence=(span,),
        )


def _asked(sentence: str, passage: Passage, random: Random) -> tuple[str, dict[str, str]]:
    """By what a sentence is asked for, and the slots for it; nothing where it cannot be."""
    time = time_question(sentence, passage.text)
    if time is not None and random.random() < 0.6:
        return "question", {"question": time[0]}
    place = position_of(sentence, passage.text)
    if place is not None and random.random() < 0.4:
        return "place", place
    key = _key(sentence, passage, random)
    if key is not None:
        return "key", {"key": key}
    return ("question", {"question": time[0]}) if time else ("", {})


def _key(sentence: str, passage: Passage, random: Random) -> str | None:
    """A name or a measure that stands in this sentence alone, and not in the title."""
    keys = [_name(sentence, n) for n in names(sentence) if not _NO_NAME.search(n.text)]
    keys += [m.group() for m in _MEASURE.finditer(sentence) if not is_verb(m[1])]
    alone = [
        key
        for key in dict.fromkeys(keys)
        if len(key) > 3
        and key not in passage.title
        and sentence.count(key) == 1
        and sentences_with(passage.text, key) == [sentence]
    ]
    return random.choice(alone) if alone else None


def _name(sentence: str, found: Found) -> str:
    """A name with its first word, which is not taken for one where it opens the sentence."""
    first = _FIRST.match(sentence[: found.start])
    if first is None or first[1].strip().lower() in FUNCTION_WORDS or is_command(sentence):
        return found.text
    return sentence[: found.end]


def _closed(sentence: str) -> bool:
    """Whether each quotation mark and bracket of a sentence has its other."""
    pairs = all(sentence.count(a) == sentence.count(b) for a, b in ("()", "“”"))
    return pairs and sentence.count('"') % 2 == 0
