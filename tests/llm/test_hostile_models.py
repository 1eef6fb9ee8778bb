"""A model file that is damaged, or damaged while it is used, never ends this process."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import struct
import time
from pathlib import Path

import pytest

from evals.gguf_faults import Fault, faults, spoil
from evolsynth.errors import EvolsynthError, InputError, SetupError
from evolsynth.llm.base import Prompt, Request
from evolsynth.llm.llamacpp import LlamaCpp, ahead, apart, quantise
from evolsynth.llm.llamacpp.files import find_model, requantised, sha256_of
from evolsynth.llm.llamacpp.outline import read_outline
from evolsynth.llm.llamacpp.quantise import QUANTISATIONS

REAL = find_model("SmolLM2-135M-Instruct")[0]


def set_number(target: Path, key: str, form: str, value: float) -> Path:
    """The model with another number in its header, and a hole for its weights."""
    with REAL.open("rb") as file:
        head = file.read(read_outline(REAL).start)
    at = head.index(key.encode()) + len(key) + 4
    spoil(REAL, target, Fault("", at, struct.pack(form, value)))
    return target


@pytest.mark.parametrize(
    ("key", "form", "value"),
    [
        ("llama.block_count", "<I", 0),
        ("llama.block_count", "<I", 2**31 - 1),
        ("llama.block_count", "<I", 300),
        ("llama.embedding_length", "<I", 0),
        ("llama.embedding_length", "<I", 577),
        ("llama.context_length", "<I", 2**32 - 1),
        ("llama.attention.head_count", "<I", 7),
        ("llama.attention.head_count_kv", "<I", 2),
        ("llama.attention.layer_norm_rms_epsilon", "<f", float("nan")),
        ("llama.attention.layer_norm_rms_epsilon", "<f", float("inf")),
        ("llama.attention.layer_norm_rms_epsilon", "<f", -1.0),
        ("llama.rope.freq_base", "<f", 0.0),
    ],
)
def test_a_number_that_cannot_be_is_named(
    tmp_path: Path, key: str, form: str, value: float
) -> None:
    path = set_number(tmp_path / "odd.gguf", key, form, value)
    with pytest.raises(InputError, match=rf"odd\.gguf: .*{key}.*Fetch it again\.$"):
        find_model(path)


def test_a_count_of_hundreds_of_millions_takes_no_time(tmp_path: Path) -> None:
    path = tmp_path / "empty.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 2**24))
    with path.open("rb+") as file:
        file.truncate(1 << 28)
    began = time.monotonic()
    with pytest.raises(InputError, match="it names"):
        read_outline(path)
    assert time.monotonic() - began < 5


def test_faults_are_the_same_for_a_seed() -> None:
    first, second = (list(itertools.islice(faults(REAL, 7), 30)) for _ in "ab")
    assert first == second
    assert first != list(itertools.islice(faults(REAL, 8), 30))


def test_a_spoiled_file_has_the_fault_and_nothing_else(tmp_path: Path) -> None:
    spoil(REAL, tmp_path / "x", Fault("", 10, b"abc", cut=20))
    with REAL.open("rb") as file:
        whole = file.read(20)
    assert (tmp_path / "x").read_bytes() == whole[:10] + b"abc" + whole[13:]


@pytest.mark.parametrize(
    ("tried", "least"), [(60, 16), pytest.param(150, 40, marks=pytest.mark.slow)]
)
def test_no_fault_ends_this_process(tried: int, least: int, tmp_path: Path) -> None:
    path, told, loaded, slowest = tmp_path / "spoiled.gguf", list[str](), 0, 0.0
    for fault in itertools.islice(faults(REAL, 1), tried):
        spoil(REAL, path, fault)
        began = time.process_time()
        try:
            read_outline(path)
            loaded += 1
            if loaded == 1:
                apart.apart(apart._try, path)
        except EvolsynthError as error:
            told.append(str(error))
        slowest = max(slowest, time.process_time() - began)
    assert len(told) >= least
    assert slowest < 5
    assert all(line.startswith(f"{path}: ") and "\n" not in line for line in told)


def dies(path: Path) -> None:
    os.write(2, b"ggml.c:1: GGML_ASSERT(n > 0) failed\n")
    os.kill(os.getpid(), signal.SIGABRT)


def stays(path: Path) -> None:
    time.sleep(60)


def refuses(path: Path) -> None:
    raise SetupError(f"{path}: no")


def succeeds(path: Path) -> None:
    path.with_suffix(".done").write_text(os.environ["GGML_NO_BACKTRACE"])


def test_what_kills_its_process_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"x")
    with pytest.raises(InputError, match=r"m: llama.*ended with SIGABRT \(.*GGML_ASSERT.*\)\. Fe"):
        apart.apart(dies, tmp_path / "m")
    with pytest.raises(SetupError, match=r"m: no$"):
        apart.apart(refuses, tmp_path / "m")
    apart.apart(succeeds, tmp_path / "m")
    assert (tmp_path / "m.done").read_text() == "1"


def test_what_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m").write_bytes(b"x")
    monkeypatch.setattr(apart, "_PATIENCE", 0.1)
    with pytest.raises(InputError, match="ended with SIGKILL"):
        apart.apart(stays, tmp_path / "m")


def test_a_strangers_file_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLSYNTH_CACHE", str(tmp_path))
    asked: list[Path] = []
    monkeypatch.setattr(apart, "apart", lambda work, path: asked.append(path))
    for sha256 in ("a" * 64, "a" * 64, "b" * 64):
        apart.tried(REAL, sha256)
    assert len(asked) == 2


async def test_a_pinned_file_is_tried_too_where_amx_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(apart, "tried", lambda path, sha256: asked.append(path))
    for amx in (False, True):
        monkeypatch.setattr(ahead, "has_amx", lambda amx=amx: amx)
        async with LlamaCpp(slots=1, context=64, threads=1):
            pass
    assert asked == [REAL]
    (tmp_path / "m").write_bytes(b"x")
    monkeypatch.setattr(apart, "has_amx", lambda: True)
    with pytest.raises(InputError, match=r"SIGABRT .* AMX .* CMAKE_ARGS="):
        apart.apart(dies, tmp_path / "m")


async def test_a_file_cut_and_deleted_while_it_is_used_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "used.gguf"
    shutil.copy(REAL, path)
    request = Request(prompt=Prompt.of("The sky is"), seed=1, max_tokens=8)
    async with LlamaCpp(path, quantisation=None, slots=2, context=128, contexts=1) as llm:
        before = await llm.complete(request)
        os.truncate(path, 0)
        path.unlink()
        assert (await llm.complete(request)).text == before.text


def test_a_source_that_is_cut_cannot_be_requantised_and_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "cut.gguf"
    source.write_bytes(REAL.read_bytes()[: read_outline(REAL).start + 4096])
    with pytest.raises(EvolsynthError, match=r"cut\.gguf") as caught:
        quantise.quantise(source, tmp_path / "made", QUANTISATIONS["Q4_0"], None)
    assert "\n" not in str(caught.value)
    monkeypatch.setenv("EVOLSYNTH_CACHE", str(tmp_path / "cache"))
    assert requantised(REAL, sha256_of(REAL), "Q4_0").is_file()
