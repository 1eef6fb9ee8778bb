"""A user's own models in a run: looked at before they are loaded, and each file loaded once."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from evolsynth.errors import EvolsynthError, InputError, SetupError, TemplateError
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp.files import CATALOGUE, find_model
from evolsynth.pipeline import evolve, magpie, respond
from evolsynth.pipeline.graph import Pipeline
from evolsynth.pipeline.run.context import Models
from evolsynth.pipeline.run.run import RunOptions, run

NAME = next(iter(CATALOGUE))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The packaged model, under a name of somebody's own."""
    path = tmp_path / "own.gguf"
    path.symlink_to(find_model(NAME)[0])
    return path


def opened(pipeline: Pipeline, **named: Any) -> list[LlamaCpp]:
    """The model of each step."""
    models = Models({**pipeline.models, **named}, None)
    return [models.of(node) for node in pipeline.nodes() if node.step.takes("llm")]  # type: ignore[misc]


def test_one_file_under_many_names_is_one_model(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (link := own.with_name("link.gguf")).symlink_to(own)
    monkeypatch.chdir(own.parent)
    steps = magpie(n=1, model=str(own)) >> evolve(model="./own.gguf") >> respond(model="judge")
    first, second, third = opened(steps, judge={"model": f"llamacpp:{link}"})
    assert first is second is third


def test_a_catalogue_name_and_the_path_of_its_file_are_one_model_where_the_weights_are() -> None:
    path, entry = find_model(NAME)
    assert entry is not None
    steps = magpie(n=1, model=NAME) >> evolve(model="same") >> respond(model="raw")
    named = {"same": {"model": str(path), "quantisation": entry.quantisation}, "raw": str(path)}
    first, second, third = opened(steps, **named)
    assert first is second
    assert third is not first  # the file as it is, not what the catalogue makes of it


@pytest.mark.parametrize(
    "other",
    [{"context": 512}, {"chat_template": "gemma"}, {"think": False}, {"quantisation": "Q8_0"}],
)
def test_other_options_are_another_model(own: Path, other: dict[str, Any]) -> None:
    steps = magpie(n=1, model="one") >> respond(model="two")
    first, second = opened(steps, one=str(own), two={"model": str(own), **other})
    assert first is not second


def test_a_model_that_is_not_there_is_like_no_other(own: Path) -> None:
    assert LlamaCpp(own.with_name("none.gguf")).alike() is None


@pytest.fixture
def nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: object) -> None:
        raise AssertionError("something was loaded")

    monkeypatch.setattr(LlamaCpp, "_load", load)
    monkeypatch.setattr("evolsynth.llm.llamacpp.apart.tried", load)


@pytest.mark.usefixtures("nothing_is_loaded")
@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"context": 9000}, InputError, "context is 9000, but own was trained for 8192 tokens"),
        (
            {"slots": 4096, "context": 8192},
            SetupError,
            r"own needs 9\d MiB of memory for its weights and [\d,]+ MiB for .* of 4096 slots",
        ),
        ({"chat_template": "{% for %}"}, TemplateError, "own's chat template does not parse"),
    ],
)
async def test_what_cannot_be_is_told_before_anything_is_loaded(
    own: Path, options: dict[str, Any], error: type[EvolsynthError], said: str
) -> None:
    pipeline = magpie(n=1).using(models={"default": {"model": str(own), **options}}, embedder=None)
    with pytest.raises(error, match=said):
        await run(pipeline, own.parent / "run", RunOptions())


def take_template(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content.replace(b"tokenizer.chat_template", b"tokenizer.chat_themplat"))


@pytest.mark.usefixtures("nothing_is_loaded")
async def test_a_model_without_a_template_is_told_before_it_is_loaded(own: Path) -> None:
    take_template(own)
    pipeline = magpie(n=1).using(embedder=None)
    with pytest.raises(TemplateError, match=r"own has no chat template.*--chat-template FILE"):
        await run(pipeline, own.parent / "run", RunOptions(llm=str(own)))


@pytest.mark.usefixtures("nothing_is_loaded")
async def test_a_first_good_model_is_not_loaded_where_a_second_cannot_be(own: Path) -> None:
    bad = own.with_name("bad.gguf")
    bad.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 10**9))
    pipeline = (magpie(n=1, model=str(own)) >> respond(model=str(bad))).using(embedder=None)
    with pytest.raises(InputError, match=r"bad\.gguf"):
        await run(pipeline, own.parent / "run", RunOptions())
