"""Texts cut into passages: at headings first, then where paragraphs end, never inside a sentence.

A passage is what one task is about: some paragraphs that a reader can take in without the rest of
the document, with its title and the headings that they stand under.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from evolsynth.data.documents.document import Document
from evolsynth.evaluation.text.blocks import Block, blocks
from evolsynth.evaluation.text.sentences import sentences_of

__all__ = ["Text", "boilerplate", "passages_of", "text_of"]

#: A passage has at least this share of the most words, where its neighbours allow.
_LEAST = 0.3
#: Times the most words: a single sentence or row that is longer is left out.
_LONGEST = 2
_SCRAP = 8  # words: what is shorter is no passage
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+(?:['’.-][^\W_]+)*")


class Text(NamedTuple):
    """A document and its blocks.

    Args:
        source: its file's name.
        title: of it, never empty.
        text: which the blocks' places are in.
        blocks: all of them, without a line that is only the title.
    """

    source: str
    title: str
    text: str
    blocks: Sequence[Block]


class _Atom(NamedTuple):
    """What is never cut: a sentence, an item, a row, some code, a heading."""

    text: str
    start: int
    end: int
    words: int
    glue: str  # between it and the one before it
    head: str = ""  # what is said again in front of it where a table is cut


class _Section(NamedTuple):
    """What stands under a heading: units, each of atoms that stay together where they can."""

    path: tuple[str, ...]
    units: list[list[_Atom]]

    @property
    def words(self) -> int:
        return sum(map(_words, self.units))


def _words(atoms: Iterable[_Atom]) -> int:
    return sum(atom.words for atom in atoms)


def _count(text: str) -> int:
    return sum(1 for _ in _WORD.finditer(text))


# What a text is called, and what stands under which heading -------------------------------------

_BOLD = re.compile(r"(?:\*\*|__)[^*_\n]{1,80}(?<![.:,;])(?:\*\*|__)")
_TO_HEADING = re.compile(r"\[[^\]\n]*\]\(#[^)\n]*\)")
_HEADING_END = re.compile(r"[^\W_][\"'”’)\]]*\??$")
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,3})\.?\s")


def text_of(document: Document, source: str) -> Text:
    """A document by its blocks, with a title: its only first heading, what it says itself, its
    first line, or the file's name."""
    start = document.start
    found = [
        b._replace(start=b.start + start, end=b.end + start)
        for b in blocks(document.text[start:], marks=document.marks)
        if any(map(str.isalnum, b.said))
    ]
    look = _marked if document.marks else _plain
    found = look(found, document.text)
    first = [b.said for b in found if b.kind == "heading" and b.level == 1]
    if len(first) == 1:
        title = first[0]
    elif document.title:
        title = document.title
    elif found and (found[0].kind == "heading" or _like_heading(found[0], document.text)):
        title = found[0].said
    else:
        title = _of_name(source)
    if found and found[0].said == title:
        found = found[1:]
    return Text(source, title, document.text, found)


def _of_name(source: str) -> str:
    stem = source.rpartition("/")[2]
    stem = stem.rpartition(".")[0] or stem
    return " ".join(re.sub(r"[-_]+", " ", stem).split()) or source


def _marked(found: Sequence[Block], text: str) -> list[Block]:
    """Blocks of Markdown: a line in bold is a heading, and what only leads to headings is none."""
    made = []
    for block in found:
        raw = text[block.start : block.end]
        if block.kind == "item" and _TO_HEADING.fullmatch(raw):
            continue
        if block.kind == "text" and _BOLD.fullmatch(raw):
            block = block._replace(kind="heading", level=6)
        made.append(block)
    return made


def _plain(found: Sequence[Block], text: str) -> list[Block]:
    """Blocks of a plain text: a short line without an end above a paragraph is a heading."""
    made = []
    found = [part for block in found for part in _headed(block, text)]
    found = _numbered(found)
    for block, behind in zip(found, [*found, None][1:], strict=True):
        if _like_heading(block, text) and behind and not _like_heading(behind, text):
            numbered = _NUMBERED.match(block.said)
            level = 2 if block.said.isupper() else 3
            if numbered:
                level = 2 + numbered[1].count(".")
            first = block is found[0]  # the title
            block = block._replace(kind="heading", level=1 if first else level)
        made.append(block)
    return made


