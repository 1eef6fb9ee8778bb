"""Small PDF and Word files, made by hand, for tests."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape


class Put(NamedTuple):
    """A line of a page: where it begins, from the lower left corner of A4, and how it looks."""

    x: float
    y: float
    text: str
    size: float = 10
    font: str = "F1"


BOLD = "F2"


def pdf_of(pages: Sequence[Sequence[Put]], *, title: str = "", locked: bool = False) -> bytes:
    """A PDF with these lines."""
    kids = " ".join(f"{5 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >> "
        b"/F2 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold "
        b"/Encoding /WinAnsiEncoding >> >>",
        f"<< /Title ({_quoted(title)}) >>".encode("cp1252"),
    ]
    for number, page in enumerate(pages):
        drawn = b"\n".join(
            f"BT /{p.font} {p.size} Tf {p.x} {p.y} Td ({_quoted(p.text)}) Tj ET".encode("cp1252")
            for p in page
        )
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font 3 0 R >> "
            b"/Contents %d 0 R >>" % (6 + 2 * number),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
        ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    lock = b""
    if locked:  # no password makes these
        key = b"ab" * 32
        lock = b"/Encrypt << /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P -4 >> " % (key, key)
        lock += b"/ID [<01> <01>] "
    out += b"trailer << /Size %d /Root 1 0 R /Info 4 0 R %s>>\n" % (len(objects) + 1, lock)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def lines_of(text: str, *, x: float = 72, top: float = 700, width: int = 80) -> list[Put]:
    """A paragraph set in lines of about so many letters, twelve points apart."""
    found, line = list[str](), ""
    for word in text.split():
        if line and len(line) + len(word) >= width:
            found.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return [Put(x, top - 12 * n, one) for n, one in enumerate([*found, line])]


_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_STYLES = {"Title": "Title", "Heading1": "heading 1", "Heading2": "heading 2", "Normal": "Normal"}


def docx_of(
    parts: Sequence[tuple[str, str] | list[list[str]]],
    *,
    title: str = "",
    text: str = "",
    more: Sequence[tuple[str, bytes]] = (),
) -> bytes:
    """A Word document of paragraphs in a style ("Title", "Heading1", "Normal") and of tables; or of
    a ``text`` that is no XML; and what ``more`` is packed with it."""
    body = "".join(_paragraph(*part) if isinstance(part, tuple) else _table(part) for part in parts)
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/></w:style>'
        for key, name in _STYLES.items()
    )
    core = f"<cp:coreProperties xmlns:cp='c' xmlns:dc='d'><dc:title>{escape(title)}</dc:title>"
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("[Content_Types].xml", _TYPES)
        packed.writestr("_rels/.rels", _RELATIONS)
        packed.writestr("word/_rels/document.xml.rels", _INNER)
        whole = f"<w:document {_W}><w:body>{body}</w:body></w:document>"
        packed.writestr("word/document.xml", text or whole)
        packed.writestr("word/styles.xml", f"<w:styles {_W}>{styles}</w:styles>")
        packed.writestr("docProps/core.xml", f"{core}</cp:coreProperties>")
        for name, data in more:
            packed.writestr(name, data)
    return held.getvalue()


def _paragraph(style: str, text: str) -> str:
    look = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>'
    return f"<w:p>{look}<w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


def _table(rows: list[list[str]]) -> str:
    cells = ("".join(f"<w:tc>{_paragraph('Normal', cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = (
    f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType='
    '"application/xml"/><Override PartName="/word/document.xml" ContentType="application/'
    'vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
    f'Type="{_OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>'
)
_INNER = (
    f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
    f'Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
)
