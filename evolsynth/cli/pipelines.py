"""The commands around pipelines: their options, and what runs them."""

from __future__ import annotations

import argparse
from typing import Any

from evolsynth.cli.options import whole

__all__ = ["add_pipeline_commands"]


def add_pipeline_commands(commands: Any) -> None:
    """Add them to the command's parser."""
    _run_command(commands)
    _preview_command(commands)
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


def _drawing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=whole, metavar="N", help="instead of the pipeline's")
    parser.add_argument("--model", metavar="MODEL", help="of steps that name none")
    parser.add_argument(
        "--accepted", type=_count, metavar="N", help="end when so many rows are accepted"
    )


def _run_command(commands: Any) -> None:
    parser = commands.add_parser(
        "run",
        help="run a pipeline into a folder, or go on with a run",
        description="Rows go to accepted.jsonl, rejected.jsonl and failed.jsonl. What is in the "
        "folder's store is not asked again, so the same command goes on with a run that was "
        "stopped or killed.",
    )
    _pipeline(parser, folder=True)
    parser.add_argument("-o", "--output", metavar="DIR", help="where (default: runs/NAME)")
    _drawing(parser)
    parser.add_argument("--minutes", type=_positive, metavar="M", help="end after so long")
    parser.add_argument(
        "--max-tokens", type=_count, metavar="N", help="end when models wrote so many tokens"
    )
    parser.add_argument(
        "--max-attempts", type=_count, metavar="N", help="end after so many rows in all"
    )
    parser.add_argument(
        "--stall",
        type=whole,
        metavar="N",
        help="end when of so many rows in a row none was accepted; 0: never (default: 1000)",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="throw away what is in the folder and begin anew"
    )
    parser.add_argument(
        "--no-cache", action="store_true", help="ask for every answer again, and keep the new ones"
    )
    parser.add_argument("--cache", metavar="FILE", help="a file of answers that runs share")
    parser.add_argument(
        "--concurrency", type=_count, metavar="N", help="rows under way at each step"
    )
    parser.add_argument(
        "--breaker",
        type=whole,
        metavar="N",
        help="end when so many rows in a row failed at one step; 0: never (default: 20)",
    )
    parser.add_argument(
        "--retries", type=whole, default=2, metavar="N", help="of a request (default: 2)"
    )
    parser.add_argument("--no-embedder", action="store_true", help="do without MiniLM")
    parser.add_argument("--no-report", action="store_true", help="make no report")
    parser.add_argument(
        "--log",
        choices=("auto", "plain", "json", "quiet"),
        default="auto",
        help="how the progress is told: a table on a terminal, lines, JSON events (default: auto)",
    )
    parser.set_defaults(command=_run)


def _preview_command(commands: Any) -> None:
    parser = commands.add_parser(
        "preview",
        help="make a few rows at each step, show them, and estimate the whole",
        description="Nothing is written.",
    )
    _pipeline(parser)
    _drawing(parser)
    parser.add_argument(
        "-n", "--rows", type=_count, default=5, metavar="N", help="rows of a source (default: 5)"
    )
    parser.add_argument("--no-embedder", action="store_true", help="do without MiniLM")
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
    from evolsynth.cli.run import run_pipeline

    return run_pipeline(
        options.pipeline,
        options.output,
        parameters=options.param,
        log=options.log,
        llm=options.model,
        seed=options.seed,
        accepted=options.accepted,
        minutes=options.minutes,
        max_tokens=options.max_tokens,
        max_attempts=options.max_attempts,
        stall=options.stall,
        fresh=options.fresh,
        use_cache=not options.no_cache,
        cache=options.cache,
        concurrency=options.concurrency,
        breaker=options.breaker,
        retries=options.retries,
        embed=not options.no_embedder,
        report=not options.no_report,
    )


def _preview(options: argparse.Namespace) -> int:
    from evolsynth.cli.run import preview_pipeline

    return preview_pipeline(
        options.pipeline,
        parameters=options.param,
        rows=options.rows,
        llm=options.model,
        seed=options.seed,
        accepted=options.accepted,
        embed=not options.no_embedder,
    )


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


def _count(text: str) -> int:
    number = whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1")
    return number


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return number
