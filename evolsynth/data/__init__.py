"""Where a pipeline's rows come from: dicts, files, Hugging Face datasets, generators."""

from evolsynth.data.columns import ColumnType
from evolsynth.data.hub import Hub, hub
from evolsynth.data.open import origin
from evolsynth.data.source import Origin

__all__ = ["ColumnType", "Hub", "Origin", "hub", "origin"]
