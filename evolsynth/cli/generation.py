"""The commands that make rows: their options, and what runs them.

What a command needs is imported when it runs: ``--help`` must not wait for torch.
"""

from __future__ import annotations

import argparse
from typing import Any

from evolsynth.cli.options import generation, number, whole
from evolsynth.cli.step_options import add_step_commands
from evolsynth.errors import InputError

__all__ = ["add_generation_commands"]


def add_generation_commands(commands: Any) -> None:
    """Add them to the command's parser."""
    _magpie_command(commands)
    _self_instruct_command(commands)
    _evolve_command(commands)
    add_step_commands(commands)


def _magpie_command(commands: Any) -> None:
    magpie = commands.add_parser(
        "magpie",
        help="make instructions and responses with Magpie",
        description="N planned rows as JSON Lines, each with its verdict.",
    )
    number(magpie, "-n", None, "rows to make", flag="--rows")
    magpie.add_argument("-o", "--output", metavar="FILE", help="where to write (default: stdout)")
    magpie.add_argument("--system", metavar="TEXT", help="a system prompt, to steer the subject")
    magpie.add_argument(
        "--systems",
        metavar="FILE",
        help="system prompts to draw from: YAML or JSON with a text, or [text, probability], for "
        "each name, or one text a line",
    )
    magpie.add_argument(
        "--topic",
        metavar="TEXT",
        help="keep to a topic: mathematics, programming, cooking, health, travel, or any other, "
        'best as "bees: hives, honey, swarms"',
    )
    magpie.add_argument(
        "--candidates",
        type=whole,
        metavar="N",
        help="instructions drawn for a row at most (default: 4 with a topic, else 1)",
    )
    number(magpie, "--turns", 1, "the user's turns")
    magpie.add_argument(
        "--end-with-user", action="store_true", help="leave the last turn unanswered"
    )
    magpie.add_argument(
        "--include-system-prompt",
        action="store_true",
        help="begin messages with the system prompt",
    )
    magpie.add_argument(
        "--only-instruction", action="store_true", help="do not answer the instructions"
    )
    magpie.add_argument(
        "--language", default="", metavar="CODE", help="refuse rows in another one, such as en"
    )
    magpie.add_argument(
        "--compare-system",
        metavar="FILE",
        help="compare system prompts instead: on-topic share, diversity and yield of N "
        "instructions under each; the topic is --topic, or what each says of itself",
    )
    magpie.add_argument(
        "--json", action="store_true", help="with --compare-system: write JSON instead of a table"
    )
    generation(magpie)
    magpie.set_defaults(command=_magpie)


def _magpie(options: argparse.Namespace) -> int:
    from evolsynth.cli.magpie import Asked, compare_systems, generate_magpie

    asked = Asked(
        n=options.rows,
        seed=options.seed,
        model=options.model,
        system=options.system,
        systems=options.systems,
        topic=options.topic,
        candidates=options.candidates,
        turns=options.turns,
        end_with_user=options.end_with_user,
        include_system_prompt=options.include_system_prompt,
        only_instruction=options.only_instruction,
        language=options.language,
    )
    if options.compare_system is not None:
        return compare_systems(
            asked, options.compare_system, output=options.output, as_lines=options.json
        )
    if options.json:
        raise InputError("--json belongs to --compare-system: rows are JSON Lines anyway.")
    return generate_magpie(options.output, asked)


