"""The setup that `make` runs: what it decides, what it says, and how it fails.

The real installation takes minutes and is what `make test` has just done; here a stand-in for
``.venv/bin/python`` records what it is asked to do. See test_watched_command.py for progress and
for what is made of pip's failures.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.append(str(REPOSITORY / "scripts"))  # scripts are no package
preflight = importlib.import_module("preflight")
bootstrap = importlib.import_module("bootstrap")


def is_one_sentence(text: str) -> bool:
    return text.count("\n") == 0 and text.endswith((".", ".)")) and "Traceback" not in text


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what `make setup` needs, in a folder with spaces."""
    root = tmp_path / "a folder with spaces" / "evolsynth"
    shutil.copytree(
        REPOSITORY / "scripts", root / "scripts", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(REPOSITORY / ".ci", root / ".ci")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, root / name)
    return root


@pytest.fixture
def here(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The loaded bootstrap, working on the copy."""
    monkeypatch.setattr(bootstrap, "ROOT", checkout)
    monkeypatch.setattr(bootstrap, "VENV", checkout / ".venv")
    monkeypatch.setattr(bootstrap, "BUILD", checkout / ".build")
    monkeypatch.setattr(bootstrap, "PYTHON", checkout / ".venv/bin/python")
    monkeypatch.setattr(bootstrap, "STAMP", checkout / ".venv/.evolsynth-setup")
    monkeypatch.delenv("CMAKE_ARGS", raising=False)
    monkeypatch.delenv("CMAKE_BUILD_PARALLEL_LEVEL", raising=False)
    return checkout


def run_setup(root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/bootstrap.py"],
        cwd=root,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# The stamp, and which wheel fits -----------------------------------------------------------------


@given(st.lists(st.text()), st.lists(st.text()))
def test_fingerprints_differ_where_the_parts_do(first: list[str], second: list[str]) -> None:
    parts = [[part.replace("\0", "") for part in side] or [""] for side in (first, second)]
    same = bootstrap.fingerprint(*parts[0]) == bootstrap.fingerprint(*parts[1])
    assert same == (parts[0] == parts[1])


def test_cpu_flags_are_read_on_both_architectures(tmp_path: Path) -> None:
    x86, arm = tmp_path / "x86", tmp_path / "arm"
    x86.write_text("processor\t: 0\nflags\t\t: fpu sse2 avx2\n\nflags\t\t: other\n")
    arm.write_text("Features\t: fp asimd i8mm\n")
    assert bootstrap.cpu_flags(x86) == {"fpu", "sse2", "avx2"}
    assert bootstrap.cpu_flags(arm) == {"fp", "asimd", "i8mm"}
    assert bootstrap.cpu_flags(tmp_path / "no such file") == set()


def test_a_new_mitigation_flag_is_no_new_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for flags in ({"avx2", "fma"}, {"avx2", "fma", "ibpb_brtype"}, {"avx2", "fma", "avx512f"}):
        monkeypatch.setattr(bootstrap, "cpu_flags", lambda flags=flags: frozenset(flags))
        found.append(bootstrap.cpu_fingerprint())
    assert found[0] == found[1] != found[2]


def test_the_stamp_holds_until_something_changes(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not bootstrap.is_set_up()
    bootstrap.PYTHON.parent.mkdir(parents=True)
    bootstrap.PYTHON.touch()
    bootstrap.write_atomically(bootstrap.STAMP, f"{bootstrap.stamp()} {bootstrap.TO_TEST}")
    assert bootstrap.is_set_up()
    with monkeypatch.context() as changed:
        changed.setitem(bootstrap.PINS, "torch", "9.9.9")
        assert not bootstrap.is_set_up()
    with monkeypatch.context() as changed:
        changed.setattr(sys, "version", "3.12.0")
        assert not bootstrap.is_set_up()
    assert bootstrap.is_set_up()
    with (here / "pyproject.toml").open("a") as project:
        project.write("# one more dependency\n")
    assert not bootstrap.is_set_up()


AVX512 = "SYSTEM CPU : SSE3 = 1 | AVX2 = 1 | FMA = 1 | AVX512 = 1 | OPENMP = 1 | "
AMX = "SYSTEM CPU : SSE3 = 1 | AVX2 = 1 | FMA = 1 | AVX512 = 1 | AMX_INT8 = 1 | OPENMP = 1 | "
AVX2 = "SYSTEM CPU : SSE3 = 1 | AVX2 = 1 | FMA = 1 | OPENMP = 1 | "


@pytest.mark.parametrize(
    ("system_info", "flags", "misfit"),
    [
        (AVX2, {"avx2", "fma", "sse2"}, False),
        (AVX512, {"avx2", "fma", "avx512f"}, False),
        pytest.param(AVX2, {"avx2", "fma", "avx512f"}, True, id="would be slow"),
        pytest.param(AVX512, {"avx2", "fma"}, True, id="would crash"),
        pytest.param(AMX, {"avx2", "fma", "avx512f", "amx_int8"}, True, id="GCC gets it wrong"),
        pytest.param(AVX512, set(), False, id="no /proc/cpuinfo to compare with"),
    ],
)
def test_a_wheel_for_another_cpu_is_noticed(
    system_info: str, flags: set[str], misfit: bool
) -> None:
    assert bootstrap.made_for_another_cpu(system_info, frozenset(flags)) is misfit


# Steps, with a stand-in for .venv/bin/python -----------------------------------------------------

STAND_IN = """#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/asked"
case "$*" in
  *"pip wheel"*)
    echo "[83/83] $CMAKE_ARGS // $CMAKE_BUILD_PARALLEL_LEVEL"
    while [ "$1" != --wheel-dir ]; do shift; done
    if [ -e "$here/no-space" ]; then echo "No space left on device"; exit 1; fi
    [ -e "$here/cached" ] && echo "Using cached wheel" || touch "$here/compiled"
    touch "$2/llama_cpp_python-0.whl" ;;
  *llama_backend_init*) [ -e "$here/crashes" ] && rm "$here/crashes" && kill -ILL $$ ;;
