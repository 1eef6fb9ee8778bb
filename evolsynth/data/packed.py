"""Files as bytes, unpacked where they are packed; what is wrong with bytes that are no UTF-8."""

from __future__ import annotations

import codecs
import gzip
import os
from contextlib import AbstractContextManager
from io import BufferedIOBase
from pathlib import Path
from typing import cast

from evolsynth.errors import InputError, SetupError

__all__ = ["PACKED", "check_text", "is_packed", "no_utf8", "opened"]

#: What the names of packed files end in.
PACKED = ("gz", "zst", "zstd")

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_OTHERS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def is_packed(path: Path) -> bool:
    """Whether a file is packed, by how it begins."""
    with path.open("rb") as file:
        return file.read(4).startswith((_GZIP, _ZSTD))


def opened(path: Path) -> AbstractContextManager[BufferedIOBase]:
    """The file's bytes, unpacked.

    Raises:
        SetupError: what unpacks it is not installed.
        InputError: it is called .gz and is no gzip file.
        OSError: it cannot be opened.
    """
    file = path.open("rb")
    begins = file.peek(4)[:4]
    if begins and path.name.endswith(".gz") and not begins.startswith(_GZIP):
        file.close()
        raise InputError(f"{path}: no whole gzip file. Pack it again, or take .gz off its name.")
    if begins.startswith(_GZIP):
        file.close()
        return gzip.open(path, "rb")
    if begins != _ZSTD:
        return file
    file.close()
    try:
        import pyarrow as pa
    except ImportError:
        raise SetupError(
            f"{path}: pyarrow is needed to unpack it. pip install 'evolsynth[data]'"
        ) from None
    stream = pa.CompressedInputStream(pa.OSFile(os.fsencode(path)), "zstd")
    return cast("AbstractContextManager[BufferedIOBase]", stream)


def check_text(begins: bytes, label: str) -> None:
    """See that bytes can be the beginning of a text in UTF-8.

    Raises:
        InputError: they are of another encoding, which it names.
    """
    name = next((name for bom, name in _OTHERS.items() if begins.startswith(bom)), None)
    if name is None and len(begins) > 3 and begins[:2].count(0) == 1:
        name = "UTF-16"
    if name is not None:
        raise InputError(
            f"{label}: {name} text, not UTF-8 text. Save the file as UTF-8 (in PowerShell: "
            "Out-File -Encoding utf8)."
        )


def no_utf8(where: str, error: UnicodeDecodeError) -> InputError:
    """What to say of bytes that are no UTF-8."""
    byte = error.object[error.start]
    return InputError(
        f"{where}: not UTF-8 text (byte 0x{byte:02x}, as Latin-1 and Windows-1252 have for "
        f"'{bytes([byte]).decode('cp1252', 'replace')}'). Save the file as UTF-8."
    )
