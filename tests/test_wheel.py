"""An installed wheel: it carries its prompts and pages, and needs no checkout."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

CHECKOUT = Path(__file__).parents[1]
PROBE = """
import json, sys, evolsynth
from importlib.resources import files
from evolsynth.methods.self_instruct.pool import shipped_seeds
from evolsynth.prompts import load_prompt, prompt_names
page = files("evolsynth.report")
print(json.dumps({
    "home": evolsynth.__file__,
    "prompts": {name: load_prompt(name).sha256 for name in prompt_names()},
    "pages": {name: page.joinpath(name).read_text(encoding="utf-8")
              for name in ("page.html.j2", "page.css", "page.js")},
    "seeds": len(shipped_seeds()),
    "path": sys.path,
}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    here = importlib.util.find_spec("hatchling") is not None
    isolation = ["--no-build-isolation"] if here else []
    run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
        *isolation,
        *("-w", folder, CHECKOUT),
        cwd=folder,
    )
    (built,) = folder.glob("evolsynth-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it; it borrows the other packages from this one.

    A folder that a .pth file adds has its own .pth files ignored, so the checkout, which is
    installed here in editable form, cannot get in that way.
    """
    home = tmp_path_factory.mktemp("fresh")
    venv.create(home, with_pip=False, symlinks=True)
    (site,) = home.glob("lib/python*/site-packages")
    run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
        *("--target", site, wheel),
        cwd=home,
    )
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return home


def python(installed: Path, *arguments: str) -> str:
    return run(installed / "bin" / "python", "-I", *arguments, cwd=installed)


def test_the_wheel_brings_its_prompts_and_pages(installed: Path) -> None:
    found = json.loads(python(installed, "-c", PROBE))
    assert Path(found["home"]).is_relative_to(installed)
    assert str(CHECKOUT) not in found["path"]
    from evolsynth.prompts import load_prompt, prompt_names

    assert found["prompts"] == {name: load_prompt(name).sha256 for name in prompt_names()}
    assert "evol_instruct/anchored/label" in found["prompts"]
    assert found["seeds"] >= 60
    for name, text in found["pages"].items():
        assert text == (CHECKOUT / "evolsynth" / "report" / name).read_text(encoding="utf-8")


def test_the_wheel_makes_a_report_without_the_checkout(installed: Path) -> None:
    data = installed / "mine.jsonl"
    data.write_text('{"instruction": "Name three rivers."}\n', encoding="utf-8")
    code = (
        "import evolsynth; rows = list(evolsynth.read_rows('mine.jsonl'));"
        "evolsynth.write_report('page.html', rows, embedder=None)"
    )
    python(installed, "-c", code)
    assert "Name three rivers." in (installed / "page.html").read_text(encoding="utf-8")


def test_the_wheel_has_the_command(installed: Path) -> None:
    script = "import sys; from importlib.metadata import distribution as d; "
    script += "points = [e.value for e in d('evolsynth').entry_points if e.name == 'evolsynth'];"
    script += "print(points)"
    assert python(installed, "-c", script).strip() == "['evolsynth.cli.main:run']"
    assert "demo" in python(installed, "-m", "evolsynth", "--help")


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    import zipfile

    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"evolsynth"}
    assert not [name for name in names if "tests" in name or name.endswith((".pyc", ".gguf"))]
    # what was measured on stays in the checkout
    measured = {path.name for path in (CHECKOUT / "evals").rglob("*") if path.is_file()}
    assert len(measured) > 20
    assert not [name for name in names if "evals" in name]
    assert not [name for name in names if name.endswith(".jsonl") and Path(name).name in measured]


def test_the_wheel_has_the_lists_and_the_model_but_no_labelled_rows(wheel: Path) -> None:
    import zipfile

    names = zipfile.ZipFile(wheel).namelist()
    labelled = {file.name for file in (CHECKOUT / "evals" / "data").glob("*.jsonl")}
    assert labelled
    assert not [name for name in names if "evals" in name or Path(name).name in labelled]
    room = "evolsynth/evaluation"
    assert {
        f"{room}/text/verbs.txt",
        f"{room}/information_loss/synonyms.txt",
        f"{room}/good_evolution/evolution_model.npz.xz",
        "evolsynth/_prompts/evol_instruct/anchored/shapes.txt",
        "evolsynth/_prompts/self_instruct/small.txt",
    } <= set(names)
