"""The commands around pipelines: their options, and what runs them."""

from __future__ import annotations

import argparse
from typing import Any

from evolsynth.cli.options import whole

__all__ = ["add_pipeline_commands"]


def add_pipeline_commands(commands: Any, wanted: str | None) -> None:
    """Add them to the command's parser, and the flags of a run to the one that is wanted."""
    _run_command(commands, wanted)
    _preview_command(commands, wanted)
    _status_command(commands)
    _draw_command(commands)
    _schema_command(commands)
    _rescue_command(commands)


def _pipeline(parser: argparse.ArgumentParser, *, folder: bool = False) -> None:
    parser.add_argument(
        "pipeline",
        metavar="PIPELINE",
        help="a YAML file, script.py:NAME or package.module:NAME"
        + ("; or the folder of a run, to go on with it" if folder else ""),
    )
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="STEP.OPTION=VALUE",
        help="another value for an option of a step; repeatable",
    )


def _run_command(commands: Any, wanted: str | None) -> None:
    parser = commands.add_parser(
        "run",
        help="run a pipeline into a folder, or go on with a run",
        description="Rows go to accepted.jsonl, rejected.jsonl and failed.jsonl. What is in the "
        "folder's store is not asked again, so the same command goes on with a run that was "
        "stopped or killed.",
    )
    _pipeline(parser, folder=True)
    parser.add_argument("-o", "--output", metavar="DIR", help="where (default: runs/NAME)")
    if wanted == "run":
        from evolsynth.cli.runs import add_run_flags

        add_run_flags(parser)
    parser.set_defaults(command=_run)


def _preview_command(commands: Any, wanted: str | None) -> None:
    parser = commands.add_parser(
        "preview",
        help="make a few rows at each step, show them, and estimate the whole",
        description="Nothing is written.",
    )
    _pipeline(parser)
    parser.add_argument(
        "-n", "--rows", type=whole, default=5, metavar="N", help="rows of a source (default: 5)"
    )
    if wanted == "preview":
        from evolsynth.cli.runs import add_run_flags

        add_run_flags(parser)
    parser.set_defaults(command=_preview)


def _status_command(commands: Any) -> None:
    parser = commands.add_parser("status", help="say where a run stands, also while it runs")
    parser.add_argument("folder", metavar="DIR", help="the run's folder")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.add_argument("--watch", action="store_true", help="again each second, to the run's end")
    parser.set_defaults(command=_status)


def _draw_command(commands: Any) -> None:
    parser = commands.add_parser(
        "draw", help="draw a pipeline: Mermaid text, or an SVG picture with -o FILE.svg"
    )
    _pipeline(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="FILE.svg or FILE.mmd")
    parser.set_defaults(command=_draw)


def _schema_command(commands: Any) -> None:
    parser = commands.add_parser(
        "schema", help="print the JSON schema of pipeline files, for editors"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write (default: stdout)")
    parser.set_defaults(command=_schema)


def _rescue_command(commands: Any) -> None:
    parser = commands.add_parser(
        "rescue",
        help="save what can be read of a run whose store is damaged",
        description="Rows and answers go to DIR/rescued as JSON Lines, and into a new store, so "
        "that the run can go on.",
    )
    parser.add_argument("folder", metavar="DIR", help="the run's folder")
    parser.set_defaults(command=_rescue)


def _run(options: argparse.Namespace) -> int:
    from evolsynth.cli.runs import run_into_folder

    return run_into_folder(options)


def _preview(options: argparse.Namespace) -> int:
    from evolsynth.cli.runs import preview_command

    return preview_command(options)


def _status(options: argparse.Namespace) -> int:
    from evolsynth.cli.progress.summary import status

    return status(options.folder, as_json=options.json, watch=options.watch)


def _draw(options: argparse.Namespace) -> int:
    from evolsynth.cli.draw import draw_command

    return draw_command(options.pipeline, options.output, parameters=options.param)


def _schema(options: argparse.Namespace) -> int:
    from evolsynth.cli.schema import schema

    return schema(options.output)


def _rescue(options: argparse.Namespace) -> int:
    from evolsynth.cli.rescue import rescue

    return rescue(options.folder)