def _numbered(found: Sequence[Block]) -> list[Block]:
    """Items with a number that are headings: in capitals, or two of them in lists of their own,
    each above a paragraph and without an end: "3. SAMPLES"."""
    alone = Counter(block.group for block in found if block.kind == "item")
    heads = [
        place
        for place, block in enumerate(found[:-1])
        if block.kind == "item"
        and block.mark[:1].isdigit()
        and alone[block.group] == 1
        and found[place + 1].kind == "text"
        and len(block.said.split()) <= 10
        and len(block.said) <= 70
        and block.said[:1].isupper()
        and _HEADING_END.search(block.said)
    ]
    made = list(found)
    for place in heads:
        block = found[place]
        if len(heads) > 1 or block.said.isupper():
            made[place] = block._replace(kind="heading", level=2, mark="", group=0)
    return made


def _headed(block: Block, text: str) -> list[Block]:
    """A paragraph whose first line is a heading, as it is numbered or in capitals, in two."""
    first, _, rest = text[block.start : block.end].partition("\n")
    first, rest = first.rstrip(), rest.lstrip()
    numbered = block.kind == "item" and block.mark[:1].isdigit()
    if not rest or not (numbered or (block.kind == "text" and first.isupper())):
        return [block]
    short = 3 * len(first) < 2 * len(rest.partition("\n")[0]) and len(first) <= 60
    if (
        not short
        or not _HEADING_END.search(first)
        or not (first[0].isupper() and rest[0].isupper())
    ):
        return [block]
    start = block.start
    head = Block("heading", start, start + len(first), first, level=2)
    return [head, Block("text", block.end - len(rest), block.end, " ".join(rest.split()))]


def _like_heading(block: Block, text: str) -> bool:
    said = block.said
    if block.kind != "text" or len(said) > 70 or len(said.split()) > 10:
        return False
    if "\n" in text[block.start : block.end] or not _HEADING_END.search(said):
        return False
    return said[0].isupper() or said[0].isdigit()


def boilerplate(texts: Sequence[Text]) -> frozenset[str]:
    """What at least three of the texts, and half of them, say in the same words: notices, menus."""
    times = Counter(said for text in texts for said in {_same(b) for b in text.blocks})
    enough = max(3, math.ceil(len(texts) / 2))
    return frozenset(said for said, many in times.items() if many >= enough)


def _same(block: Block) -> str:
    return " ".join(block.said.casefold().split())


# Cutting ------------------------------------------------------------------------------------------


