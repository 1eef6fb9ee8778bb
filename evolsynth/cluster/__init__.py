"""Work that is spread over the processes of a Ray cluster, or of one machine's own: a run's models,
and duplicates and verdicts of more rows than memory holds; see docs/scale.md."""

from evolsynth.cluster.settings import Ray

__all__ = ["Ray"]
