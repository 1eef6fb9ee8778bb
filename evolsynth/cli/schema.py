"""``evolsynth schema``: the JSON schema of pipeline files."""

from __future__ import annotations

import json

from evolsynth.atomic import writing
from evolsynth.options import FilePath
from evolsynth.pipeline.yaml.json_schema import pipeline_schema

__all__ = ["schema"]


def schema(*, output: FilePath | None = None) -> int:
    """Print the JSON schema of pipeline files, for editors.

    Args:
        output: where to write (default: stdout).

    Raises:
        InputError: the file cannot be written.
    """
    with writing(output) as write:
        write(json.dumps(pipeline_schema(), ensure_ascii=False, indent=2) + "\n")
    return 0