def passages_of(
    text: Text, words: int, without: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    """The passages of a text, in order: the fields of a row for each.

    Args:
        text: as `text_of` gives it.
        words: that a passage has at most; only a single longer sentence or row is more.
        without: paragraphs that are left out, as `boilerplate` gives them.
    """
    kept = [block for block in text.blocks if _same(block) not in without]
    made: list[dict[str, Any]] = []
    for heading, atoms in _cut(_sections(text, kept), words):
        said = "".join(f"{a.glue if n else ''}{a.text}" for n, a in enumerate(atoms))
        if atoms[0].head:
            said = f"{atoms[0].head}\n{said}"
        if _count(said) < _SCRAP:
            continue
        told = {"title": text.title, "heading": " > ".join(heading), "source": text.source}
        place = [min(a.start for a in atoms), max(a.end for a in atoms)]
        made.append({"input": said, **told, "place": place, "part": len(made) + 1})
    return made


def _sections(text: Text, found: Sequence[Block]) -> Iterator[_Section]:
    """What stands under each heading; sections without words are left out."""
    above: list[tuple[int, str]] = []
    under: list[Block] = []
    for block in [*found, None]:
        if block is not None and block.kind != "heading":
            under.append(block)
            continue
        if under:
            path = tuple(said for _, said in above)
            yield _Section(path, list(_units(text.text, under)))
            under = []
        if block is not None:
            above = [one for one in above if one[0] < block.level]
            if block.said.casefold() != text.title.casefold():
                above.append((block.level, block.said))


def _units(text: str, found: Sequence[Block]) -> Iterator[list[_Atom]]:
    """Paragraphs, and lists, tables and code with the paragraph that introduces them."""
    unit: list[_Atom] = []
    group, head = 0, ""  # of what the unit ends with; -1: code
    for block in found:
        if block.kind == "text":
            atoms, goes_on = list(_sentences(text, block)), False
            group, head = 0, ""
        else:
            same = bool(block.group) and block.group == group
            glue = "\n" if same else "\n\n"
            atoms = [_Atom(_shown(block), block.start, block.end, _count(block.said), glue, head)]
            if block.kind == "head":
                head = atoms[0].text
            goes_on = same or (group == 0 and _introduces(unit))
            group = block.group or -1
        if unit and not goes_on:
            yield unit
            unit = []
        unit += atoms
    if unit:
        yield unit


def _introduces(unit: Sequence[_Atom]) -> bool:
    """Whether a paragraph leads over to what stands under it: by a colon, or as it is short."""
    return bool(unit) and (unit[-1].text.endswith(":") or _words(unit) <= _LEADING)


def _shown(block: Block) -> str:
    """A block as a passage has it."""
    if block.kind == "item":
        mark = f"{block.mark} " if block.mark else "   "
        return f"{'   ' * (block.level - 1)}{mark}{block.said}"
    if block.kind == "head":
        columns = len(_CELL.findall(block.said)) - 1
        return f"{block.said}\n|{' --- |' * columns}"
    return block.said


_CELL = re.compile(r"(?<!\\)\|")
_LEADING = 30  # words that a paragraph has at most which leads over to a list


def _sentences(text: str, block: Block) -> Iterator[_Atom]:
    """The sentences of a paragraph as it reads, with their places in the text: their words stand
    there in this order, and there may be marks between them."""
    at = block.start
    for start, end in sentences_of(block.said):
        piece = block.said[start:end]
        first = None
        for word in piece.split():
            found = text.find(word, at, block.end)
            if found >= 0:
                at = found + len(word)
                first = found if first is None else first
        begin = block.start if first is None else first
        yield _Atom(piece, begin, max(at, begin + 1), _count(piece), " " if start else "\n\n")


def _cut(sections: Iterable[_Section], words: int) -> Iterator[tuple[tuple[str, ...], list[_Atom]]]:
    """Sections as the atoms of passages, and the headings that each stands under."""
    least = math.ceil(_LEAST * words)
    small: list[_Section] = []  # that are put together
    for section in sections:
        total = sum(one.words for one in small)
        little = total < least or section.words < least / 2
        if small and not (little and total + section.words <= words and _beside(small, section)):
            yield from _parts(small, words)
            small = []
        small.append(section)
    if small:
        yield from _parts(small, words)


def _beside(some: Sequence[_Section], section: _Section) -> bool:
    """Whether a section stands next to others, or under the first, and not in another chapter."""
    shared = len(_common([*some, section]))
    return shared >= min(len(some[0].path), len(section.path)) - 1


def _common(sections: Sequence[_Section]) -> tuple[str, ...]:
    """The headings that all of them stand under."""
    shared = []
    for names in zip(*(section.path for section in sections), strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return tuple(shared)


def _parts(
    sections: Sequence[_Section], words: int
) -> Iterator[tuple[tuple[str, ...], list[_Atom]]]:
    """The passages of sections that are put together, or of one that may be long."""
    path = _common(sections)
    units: list[list[_Atom]] = []
    for section in sections:
        own = [list(unit) for unit in section.units]
        lower = section.path[len(path) :]
        if lower and own:
            first = own[0][0]
            name = _Atom(f"## {lower[-1]}", first.start, first.start, 0, "\n\n")
            own[0] = [name, first._replace(glue="\n\n"), *own[0][1:]]
        units += own
    for atoms in _packed([short for unit in units for short in _broken(unit, words)], words):
        yield path, atoms


def _broken(unit: Sequence[_Atom], words: int) -> Iterator[list[_Atom]]:
    """A unit in parts of about the same size, if it is too long; it is cut between its atoms."""
    unit = [atom for atom in unit if atom.words <= _LONGEST * words]
    parts = max(1, math.ceil(_words(unit) / words))
    aim, part = _words(unit) / parts, list[_Atom]()
    for atom in unit:
        if part and _words(part) + atom.words > max(aim, 1) and _words(part) >= aim / 2:
            yield part
            part = []
        part.append(atom)
    if part:
        yield part


def _packed(units: Sequence[list[_Atom]], words: int) -> Iterator[list[_Atom]]:
    """Units put together to passages of about the same size."""
    whole = sum(map(_words, units))
    aim = whole / max(1, math.ceil(whole / words))
    made: list[list[_Atom]] = []
    for unit in units:
        size = _words(made[-1]) if made else 0
        if made and size < aim and size + _words(unit) <= words:
            made[-1] = [*made[-1], *unit]
        else:
            made.append(list(unit))
    if len(made) > 1 and _words(made[-1]) < _LEAST * words / 2:  # a rest goes with what it ends
        rest = made.pop()
        made[-1] = [*made[-1], *rest]
    yield from made
