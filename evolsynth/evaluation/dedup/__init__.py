"""Duplicates among many texts: exact, near, and by meaning. See `deduplicate`."""

from evolsynth.evaluation.dedup.run import Deduplicated, Duplicate, Method, deduplicate

__all__ = ["Deduplicated", "Duplicate", "Method", "deduplicate"]
