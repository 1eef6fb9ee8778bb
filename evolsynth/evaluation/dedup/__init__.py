"""Duplicates among many texts: exact, near, and by meaning. See `deduplicate`."""

from evolsynth.evaluation.dedup.options import Method
from evolsynth.evaluation.dedup.result import Deduplicated, Duplicate
from evolsynth.evaluation.dedup.run import deduplicate

__all__ = ["Deduplicated", "Duplicate", "Method", "deduplicate"]
