"""The `evolsynth` command: its options, and what becomes of errors.

Only what a command needs is imported, when it runs: ``--help`` must not wait for torch.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from evolsynth import __version__
from evolsynth.cli.methods import add_method_commands
from evolsynth.cli.options import generation, number, whole
from evolsynth.cli.pipelines import add_pipeline_commands
from evolsynth.errors import EvolsynthError, RunStopped

__all__ = ["main", "run"]


def run() -> None:
    """The console script."""
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, 1 for an error, 130 for Ctrl-C, 143 for
    SIGTERM."""
    told = sys.argv[1:] if arguments is None else list(arguments)
    try:
        options = _parser(next((a for a in told if not a.startswith("-")), None)).parse_args(told)
    except EvolsynthError as error:  # a method of another package cannot be loaded, say
        print(f"evolsynth: {error}", file=sys.stderr)
        return 1
    options.words = told
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except RunStopped as error:
        print(f"evolsynth: {error}", file=sys.stderr)
        return 128 + int(getattr(signal, error.reason, signal.SIGINT))
    except EvolsynthError as error:
        print(f"evolsynth: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("evolsynth: stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of a pipe has gone; nothing more can be said, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser(wanted: str | None) -> argparse.ArgumentParser:
    """All commands; those with flags that come from elsewhere only if they are ``wanted``."""
    parser = argparse.ArgumentParser(
        prog="evolsynth",
        description="Instruction-tuning data on a laptop, checked before a row is accepted.",
    )
    parser.add_argument("--version", action="version", version=f"evolsynth {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    demo = commands.add_parser(
        "demo",
        help="make a small checked data set and its report",
        description="Magpie instructions, one Evol-Instruct round, responses, checks, a report.",
    )
    demo.add_argument("-o", "--output", default="runs/demo", metavar="DIR", help="where to write")
    number(demo, "-n", 100, "Magpie instructions to make", flag="--rows")
    generation(demo)
    demo.set_defaults(command=_demo)

    add_method_commands(commands, wanted)
    add_pipeline_commands(commands, wanted)
    _compare_command(commands)

    report = commands.add_parser(
        "report",
        help="make the HTML report on a data set",
        description="A data set's folder, or any JSON Lines file with an 'instruction' field.",
    )
    report.add_argument("data", metavar="FILE|DIR", help="the data set")
    report.add_argument(
        "-o", "--output", default="report.html", metavar="FILE", help="where to write"
    )
    report.set_defaults(command=_report)

    _gate_commands(commands)
    _diversity_command(commands)
    _score_commands(commands)
    _dedup_command(commands)
    doctor = commands.add_parser(
        "doctor", help="say what was found on this machine, and how to get what was not"
    )
    doctor.set_defaults(command=_doctor)
    return parser


def _gate_commands(commands: Any) -> None:
    gate = commands.add_parser(
        "gate",
        help="judge the rows of a JSON Lines file from any tool",
        description="Rows with 'instruction' and perhaps 'response'; each gets a verdict.",
    )
    gate.add_argument("data", metavar="FILE", help="the rows; - for standard input")
    gate.add_argument("-o", "--output", metavar="FILE", help="accepted rows (default: stdout)")
    gate.add_argument("--rejects", metavar="FILE", help="the other rows, with their reasons")
    gate.add_argument(
        "--settings", metavar="YAML", help="thresholds, as `gates --yaml` prints them"
    )
    gate.add_argument("--no-embedder", action="store_true", help="exact duplicates and words only")
    gate.set_defaults(command=_gate)

    check = commands.add_parser(
        "check",
        help="say what evolutions lost of their originals, for pairs from any tool",
        description="Each line gets 'loss' (0 to 1), 'flagged' and 'lost' (the spans).",
    )
    check.add_argument("data", metavar="PAIRS", help="JSON Lines; - for standard input")
    check.add_argument("-o", "--output", metavar="FILE", help="where to write (default: stdout)")
    check.add_argument("--original", default="original", metavar="FIELD", help="(original)")
    check.add_argument("--evolved", default="evolved", metavar="FIELD", help="(evolved)")
    check.add_argument("--threshold", type=float, metavar="SCORE", help="flag from here on (0.5)")
    check.add_argument("--no-embedder", action="store_true", help="facts and words only; faster")
    number(check, "--workers", 2, "processes for more than 500 pairs")
    check.add_argument(
        "--second-opinion",
        nargs="?",
        const="",
        metavar="MODEL",
        help="let a language model judge the borderline pairs too; slow",
    )
    check.set_defaults(command=_check)

    gates = commands.add_parser("gates", help="list the checks and their thresholds")
    gates.add_argument("--yaml", action="store_true", help="as a settings file to start from")
    gates.add_argument("--settings", metavar="YAML", help="show what this file makes of them")
    gates.set_defaults(command=_gates)


def _diversity_command(commands: Any) -> None:
    diversity = commands.add_parser(
        "diversity",
        help="say how varied a data set is, and what to ask for next",
        description="Figures by method and round at equal size, with intervals; root verbs; thin "
        "clusters. Accepted rows only, where rows have verdicts.",
    )
    diversity.add_argument("data", metavar="FILE", help="rows as JSON Lines; - for standard input")
    diversity.add_argument("--reference", metavar="FILE", help="rows to compare with")
    diversity.add_argument(
        "--by", default="method,round", metavar="FIELDS", help="group by (default: method,round)"
    )
    diversity.add_argument(
        "--field", default="instruction", metavar="NAME", help="default: instruction"
    )
    diversity.add_argument("--all", action="store_true", help="rejected and failed rows too")
    diversity.add_argument(
        "--embedder",
        metavar="NAME",
        help="default: minilm up to 2,000 rows, static vectors made from it beyond",
    )
    diversity.add_argument(
        "--json",
        nargs="?",
        const="-",
        metavar="PATH",
        help="write all of it as JSON there, or to standard output instead of the tables",
    )
    number(diversity, "--seed", 0, "of the draws")
    diversity.set_defaults(command=_diversity)


def _dedup_command(commands: Any) -> None:
    dedup = commands.add_parser(
        "dedup",
        help="remove duplicates from a JSON Lines file from any tool",
        description="Exact, near and semantic duplicates; see docs/duplicates.md.",
    )
    dedup.add_argument("data", metavar="IN", help="the rows; - for standard input")
    dedup.add_argument("-o", "--output", metavar="OUT", help="rows that stay (default: stdout)")
    dedup.add_argument("--duplicates", metavar="FILE", help="the others, and what they lost to")
    dedup.add_argument(
        "--field", default="instruction", metavar="F", help="what is compared (%(default)s)"
    )
    dedup.add_argument(
        "--method",
        choices=("exact", "minhash", "static", "semantic"),
        default="semantic",
        help="each includes those before it; static is the fastest that finds paraphrases, "
        "semantic (the default) also asks MiniLM about the likeliest pairs",
    )
    dedup.add_argument(
        "--threshold",
        type=float,
        metavar="X",
        help="of the method: Jaccard index for minhash (0.7), cosine for static (0.85) and "
        "semantic (0.8)",
    )
    dedup.add_argument(
        "--keep", choices=("first", "best"), default="first", help="which of several stays"
    )
    dedup.add_argument("--score", metavar="FIELD", help="the number that --keep best goes by")
    dedup.add_argument(
        "--same-template",
        action="store_true",
        help="rows that differ only in numbers, what is counted and names are duplicates too",
    )
    dedup.add_argument(
        "--decide",
        type=whole,
        default=2000,
        metavar="N",
        help="how many texts MiniLM is asked about at most (%(default)s)",
    )
    dedup.add_argument("--workers", type=whole, metavar="N", help="threads; rows stay the same")
    dedup.set_defaults(command=_dedup)


def _compare_command(commands: Any) -> None:
    parser = commands.add_parser(
        "compare-systems",
        help="compare system prompts for Magpie",
        description="On-topic share, diversity and yield of N instructions under each.",
    )
    parser.add_argument("systems", metavar="FILE", help="YAML or JSON with a text for each name")
    number(parser, "-n", None, "instructions under each", flag="--rows")
    parser.add_argument("--topic", metavar="TEXT", help="default: what each says of itself")
    parser.add_argument("--language", default="", metavar="CODE", help="refuse other rows")
    parser.add_argument("--json", action="store_true", help="write JSON instead of a table")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write JSON")
    generation(parser)
    parser.set_defaults(command=_compare)


def _compare(options: argparse.Namespace) -> int:
    from evolsynth.cli.compare import compare_systems

    return compare_systems(
        options.systems,
        n=options.rows,
        seed=options.seed,
        topic=options.topic,
        language=options.language,
        model=options.model,
        output=options.output,
        as_lines=options.json,
    )


def _demo(options: argparse.Namespace) -> int:
    from evolsynth.cli.demo import demo

    return demo(options.output, n=options.rows, seed=options.seed, model=options.model)


def _report(options: argparse.Namespace) -> int:
    from evolsynth.cli.report import report

    return report(options.data, options.output)


def _doctor(_: argparse.Namespace) -> int:
    from evolsynth.cli.doctor import doctor

    return doctor()


def _gate(options: argparse.Namespace) -> int:
    from evolsynth.cli.gate import gate

    return gate(
        options.data,
        options.output,
        rejects=options.rejects,
        settings=options.settings,
        embed=not options.no_embedder,
    )


def _check(options: argparse.Namespace) -> int:
    from evolsynth.cli.check import Fields, check

    return check(
        options.data,
        options.output,
        fields=Fields(options.original, options.evolved),
        threshold=options.threshold,
        embed=not options.no_embedder,
        workers=options.workers,
        model=options.second_opinion,
    )


def _diversity(options: argparse.Namespace) -> int:
    from evolsynth.cli.diversity import diversity

    return diversity(
        options.data,
        reference=options.reference,
        by=options.by,
        field=options.field,
        every=options.all,
        embedder=options.embedder,
        json=options.json,
        seed=options.seed,
    )


def _dedup(options: argparse.Namespace) -> int:
    from evolsynth.cli.dedup import dedup

    return dedup(
        options.data,
        options.output,
        duplicates=options.duplicates,
        field=options.field,
        method=options.method,
        threshold=options.threshold,
        keep=options.keep,
        score=options.score,
        same_template=options.same_template,
        decide=options.decide,
        workers=options.workers,
    )


def _gates(options: argparse.Namespace) -> int:
    from evolsynth.cli.gate import gates

    return gates(as_yaml=options.yaml, settings=options.settings)


def _score_commands(commands: Any) -> None:
    score = commands.add_parser(
        "score",
        help="put scores on the rows of a JSON Lines file: IFD, a judge's",
        description="Rows with 'instruction' and 'response'; all other fields stay as they are.",
    )
    score.add_argument("data", metavar="FILE", help="the rows; - for standard input")
    score.add_argument("-o", "--output", metavar="FILE", help="where to write (default: stdout)")
    score.add_argument(
        "--ifd", action="store_true", help="how much the instruction helps to the response"
    )
    score.add_argument(
        "--judge", action="store_true", help="complexity and quality, 1 to 6, by the model"
    )
    score.add_argument("--model", metavar="MODEL", help="as for `magpie`")
    score.set_defaults(command=_score)

    select = commands.add_parser(
        "select",
        help="choose the best rows by their scores, none too much like another",
        description="The best N by the product of scores, best first.",
    )
    select.add_argument("data", metavar="FILE", help="rows with scores, as `score` writes them")
    number(select, "-n", None, "rows to choose", flag="--rows")
    select.add_argument("-o", "--output", metavar="FILE", help="where to write (default: stdout)")
    select.add_argument("--rejects", metavar="FILE", help="the other rows, with their reasons")
    select.add_argument(
        "--by", default="complexity,quality", metavar="SCORES", help="default: complexity,quality"
    )
    select.add_argument(
        "--distance",
        type=float,
        default=0.9,
        metavar="COSINE",
        help="pass over a row whose cosine to one chosen is above this (default: 0.9)",
    )
    select.set_defaults(command=_select)


def _score(options: argparse.Namespace) -> int:
    from evolsynth.cli.score import score

    return score(
        options.data,
        options.output,
        by_ifd=options.ifd,
        by_judge=options.judge,
        model=options.model,
    )


def _select(options: argparse.Namespace) -> int:
    from evolsynth.cli.select import select

    return select(
        options.data,
        options.output,
        n=options.rows,
        by=[name.strip() for name in options.by.split(",") if name.strip()],
        distance=options.distance,
        rejects=options.rejects,
    )