esac
exit 0
"""


@pytest.fixture
def stand_in(here: Path) -> Path:
    folder = here / ".venv" / "bin"
    folder.mkdir(parents=True)
    bootstrap.BUILD.mkdir()
    (folder / "python").write_text(STAND_IN)
    (folder / "python").chmod(0o755)
    return folder


def asked(stand_in: Path, word: str) -> list[str]:
    return [line for line in (stand_in / "asked").read_text().splitlines() if word in line]


def test_llama_is_compiled_for_this_cpu_with_the_users_options_appended(
    here: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = bootstrap.wheel_directory()
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_NATIVE=OFF")
    assert bootstrap.wheel_directory() != plain
    monkeypatch.setenv("CMAKE_BUILD_PARALLEL_LEVEL", "3")
    bootstrap.install_llama()
    log = (here / ".build/logs/llama-cpp-python.log").read_text()
    options = shlex.split(log.partition("[83/83]")[2].partition("//")[0])
    assert options[:2] == ["-DGGML_NATIVE=ON", "-DLLAVA_BUILD=OFF"]
    assert options[-1] == "-DGGML_NATIVE=OFF"
    hook = Path(options[2].partition("=")[2])
    assert hook.read_text() == bootstrap.CMAKE_HOOK
    assert "// 3\n" in log
    assert "--no-cache-dir" in asked(stand_in, "pip wheel")[0]  # the cache ignores options


def test_llama_is_compiled_once_even_if_a_later_step_fails(here: Path, stand_in: Path) -> None:
    for _ in range(2):
        bootstrap.install_llama()
    assert len(asked(stand_in, "pip wheel")) == 1
    assert "--no-cache-dir" not in asked(stand_in, "pip wheel")[0]
    assert len(asked(stand_in, "--force-reinstall")) == 2
    assert not list(bootstrap.wheel_directory().glob("partial"))


def test_a_failed_build_leaves_no_wheel_and_is_told(here: Path, stand_in: Path) -> None:
    (stand_in / "no-space").touch()
    with pytest.raises(preflight.SetupProblem, match="disk filled up during llama-cpp-python"):
        bootstrap.install_llama()
    assert bootstrap.finished_wheel() is None


def test_a_cached_wheel_that_crashes_is_replaced_once(
    here: Path, stand_in: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in_text = STAND_IN.replace('echo "[83/83]', 'echo "cached')
    (stand_in / "python").write_text(stand_in_text)
    (stand_in / "crashes").touch()
    bootstrap.install_llama()
    first, second = asked(stand_in, "pip wheel")
    assert "--no-cache-dir" not in first
    assert "--no-cache-dir" in second
    assert "does not fit this CPU" in capsys.readouterr().out


def test_a_wheel_compiled_here_that_crashes_is_an_error(here: Path, stand_in: Path) -> None:
    (stand_in / "crashes").touch()
    with pytest.raises(preflight.SetupProblem, match="llama-cpp-python failed"):
        bootstrap.install_llama()
    assert len(asked(stand_in, "pip wheel")) == 1


def test_a_venv_is_kept_if_it_works_and_made_anew_if_not(
    here: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = here / "python3"
    shutil.copy(stand_in / "python", maker)
    monkeypatch.setattr(sys, "executable", str(maker))
    bootstrap.make_venv()
    assert not (here / "asked").exists()
    (stand_in / "python").write_text("#!/bin/sh\nexit 1\n")
    bootstrap.make_venv()
    assert (here / "asked").read_text() == f"-m venv --clear {here / '.venv'}\n"


def test_torch_comes_alone_and_stays(here: Path, stand_in: Path) -> None:
    bootstrap.install_torch()
    bootstrap.install_project()
    first, last = asked(stand_in, "pip install")
    assert first.endswith(f"torch=={bootstrap.PINS['torch']}")
    wanted = f"torch=={bootstrap.PINS['torch']} -e {here}[local,embed,report,texts,server,docs,dev]"
    assert wanted in last


def test_what_is_there_to_be_used_is_not_enough_to_be_tested(here: Path, stand_in: Path) -> None:
    """`make docs` and `make test` need more than `make demo`, and nothing that is there already."""
    bootstrap.install_project(bootstrap.TO_USE)
    (asked_for,) = asked(stand_in, "pip install")
    assert asked_for.endswith("[local,embed,report,texts,server]")
    bootstrap.write_atomically(bootstrap.STAMP, f"{bootstrap.stamp()} {bootstrap.TO_USE}")
    assert bootstrap.is_set_up(bootstrap.TO_USE)
    assert not bootstrap.is_set_up(bootstrap.TO_DOCUMENT)
    assert not bootstrap.is_set_up(bootstrap.TO_TEST)
    bootstrap.write_atomically(bootstrap.STAMP, f"{bootstrap.stamp()} {bootstrap.TO_TEST}")
    assert bootstrap.is_set_up(bootstrap.TO_USE)
    assert bootstrap.is_set_up(bootstrap.TO_DOCUMENT)
    assert bootstrap.is_set_up(bootstrap.TO_TEST)
    bootstrap.write_atomically(bootstrap.STAMP, f"another {bootstrap.TO_TEST}")
    assert not bootstrap.is_set_up(bootstrap.TO_USE)


# The whole program, `make` and .ci/run -----------------------------------------------------------


def fails_with(done: subprocess.CompletedProcess[str], words: str) -> bool:
    told = done.stderr.removesuffix("\n")
    return done.returncode == 1 and words in told and is_one_sentence(told)


def test_a_full_disk_is_told_in_one_sentence(checkout: Path) -> None:
    done = run_setup(checkout, EVOLSYNTH_MIN_DISK_GB="1e9")
    assert fails_with(done, "a folder with spaces"), done.stderr


def test_a_missing_compiler_is_told_in_one_sentence(checkout: Path) -> None:
    done = run_setup(checkout, PATH="", CXX="", CC="", EVOLSYNTH_MIN_DISK_GB="0")
    assert fails_with(done, "apt-get install build-essential"), done.stderr
    assert not (checkout / ".venv").exists()


def test_an_unusable_checkout_is_told_in_one_sentence(checkout: Path) -> None:
    (checkout / ".build").write_text("a file where a folder should be")
    assert fails_with(run_setup(checkout), ".build"), "not told"


def test_a_second_call_does_nothing_and_says_nothing(here: Path) -> None:
    bootstrap.PYTHON.parent.mkdir(parents=True)
    bootstrap.PYTHON.touch()
    bootstrap.write_atomically(bootstrap.STAMP, f"{bootstrap.stamp()} {bootstrap.TO_TEST}")
    done = run_setup(here, PATH="", EVOLSYNTH_MIN_DISK_GB="1e9")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (here / ".build").exists()


def test_two_setups_in_one_checkout_wait_for_each_other(checkout: Path) -> None:
    (checkout / ".build").mkdir()
    with (checkout / ".build" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = subprocess.Popen(
            [sys.executable, "scripts/bootstrap.py"],
            cwd=checkout,
            env={**os.environ, "EVOLSYNTH_MIN_DISK_GB": "1e9"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert second.stdout is not None
        assert "waiting for it" in second.stdout.readline()
        assert second.poll() is None
    _, told = second.communicate(timeout=60)
    assert "GB free" in told


def test_an_interrupt_while_waiting_says_how_to_go_on(checkout: Path) -> None:
    (checkout / ".build").mkdir()
    with (checkout / ".build" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [sys.executable, "scripts/bootstrap.py"],
            cwd=checkout,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stdout is not None
        waiting.stdout.readline()
        waiting.send_signal(signal.SIGTERM)
        _, told = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert "go on from here" in told
    assert is_one_sentence(told.removesuffix("\n"))


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_names_its_parts_and_passes_arguments_on(checkout: Path) -> None:
    command = ["make", "test", "PY=true", "PYTHON=echo RAN", "ARGS=-k 'a or b'"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    parts = [line for line in done.stdout.splitlines() if line.startswith("== ")]
    assert [part.partition(":")[0] for part in parts[::2]] == [
        "== ruff check",
        "== ruff format",
        "== mypy",
        "== imports",
        "== pytest",
    ]
    (tests,) = [line for line in done.stdout.splitlines() if line.startswith("RAN -m pytest ")]
    assert tests.endswith(" -k a or b")


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_stops_at_the_first_part_that_fails(checkout: Path) -> None:
    command = ["make", "test", "PY=true", "PYTHON=false"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "== ruff check" in done.stdout
    assert "mypy" not in done.stdout


def test_ci_goes_on_loudly_without_a_browser(checkout: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bin"
    bare.mkdir()
    for name in ("bash", "dirname", "id"):
        found = shutil.which(name)
        assert found is not None
        (bare / name).symlink_to(found)
    (bare / "make").write_text('#!/bin/sh\necho "made $*"\n')
    (bare / "make").chmod(0o755)
    done = subprocess.run(
        [bare / "bash", ".ci/run"],
        cwd=checkout,
        env={"PATH": str(bare)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "NOT tested in a browser" in done.stderr
    assert "made test" in done.stdout
