"""The `evolsynth` command: its options, and what becomes of errors.

Only what a command needs is imported, when it runs: ``--help`` must not wait for torch.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence

from evolsynth import __version__
from evolsynth.cli.commands import add_commands
from evolsynth.cli.methods import add_method_commands
from evolsynth.cli.progress.waiting import speaking
from evolsynth.errors import EvolsynthError, RunStopped

__all__ = ["main", "run"]


@speaking
def run() -> None:
    """The console script."""
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, 1 for an error, 130 for Ctrl-C, 143 for
    SIGTERM."""
    told = sys.argv[1:] if arguments is None else list(arguments)
    try:
        options = _parser(next((a for a in told if not a.startswith("-")), None)).parse_args(told)
        options.words = told
        command: Callable[[argparse.Namespace], int] = options.command
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

    add_method_commands(commands, wanted)
    add_commands(commands, wanted)
    return parser
