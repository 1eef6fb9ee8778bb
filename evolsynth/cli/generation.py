"""The commands that make rows: their options, and what runs them.

What a command needs is imported when it runs: ``--help`` must not wait for torch.
"""

from __future__ import annotations

import argparse
from typing import Any

from evolsynth.cli.options import generation, number

__all__ = ["add_generation_commands"]


def add_generation_commands(commands: Any) -> None:
    """Add them to the command's parser."""
    _magpie_command(commands)


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
        "--only-instruction", action="store_true", help="do not answer the instructions"
    )
    generation(magpie)
    magpie.set_defaults(command=_magpie)


def _magpie(options: argparse.Namespace) -> int:
    from evolsynth.cli.magpie import generate_magpie

    return generate_magpie(
        options.output,
        n=options.rows,
        seed=options.seed,
        model=options.model,
        system=options.system,
        only_instruction=options.only_instruction,
    )
