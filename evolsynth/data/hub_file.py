"""One file of a data set on the Hugging Face hub: ``hf://datasets/owner/name@revision/path``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import unquote

from evolsynth.columns import ColumnType
from evolsynth.data.reader import FORMATS, Reader, Record
from evolsynth.doing import doing
from evolsynth.errors import InputError, SetupError

__all__ = ["Address", "HubFile", "file_address"]

_PREFIX, _DATA = "hf://", "datasets/"
_FILE = re.compile(
    r"(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>refs/(?:convert|pr)/[\w.-]+|[^/@]+))?/(?P<path>.+)"
)
_SECRET = re.compile(r"\bhf_\w+")
#: By the name of an error of huggingface_hub's: what is wrong, and what to do.
_TOLD = {
    "GatedRepoError": "its owner gives it to those who asked. Ask for access on its page, then run "
    "hf auth login.",
    "RepositoryNotFoundError": "there is no such data set, or it is private. Check the name; of a "
    "private one of yours, run hf auth login.",
    "RevisionNotFoundError": "the data set has no such revision. Check what stands behind the @.",
    "EntryNotFoundError": "there is no such file in the data set. Check the path.",
    "OfflineModeIsEnabled": "HF_HUB_OFFLINE is set, and the file is not in the cache. Unset it "
    "once to fetch the file.",
    "LocalEntryNotFoundError": "the hub cannot be reached, and the file is not in the cache. Check "
    "the network, or give a file.",
}
_OURS = ("OfflineModeIsEnabled", "LocalEntryNotFoundError")


class Address(NamedTuple):
    """A file on the hub."""

    name: str
    revision: str | None
    path: str


def file_address(address: str) -> Address | None:
    """The file that an address names; None if it names a data set.

    Raises:
        InputError: a revision or a part stands behind the file.
    """
    rest = address.removeprefix(_PREFIX)
    found = _FILE.fullmatch(rest.removeprefix(_DATA))
    if found is None:
        return None
    path, at, _ = found["path"].partition("@")
    # a configuration of a data set has hardly the name of a file that is read here
    if not (rest.startswith(_DATA) or found["revision"] or _known(path)):
        return None
    if at:
        raise InputError(
            f"{address}: one file has no parts; a revision stands before its path, "
            "hf://datasets/owner/name@revision/file.parquet."
        )
    revision = found["revision"]
    return Address(found["name"], revision and unquote(revision), path)


def _known(path: str) -> bool:
    """Whether it is called as files are that are read here."""
    _, *ends = path.rpartition("/")[2].lower().split(".")
    return bool(ends) and any(
        FORMATS.find(end) is not None for end in (ends[-1], ".".join(ends[-2:]))
    )


class HubFile(Reader):
    """The rows of one file, which is fetched into the hub's own cache when it is read first."""

    def __init__(self, label: str, address: Address) -> None:
        super().__init__(label)
        self._address = address
        if not _known(address.path):
            ends = ", ".join(f".{name}" for name in FORMATS if "://" not in name)
            raise InputError(
                f"{label}: not a kind of file that is read here. Give {ends}, or a whole data set, "
                "owner/name."
            )

    @cached_property
    def _inner(self) -> Reader:
        from evolsynth.data.files import readers_of

        readers = readers_of(fetched(self._address, self.label))
        (reader,) = readers
        reader.label = self.label
        if reader.empty is not None:
            reader.empty = f"{self.label}: there are no rows in it. Give a file that has."
        self.unit, self.empty = reader.unit, reader.empty
        return reader

    def columns(self) -> Mapping[str, ColumnType] | None:
        """As the file's own reader says."""
        return self._inner.columns()

    def count(self) -> int | None:
        """As the file's own reader says."""
        return self._inner.count()

    def batches(self) -> Iterator[Iterable[Record]]:
        """Those of the file."""
        return self._inner.batches()


def fetched(address: Address, label: str) -> str:
    """The path of the file in the cache, fetched if need be.

    Raises:
        InputError: there is none such, or nobody here may read it.
        SetupError: huggingface_hub is missing, or the hub cannot be reached.
    """
    try:
        import huggingface_hub
    except ImportError:
        raise SetupError(
            f"{label}: the package huggingface_hub is needed. pip install 'evolsynth[data]'"
        ) from None
    asked: dict[str, Any] = {"repo_type": "dataset", "revision": address.revision}
    for option, name in (("endpoint", "HF_ENDPOINT"), ("cache_dir", "HF_HUB_CACHE")):
        if os.environ.get(name):
            asked[option] = os.environ[name]
    try:
        with doing(f"fetching {label}"):
            return str(huggingface_hub.hf_hub_download(address.name, address.path, **asked))
    except Exception as error:  # noqa: BLE001 - whatever the network raises
        kinds = [kind.__name__ for kind in type(error).__mro__]
        kind = next((name for name in kinds if name in _TOLD), None)
        if kind == "LocalEntryNotFoundError" and huggingface_hub.constants.HF_HUB_OFFLINE:
            kind = "OfflineModeIsEnabled"
        told = None if kind is None else _TOLD[kind]
        if told is None:
            said = _SECRET.sub("***", str(error).strip().partition("\n")[0].rstrip("."))
            told = f"cannot be fetched ({said or kinds[0]}). Check the address and the network."
        make = InputError if kind not in (None, *_OURS) else SetupError
        raise make(f"{label}: {told}") from None
