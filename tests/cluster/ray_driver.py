"""A run on a Ray of its own, as a process that a test may interrupt or kill: FOLDER ROWS."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from ray_lines import line
from ray_models import slower

from evolsynth.cluster import Ray
from evolsynth.errors import RunStopped
from evolsynth.pipeline.run.run import RunOptions, run


def main() -> int:
    """Run it; 130 where it was stopped."""
    folder, rows = sys.argv[1], int(sys.argv[2])
    on = Ray(models={"fake": slower}, workers=2)
    options = RunOptions(llm="fake", on=on, embedder=None, report=False)
    try:
        asyncio.run(run(line([f"thing {n}" for n in range(rows)]), folder, options))
    except RunStopped:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
