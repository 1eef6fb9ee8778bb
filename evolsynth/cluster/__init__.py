"""Work that is spread over the processes of a Ray cluster, or of one machine's own: a run's models,
and duplicates and verdicts of more rows than memory holds (docs/scale.md); and rows as Ray's data
sets (docs/ray-data.md)."""

from evolsynth.cluster.datasets import dataset_of
from evolsynth.cluster.settings import Ray

__all__ = ["Ray", "dataset_of"]