def _self_instruct_command(commands: Any) -> None:
    parser = commands.add_parser(
        "self-instruct",
        help="make tasks from seed tasks, or queries from contexts, with Self-Instruct",
        description="With -n: N new tasks, each with an output and, if it needs one, an input. "
        "With CONTEXTS: queries about each of its texts.",
    )
    parser.add_argument(
        "contexts", nargs="?", metavar="CONTEXTS", help="a JSON Lines file of texts, - for stdin"
    )
    parser.add_argument(
        "-n", "--rows", type=whole, metavar="N", help="tasks to make from seed tasks"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write (default: stdout)")
    parser.add_argument("--rejects", metavar="FILE", help="where to write what was not accepted")
    parser.add_argument(
        "--seeds", metavar="FILE", help="seed tasks of your own (default: those that ship)"
    )
    parser.add_argument(
        "--max-attempts", type=whole, metavar="N", help="end after so many (default: 10 for each)"
    )
    number(parser, "--num-instructions", 5, "queries for each context")
    parser.add_argument("--field", default="input", help="where the context is (default: input)")
    parser.add_argument(
        "--application",
        default="AI assistant",
        metavar="TEXT",
        help="what the queries are sent to (default: AI assistant)",
    )
    parser.add_argument("--criteria", metavar="TEXT", help="what queries must be like (classic)")
    parser.add_argument(
        "--prompts",
        choices=("small", "classic"),
        help="the family of prompts (default: by the model's size)",
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="go on after a bad line of CONTEXTS"
    )
    generation(parser)
    parser.set_defaults(command=_self_instruct)


def _self_instruct(options: argparse.Namespace) -> int:
    if (options.contexts is None) == (options.rows is None):
        raise InputError(
            "Give either -n N, for tasks from seed tasks, or a file of CONTEXTS, not both. "
            "See: evolsynth self-instruct --help"
        )
    from evolsynth.cli.places import Places
    from evolsynth.cli.self_instruct import generate_from_contexts, generate_tasks

    places = Places(options.output, options.rejects, options.model)
    if options.contexts is None:
        return generate_tasks(
            places,
            n=options.rows,
            seed=options.seed,
            seeds=options.seeds,
            prompts=options.prompts,
            max_attempts=options.max_attempts,
        )
    if options.seeds is not None:
        raise InputError("--seeds goes with -n: queries from CONTEXTS need no seed tasks.")
    return generate_from_contexts(
        places,
        options.contexts,
        num_instructions=options.num_instructions,
        field=options.field,
        application=options.application,
        criteria=options.criteria,
        seed=options.seed,
        prompts=options.prompts,
        skip_bad=options.skip_bad,
    )


def _evolve_command(commands: Any) -> None:
    parser = commands.add_parser(
        "evolve",
        help="make instructions ask for more, in rounds, with Evol-Instruct",
        description="Each row of IN is followed by one row for each round, with its verdict; an "
        "evolution that was accepted is evolved further.",
    )
    parser.add_argument("data", metavar="IN", help="rows with 'instruction'; - for stdin")
    parser.add_argument("-o", "--output", metavar="FILE", help="accepted rows (default: stdout)")
    parser.add_argument("--rejects", metavar="FILE", help="the other rows, with their reasons")
    number(parser, "--rounds", 1, "evolutions of each row")
    number(parser, "--candidates", 8, "evolutions asked for in a round at most; the best is kept")
    parser.add_argument(
        "--good-enough",
        type=float,
        default=0.75,
        metavar="SCORE",
        help="no more are asked for after one with this score; 1 asks for all (default: 0.75)",
    )
    parser.add_argument(
        "--operations",
        metavar="WEIGHTS",
        help="such as constraints=2,deepening,breadth=0.5; of constraints, deepening, "
        "concretizing, increased_reasoning_steps, complicate_input, breadth",
    )
    parser.add_argument(
        "--prompts",
        choices=("small", "classic"),
        help="the family of prompts (default: by the model's size)",
    )
    parser.add_argument("--answers", action="store_true", help="answer the evolutions too")
    parser.add_argument(
        "--no-originals", action="store_true", help="leave out the rows that came in"
    )
    parser.add_argument(
        "--only-last", action="store_true", help="of each row the last good evolution alone"
    )
    parser.add_argument(
        "--settings", metavar="YAML", help="thresholds, as `gates --yaml` prints them"
    )
    parser.add_argument("--no-embedder", action="store_true", help="judge by words alone")
    parser.add_argument(
        "--skip-bad", action="store_true", help="go on after a bad line; it is a reject"
    )
    generation(parser)
    parser.set_defaults(command=_evolve)


def _evolve(options: argparse.Namespace) -> int:
    from evolsynth.cli.evolve import Asked, evolve, weights_of
    from evolsynth.cli.places import Places

    asked = Asked(
        rounds=options.rounds,
        candidates=options.candidates,
        good_enough=options.good_enough,
        operations=None if options.operations is None else weights_of(options.operations),
        prompts=options.prompts,
        answers=options.answers,
        originals=not options.no_originals,
        only_last=options.only_last,
        seed=options.seed,
        settings=options.settings,
        embed=not options.no_embedder,
    )
    return evolve(
        options.data,
        Places(options.output, options.rejects, options.model),
        skip_bad=options.skip_bad,
        asked=asked,
    )
