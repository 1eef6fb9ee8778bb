"""Set up ``.venv-peers``: ``python3 scripts/peers.py`` (``make peers``).

The programs that evolsynth is compared with (see evals/throughput and evals/duplicates.py) need
packages that evolsynth does not, so they get an environment of their own. llama-cpp-python is the
wheel that ``make setup`` compiled: what is compared is what is made of llama.cpp, not how it was
built.

Standard library only. A second call sees a stamp and returns at once; after a failure or Ctrl-C a
rerun goes on where it stopped. Prints one sentence and exits with 1 on failure.
"""

import fcntl
import os
import signal
import sys
import time
from pathlib import Path

import bootstrap
from preflight import SetupProblem, check_python, check_system, check_venv_module, disk_usage
from watched_command import duration, must, run, say

VENV = bootstrap.ROOT / ".venv-peers"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".evolsynth-peers"

PINS = {
    "distilabel": "1.5.3",
    "xllamacpp": "2026.10.11549",
    "httpx": "0.28.1",
    "semhash": "0.5.0",
    "datasketch": "1.6.5",  # for distilabel's MinHashDedup (2.0 breaks it), and so is nltk
    "nltk": "3.10.4",
    "requests": "2.34.2",  # distilabel imports it and does not ask for it
}
# Nothing here needs torch. Should a package ask for it one day, pip stops at once with a conflict,
# instead of fetching gigabytes of GPU libraries.
CONSTRAINT = "torch<0\n"
SMOKE_TEST = (
    "import distilabel.models.llms.llamacpp, httpx, llama_cpp, semhash, xllamacpp; "
    "llama_cpp.llama_backend_init()"
)


def compiled_wheel() -> Path:
    """The wheel of llama-cpp-python that ``make setup`` left."""
    wheel = bootstrap.finished_wheel()
    if wheel is None:
        raise SetupProblem(
            "There is no compiled wheel of llama-cpp-python for this machine: run `make setup` "
            "first."
        )
    return wheel


def stamp(wheel: Path) -> str:
    """Hash what decides the contents of ``.venv-peers``."""
    made = (wheel.parent.name, wheel.stat().st_mtime_ns)
    return bootstrap.fingerprint(sorted(PINS.items()), CONSTRAINT, made, sys.version, VENV)


def is_set_up(wheel: Path) -> bool:
    """Whether an earlier run finished for exactly this state of things."""
    try:
        return STAMP.read_text(encoding="utf-8") == stamp(wheel) and PYTHON.exists()
    except FileNotFoundError:
        return False


def make_venv() -> None:
    """Create ``.venv-peers`` anew: what another state of things left there goes."""
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    must("the virtual environment of the peers", command, bootstrap.log_file("peers-venv"))


def install_packages(wheel: Path) -> None:
    """All packages at once, so that pip finds versions that go together."""
    constraint = bootstrap.BUILD / "no-torch.txt"
    bootstrap.write_atomically(constraint, CONSTRAINT)
    pinned = [f"{name}=={version}" for name, version in PINS.items()]
    must(
        "the peers",
        [str(PYTHON), "-m", "pip", "install", "-c", str(constraint), str(wheel), *pinned],
        bootstrap.log_file("peers"),
    )


def smoke_test() -> None:
    """See that each of them can be imported."""
    log = bootstrap.log_file("peers-smoke")
    done = run([str(PYTHON), "-c", SMOKE_TEST], log)
    if done.status:
        said = done.output.strip().splitlines() or ["no output"]
        raise SetupProblem(f"The peers do not start (“{said[-1][:200]}”): the story is in {log}.")


def set_up(wheel: Path) -> None:
    """Run all steps, each with a line before and after."""
    steps = [
        ("virtual environment", make_venv),
        (f"{', '.join(PINS)} and what they need", lambda: install_packages(wheel)),
        ("do they start?", smoke_test),
    ]
    started = time.monotonic()
    say(f"Setting up {VENV.name} (logs: {bootstrap.BUILD / 'logs'})")
    for number, (title, step) in enumerate(steps, 1):
        began = time.monotonic()
        say(f"[{number}/{len(steps)}] {title}")
        step()
        say(f"[{number}/{len(steps)}] done in {duration(time.monotonic() - began)}")
    bootstrap.write_atomically(STAMP, stamp(wheel))
    size = disk_usage(VENV) / 1e9
    say(f"Set up in {duration(time.monotonic() - started)}; {VENV.name} takes {size:.1f} GB.")


def set_up_alone() -> None:
    """Do the setup unless it is done, while no other process does it in this checkout."""
    wheel = compiled_wheel()
    if is_set_up(wheel):
        return
    with (bootstrap.BUILD / "lock-peers").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another setup of the peers runs in this checkout: waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_set_up(wheel):
            set_up(wheel)


def main() -> int:
    """Set up if needed; give the exit status."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        check_python(sys.version_info[:2])
        check_system(os.name)
        check_venv_module()
        set_up_alone()
    except SetupProblem as problem:
        print(f"peers: {problem}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"peers: {error}: mend that, then run it again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("peers: interrupted; run it again to go on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
