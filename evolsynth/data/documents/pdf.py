"""PDF by way of pdfminer.six, which finds lines and the blocks that they make."""

from __future__ import annotations

import io
import logging
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from evolsynth.data.documents.document import Document, document, lacking
from evolsynth.data.documents.layout import Piece, written
from evolsynth.errors import InputError

__all__ = ["pdf"]

_APART = 1.0  # times the size of its letters: a wider gap in a line is one between columns


@document("pdf")
def pdf(data: bytes) -> Document:
    """The text of a PDF."""
    try:
        from pdfminer.pdfdocument import PDFPasswordIncorrect
    except ImportError:
        raise lacking("pdfminer.six") from None
    if b"%PDF-" not in data[:1024]:
        raise InputError("no PDF. Save it again, or give its text as .txt.")
    try:
        pieces = list(_pieces(data))
    except PDFPasswordIncorrect:
        raise InputError("locked by a password. Save it without one.") from None
    if not pieces:
        raise InputError("no text in it, only pictures. Let a program for scans read it first.")
    return Document(written(pieces), _title(data))


def _pieces(data: bytes) -> Iterator[Piece]:
    """All lines of all pages, cut at wide gaps, in pdfminer's order of blocks."""
    from pdfminer.high_level import extract_pages
    from pdfminer.layout import LAParams, LTTextBox, LTTextLine

    _hush()
    box = 0
    for number, page in enumerate(extract_pages(io.BytesIO(data), laparams=LAParams())):
        for block in page:
            lines = block if isinstance(block, LTTextBox) else [block]
            box += 1
            for line in lines:
                if isinstance(line, LTTextLine):
                    for letters in _cut(line):
                        yield _piece(letters, number, box, page)


@cache
def _hush() -> None:
    """Let what pdfminer finds odd about a file go to whoever listens, and not to the terminal."""
    logging.getLogger("pdfminer").addHandler(logging.NullHandler())


def _cut(line: Any) -> Iterator[list[Any]]:
    """The letters of a line and the spaces between them, in runs without a wide gap."""
    from pdfminer.layout import LTChar

    run: list[Any] = []
    right: float | None = None
    for one in line:
        if isinstance(one, LTChar) and one.get_text().strip():
            if right is not None and one.x0 - right > _APART * one.size:
                yield run
                run = []
            right = one.x1
            run.append(one)
        elif run:
            run.append(one)
    if run:
        yield run


def _piece(run: list[Any], number: int, box: int, page: Any) -> Piece:
    from pdfminer.layout import LTChar

    letters = [one for one in run if isinstance(one, LTChar) and one.get_text().strip()]
    sizes = Counter(round(one.size * 2) / 2 for one in letters)
    text = "".join(one.get_text() for one in run)
    text = _ODD.sub(_usual, _DOT.sub("•", text, count=1))
    low, high = min(one.y0 for one in letters), max(one.y1 for one in letters)
    middle = ((low + high) / 2 - page.y0) / (page.height or 1)
    return Piece(
        " ".join(text.split()),
        number,
        box,
        letters[0].x0,
        letters[-1].x1,
        low,
        high,
        min(middle, 1 - middle),
        sizes.most_common(1)[0][0],
        sum(bool(_BOLD.search(one.fontname)) for one in letters) > len(letters) / 2,
    )


_BOLD = re.compile(r"bold|black|heavy|demi", re.I)
# a glyph that the file gives no letter for; at the beginning of a line, the dot of a list
_DOT = re.compile(r"^\(cid:\d+\)")
_ODD = re.compile("[ﬀ-ﬆ\u00a0\u200b\ufeff\0-\x08\x0e-\x1f]|\\(cid:\\d+\\)")
_USUAL = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
_USUAL |= {"\xa0": " "}


def _usual(found: re.Match[str]) -> str:
    return _USUAL.get(found.group(), "")


def _title(data: bytes) -> str:
    """The title that the file gives itself, unless it is one that a program made up."""
    from pdfminer.pdfdocument import PDFDocument
    from pdfminer.pdfparser import PDFParser
    from pdfminer.utils import decode_text

    try:
        told = PDFDocument(PDFParser(io.BytesIO(data))).info
        raw = next((info["Title"] for info in told if info.get("Title")), b"")
        title = " ".join((decode_text(raw) if isinstance(raw, bytes) else str(raw)).split())
    except Exception:  # noqa: BLE001 - a title is not worth a fault
        return ""
    return "" if _MADE_UP.search(title) or not title.isprintable() else title


_MADE_UP = re.compile(
    r"^(?:microsoft|untitled|document\d*$|\W)|\.(?:docx?|pdf|indd|tex|odt)$|^.{151}", re.I
)
