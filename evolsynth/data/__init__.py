"""Where rows come from: dicts, files, Hugging Face datasets, generators, texts."""

from evolsynth.columns import ColumnType
from evolsynth.data.files import read_dataset, read_objects, read_rows
from evolsynth.data.hub import Hub, hub
from evolsynth.data.open import Origin, origin
from evolsynth.data.reader import reads
from evolsynth.data.text_source import texts

__all__ = [
    "ColumnType",
    "Hub",
    "Origin",
    "hub",
    "origin",
    "read_dataset",
    "read_objects",
    "read_rows",
    "reads",
    "texts",
]
