"""What a machine must have before the setup starts, each check with its own fix.

Standard library only. Pythons back to 3.6 can read this file and bootstrap.py, because they are
told here that they are too old: hence the quoted annotations.
"""

import os
import shlex
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

OLDEST_PYTHON = (3, 11)
MIN_DISK_GB = 6.0
MIN_TEMP_GB = 1.0


class SetupProblem(Exception):  # noqa: N818 - the name is what the user is told
    """The setup cannot go on. The message is one sentence that names the fix."""


def check_python(version: "tuple[int, ...]") -> None:
    """Refuse a Python that is too old, naming a newer one if the machine has it."""
    if tuple(version[:2]) >= OLDEST_PYTHON:
        return
    names = [f"python3.{minor}" for minor in range(OLDEST_PYTHON[1], 15)]
    newer = [name for name in names if shutil.which(name)]
    fix = f"run `make PY={newer[0]}`" if newer else "install one, then run `make PY=python3.11`"
    found = ".".join(map(str, version[:2]))
    raise SetupProblem(f"This is Python {found}, but evolsynth needs 3.11 or newer: {fix}.")


def check_system(name: str) -> None:
    """Refuse Windows itself (``os.name``), where neither the file lock nor ``.venv/bin`` exists."""
    if name != "posix":
        raise SetupProblem("The setup needs Linux, macOS or WSL: run it inside WSL on Windows.")


def check_venv_module() -> None:
    """Refuse a Python without venv and ensurepip, as Debian splits it."""
    if find_spec("venv") is None or find_spec("ensurepip") is None:
        raise SetupProblem(
            "This Python cannot make virtual environments: install its venv module "
            "(Debian and Ubuntu: `apt-get install python3-venv`)."
        )


def check_compilers() -> None:
    """Refuse a machine without C and C++ compilers (CXX and CC choose other names)."""
    for language, variable, names in (
        ("C++", "CXX", ["c++", "g++", "clang++"]),
        ("C", "CC", ["cc", "gcc", "clang"]),
    ):
        chosen = shlex.split(os.environ.get(variable, ""))[:1]
        if any(shutil.which(name) for name in chosen or names):
            continue
        missing = f"{variable} names {chosen[0]}, which is not there" if chosen else "none is there"
        raise SetupProblem(
            f"llama.cpp needs a {language} compiler and {missing}: install one "
            "(Debian and Ubuntu: `apt-get install build-essential`)."
        )


def disk_usage(folder: Path) -> int:
    """Count the bytes that a folder takes on disk; 0 where there is none."""
    total = 0
    for at, _, files in os.walk(folder):
        total += sum(os.lstat(f"{at}/{name}").st_blocks * 512 for name in files)
    return total


def least_disk() -> float:
    """How much the setup needs from nothing, in units of 1e9 bytes (EVOLSYNTH_MIN_DISK_GB)."""
    setting = os.environ.get("EVOLSYNTH_MIN_DISK_GB", str(MIN_DISK_GB))
    try:
        return float(setting)
    except ValueError:
        raise SetupProblem(
            f"EVOLSYNTH_MIN_DISK_GB is {setting!r}: set it to a number of gigabytes, such as 6."
        ) from None


def check_disk(root: Path, installed: Path) -> None:
    """Refuse to start what would fill the disk of ``root``, or that of temporary files.

    What ``installed`` takes already is not needed again.
    """
    least = least_disk()
    temporary = Path(tempfile.gettempdir())
    places = [(root, least - disk_usage(installed) / 1e9, "EVOLSYNTH_MIN_DISK_GB to less")]
    if temporary.stat().st_dev != root.stat().st_dev:
        places.append((temporary, min(least, MIN_TEMP_GB), "TMPDIR to a larger place"))
    for place, needed, setting in places:
        free = shutil.disk_usage(place).free / 1e9
        if free < needed:
            raise SetupProblem(
                f"The disk of {place} has {free:.1f} GB free, but the setup needs about "
                f"{needed:.1f} GB there: free some, or set {setting}."
            )
