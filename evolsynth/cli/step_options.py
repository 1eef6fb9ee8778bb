"""The commands that take rows a step further: their options, and what runs them."""

from __future__ import annotations

import argparse
from typing import Any

from evolsynth.cli.options import generation, number, whole
from evolsynth.errors import InputError

__all__ = ["add_step_commands"]


def add_step_commands(commands: Any) -> None:
    """Add them to the command's parser."""
    _generate_command(commands)
    _respond_command(commands)
    _preference_command(commands)


def _files(parser: argparse.ArgumentParser, *, rejects: str) -> None:
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write (default: stdout)")
    parser.add_argument("--rejects", metavar="FILE", help=rejects)
    parser.add_argument(
        "--skip-bad", action="store_true", help="go on after a bad line; it is a reject"
    )


def _generate_command(commands: Any) -> None:
    parser = commands.add_parser(
        "generate",
        help="ask a model any prompt, for each row or N times, and keep what it says in a field",
        description="Each row of IN with a new text, or -n N new rows.",
    )
    parser.add_argument("data", nargs="?", metavar="IN", help="rows to fill in; - for stdin")
    _files(parser, rejects="where to write refused rows (default: with the others)")
    parser.add_argument(
        "--prompt",
        required=True,
        metavar="TEXT",
        help='text, or a template such as "Answer shortly: {{ instruction }}"; @FILE reads it',
    )
    parser.add_argument(
        "--output-field",
        default="instruction",
        metavar="NAME",
        help="instruction, response, system, or a field of your own (default: instruction)",
    )
    parser.add_argument(
        "-n", "--rows", type=whole, metavar="N", help="new rows to make, without IN"
    )
    parser.add_argument("--system", metavar="TEXT", help="a system prompt, text or template")
    parser.add_argument(
        "--raw", action="store_true", help="let the model continue the prompt as it stands"
    )
    parser.add_argument(
        "--prefix", default="", metavar="TEXT", help="what the text is made to begin with"
    )
    parser.add_argument(
        "--stop", action="append", default=[], metavar="TEXT", help="what ends the text; repeatable"
    )
    parser.add_argument("--grammar", metavar="FILE", help="GBNF that the text obeys")
    number(parser, "--max-tokens", 256, "of a text")
    generation(parser)
    parser.set_defaults(command=_generate)


def _generate(options: argparse.Namespace) -> int:
    if (options.data is None) == (options.rows is None):
        raise InputError(
            "Give either -n N, for new rows, or a file IN of rows to fill in. "
            "See: evolsynth generate --help"
        )
    from evolsynth.cli.places import Places
    from evolsynth.cli.steps import generate_texts

    return generate_texts(
        Places(options.output, options.rejects, options.model, together=True),
        options.data,
        skip_bad=options.skip_bad,
        prompt=options.prompt,
        output=options.output_field,
        n=options.rows,
        system=options.system,
        chat=not options.raw,
        prefix=options.prefix,
        stop=tuple(options.stop),
        grammar=options.grammar,
        max_tokens=options.max_tokens,
        seed=options.seed,
    )


def _respond_command(commands: Any) -> None:
    parser = commands.add_parser(
        "respond",
        help="answer the instructions of rows, once or several times",
        description="Each row of IN with a response; with --samples K also 'responses', all of "
        "them. Rows that have a response stay as they are.",
    )
    parser.add_argument("data", metavar="IN", help="rows with 'instruction'; - for stdin")
    _files(parser, rejects="where to write refused rows (default: with the others)")
    number(parser, "--samples", 1, "responses to each row")
    parser.add_argument(
        "--system", metavar="TEXT", help="a system prompt for rows that have none of their own"
    )
    parser.add_argument(
        "--prompt",
        default="respond/brief",
        metavar="NAME",
        help="the prompt file whose system turn is used, or none (default: respond/brief)",
    )
    number(parser, "--max-tokens", 320, "of a response")
    generation(parser)
    parser.set_defaults(command=_respond)


def _respond(options: argparse.Namespace) -> int:
    from evolsynth.cli.places import Places
    from evolsynth.cli.steps import respond_to_rows

    return respond_to_rows(
        Places(options.output, options.rejects, options.model, together=True),
        options.data,
        skip_bad=options.skip_bad,
        samples=options.samples,
        system=options.system,
        prompt=None if options.prompt == "none" else options.prompt,
        max_tokens=options.max_tokens,
        seed=options.seed,
    )


def _preference_command(commands: Any) -> None:
    parser = commands.add_parser(
        "preference",
        help="pairs of a chosen and a rejected response, for TRL's DPO",
        description="From rows with several responses (`respond --samples K`), or from the rows of "
        "two files, joined by id or instruction.",
    )
    parser.add_argument("data", metavar="IN", help="rows with 'responses'; - for stdin")
    parser.add_argument(
        "other", nargs="?", metavar="OTHER", help="rows with another model's responses"
    )
    _files(parser, rejects="where to write the rows that gave no pair, with their reasons")
    parser.add_argument(
        "--score",
        choices=("judge", "ifd", "rules"),
        default="rules",
        help="what is preferred: what a judge finds good, what the instruction makes likely, or "
        "what passes the gate's checks (default: rules)",
    )
    parser.add_argument(
        "--margin",
        type=float,
        metavar="X",
        help="less apart is a tie (default: judge 0.5, ifd 0.1, rules 1)",
    )
    parser.add_argument(
        "--least",
        type=float,
        metavar="X",
        help="what the chosen one must reach (default: rules 0, which is without a finding)",
    )
    parser.add_argument(
        "--format",
        choices=("conversational", "standard", "rows"),
        default="conversational",
        help="of TRL, with messages or plain texts, or whole rows (default: conversational)",
    )
    generation(parser)
    parser.set_defaults(command=_preference)


def _preference(options: argparse.Namespace) -> int:
    from evolsynth.cli.preference import Wanted, prefer

    return prefer(
        options.data,
        options.other,
        output=options.output,
        rejects=options.rejects,
        skip_bad=options.skip_bad,
        wanted=Wanted(
            score=options.score,
            margin=options.margin,
            least=options.least,
            format=options.format,
            seed=options.seed,
            model=options.model,
        ),
    )
