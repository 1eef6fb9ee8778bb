"""``evolsynth draw`` and ``schema``: a pipeline as a picture, and what a pipeline file may hold."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from evolsynth.atomic import writing
from evolsynth.cli.progress.screen import shown
from evolsynth.options import OutputPath, TextOrPath
from evolsynth.pipeline.draw.draw import check_suffix, draw

__all__ = ["draw_command", "schema"]


def draw_command(
    pipeline: TextOrPath, *, param: Sequence[str] = (), output: OutputPath = "-"
) -> int:
    """Draw a pipeline: Mermaid text, or an SVG picture with -o FILE.svg.

    Args:
        pipeline: a YAML file, script.py:NAME or package.module:NAME.
        param: another value for an option of a step, as STEP.OPTION=VALUE; repeatable.
        output: a file that ends in .svg, .mmd or .md (default: stdout).

    Raises:
        InputError: the pipeline cannot be loaded or does not fit together, or the file is none
            that it can be drawn into.
    """
    path = None if output == "-" else output
    if path is not None:
        check_suffix(path)
    from evolsynth.pipeline.yaml.load import load_pipeline, set_parameters

    text = draw(set_parameters(load_pipeline(pipeline), param), path)
    if path is None:
        with writing(None) as write:
            write(text)
    else:
        print(f"Drawn: {shown(path)}", file=sys.stderr)
    return 0


def schema(*, output: OutputPath = "-") -> int:
    """Print the JSON schema of pipeline files, for editors.

    Args:
        output: where to write (default: stdout).

    Raises:
        InputError: the file cannot be written.
    """
    from evolsynth.pipeline.yaml.json_schema import pipeline_schema

    with writing(output) as write:
        write(json.dumps(pipeline_schema(), ensure_ascii=False, indent=2) + "\n")
    return 0
