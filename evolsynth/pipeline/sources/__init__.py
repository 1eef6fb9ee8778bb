"""Where a pipeline's rows come from: dicts, files, Hugging Face datasets, generators."""

from evolsynth.pipeline.sources.base import Origin
from evolsynth.pipeline.sources.choose import origin
from evolsynth.pipeline.sources.columns import ColumnType
from evolsynth.pipeline.sources.hub import Hub, hub

__all__ = ["ColumnType", "Hub", "Origin", "hub", "origin"]
