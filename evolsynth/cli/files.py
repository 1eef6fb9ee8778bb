"""Where a command writes; see `evolsynth.atomic`."""

from __future__ import annotations

from evolsynth.atomic import writing

__all__ = ["writing"]
