"""One measurement of an arm of ours, in a process of its own.

``python -m evals.throughput.arm``: a `Job` as JSON on standard input, a `Reading` as JSON in the
last line of standard output. Where it cannot be measured, the last line of standard error says why
and the exit status is 1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import msgspec

from evals.throughput import ceiling, engine_arm, llama_arm
from evals.throughput.jobs import Job, Reading
from evolsynth.errors import EvolsynthError

__all__ = ["OURS", "main"]

OURS: dict[str, Callable[[Job], Reading]] = {
    "ceiling": ceiling.measure,
    "engine": engine_arm.measure,
    "llama-class": llama_arm.measure,
}


def main() -> int:
    """Read the job, measure, print the reading; the exit status."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    try:
        reading = OURS[job.arm](job)
    except EvolsynthError as error:
        print(error, file=sys.stderr)
        return 1
    print(msgspec.json.encode(reading).decode(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
