"""Every block of code on a page is checked: of README.md, CONTRIBUTING.md and docs/.

| block | what is done with it |
|---|---|
| Python behind ``<!-- runs -->`` | runs as it stands, with the real model and embedder |
| other Python | runs with a scripted model; what imports nothing is a piece: see `given` |
| commands | are read by the programs that they name; those in `CHEAP` run, on a few rows |
| YAML | is a pipeline, a part of one, or settings of the gate |
| JSON, TOML, a diagram | is read |
| any behind ``<!-- not run: why -->`` | nothing; there are few |

Blocks of a page share their names and run in their order. Pages with tests of their own,
`ELSEWHERE`, are not run again.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import contextlib
import importlib
import inspect
import json
import re
import shlex
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import AsyncMock

import jsonschema
import pydantic
import pytest
import yaml
from docs_pages import scripted, told
from hashed_words import Hashed
from markdown_it import MarkdownIt

import evolsynth.pipeline
from evals.__main__ import PROGRAMS
from evolsynth import findings
from evolsynth.cli.main import _parser, main
from evolsynth.data.documents.document import DOCUMENTS
from evolsynth.data.formats.form import FORMS
from evolsynth.data.reader import FORMATS
from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.evaluation.gate.settings import GateSettings, thresholds
from evolsynth.evaluation.scores.response import by_judge
from evolsynth.export.format import EXPORTS
from evolsynth.llm.backends import DEFAULT_MODEL, open_llm
from evolsynth.llm.base import LLM, Request
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.method import METHODS
from evolsynth.methods.preference import by_rules, join_responses
from evolsynth.methods.steering import Steering
from evolsynth.options import Share
from evolsynth.pipeline import gate, read_pipeline
from evolsynth.registry import Registry
from evolsynth.rows import Row

ROOT = Path(__file__).parent.parent
PAGES = {
    path.name: path.read_text(encoding="utf-8")
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").glob("*.md")),
    )
}
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "docs" / "pipeline.schema.json").read_text(encoding="utf-8"))
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

#: Whose Python (and first YAML) another test runs.
ELSEWHERE = {
    "README.md": "test_readme.py",
    "CONTRIBUTING.md": "test_contributing.py",
    "computed.md": "methods/test_computed_page.py",
    "diversity.md": "evaluation/diversity/test_diversity_report.py",
    "engine.md": "test_readme.py",
    "evaluation.md": "test_readme.py",
    "from-distilabel.md": "pipeline/test_from_distilabel.py",
    "pipelines.md": "pipeline/test_pipelines_page.py",
    "ray-data.md": "cluster/test_ray_data.py",
    "servers.md": "test_servers_page.py",
    "trl.md": "export/test_trl_trains.py",
}
#: How many blocks of a page nobody checks; each has its reason above it.
NOT_RUN = {"from-distilabel.md": 2, "how-it-works.md": 1, "progress.md": 2, "scale.md": 1}


class Block(NamedTuple):
    """A block of a page: its language, its text, the comments above it."""

    page: str
    line: int
    language: str
    code: str
    marks: tuple[str, ...]

    @property
    def not_run(self) -> str:
        """Why it is not checked, if it is not."""
        return next((m.removeprefix("not run: ") for m in self.marks if "not run: " in m), "")


def blocks_of(page: str, text: str) -> Iterator[Block]:
    """All blocks of a page, as Markdown has them."""
    lines = text.splitlines()
    for token in MarkdownIt().parse(text):
        if token.type in ("fence", "code_block"):
            assert token.map is not None
            begin = above = token.map[0]
            while above and re.fullmatch(r"<!-- .* -->", lines[above - 1]):
                above -= 1
            marks = tuple(line[5:-4] for line in lines[above:begin])
            yield Block(page, begin + 1, token.info.strip(), token.content, marks)


BLOCKS = [block for page, text in PAGES.items() for block in blocks_of(page, text)]


def of(*languages: str) -> list[Block]:
    """The blocks in these languages that are checked."""
    return [one for one in BLOCKS if one.language in languages and not one.not_run]


def named(block: Block) -> str:
    return f"{block.page}:{block.line}"


# All of them --------------------------------------------------------------------------------------


def test_every_block_is_of_a_language_that_is_checked() -> None:
    known = {"python", "py", "console", "bash", "yaml", "json", "toml", "mermaid"}
    assert len(BLOCKS) > 100
    assert [named(one) for one in BLOCKS if one.language not in known and not one.not_run] == []


def test_few_are_not_checked_and_each_says_why() -> None:
    reasons = [(one.page, one.not_run) for one in BLOCKS if one.not_run]
    assert Counter(page for page, _ in reasons) == NOT_RUN, reasons
    assert all(len(reason) > 5 for _, reason in reasons)


@pytest.mark.parametrize(("page", "test"), ELSEWHERE.items())
def test_a_page_with_a_test_of_its_own_is_named_there(page: str, test: str) -> None:
    code = (ROOT / "tests" / test).read_text(encoding="utf-8")
    assert f'"{page}"' in code or f'"{page.removesuffix(".md")}"' in code


def test_a_mark_and_an_indented_block_are_seen() -> None:
    text = "<!-- runs -->\n<!-- not run: it is old -->\n```python\nx\n```\n"
    text += "\n- a\n\n  ```yaml\n  b: 1\n  ```\n"
    first, second = blocks_of("a.md", text)
    assert (first.marks, first.not_run) == (("runs", "not run: it is old"), "it is old")
    assert (second.language, second.code, second.line) == ("yaml", "b: 1\n", 9)


# Python -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept() -> Iterator[LLM]:
    """The real model as a run opens it, started once for all blocks: a run leaves one running that
    it found running."""
    llm = open_llm(DEFAULT_MODEL)
    asyncio.run(llm.start())
    yield llm
    asyncio.run(llm.aclose())


@pytest.mark.real
@pytest.mark.parametrize("page", sorted({one.page for one in BLOCKS if "runs" in one.marks}))
def test_marked_blocks_run_as_written(
    page: str,
    kept: LLM,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def opened(model: str = DEFAULT_MODEL, **options: object) -> LLM:
        return kept if (model, options) == (DEFAULT_MODEL, {}) else open_llm(model, **options)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("evolsynth.pipeline.run.context.open_llm", opened)
    names: dict[str, object] = {"__name__": page}
    for block in (one for one in BLOCKS if one.page == page and "runs" in one.marks):
        exec(compile(block.code, f"{page}, line {block.line}", "exec"), names)
    assert capsys.readouterr().out


class Person(pydantic.BaseModel):
    """What a page asks a model for."""

    name: str
    age: int


class Even(Steering):
    """All as usual."""

    async def weights(self, at: Any, name: str, usual: Any, kinds: Any = None) -> dict[str, float]:
        """As usual."""
        return dict(usual)


def said(request: Request) -> str:
    """What the models of pieces say."""
    return '{"name": "Ada", "age": 36}' if "Invent a" in str(request) else told(request)


def given() -> dict[str, Any]:
    """What pieces of code may use without saying where it comes from."""
    rows = [Row.make(f"Describe {x}, and say why.", response="It is old.") for x in ("clay", "ice")]
    names = {name: getattr(evolsynth, name) for name in evolsynth.__all__}
    return {
        **names,
        "MiniLM": Hashed,
        "magpie": partial(evolsynth.magpie, embedder=Hashed()),
        "rows": rows,
        "others": [row.replace(response="It is quite new and shines.") for row in rows],
        "by_rules": by_rules,
        "by_judge": by_judge,
        "join_responses": join_responses,
        "computed": METHODS["computed"].function,
        **{name: Scripted(said, name=name) for name in ("llm", "small", "large")},
        "pipe": (evolsynth.pipeline.computed(n=20) >> gate()).using(embedder="none"),
        "Person": Person,
        "steering": Even(),
        "number": 0,
        "Case": Case,
        "Share": Share,
    }


@pytest.fixture
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """What blocks register is gone afterwards."""
    registries: list[Registry[Any]] = [CHECKS, DOCUMENTS, EXPORTS, FORMATS, FORMS]
    for registry in registries:
        len(registry)  # all that there is otherwise
        monkeypatch.setattr(registry, "_things", dict(registry._things))
        monkeypatch.setattr(registry, "_homes", dict(registry._homes))
    # all of them: what a block of code is the first to import would be forgotten behind it
    monkeypatch.setattr(findings, "_REASONS", findings.known_reasons())
    thresholds()  # kept from the first call on


#: What another test reads as `python` is there alone; a piece beside it is called `py`.
OTHERS = of("py") + [
    one for one in of("python") if "runs" not in one.marks and one.page not in ELSEWHERE
]


@pytest.mark.parametrize("page", sorted({one.page for one in OTHERS}))
@pytest.mark.usefixtures("as_it_was")
def test_other_python_runs_with_a_scripted_model(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("evolsynth.pipeline.run.context.open_llm", scripted)
    monkeypatch.setattr("evolsynth.llm.llamacpp.engine.LlamaCpp", scripted)
    monkeypatch.setattr("evolsynth.pipeline.run.run._embedder", AsyncMock(return_value=None))
    names: dict[str, Any] = {"__name__": page}
    for block in (one for one in OTHERS if one.page == page):
        if "import" not in block.code:
            names = {**given(), **names}
        code = compile(
            block.code,
            f"{page}, line {block.line}",
            "exec",
            flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        )
        made = eval(code, names)
        if inspect.iscoroutine(made):
            asyncio.run(made)


# Commands -----------------------------------------------------------------------------------------

#: Commands that run on a few rows in a moment, where they name no file of another kind.
CHEAP = ("completion", "dedup", "export", "gate", "gates", "report", "review", "select")
_SAYS = re.compile(r"^\$ |^(?=evolsynth )")


def commands(block: Block) -> list[str]:
    """What a block shows typed; lines that end in ``\\`` go on."""
    lines = re.sub(r"\\\n\s*", "", block.code).splitlines()
    return [_SAYS.sub("", line) for line in lines if _SAYS.match(line)]


SHOWN = [(named(one), line) for one in of("console", "bash") for line in commands(one)]
OURS = [(where, line) for where, line in SHOWN if line.startswith("evolsynth ")]


def words_of(command: str) -> list[str]:
    """A command's words, without the shell's own: what it puts in, and where the output goes."""
    words = shlex.split(re.sub(r"\$\(.*\)", "words", command), comments=True)
    return words[: words.index(">")] if ">" in words else words


def test_blocks_of_commands_show_some() -> None:
    assert [named(one) for one in of("console", "bash") if not commands(one)] == []
    assert len(OURS) > 100


@pytest.mark.parametrize(("where", "command"), OURS)
def test_every_command_is_one(where: str, command: str) -> None:
    words = words_of(command)[1:]
    _parser(words[0]).parse_args(words)


@pytest.mark.parametrize(("where", "command"), [one for one in SHOWN if one not in OURS])
def test_other_commands_name_what_there_is(where: str, command: str) -> None:
    words = words_of(command)
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    elif words[:2] == ["pip", "install"]:
        extras = re.fullmatch(r"evolsynth\[(.+)\]", words[2])
        assert extras is not None
        assert set(extras[1].split(",")) <= set(PROJECT["optional-dependencies"])
    else:
        assert words[:3] == ["python", "-m", "evals"]
        parser = argparse.ArgumentParser()
        importlib.import_module(PROGRAMS[words[3]].module).add_options(parser)
        parser.parse_args([word.strip("[]") for word in words[4:]])


@pytest.mark.parametrize("page", PAGES)
def test_every_program_of_evals_on_a_page_is_one(page: str) -> None:
    assert set(re.findall(r"python -m evals ([a-z][\w-]*)", PAGES[page])) <= set(PROGRAMS)


def cheap_ones() -> list[tuple[str, str]]:
    """Commands that need nothing but rows, and a moment; of those with the same flags one."""
    far = {"--push", "--decontaminate", "--grounded-in", "--live", "--ray"}
    found: dict[object, tuple[str, str]] = {}
    for where, command in OURS:
        words = words_of(command)[1:]
        flags = frozenset(word for word in words if word.startswith("-"))
        if words[0] in CHEAP and not far & flags:
            found.setdefault((words[0], flags), (where, command))
    return list(found.values())


_NAMED = ("bricks", "boats", "bells", "barrels", "baskets", "bridges", "brooms", "buttons", "bowls")
_ASKED = {
    "burnt of clay": "Why are",
    "built of wood": "How were",
    "cast of bronze": "When are",
    "woven from grass and wool": "Where do people see",
}
ROWS: list[dict[str, Any]] = [
    {
        "id": f"{n}",
        "instruction": f"{asks} {what} {how}?",
        "response": f"They are {how} because it lasts.",
        "scores": {"ifd": n / 100, "complexity": 1, "quality": 2},
    }
    for n, (what, how, asks) in enumerate(
        (what, how, asks) for what in _NAMED for how, asks in _ASKED.items()
    )
]
TABLE = "question,reply\nName a lake.,Lake Como.\n"
MARKS = {"id": "0", "mark": "keep"}


def put(path: Path) -> None:
    """A file or a run's folder as a command's user would have it."""
    held = {"marks.jsonl": [MARKS], "benchmark.jsonl": [{"prompt": "Name the seven seas."}]}
    rows = held.get(path.name) or [{**row, "prompt": row["instruction"]} for row in ROWS]
    text = TABLE if path.suffix == ".csv" else "".join(f"{json.dumps(one)}\n" for one in rows)
    path = path if path.suffix else path / "accepted.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(("where", "command"), cheap_ones())
@pytest.mark.usefixtures("in_folder")
def test_a_cheap_command_runs(
    where: str,
    command: str,
    use_embedder: Callable[[Callable[[], Any]], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_embedder(Hashed)
    for module in ("gate", "select"):
        monkeypatch.setattr(f"evolsynth.cli.{module}.MiniLM", lambda **_: Hashed())
    words = words_of(command)[1:]
    reads = [word for word in words[1:] if re.search(r"^runs/|\.(jsonl|csv)$", word)]
    written = {words[i + 1] for i, word in enumerate(words) if word in ("-o", "--rejects")}
    for one in reads:
        if one not in written and not Path(one).exists():
            put(Path(one))
    if "gate.yaml" in words:
        Path("gate.yaml").write_text("min_words: 2\n", encoding="utf-8")
    assert main(words) == 0, capsys.readouterr().err
    assert all(Path(one).exists() for one in written)


# Data ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", of("yaml"), ids=named)
def test_yaml_is_a_pipeline_or_settings(block: Block, tmp_path: Path) -> None:
    """Whole pipelines are read; where only `models` or `outputs` are shown, they fit the schema."""
    held = yaml.safe_load(block.code)
    path = tmp_path / "it.yaml"
    path.write_text(block.code, encoding="utf-8")
    if not {"steps", "models", "outputs", "steer"} & set(held):
        assert GateSettings.read(path) != GateSettings()
        return
    SCHEMA.validate({"steps": ["magpie"], **held})
    if "steps" in held and block.page not in ELSEWHERE:
        read_pipeline(path)


@pytest.mark.parametrize("block", of("json"), ids=named)
def test_json_is_json_or_lines_of_it(block: Block) -> None:
    with contextlib.suppress(json.JSONDecodeError):
        assert json.loads(block.code)
        return
    lines = block.code.splitlines()
    assert len(lines) > 1
    assert all(isinstance(json.loads(line), dict) for line in lines)


@pytest.mark.parametrize("block", of("toml"), ids=named)
def test_toml_names_groups_of_entry_points_that_are_asked(block: Block) -> None:
    groups = tomllib.loads(block.code)["project"]["entry-points"]
    code = "".join(path.read_text("utf-8") for path in (ROOT / "evolsynth").rglob("*.py"))
    assert groups
    assert all(f'"{group}"' in code for group in groups)


@pytest.mark.parametrize("block", of("mermaid"), ids=named)
def test_a_diagram_is_a_flowchart_of_arrows(block: Block) -> None:
    kind, *arrows = block.code.splitlines()
    box = r'\w+(\["[^"]+"\])?'
    assert kind == "flowchart TB"
    assert [arrow for arrow in arrows if not re.fullmatch(rf"\s+{box} --> {box}", arrow)] == []
