"""The public names: all there, all importable, and none of them heavy until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import evolsynth

HEAVY = ("torch", "transformers", "llama_cpp", "sentence_transformers", "sklearn")


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("name", evolsynth.__all__)
def test_a_public_name_comes_from_the_module_it_is_said_to_live_in(name: str) -> None:
    thing = getattr(evolsynth, name)
    assert thing.__name__ == name
    assert thing.__module__ == f"evolsynth.{evolsynth._HOMES[name]}"


def test_the_list_of_names_is_whole_and_short() -> None:
    assert sorted(evolsynth.__all__) == sorted(evolsynth._HOMES)  # ruff keeps it sorted
    assert len(evolsynth.__all__) <= 33
    assert dir(evolsynth) == sorted(evolsynth.__all__)


#: Scripts rely on them: a name may be added here, and none taken away.
STABLE = """Check Completion EvolsynthError Finding Gate GateSettings LLM LlamaCpp Message MiniLM
Pipeline Prompt Request Row RunResult Sampling Scripted Verdict bootstrap_tasks check evolve
generate information_loss load_pipeline magpie preference read_rows respond self_instruct
step structured write_report write_rows"""


def test_no_name_that_was_there_once_goes_away() -> None:
    assert set(STABLE.split()) <= set(evolsynth.__all__)


def test_a_pipeline_made_of_names_of_the_root_can_be_checked_and_drawn() -> None:
    """What is done with a pipeline is put in by its package, which nobody has to import."""
    code = (
        "import evolsynth\n"
        "@evolsynth.step(gives=['instruction'])\n"
        "async def asked():\n"
        "    yield evolsynth.Row.make('Name a river.')\n"
        "pipe = evolsynth.Pipeline(asked().as_parts())\n"
        "pipe.check()\n"
        "print('asked' in pipe.draw())"
    )
    done = python("-c", code)
    assert (done.stdout.strip(), done.returncode) == ("True", 0), done.stderr


def test_each_public_name_is_public_at_home_too() -> None:
    for name in evolsynth.__all__:
        home = sys.modules[getattr(evolsynth, name).__module__]
        assert name in home.__all__, f"{name} is missing in {home.__name__}.__all__"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'magpies'"):
        _ = evolsynth.magpies


#: What a user or a command imports before anything heavy is asked for, one after the other.
LIGHT = (
    "evolsynth",
    "evolsynth.cli.main",
    "evolsynth.methods.magpie.magpie",
    "evolsynth.evaluation.diversity.summary",
    "evolsynth.evaluation.embed.minilm",
)


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import importlib, sys\n"
        f"for name in {LIGHT}:\n"
        "    importlib.import_module(name)\n"
        f"    print(name, [m for m in {HEAVY} if m in sys.modules])\n"
        "sys.modules['evolsynth.evaluation.embed.minilm'].MiniLM()\n"
        f"print([m for m in {HEAVY} if m in sys.modules])\n"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [*(f"{name} []" for name in LIGHT), "[]"]


def test_the_module_can_be_run() -> None:
    done = python("-m", "evolsynth", "--version")
    assert (done.stdout, done.returncode) == (f"evolsynth {evolsynth.__version__}\n", 0)
