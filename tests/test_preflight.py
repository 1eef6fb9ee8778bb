"""What the setup refuses to start without, and the fix that it names."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "scripts"))  # scripts are no package
preflight = importlib.import_module("preflight")


def test_an_old_python_is_refused_and_a_newer_one_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    preflight.check_python((3, 11))
    with pytest.raises(preflight.SetupProblem, match=r"Python 3\.10, .*install one"):
        preflight.check_python((3, 10))
    (tmp_path / "python3.12").touch(mode=0o755)
    with pytest.raises(preflight.SetupProblem, match=r"make PY=python3\.12"):
        preflight.check_python((3, 9))


def test_windows_is_sent_to_wsl() -> None:
    preflight.check_system("posix")
    with pytest.raises(preflight.SetupProblem, match="WSL"):
        preflight.check_system("nt")


def test_a_python_without_ensurepip_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    preflight.check_venv_module()
    monkeypatch.setattr(preflight, "find_spec", lambda name: None if name == "ensurepip" else name)
    with pytest.raises(preflight.SetupProblem, match="apt-get install python3-venv"):
        preflight.check_venv_module()


def test_both_compilers_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(preflight.SetupProblem, match=r"C\+\+ compiler .*build-essential"):
        preflight.check_compilers()
    (tmp_path / "g++").touch(mode=0o755)
    with pytest.raises(preflight.SetupProblem, match="a C compiler"):
        preflight.check_compilers()
    (tmp_path / "gcc").touch(mode=0o755)
    preflight.check_compilers()
    monkeypatch.setenv("CXX", "no-such-compiler -m64")
    with pytest.raises(preflight.SetupProblem, match="CXX names no-such-compiler"):
        preflight.check_compilers()


def test_the_disk_must_have_room_for_what_is_not_there_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "installed"
    installed.mkdir()
    (installed / "weights").write_bytes(bytes(2_000_000))
    assert 2_000_000 <= preflight.disk_usage(installed) < 2_100_000
    monkeypatch.setenv("EVOLSYNTH_MIN_DISK_GB", "1e9")
    with pytest.raises(preflight.SetupProblem, match="GB free, but the setup needs about") as told:
        preflight.check_disk(tmp_path, installed)
    assert "\n" not in str(told.value)
    monkeypatch.setenv("EVOLSYNTH_MIN_DISK_GB", "0.001")
    preflight.check_disk(tmp_path, installed)
    monkeypatch.setenv("EVOLSYNTH_MIN_DISK_GB", "plenty")
    with pytest.raises(preflight.SetupProblem, match="'plenty'"):
        preflight.check_disk(tmp_path, installed)
