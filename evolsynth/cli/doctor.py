"""``evolsynth doctor``: what is on this machine, and how to get what is not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from rich.markup import escape

from evolsynth import __version__
from evolsynth.atomic import cache_folder
from evolsynth.cli.progress.screen import Screen
from evolsynth.cli.progress.told import tell_json
from evolsynth.errors import EvolsynthError, SetupError
from evolsynth.llm.backends import BACKENDS

__all__ = ["Check", "checks", "doctor"]

_FEATURES = ("avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")


class Check(NamedTuple):
    """One line: what was looked at, whether it is as it should be, what was found or the fix."""

    name: str
    good: bool
    found: str


def doctor(*, json: bool = False) -> int:
    """Say what was found on this machine, and how to get what was not.

    The exit status is 1 if something that generation or checking needs is missing.

    Args:
        json: as one JSON object in a line.
    """
    if json:
        found = list(checks())
        good = all(check.good for check in found)
        tell_json({"good": good, "checks": [check._asdict() for check in found]})
        return 0 if good else 1
    console = Screen(soft_wrap=True)
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
        ("answerer", _answerer),
        ("servers", _servers),
        ("embedder", _embedder),
        ("report", _report),
        ("cache", _cache),
    ):
        try:
            yield Check(name, True, look())
        except EvolsynthError as error:
            yield Check(name, False, str(error))


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8", errors="replace") if info.is_file() else ""
    lines = (line.partition(":") for line in text.splitlines())
    fields = {name.strip(): value.strip() for name, _, value in lines}
    flags = set(fields.get("flags", "").split())
    features = " ".join(f for f in _FEATURES if f in flags) or "no vector features known"
    return f"{fields.get('model name', platform.machine())} ({features})"


def _answerer() -> str:
    from evolsynth.llm.llamacpp.speeds import recommendation

    return recommendation()


def _servers() -> str:
    """Whether models behind servers can be asked, and which keys and servers are here."""
    from evolsynth.llm.server.address import SCHEMES
    from evolsynth.llm.server.keys import variable_of

    if importlib.util.find_spec("httpx") is None:
        return 'httpx is not installed; only models behind a server need it: "evolsynth[server]"'
    hosts = {scheme: urlsplit(kind.default) for scheme, kind in SCHEMES.items()}
    variables = [variable_of(scheme, url.netloc) for scheme, url in hosts.items()]
    keys = [name for name in variables if name and os.environ.get(name)]
    local = [s for s, url in hosts.items() if url.hostname == "127.0.0.1" and _listens(url)]
    there = f"something listens where {' or '.join(local)} would" if local else "none listens here"
    known = f"keys in {', '.join(keys)}" if keys else "no keys"
    return f"httpx {importlib.metadata.version('httpx')}; {known}; {there}"


def _listens(url: SplitResult) -> bool:
    """Whether anybody takes a connection there."""
    try:
        with socket.create_connection((url.hostname or "", url.port or 80), timeout=0.2):
            return True
    except OSError:
        return False


def _embedder() -> str:
    from evolsynth.evaluation.embed.minilm import MiniLM

    _found("torch", "torch==2.13.0")
    version = _found("sentence_transformers", '"evolsynth[embed]"')
    return f"{MiniLM().locate()}, sentence-transformers {version}"


def _report() -> str:
    version = _found("sklearn", '"evolsynth[report]"', named="scikit-learn")
    return f"scikit-learn {version}"


def _found(module: str, requirement: str, *, named: str | None = None) -> str:
    """The version of what is installed, perhaps ``named`` otherwise there; nothing is imported."""
    if importlib.util.find_spec(module) is None:
        raise SetupError(f"{module} is not installed. Install it: pip install {requirement}")
    return importlib.metadata.version(named or module)


def _cache() -> str:
    folder = cache_folder()
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    if not os.access(nearest, os.W_OK):
        raise SetupError(f"{folder} cannot be written. Set EVOLSYNTH_CACHE to another folder.")
    return str(folder)
