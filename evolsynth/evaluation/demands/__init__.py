"""Demands on an answer that a program can check: "in at most 50 words", "as a list of 3 points".

A `Kind` is one such demand with its parameters open; a `Demand` is a kind with its values. A demand
checks a response (`Demand.check`), makes it so by rule where form alone decides (`Demand.apply`),
and says itself in many wordings (`Demand.worded`), which are data. Each kind is one function in one
file of ``kinds/``, with its wordings in a text file beside; `KINDS` finds them, and the entry
points ``evolsynth.demands`` add those of other packages.
"""

from evolsynth.evaluation.demands.demand import KINDS, Demand, Kind, Miss, kind

__all__ = ["KINDS", "Demand", "Kind", "Miss", "kind"]
