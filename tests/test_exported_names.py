"""The public names: all there, all importable, and none of them heavy until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import evolsynth

HEAVY = ("torch", "llama_cpp", "sentence_transformers", "plotly", "sklearn")


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("name", evolsynth.__all__)
def test_a_public_name_comes_from_the_module_it_is_said_to_live_in(name: str) -> None:
    thing = getattr(evolsynth, name)
    assert thing.__name__ == name
    assert thing.__module__ == f"evolsynth.{evolsynth._HOMES[name]}"


def test_the_list_of_names_is_whole_sorted_and_short() -> None:
    assert evolsynth.__all__ == sorted(evolsynth._HOMES)
    assert len(evolsynth.__all__) <= 25
    assert dir(evolsynth) == evolsynth.__all__


def test_each_public_name_is_public_at_home_too() -> None:
    for name in evolsynth.__all__:
        home = sys.modules[getattr(evolsynth, name).__module__]
        assert name in home.__all__, f"{name} is missing in {home.__name__}.__all__"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'magpies'"):
        _ = evolsynth.magpies


@pytest.mark.parametrize(
    "module", ["evolsynth", "evolsynth.cli.main", "evolsynth.methods.magpie.magpie"]
)
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print([m for m in {HEAVY} if m in sys.modules])"
    done = python("-c", code)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_help_needs_nothing_heavy() -> None:
    """Blocked, not only unused: asking for help works where nothing of it is installed."""
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({HEAVY}))\n"
        "from evolsynth.cli.main import main\n"
        "main(['--help'])"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert all(command in done.stdout for command in ("demo", "magpie", "report", "doctor"))


def test_the_module_can_be_run() -> None:
    done = python("-m", "evolsynth", "--version")
    assert (done.stdout, done.returncode) == (f"evolsynth {evolsynth.__version__}\n", 0)
