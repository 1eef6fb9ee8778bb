"""Several of evolsynth's commands in one Python of their own, whose start is paid for once.

For tests of what another process finds (other packages, a changed copy), not of what becomes of the
process: its streams, its signals, its end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import evolsynth

__all__ = ["Said", "commands_in"]

_EACH = """
import contextlib, io, json, sys
from evolsynth.cli.main import main

told = []
for words in json.loads(sys.argv[1]):
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(words) if words[0] != "-c" else exec(words[1], {}) or 0
        except SystemExit as error:  # of argparse
            status = error.code
    told.append([status, *(one.buffer.getvalue().decode() for one in (out, err))])
print(json.dumps(told))
"""


class Said(NamedTuple):
    """What one of the commands ended with."""

    returncode: int
    stdout: str
    stderr: str


def commands_in(*commands: Sequence[str], first: Path, cwd: Path | None = None) -> list[Said]:
    """What each of evolsynth's commands says, or code behind ``-c``, in a process that looks for
    modules in the folder ``first`` before all others."""
    places = [
        str(first),
        os.environ.get("PYTHONPATH", ""),
        str(Path(evolsynth.__file__).parents[1]),
    ]
    done = subprocess.run(
        [sys.executable, "-c", _EACH, json.dumps(commands)],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))},
    )
    assert done.returncode == 0, done.stderr
    return [Said(*one) for one in json.loads(done.stdout)]
