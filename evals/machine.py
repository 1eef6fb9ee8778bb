"""The machine that figures were taken on, as a reader of them needs to know it."""

from __future__ import annotations

import os
import platform
import resource
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from evolsynth import __version__
from evolsynth.llm.llamacpp import available_threads
from evolsynth.llm.llamacpp.model import llama

__all__ = ["Machine", "Watch", "describe"]

_VECTORS = ("avx", "fma", "f16c", "amx", "asimd", "sve", "i8mm")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A processor, how much of it is used, and what was compiled for it.

    ``vectors`` are the vector instructions that it has, ``compiled`` what llama.cpp says it uses.
    """

    cpu: str
    threads: int
    vectors: tuple[str, ...]
    compiled: str
    python: str
    llama_cpp_python: str
    evolsynth: str

    @property
    def avx512(self) -> bool:
        """Whether llama.cpp computes with AVX-512 here."""
        return " AVX512 = 1 " in self.compiled


def describe(cpuinfo: Path = Path("/proc/cpuinfo")) -> Machine:
    """This machine.

    Raises:
        SetupError: llama-cpp-python is not there.
    """
    native = llama()
    name, flags = _processor(cpuinfo)
    try:
        binding = version("llama-cpp-python")
    except PackageNotFoundError:
        binding = str(native.__version__)
    return Machine(
        cpu=name,
        threads=available_threads(),
        vectors=tuple(flag for flag in flags if flag.startswith(_VECTORS)),
        compiled=native.llama_print_system_info().decode(),
        python=platform.python_version(),
        llama_cpp_python=binding,
        evolsynth=__version__,
    )


def _processor(cpuinfo: Path) -> tuple[str, list[str]]:
    """The processor's name and flags, as the kernel gives them; less where it gives none.

    Under a hypervisor the name may be no more than "Xeon Processor", so family and model follow.
    """
    name = platform.processor() or platform.machine()
    if not cpuinfo.is_file():  # not Linux
        return name, []
    first = cpuinfo.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    parts = (line.partition(":") for line in first.splitlines())
    facts = {key.strip(): value.strip() for key, _, value in parts}
    flags = (facts.get("flags") or facts.get("Features") or "").split()
    if "model name" in facts:
        name = facts["model name"]
    if "cpu family" in facts and "model" in facts:
        name += f" (family {facts['cpu family']}, model {facts['model']})"
    return name, flags


class Watch:
    """Tells how much of the machine others used, from its making to `others`.

    Others are all but this process and the children it waited for; time that a hypervisor gave
    to its other guests counts too. On a busy machine no figure means much, least of all one
    taken with several threads that wait for each other.
    """

    def __init__(self, stat: Path = Path("/proc/stat")) -> None:
        self._stat = stat
        self._began, self._busy, self._own = time.perf_counter(), self._all(), _own()

    def others(self) -> float | None:
        """Their share of all processors, from 0 to 1; None where the kernel does not tell."""
        busy = self._all()
        if self._busy is None or busy is None:
            return None
        used = busy - self._busy - (_own() - self._own)
        passed = (time.perf_counter() - self._began) * (os.cpu_count() or 1)
        return min(1.0, max(0.0, used / passed))

    def _all(self) -> float | None:
        """Seconds that all processors together were not idle."""
        if not self._stat.is_file():  # not Linux
            return None
        first = self._stat.read_text(encoding="ascii").partition("\n")[0].split()
        user, nice, system, _idle, _waiting, *interrupts_and_stolen = map(int, first[1:9])
        ticks = user + nice + system + sum(interrupts_and_stolen)
        return ticks / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    """Processor seconds of this process and the children it waited for."""
    usage = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in usage)
