"""``python -m evals NAME``: runs one of the programs that measure."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

from evals.options import Parser
from evolsynth.errors import EvolsynthError, InputError


class Program(NamedTuple):
    """A program by the module that has its ``add_options`` and ``run``."""

    module: str
    about: str


PROGRAMS = {
    "throughput": Program(
        "evals.throughput.command", "speed beside llama.cpp itself and other ways to use it"
    ),
    "endurance": Program("evals.endurance", "thousands of requests: speed, memory and threads"),
    "information-loss": Program(
        "evals.information_loss", "kept pairs told from lost and altered ones, spans, speed"
    ),
    "checks": Program("evals.checks", "generation with the gate and its embedder beside it"),
    "diversity": Program("evals.diversity", "do the figures of diversity behave?"),
    "gate": Program("evals.gate_stream", "the gate on any number of rows: recall, speed, memory"),
    "quality-scores": Program(
        "evals.quality_scores", "do scores and checks of responses tell good from bad?"
    ),
    "good-evolution": Program(
        "evals.good_evolution", "the score of evolutions against readers' labels"
    ),
    "yield": Program("evals.yields", "seeds that get accepted evolutions, and what they cost"),
    "duplicates": Program("evals.duplicates", "planted duplicates: who finds them, and how fast"),
    "shards": Program(
        "evals.shards", "duplicates among any number of rows, on Ray: how fast, in which memory"
    ),
    "question-pairs": Program(
        "evals.question_pairs", "are questions with one meaning told from those that look alike?"
    ),
    "magpie": Program("evals.magpie", "does Magpie keep to a domain, and at what cost?"),
    "rouge": Program("evals.rouge", "ROUGE-L against a pool of tasks: speed, and nothing missed"),
    "self-instruct": Program(
        "evals.self_instruct", "new tasks of attempts, by reason, and rows to read"
    ),
    "grounded": Program("evals.grounded", "tasks made of texts, by kind, and rows to read"),
    "crash": Program(
        "evals.crash.command", "runs killed again and again: do they end as if nobody had?"
    ),
    "hostile": Program(
        "evals.hostile.command", "what is bad in thousands of ways: is anything lost, or silent?"
    ),
    "report": Program(
        "evals.report_pages", "the report of many rows in a browser: how soon, how quick?"
    ),
    "scale": Program("evals.scale", "a pipeline with any number of rows: time a row, memory"),
    "eta": Program("evals.eta", "is the time left of a run told rightly? Recorded runs replayed"),
    "long-texts": Program(
        "evals.long_texts", "texts of up to 1 MB of many kinds: seconds, and how they grow"
    ),
    "servers": Program(
        "evals.servers", "questions to a server: how fast, and is the best load found?"
    ),
    "demand-rates": Program(
        "evals.demand_rates", "how often does the small model meet each kind of demand?"
    ),
    "equal-rows": Program(
        "evals.equal_rows", "are greedy rows behind llama-server those in process?"
    ),
    "demands": Program("evals.demands", "do checks of demands agree with if-verifiable's? By kind"),
    "demand-answers": Program(
        "evals.demand_answers", "make the answers that `demands` compares on anew"
    ),
    "demands-in": Program(
        "evals.demands_in", "are the checkable demands of prompts that others write found?"
    ),
    "tasks": Program("evals.tasks", "kinds of tasks, and where truth is at stake, against labels"),
    "support": Program(
        "evals.support", "are answers that stand in their text told from those that do not?"
    ),
    "preference": Program(
        "evals.preference", "of how many seeds do pairs come, and which side do readers prefer?"
    ),
    "agreement": Program("evals.agreement", "where a model's samples agree, is its answer right?"),
    "steer": Program("evals.steer", "what a run that steers itself gives, and what that costs"),
    "tuning": Program(
        "evals.tuning", "does a data set teach? A small model is tuned on it and measured"
    ),
    "tuning-prompts": Program(
        "evals.tuning_prompts", "prompts for it, of rows that say what they demand"
    ),
    "tables": Program("evals.tables", "write the tables of README and docs/ that code declares"),
    "importance": Program(
        "evals.importance", "which weights matter, and what each quantisation costs"
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named program; its exit status, 2 for bad input, 130 for Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = Parser(prog="python -m evals", description="Programs that measure evolsynth.")
    commands = parser.add_subparsers(title="programs", metavar="NAME", dest="name")
    asked = {name: p for name, p in PROGRAMS.items() if name in given[:1]}
    for name, program in PROGRAMS.items():
        command = commands.add_parser(name, help=program.about, description=program.about)
        if name in asked:  # the others need not be imported
            importlib.import_module(program.module).add_options(command)
    try:
        if given and not given[0].startswith("-") and given[0] not in PROGRAMS:
            raise InputError(f"There is no program '{given[0]}'. There are: {', '.join(PROGRAMS)}.")
        options = parser.parse_args(given)
        if options.name is None:
            print("\n".join(f"{name:20}{p.about}" for name, p in PROGRAMS.items()))
            return 0
        status: int = importlib.import_module(PROGRAMS[options.name].module).run(options)
    except EvolsynthError as error:
        print(f"evals: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("evals: stopped.", file=sys.stderr)
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
