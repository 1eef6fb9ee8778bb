"""``evolsynth draw``: a pipeline as Mermaid text, or as a picture."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from evolsynth.pipeline.draw.draw import check_suffix, draw

__all__ = ["draw_command"]


def draw_command(spec: str, output: str | None, *, parameters: Sequence[str] = ()) -> int:
    """Print a pipeline as Mermaid text, or draw it into a file that ends in .svg, .mmd or .md.

    Args:
        spec: a pipeline's YAML file, or ``script.py:name``.
        output: the file; None or ``-`` for standard output.
        parameters: other values for options, as ``STEP.OPTION=VALUE``.

    Raises:
        InputError: the pipeline cannot be loaded or does not fit together, or the file is none
            that it can be drawn into.
    """
    path = None if output in (None, "-") else output
    if path is not None:
        check_suffix(path)
    from evolsynth.pipeline.yaml.load import load_pipeline, set_parameters

    pipeline = load_pipeline(spec)
    text = draw(set_parameters(pipeline, parameters) if parameters else pipeline, path)
    if path is None:
        sys.stdout.write(text)
    else:
        print(f"Drawn: {path}", file=sys.stderr)
    return 0
