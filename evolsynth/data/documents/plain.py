"""Plain text and Markdown: the file is the text."""

from __future__ import annotations

import re

from evolsynth.data.documents.document import Document, decoded, document

__all__ = ["markdown", "plain"]

_FRONT = re.compile(r"---[ \t]*\n(?:.*\n){0,200}?(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_TITLE = re.compile(r"^title[ \t]*:[ \t]*(\S.*?)[ \t]*$", re.M | re.I)


@document("txt")
def plain(data: bytes) -> Document:
    """A plain text."""
    return Document(decoded(data), marks=False)


@document("md", "markdown")
def markdown(data: bytes) -> Document:
    """Markdown; what stands between two lines ``---`` at its beginning is about the text."""
    text = decoded(data)
    front = _FRONT.match(text)
    if front is None:
        return Document(text)
    title = _TITLE.search(front.group())
    return Document(text, title[1].strip("\"'") if title else "", start=front.end())
