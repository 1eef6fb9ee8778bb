"""Files that hold one text each, whatever they hold it in.

What reads a kind of file is a function of its bytes, registered with `document` under the ends of
names. Another package's is found by its entry point::

    [project.entry-points."evolsynth.documents"]
    rst = "my_package.rst_texts"
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from evolsynth.errors import InputError, SetupError
from evolsynth.registry import Registry

__all__ = ["DOCUMENTS", "MOST_BYTES", "MOST_CHARACTERS", "Document", "decoded", "document"]
__all__ += ["is_document", "kind_of_bytes", "kinds", "lacking", "made_of", "read_document"]

#: A larger file is not read.
MOST_BYTES = 1 << 26
#: Nor is one with a longer text: some 1.5 million words.
MOST_CHARACTERS = 10_000_000


class Document(NamedTuple):
    """The text of a file.

    Args:
        text: in Markdown, or plain; its lines end with a line feed. Places are counted in it.
        title: as the file itself says it; empty if it does not.
        marks: whether it is Markdown, in which a star can mean emphasis.
        start: where the text itself begins, behind what is only said about it.
    """

    text: str
    title: str = ""
    marks: bool = True
    start: int = 0


#: Of all the bytes of a file. It raises what it likes; an `InputError` is for people, without the
#: file's name in front.
Maker = Callable[[bytes], Document]

#: By the end of a file's name: ``pdf``.
DOCUMENTS: Registry[Maker] = Registry(
    "kind of document", "evolsynth.data.documents", "evolsynth.documents"
)

Made = TypeVar("Made", bound=Maker)


def document(*names: str) -> Callable[[Made], Made]:
    """Register a function under the ends of file names that it reads: ``"html", "htm"``."""

    def register(make: Made) -> Made:
        for name in names:
            DOCUMENTS.register(name, make, make.__module__)
        return make

    return register


def is_document(path: Path) -> bool:
    """Whether the end of the name is that of a kind that is read."""
    end = path.suffix.lower()[1:]
    return bool(end) and end in DOCUMENTS


def kinds() -> str:
    """The ends of the names of all kinds, for people: ".docx, .html"."""
    return ", ".join(f".{name}" for name in DOCUMENTS)


def read_document(path: Path) -> Document:
    """The text of a file; one of a kind that has no reader is plain text.

    Raises:
        InputError: it cannot be read, is too large, broken, encrypted, or says nothing. The
            sentence begins with its path.
        SetupError: a package that it needs is not installed.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise InputError(
                f"{path}: {size >> 20} MB are too much for one text (at most {MOST_BYTES >> 20}). "
                "Cut it into several files."
            )
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
    kind = path.suffix.lower()[1:] if is_document(path) else "txt"
    return made_of(data, kind, str(path))


def made_of(data: bytes, kind: str, label: str) -> Document:
    """The text of such bytes; see `read_document` for the errors."""
    if not data.strip():
        raise InputError(f"{label}: the file is empty. Write something, or remove it.")
    try:
        made = DOCUMENTS[kind](data)
    except (SetupError, InputError) as error:
        raise type(error)(f"{label}: {error}") from None
    except RecursionError:
        raise InputError(f"{label}: nested too deeply to be read. Simplify it.") from None
    except Exception as error:
        raise InputError(
            f"{label}: broken, or not what its name says ({type(error).__name__}). "
            "Save it again, or give its text as .txt."
        ) from error
    if len(made.text) > MOST_CHARACTERS:
        raise InputError(
            f"{label}: {len(made.text) // 10**6} million characters are too much for one text "
            f"(at most {MOST_CHARACTERS // 10**6}). Cut it into several files."
        )
    if not made.text[made.start :].strip():
        raise InputError(f"{label}: there is no text in it. Write something, or remove it.")
    return made


def lacking(package: str) -> SetupError:
    """What to tell where a package of the extra lacks."""
    return SetupError(f"{package} is needed to read it. pip install 'evolsynth[texts]'")


def kind_of_bytes(data: bytes) -> str:
    """The kind of what comes without a name, by how it begins."""
    begin = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if begin.startswith(b"%pdf-"):
        return "pdf"
    if begin.startswith(b"pk\x03\x04"):
        return "docx"
    return "html" if begin.startswith((b"<!doctype html", b"<html")) else "md"


_NO_TEXT = re.compile("[\0-\x08\x0e-\x1a\x1c-\x1f]")


def decoded(data: bytes) -> str:
    """Bytes of UTF-8 as text with line feeds, without a mark of order in front.

    Raises:
        InputError: they are none.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("not UTF-8 text. Save the file as UTF-8.") from None
    if _NO_TEXT.search(text):
        raise InputError("it holds bytes that no text has. Give a text, or remove it.")
    return text.replace("\r\n", "\n").replace("\r", "\n")
