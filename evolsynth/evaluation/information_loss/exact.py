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
        said, count = content(place.text), len(words(place.text))
        # one quoted word is meant as it is spelled
        gone = said if count == 1 else [w for w in said if not occurs(w.stem, new.stems)]
        if not gone and said:
            continue
        start, end = place.start, place.end
        if len(gone) == 1 and count > 3 and gone[0].start:
            start, end = start + gone[0].start, start + gone[0].end
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
        became = new.stretch(came) if hole.tight else None
        losses.append(old.lose(place.start, place.end, "name", weight, became))
    return losses


def _named(name: str, evolved: str, stems: frozenset[str]) -> bool:
    parts = [w for w in words(name) if w.text[0].isupper() and len(w.text) > 1]
    there = [occurs(w.stem, stems) for w in parts]
    if not parts or (there[-1] and all(there[1:])) or sum(there) > 2 / 3 * len(there):
        return True
    if len(parts) == 1 and len(name) <= 4:  # "Tue" for "Tuesday", "TV" for "television"
        letters, capitals = map(re.escape, name), name.isupper()
        if len(name) <= 3 and re.search(rf"\b{'[a-z]*'.join(letters)}", evolved):
            return True
        longer = "[a-z]+".join(name.casefold()) if capitals else name
        if re.search(rf"\b{longer}[a-z]+", evolved, re.I if capitals else 0):
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
        few = len(group) > 2 and 2 * len(gone) <= len(group)
        weight = _ONE_OPTION if few else _ALL_OPTIONS
        once = list({p.text.casefold(): p for p in reversed(gone)}.values())[::-1]
        losses += [old.lose(p.start, p.end, "option", weight) for p in once]
    return losses


def _there(place: facts.Place, old: Reading, new: Reading, made: Alignment) -> bool:
    if any(made.kept[i] >= 0.5 for i in old.inside(place.start, place.end)):
        return True
    every = all(occurs(w.stem, new.stems) for w in words(place.text))
    return every or occurs(stem(place.text), new.stems)


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
    gone = [old.tokens[i] for i in own if not _stands(made, i)]
    heavy = [t for t in gone if t.weight >= 0.3 or t.number >= 0]
    if len(gone) == len(own) or not (heavy or len(gone) >= 2):
        return []
    weight = _CHANGED if heavy else _TOUCHED
    return [old.lose((heavy or gone)[0].start, (heavy or gone)[-1].end, "topic", weight)]


def _said(tokens: Sequence[Token]) -> str:
    return f" {' '.join(token.text.casefold() for token in tokens)} "


def _stands(made: Alignment, i: int) -> bool:
    j = made.place[i]
    return j >= 0 and made.evolved[j].text.casefold() == made.original[i].text.casefold()
