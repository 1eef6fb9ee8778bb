"""Lost names, quotations, code, options and data: what must stand there word for word.

Data are the sentence, list or text that a request works on. "Correct the grammar. Her and me goes
to town." may say "correct" in other words, but not "her and me goes".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evolsynth.evaluation.information_loss.alignment import Alignment, copying, gap
from evolsynth.evaluation.information_loss.reading import Loss, Reading, Token
from evolsynth.evaluation.text import facts
from evolsynth.evaluation.text.verbs import VERB, asks
from evolsynth.evaluation.text.words import clauses, content, occurs, plain, stem, words

__all__ = ["data_changed", "exact"]

_QUOTATION, _CODE = 0.55, 0.55
#: A name may have been paraphrased (a country for its people), unless all around it was copied.
_NAME, _NAME_TAKEN_OUT = 0.3, 0.6
#: One of several options is gone while the others stand; all of them were said in other words.
_ONE_OPTION, _ALL_OPTIONS = 0.6, 0.12


def exact(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """Names, quotations, code and options that are gone or changed."""
    return [
        *_quotations(old, new),
        *_code(old, new),
        *_names(old, new, made),
        *_options(old, new, made),
    ]


def _quotations(old: Reading, new: Reading) -> list[Loss]:
    squeezed = _squeeze(new.text)
    losses = []
    for place in facts.quotations(old.text):
        if _squeeze(place.text) in squeezed:
            continue
        said = content(place.text)
        alone = len(words(place.text)) == 1  # one quoted word is meant as it is spelled
        gone = said if alone else [w for w in said if not occurs(w.stem, new.stems)]
        if gone or not content(place.text):
            start = place.start + (
                gone[0].start if len(gone) == 1 and len(words(place.text)) > 3 else 0
            )
            end = start + (len(gone[0].text) if start != place.start else place.end - place.start)
            losses.append(old.lose(start, end, "quotation", _QUOTATION))
    return losses


def _squeeze(text: str) -> str:
    return re.sub(r"\W+", " ", plain(text).casefold()).strip()


def _code(old: Reading, new: Reading) -> list[Loss]:
    losses = []
    for place in dict.fromkeys(facts.code(old.text)):
        if re.sub(r"\s+", " ", plain(place.text)).casefold().strip("` ") not in new.flat:
            losses.append(old.lose(place.start, place.end, "code", _CODE))
    return losses


def _names(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    losses = []
    seen: set[str] = set()
    for place in facts.names(old.text):
        if place.text.casefold() in seen or _named(place.text, new.text, new.stems):
            continue
        seen.add(place.text.casefold())
        own = old.inside(place.start, place.end)
        gone = [i for i in own if not made.same[i]]
        if not gone:
            continue
        hole = gap(made, gone[0])
        copied = max(0.0, copying(made, own, around=gone[0]) - 0.4) / 0.6
        came = [t for t in new.tokens[hole.begin : hole.stop] if t.weight > 0]
        weight = _NAME + (_NAME_TAKEN_OUT - _NAME) * copied
        became = new.text[came[0].start : came[-1].end] if hole.tight and came else None
        losses.append(old.lose(place.start, place.end, "name", weight, became))
    return losses


def _named(name: str, evolved: str, stems: frozenset[str]) -> bool:
    parts = [w for w in words(name) if w.text[0].isupper() and len(w.text) > 1]
    there = [occurs(w.stem, stems) for w in parts]
    if not parts or (there[-1] and all(there[1:])) or sum(there) > 2 / 3 * len(there):
        return True
    if (
        len(parts) == 1
        and len(name) <= 3
        and re.search(rf"\b{'[a-z]*'.join(re.escape(c) for c in name)}", evolved)
    ):
        return True
    if len(parts) == 1 and len(name) <= 4:  # "Tue" for "Tuesday", "TV" for "television"
        rest = "[a-z]*" if not name.isupper() else "[a-z]+"
        pattern = (name + "[a-z]+") if not name.isupper() else rest.join(name.casefold()) + "[a-z]+"
        if re.search(rf"\b{pattern}", evolved, 0 if not name.isupper() else re.I):
            return True
    initials = "".join(w.text[0] for w in parts)
    short = name.replace(".", "")
    spelled = "".join(w.text[0] for w in words(evolved) if w.text[0].isupper())
    return (len(initials) > 1 and initials.casefold() in stems) or (
        len(short) > 1 and short.isupper() and short in spelled
    )


def _options(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    losses = []
    places = facts.options(old.text)
    for start, end in clauses(old.text):
        group = [p for p in places if start <= p.start < end]
        gone = [p for p in group if not _there(p, old, new, made)]
        if not gone:
            continue
        few = len(group) > 2 and 2 * len(gone) <= len(group)
        weight = _ONE_OPTION if few else _ALL_OPTIONS
        losses += [old.lose(p.start, p.end, "option", weight) for p in _once(gone)]
    return losses


def _there(place: facts.Place, old: Reading, new: Reading, made: Alignment) -> bool:
    if any(made.kept[i] >= 0.5 for i in old.inside(place.start, place.end)):
        return True
    return all(occurs(w.stem, new.stems) for w in words(place.text)) or occurs(
        stem(place.text), new.stems
    )


def _once(places: Sequence[facts.Place]) -> list[facts.Place]:
    return list({p.text.casefold(): p for p in reversed(places)}.values())[::-1]


# Data ---------------------------------------------------------------------------------------------

#: A request that works on something: "correct the grammar in this sentence", "sort the words".
_WORKS_ON = re.compile(
    r"\b(?:this|these|the|that|following|given|below)\b(?: [\w'-]+){0,3}? (?:sentences?|texts?|"
    r"paragraphs?|passages?|words?|strings?|phrases?|lines?|messages?|lists?|numbers|steps|events|"
    r"items|e-?mails?|notes?|tweets?|reviews?|titles?|headlines?|names|verbs?|statements?|"
    r"requests?|questions?|commands?|instructions?)\b",
    re.I,
)
#: What may itself ask for something: "make this request more polite: turn down your music".
_ORDER = re.compile(
    r"\b(?:this|following)\b.*\b(?:sentence|request|question|command|instruction|message)$", re.I
)
_ENDS = re.compile(r"[.:?!]\s+")
_MOST = 60
#: What changed data says: a word of content is another or gone; only small words are.
_CHANGED, _TOUCHED = 0.7, 0.4


def data_changed(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """The data of a request, where some of it is in the evolution, but not as it was."""
    border = _ENDS.search(old.text)
    if border is None or not VERB.match(old.text):
        return []
    data = old.text[border.end() :]
    works = _WORKS_ON.search(old.text, 0, border.start())
    said = works is not None and _ORDER.search(works.group())
    if works is None or (not said and (VERB.match(data) or asks(data))):
        return []
    own = old.inside(border.end(), len(old.text))
    if not 0 < len(own) <= _MOST or _said([old.tokens[i] for i in own]) in _said(new.tokens):
        return []
    gone = [i for i in own if not _stands(made, i)]
    if not gone or len(gone) == len(own):
        return []
    heavy = [i for i in gone if old.tokens[i].weight >= 0.3 or old.tokens[i].number >= 0]
    if not heavy and len(gone) < 2:
        return []
    first, last = (heavy or gone)[0], (heavy or gone)[-1]
    weight = _CHANGED if heavy else _TOUCHED
    return [old.lose(old.tokens[first].start, old.tokens[last].end, "topic", weight)]


def _said(tokens: Sequence[Token]) -> str:
    return f" {' '.join(token.text.casefold() for token in tokens)} "


def _stands(made: Alignment, i: int) -> bool:
    j = made.place[i]
    return j >= 0 and made.evolved[j].text.casefold() == made.original[i].text.casefold()
