"""A run's models on the machines of a Ray cluster; see docs/scale.md."""

from evolsynth.cluster.settings import Ray

__all__ = ["Ray"]
