"""``evolsynth doctor``: what is on this machine, and how to get what is not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape

from evolsynth import __version__
from evolsynth.errors import EvolsynthError
from evolsynth.llm.backends import BACKENDS

__all__ = ["Check", "checks", "doctor"]

_FEATURES = ("avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")


class Check(NamedTuple):
    """One line: what was looked at, whether it is as it should be, what was found or the fix."""

    name: str
    good: bool
    found: str


def doctor() -> int:
    """Print all checks; 1 if something that generation or checking needs is missing."""
    console = Console(soft_wrap=True)
    bad = 0
    for check in checks():
        mark = "[green]ok [/green]" if check.good else "[red]fix[/red]"
        console.print(f"{mark} {check.name:<12} {escape(check.found)}", highlight=False)
        bad += not check.good
    console.print("Everything is there." if not bad else f"{bad} to fix.", highlight=False)
    return 1 if bad else 0


def checks() -> Iterator[Check]:
    """All checks, each made when it is asked for."""
    yield Check("evolsynth", True, f"{__version__}, Python {platform.python_version()}")
    yield Check("processor", True, _processor())
    try:
        names = list(BACKENDS)
    except EvolsynthError as error:  # one of another package
        yield Check("back ends", False, str(error))
        names = list(BACKENDS)
    looks = [look for name in names for look in BACKENDS[name].looks.items()]
    for name, look in (
        *looks,
        ("embedder", _embedder),
        ("report", _report),
        ("cache", _cache),
    ):
        yield _guarded(name, look)


def _guarded(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except EvolsynthError as error:
        return Check(name, False, str(error))


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8", errors="replace") if info.is_file() else ""
    lines = (line.partition(":") for line in text.splitlines())
    fields = {name.strip(): value.strip() for name, _, value in lines}
    flags = set(fields.get("flags", "").split())
    features = " ".join(f for f in _FEATURES if f in flags) or "no vector features known"
    return f"{fields.get('model name', platform.machine())} ({features})"


def _embedder() -> str:
    from evolsynth.errors import SetupError
    from evolsynth.evaluation.embed.minilm import MiniLM

    for module, requirement in (
        ("torch", "torch==2.13.0"),
        ("sentence_transformers", '"evolsynth[embed]"'),
    ):
        if importlib.util.find_spec(module) is None:
            raise SetupError(f"{module} is not installed. Install it: pip install {requirement}")
    version = importlib.metadata.version("sentence-transformers")
    return f"{MiniLM().locate()}, sentence-transformers {version}"


def _report() -> str:
    from evolsynth.errors import SetupError

    if importlib.util.find_spec("plotly") is None:
        raise SetupError('plotly is not installed. Install it: pip install "evolsynth[report]"')
    return f"plotly {importlib.metadata.version('plotly')}"


def _cache() -> str:
    from evolsynth.atomic import cache_folder
    from evolsynth.errors import SetupError

    folder = cache_folder()
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    if not os.access(nearest, os.W_OK):
        raise SetupError(f"{folder} cannot be written. Set EVOLSYNTH_CACHE to another folder.")
    return str(folder)
