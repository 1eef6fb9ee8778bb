"""``evolsynth schema``: the JSON schema of pipeline files."""

from __future__ import annotations

import json

from evolsynth.atomic import writing
from evolsynth.pipeline.yaml.json_schema import pipeline_schema

__all__ = ["schema"]


def schema(output: str | None = None) -> int:
    """Write it to a file, or to standard output; the exit status.

    Raises:
        InputError: the file cannot be written.
    """
    with writing(output) as write:
        write(json.dumps(pipeline_schema(), ensure_ascii=False, indent=2) + "\n")
    return 0
