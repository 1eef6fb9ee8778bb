"""Model files on nodes that have none: sent once, compared by hash, known by the same name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evolsynth.cluster.messages import Hello, Wanted, decoded, encoded
from evolsynth.cluster.placing import is_here, parts_of, placed
from evolsynth.cluster.pool import wanted
from evolsynth.cluster.worker import Worker
from evolsynth.errors import SetupError
from evolsynth.llm.llamacpp import LlamaCpp, files

NAME = "SmolLM2-135M-Instruct"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A node that has no model, and an empty cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv(files.MODELS, "")  # which a worker sets: it is put back
    monkeypatch.setattr(files, "_packaged", lambda _: None)
    return tmp_path


async def part(some: bytes) -> bytes:
    return some


async def sent(worker: Worker, want: Wanted, path: Path) -> None:
    await worker.place(encoded(want), [part(some) for some in parts_of(path)])


@pytest.mark.real
async def test_a_catalogues_model_that_was_sent_is_known_by_its_name(
    smollm_file: Path, bare: Path
) -> None:
    own = LlamaCpp(NAME)
    want = Wanted({"model": NAME}, smollm_file.name, files.sha256_of(smollm_file), named=True)
    worker = Worker(1, {})
    assert not is_here(want)
    assert await worker.start(0, encoded(want)) is None
    await sent(worker, want, smollm_file)
    assert is_here(want)
    said = await worker.start(0, encoded(want))
    assert said is not None
    hello = decoded(said, Hello)
    assert hello.name == own.name == NAME
    assert hello.provenance["model_sha256"] == want.sha256
    assert hello.same
    assert hello.template is not None
    for llm in worker._engines.values():
        await llm.aclose()


async def test_other_bytes_are_told_and_leave_nothing(bare: Path) -> None:
    file = bare / "model.gguf"
    file.write_bytes(b"GGUF and so on")
    want = Wanted({"model": "/nowhere/model.gguf"}, "model.gguf", "0" * 64)
    with pytest.raises(SetupError, match="came to this node with other bytes"):
        await sent(Worker(1, {}), want, file)
    assert placed(want) is None
    assert not list((bare / "cache").rglob("*.part"))


async def test_a_file_that_is_there_is_not_sent_again(bare: Path) -> None:
    file = bare / "model.gguf"
    file.write_bytes(b"GGUF and so on")
    want = Wanted({"model": "/nowhere/model.gguf"}, "model.gguf", files.sha256_of(file))
    await sent(Worker(1, {}), want, file)
    assert placed(want) is not None

    def never(*_: Any) -> Any:
        raise AssertionError

    await Worker(1, {}).place(encoded(want), [never])


def test_what_is_no_file_needs_none() -> None:
    want = wanted({"model": "toy:x", "speed": 3}, file=False)
    assert want == Wanted({"model": "toy:x", "speed": 3})
    assert is_here(want)
