"""Word documents, by way of HTML."""

from __future__ import annotations

import io
import re
import zipfile
from html import unescape

from evolsynth.data.documents.document import MOST_BYTES, Document, document, lacking
from evolsynth.data.documents.html import page_of
from evolsynth.errors import InputError

__all__ = ["word"]

#: What Word itself calls these; mammoth knows headings alone.
_STYLES = """
p[style-name='Title'] => h1.title:fresh
p[style-name='Subtitle'] => p:fresh
"""
#: Bytes: pictures are most of what is large in one.
_UNPACKED = 4 * MOST_BYTES
#: How a document begins that a password locks, and one of before 2007.
_OLD = b"\xd0\xcf\x11\xe0"


@document("docx")
def word(data: bytes) -> Document:
    """The text of a Word document: paragraphs, headings, lists, tables and notes."""
    try:
        import mammoth
        from bs4 import BeautifulSoup
    except ImportError:
        raise lacking("mammoth") from None
    if data.startswith(_OLD):
        raise InputError(
            "locked by a password, or a .doc of old. Save it as .docx without a password."
        )
    named = _title(data)
    made = mammoth.convert_to_html(io.BytesIO(data), style_map=_STYLES, convert_image=lambda _: [])
    soup = BeautifulSoup(made.value, "lxml")
    head = soup.select_one("h1.title")
    shown = " ".join(head.get_text(" ").split()) if head else ""
    found = page_of(soup)
    return found._replace(title=shown or found.title or named)


_TITLE = re.compile(rb"<dc:title[^>]{0,200}>([^<]{1,600})</dc:title>")


def _title(data: bytes) -> str:
    """The title among the document's properties.

    Raises:
        InputError: it is no Word document, or unpacks to more than is read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(info.file_size for info in packed.infolist()) > _UNPACKED:
                raise InputError("it unpacks to far more than a text. Give its text as .txt.")
            names = packed.namelist()
            if "word/document.xml" not in names:
                raise InputError("no Word document. Save it as .docx again.")
            core = packed.read("docProps/core.xml") if "docProps/core.xml" in names else b""
    except (zipfile.BadZipFile, EOFError, NotImplementedError):
        raise InputError("no Word document, or broken. Save it as .docx again.") from None
    told = _TITLE.search(core)
    return " ".join(unescape(told[1].decode("utf-8", "replace")).split()) if told else ""
