"""An installed wheel: it carries its prompts and pages, and needs no checkout."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import PackageNotFoundError, distribution
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
              for name in ("page.html.j2", "page.css", "page.js", "map.js", "rows.js",
                           "reader.js", "marks.js", "parts.html.j2", "compare.html.j2")},
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


# Without a compiler -------------------------------------------------------------------------------


def needed(name: str, extra: str = "", seen: set[str] | None = None) -> set[str]:
    """The packages that one needs, with those of one extra, and those that they need."""
    seen = set() if seen is None else seen
    for told in distribution(name).requires or ():
        what, _, when = told.partition(";")
        if "extra" in when and f"extra == '{extra}'" not in when.replace('"', "'"):
            continue
        package = re.split(r"[\s\[<>=!~(]", what.strip(), maxsplit=1)[0]
        if package.lower() in seen:
            continue
        try:
            distribution(package)
        except PackageNotFoundError:  # of another system, or another Python
            continue
        seen.add(package.lower())
        needed(package, seen=seen)
    return seen


@pytest.fixture(scope="module")
def bare(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, what it declares that it needs, and the extra `report`:
    neither torch, llama.cpp nor sentence-transformers."""
    home = tmp_path_factory.mktemp("bare")
    venv.create(home, with_pip=False, symlinks=True)
    (site,) = home.glob("lib/python*/site-packages")
    (wheel,) = installed.glob("lib/python*/site-packages")
    parts = {wheel / one.name for one in wheel.glob("evolsynth*")}
    for package in needed("evolsynth") | needed("evolsynth", "report"):
        home_of = distribution(package)
        parts |= {Path(str(home_of.locate_file(file.parts[0]))) for file in home_of.files or ()
                  if file.parts[0] not in ("..", "__pycache__")}  # fmt: skip
    for part in parts:
        (site / part.name).symlink_to(part)
    rows = [
        {"instruction": "Name two rivers of France.", "response": "The Loire and the Seine."},
        {"instruction": "Name two rivers of France!", "response": "The Seine and the Loire."},
        {"instruction": "Name a lake.", "response": ""},
    ]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (home / "rows.jsonl").write_text(lines, encoding="utf-8")
    pipeline = "embedder: none\nsteps:\n  - computed: {n: 3}\n  - gate\n"
    (home / "p.yaml").write_text(pipeline, encoding="utf-8")
    return home


def test_what_needs_a_compiler_or_torch_is_not_there(bare: Path) -> None:
    code = (
        "from importlib.util import find_spec;"
        "print([n for n in ('torch', 'llama_cpp', 'sentence_transformers') if find_spec(n)])"
    )
    assert python(bare, "-c", code).strip() == "[]"


@pytest.mark.parametrize(
    ("words", "made"),
    [
        ("--help", None),
        ("init new --no-preview", "new/pipeline.yaml"),
        ("gate rows.jsonl --no-embedder -o ok.jsonl --rejects bad.jsonl", "ok.jsonl"),
        ("dedup rows.jsonl --method minhash -o unique.jsonl", "unique.jsonl"),
        ("export rows.jsonl --format alpaca -o alpaca.jsonl", "alpaca.jsonl"),
        ("draw p.yaml -o p.svg", "p.svg"),
        ("run p.yaml -o run --log quiet", "run/accepted.jsonl"),
        ("report rows.jsonl -o page.html", "page.html"),
    ],
)
def test_rows_are_judged_and_written_without_them(bare: Path, words: str, made: str | None) -> None:
    python(bare, "-m", "evolsynth", *words.split())
    assert made is None or (bare / made).stat().st_size


@pytest.mark.parametrize(
    ("words", "get"),
    [
        ("magpie -n 1 --no-gate", "evolsynth[local]"),
        ("diversity rows.jsonl", "evolsynth[embed]"),
        ("gate rows.jsonl", "evolsynth[embed]"),
        ("magpie -n 1 --no-gate --model ollama:none", "evolsynth[server]"),
    ],
)
def test_what_cannot_be_done_without_them_says_in_a_sentence_how_to_get_them(
    bare: Path, words: str, get: str
) -> None:
    done = subprocess.run(
        [bare / "bin" / "python", "-I", "-m", "evolsynth", *words.split()],
        cwd=bare,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    (told,) = (one for one in done.stderr.splitlines() if one.startswith("evolsynth: "))
    assert get in told
    assert "Traceback" not in done.stderr
