"""Hugging Face datasets: those in memory or on disk, and those on the hub."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from evolsynth.columns import ColumnType
from evolsynth.data.parquet import no_texts, schema_columns
from evolsynth.data.reader import Items, Reader, reads
from evolsynth.doing import doing
from evolsynth.errors import InputError, SetupError

__all__ = ["Dataset", "Hub", "dataset_of", "hub", "is_dataset"]

_PREFIX = "hf://"


@dataclass(frozen=True)
class Hub:
    """A data set on the Hugging Face hub, which nothing is asked of yet."""

    name: str
    config: str | None = None
    split: str = "train"
    streaming: bool = True

    def __str__(self) -> str:
        parts = (self.name,) if self.config is None else (self.name, self.config)
        return f"{_PREFIX}{'/'.join(parts)}@{self.split}"

    def load(self) -> Any:
        """The data set, as the ``datasets`` package opens it.

        Raises:
            InputError: there is no such data set, configuration or split.
            SetupError: the package is missing, or the hub cannot be reached.
        """
        self.check()
        import datasets

        try:
            with doing(f"loading {self}"):
                return datasets.load_dataset(
                    self.name, self.config, split=self.split, streaming=self.streaming
                )
        except (FileNotFoundError, ValueError) as error:
            raise InputError(
                f"{self}: cannot be loaded ({_said(error)}). Check the names, and the access."
            ) from error
        except Exception as error:  # whatever the network and the data set's own code raise
            raise SetupError(
                f"{self}: cannot be loaded ({_said(error)}). Check the network, or give a file."
            ) from error

    def check(self) -> None:
        """See that the package is installed, without loading it.

        Raises:
            SetupError: it is not.
        """
        if importlib.util.find_spec("datasets") is None:
            raise SetupError(
                f"{self}: the package datasets is needed. pip install 'evolsynth[data]'"
            )


def hub(name: str, config: str | None = None, split: str = "train", streaming: bool = True) -> Hub:
    """A data set on the Hugging Face hub, to give to `origin`.

    Args:
        name: ``owner/name``.
        config: its configuration, where it has several.
        split: which rows of it.
        streaming: read rows as they are asked for, instead of downloading all first.
    """
    return Hub(name, config, split, streaming)


@reads(_PREFIX)
def _named(address: str, label: str) -> Reader:
    """The data set that ``hf://owner/name/config@split`` names, or the one file of it that
    ``hf://datasets/owner/name@revision/path`` does."""
    from evolsynth.data.hub_file import HubFile, file_address

    one = file_address(address)
    if one is not None:
        return HubFile(label, one)
    path, at, split = address.removeprefix(_PREFIX).partition("@")
    parts = path.removeprefix("datasets/").split("/")
    if not 1 <= len(parts) <= 3 or not all(parts) or (at and not split):
        raise InputError(
            f"{address}: write hf://owner/name, hf://owner/name/config@split or "
            "hf://datasets/owner/name/file.parquet."
        )
    return dataset_of(
        Hub("/".join(parts[:2]), parts[2] if len(parts) == 3 else None, split or "train")
    )


def dataset_of(data: Any) -> Dataset:
    """The reader of a `Hub` or of a data set that is there.

    Raises:
        SetupError: the package that a `Hub` needs is not installed.
    """
    if isinstance(data, Hub):
        data.check()
        return Dataset(data.load, str(data))
    builder, split = getattr(data, "builder_name", None), getattr(data, "split", None)
    name = type(data).__name__ if builder is None else str(builder)
    return Dataset(lambda: data, name if split is None else f"{name}@{split}")


def is_dataset(data: object) -> bool:
    """Whether it is a ``datasets.Dataset`` or ``IterableDataset``, or looks like one.

    Raises:
        InputError: it is a dict of them.
    """
    if isinstance(data, Mapping) and data and all(map(is_dataset, data.values())):
        splits = ", ".join(map(str, data))
        raise InputError(f"The data set has splits: {splits}. Give one of them: data['train'].")
    return (
        hasattr(data, "features") and hasattr(data, "column_names") and isinstance(data, Iterable)
    )


class Dataset(Items):
    """The rows of a data set, read in a thread, since they may come over the network."""

    unit = "row"

    def __init__(self, load: Callable[[], Any], label: str) -> None:
        @cache
        def texts() -> Any:
            """The data set without columns of bytes, which would be made images and sounds."""
            data = _undecoded(load())
            schema = getattr(data.features, "arrow_schema", None)
            names = set() if schema is None else no_texts(schema, label)
            return data.remove_columns(sorted(names)) if names else data

        self._load = texts
        super().__init__(self._load, label)
        self.empty = f"{label}: the data set has no rows. Give one that has."

    def columns(self) -> Mapping[str, ColumnType] | None:
        """As its features say, where it knows them."""
        schema = getattr(self._load().features, "arrow_schema", None)
        return None if schema is None else schema_columns(schema, self.label)

    def count(self) -> int | None:
        """Its length, where it has one."""
        data = self._load()
        return len(data) if hasattr(data, "__len__") else None


def _undecoded(data: Any) -> Any:
    """A streamed data set whose images and sounds stay bytes: else each is made one before its
    column is left out, which takes time, and packages that may be missing."""
    if not hasattr(data, "decode"):  # one on the disk makes none of columns that are left out
        return data
    kinds = str(data.features)  # at any depth
    media = any(f"{kind}(" in kinds for kind in ("Image", "Audio", "Video"))
    return data.decode(False) if media else data


def _said(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
