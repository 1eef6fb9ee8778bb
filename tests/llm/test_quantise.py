"""Quantisations: the catalogue, importance files, and made copies that are kept: whole, once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from one_block import one_block

from evals.importance import save_importance
from evolsynth.errors import InputError, SetupError
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp import quantise as module
from evolsynth.llm.llamacpp.files import find_model, requantised, sha256_of
from evolsynth.llm.llamacpp.model import llama
from evolsynth.llm.llamacpp.outline import read_outline
from evolsynth.llm.llamacpp.quantise import (
    QUANTISATIONS,
    Importance,
    find_quantisation,
    importance_of,
    load_importance,
    quantise,
)

pytestmark = pytest.mark.real

SOURCE = find_model("SmolLM2-135M-Instruct")[0]
SHA256 = sha256_of(SOURCE)
F32, Q4_0, Q4_1, Q8_0 = 0, 2, 3, 8  # as ggml numbers types


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVOLSYNTH_CACHE", str(tmp_path))
    return tmp_path / "models"


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source that is soon requantised: how copies are made and kept asks for no more."""
    return one_block(SOURCE, tmp_path_factory.mktemp("one") / "SmolLM2-block.gguf")


@pytest.fixture(scope="module")
def importance(block: Path) -> Importance:
    """The shipped importance of the tensors that are left in it."""
    whole = importance_of(SOURCE, QUANTISATIONS["Q4_0_I"])
    assert whole is not None
    left = types(block)
    return whole._replace(tensors={n: v for n, v in whole.tensors.items() if n in left})


def kept(cache: Path) -> list[str]:
    """The names of all files but locks."""
    return sorted(p.name for p in cache.iterdir() if p.suffix != ".lock")


def types(path: Path) -> dict[str, int]:
    return {t.name: t.type for t in read_outline(path).tensors if len(t.shape) == 2}


# The catalogue ------------------------------------------------------------------------------------


def test_every_quantisation_says_what_it_is_good_for() -> None:
    assert {"F16", "Q8_0", "Q5_0", "Q4_1", "IQ4_NL", "Q4_0", "Q4_0_I"} <= set(QUANTISATIONS)
    assert {"Q4_K_M", "Q5_K_M", "Q6_K"} <= set(QUANTISATIONS)
    for name, entry in QUANTISATIONS.items():
        assert entry.name == name == name.upper()
        assert entry.good_for.endswith(".")
        assert 4 < entry.bits <= 16


def test_file_types_are_those_that_llama_cpp_has() -> None:
    import llama_cpp

    for entry in QUANTISATIONS.values():
        name = entry.name.removesuffix("_I")
        assert entry.file_type == getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{name}")


def test_names_are_found_in_any_case() -> None:
    assert find_quantisation("q4_k_m") is QUANTISATIONS["Q4_K_M"]
    assert find_quantisation("Q4_0_i") is QUANTISATIONS["Q4_0_I"]


@pytest.mark.parametrize("name", ["Q3", "", "Q4_0 ", "None"])
def test_an_unknown_name_lists_all_and_nothing_is_done(cache: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        requantised(SOURCE, SHA256, name)
    assert f"no quantisation '{name}'" in str(caught.value)
    assert ", ".join(QUANTISATIONS) in str(caught.value)
    assert not cache.exists()


# Importance ---------------------------------------------------------------------------------------


def made_up() -> Importance:
    rng = np.random.default_rng(5)
    shared = rng.lognormal(0, 2, 64).astype(np.float32)
    tensors = {"q": shared, "k": shared, "down": rng.lognormal(0, 2, 96).astype(np.float32)}
    return Importance("A model", "ab" * 32, {"tokens": 12}, tensors)


def test_importance_comes_back_in_parts_of_its_mean(tmp_path: Path) -> None:
    held = made_up()
    save_importance(tmp_path / "i.npz", held)
    found = load_importance(tmp_path / "i.npz")
    assert (found.model, found.source, found.settings) == (held.model, held.source, held.settings)
    assert found.sha256 == sha256_of(tmp_path / "i.npz")
    assert set(found.tensors) == set(held.tensors)
    for name, values in held.tensors.items():
        np.testing.assert_allclose(found.tensors[name], values / values.mean(), 1e-3, 2e-4)


def test_the_same_importance_is_the_same_file(tmp_path: Path) -> None:
    save_importance(tmp_path / "one.npz", made_up())
    save_importance(tmp_path / "two.npz", made_up())
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.npz", "two.npz"]


def test_extreme_importance_stays_finite_and_above_nothing(tmp_path: Path) -> None:
    extreme = np.array([1e-30, 1.0, 1e30, 0.0], dtype=np.float32)
    save_importance(tmp_path / "i.npz", made_up()._replace(tensors={"w": extreme}))
    values = load_importance(tmp_path / "i.npz").tensors["w"]
    assert np.isfinite(values).all()
    assert (values > 0).all()


@pytest.mark.parametrize("content", [b"", b"no npz", b"PK\x03\x04 half a zip"])
def test_a_file_that_holds_no_importance_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "i.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"i\.npz: not an importance file.*python -m evals"):
        load_importance(path)


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    about = np.array([{"model": "x"}], dtype=object)
    np.savez(tmp_path / "i.npz", about=about, values=np.zeros(1))
    with pytest.raises(InputError, match="allow_pickle"):
        load_importance(tmp_path / "i.npz")


def test_the_shipped_importance_fits_the_packaged_model() -> None:
    found = importance_of(SOURCE, QUANTISATIONS["Q4_0_I"])
    assert found is not None
    assert found.source == SHA256
    assert found.settings["tokens"] > 6000
    shapes = {t.name: t.shape for t in read_outline(SOURCE).tensors if len(t.shape) == 2}
    assert {name: len(values) for name, values in found.tensors.items()} == {
        name: shape[0] for name, shape in shapes.items()
    }
    assert importance_of(SOURCE, QUANTISATIONS["Q4_0"]) is None


def test_a_model_without_importance_is_told_to_use_q4_0(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "shipped", lambda: {"A model": made_up()})
    with pytest.raises(InputError, match=r"known only for A model; this is Smollm2.*Use Q4_0\."):
        requantised(SOURCE, SHA256, "Q4_0_I")
    assert not cache.exists()


def test_a_model_of_the_same_name_but_other_widths_has_no_importance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = read_outline(SOURCE).name
    narrow = made_up()._replace(tensors={"blk.0.attn_v.weight": np.ones(8, dtype=np.float32)})
    monkeypatch.setattr(module, "shipped", lambda: {name: narrow})
    with pytest.raises(InputError, match="Use Q4_0"):
        importance_of(SOURCE, QUANTISATIONS["Q4_0_I"])


# Making -------------------------------------------------------------------------------------------


def test_our_recipe_weighs_errors(tmp_path: Path, block: Path, importance: Importance) -> None:
    ours, plain = QUANTISATIONS["Q4_0_I"], QUANTISATIONS["Q4_0"]
    quantise(block, tmp_path / "ours", ours, importance)
    quantise(block, tmp_path / "unweighed", ours, None)
    quantise(block, tmp_path / "plain", plain, None)
    assert set(types(tmp_path / "plain").values()) == {Q4_0, Q8_0}
    assert sha256_of(tmp_path / "ours") != sha256_of(tmp_path / "unweighed")


def test_the_same_recipe_gives_the_same_bytes(
    tmp_path: Path, block: Path, importance: Importance
) -> None:
    for name in ("one", "two"):
        quantise(block, tmp_path / name, QUANTISATIONS["Q4_0_I"], importance)
    assert sha256_of(tmp_path / "one") == sha256_of(tmp_path / "two")


def test_importance_of_another_width_is_refused_by_llama_cpp(tmp_path: Path) -> None:
    wrong = made_up()._replace(tensors={"blk.0.attn_q.weight": np.ones(8, dtype=np.float32)})
    with pytest.raises(SetupError, match="imatrix size 8 is different"):
        quantise(SOURCE, tmp_path / "x", QUANTISATIONS["Q4_0"], wrong)


async def test_a_model_answers_in_our_recipe_which_keeps_values_in_8_bits(cache: Path) -> None:
    async with LlamaCpp(quantisation="q4_0_i", contexts=1, slots=2, context=64) as llm:
        score = await llm.score(llm.template.pre_query(), "What is the capital of France?")
        assert score.perplexity < 100
        assert llm.provenance["model_sha256"] == SHA256
    (made, note) = kept(cache)
    assert made.endswith("-Q4_0_I.gguf")
    assert note.endswith("-Q4_0_I.json")
    for name, kind in types(cache / made).items():
        values = ".attn_v." in name or name == "token_embd.weight"
        assert kind == Q8_0 if values else kind in (Q4_0, Q4_1), name


# Keeping ------------------------------------------------------------------------------------------


def test_a_copy_is_made_once_and_then_found(cache: Path, block: Path) -> None:
    one = requantised(block, SHA256, "Q4_0")
    before = one.stat()
    assert requantised(block, SHA256, "q4_0") == one
    assert one.stat() == before
    assert kept(cache) == [one.name, f"{one.stem}.json"]
    note = json.loads((cache / f"{one.stem}.json").read_text(encoding="utf-8"))
    assert note["sha256"] == sha256_of(one)
    assert (note["source_sha256"], note["quantisation"]) == (SHA256, "Q4_0")


def test_another_source_recipe_build_or_importance_is_another_copy(
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    block: Path,
    importance: Importance,
) -> None:
    def ship(held: Importance) -> None:
        save_importance(tmp_path / "shipped.npz", held)
        shipped = {held.model: load_importance(tmp_path / "shipped.npz")}
        monkeypatch.setattr(module, "shipped", lambda: shipped)

    made = {requantised(block, "a" * 64, "Q4_0"), requantised(block, "b" * 64, "Q4_0")}
    ship(importance)
    made |= {requantised(block, "a" * 64, name) for name in ("Q4_1", "Q4_0_I")}
    ship(importance._replace(settings={"seed": 1}))
    made.add(requantised(block, "a" * 64, "Q4_0_I"))
    monkeypatch.setattr(llama(), "__version__", "99.0")
    made.add(requantised(block, "a" * 64, "Q4_0"))
    assert len(made) == 6
    assert len(kept(cache)) == 12


def test_a_source_with_a_very_long_name_can_be_kept(
    cache: Path, tmp_path: Path, block: Path
) -> None:
    source = tmp_path / ("ü" * 120 + ".gguf")
    source.symlink_to(block)
    assert requantised(source, SHA256, "Q4_1").is_file()


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def write_over(path: Path) -> None:
    with path.open("rb+") as file:
        file.seek(path.stat().st_size // 2)
        file.write(bytes(4096))
    os.utime(path, ns=(1, 1))  # surely another time than before, however fast this ran


def lose_note(path: Path) -> None:
    path.with_suffix(".json").unlink()


def spoil_note(path: Path) -> None:
    path.with_suffix(".json").write_text('{"size": 1', encoding="utf-8")


@pytest.mark.parametrize("damage", [cut, write_over, lose_note, spoil_note, Path.unlink])
def test_a_damaged_copy_is_made_anew(cache: Path, block: Path, damage: object) -> None:
    path = requantised(block, SHA256, "Q4_1")
    whole, inode = sha256_of(path), path.stat().st_ino
    assert callable(damage)
    damage(path)
    assert requantised(block, SHA256, "Q4_1") == path
    assert sha256_of(path) == whole
    assert path.stat().st_ino != inode or damage is Path.unlink
    assert kept(cache) == [path.name, f"{path.stem}.json"]


def test_a_copy_moved_from_another_machine_is_kept_if_it_is_whole(cache: Path, block: Path) -> None:
    path = requantised(block, SHA256, "Q4_1")
    os.utime(path, ns=(1, 1))
    before = path.stat()
    assert requantised(block, SHA256, "Q4_1") == path
    assert path.stat().st_ino == before.st_ino
    assert path.stat().st_mtime_ns == 1


def test_what_dead_processes_left_is_removed(cache: Path, block: Path) -> None:
    path = requantised(block, SHA256, "Q4_1")
    path.unlink()
    (cache / f"{path.name}.1.part").write_bytes(b"half")
    (cache / f"{path.name}.1.note.part").write_bytes(b"half")
    (cache / "another.gguf.1.part").write_bytes(b"of somebody at work")
    requantised(block, SHA256, "Q4_1")
    assert kept(cache) == [path.name, f"{path.stem}.json", "another.gguf.1.part"]


# Other processes ----------------------------------------------------------------------------------

CHILD = """
import json, sys
from pathlib import Path
from evolsynth.errors import SetupError
from evolsynth.llm.llamacpp import files
limit, source, sha256 = sys.argv[1:]
if int(limit):
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
calls, real = [], files.quantise
def counted(*given):
    calls.append(given)
    real(*given)
files.quantise = counted
print("ready", flush=True)
sys.stdin.readline()
try:
    path = files.requantised(Path(source), sha256, "Q4_1")
except SetupError as error:
    print(json.dumps({"error": str(error)}))
else:
    found = {"path": str(path), "sha256": files.sha256_of(path), "inode": path.stat().st_ino}
    print(json.dumps({"calls": len(calls), "found": found}))
"""


def child(source: Path, limit: int = 0) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(limit), str(source), SHA256],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_two_processes_at_once_get_one_whole_copy(cache: Path, block: Path) -> None:
    processes = [child(block), child(block)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [json.loads(process.communicate()[0]) for process in processes]
    assert sorted(result["calls"] for result in results) == [0, 1]
    assert results[0]["found"] == results[1]["found"]
    path = Path(results[0]["found"]["path"])
    assert kept(cache) == [path.name, f"{path.stem}.json"]
    read_outline(path)


def test_a_process_killed_in_the_middle_leaves_the_way_free(cache: Path, block: Path) -> None:
    """It dies holding the lock, with a part written; the next one makes the copy."""
    script = CHILD.replace("    real(*given)\n", "    given[1].write_bytes(b'half'); os._exit(9)\n")
    killed = subprocess.run(
        [sys.executable, "-c", "import os\n" + script, "0", str(block), SHA256],
        input="go\n",
        text=True,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == 9
    assert [name for name in kept(cache) if name.endswith(".part")]
    path = requantised(block, SHA256, "Q4_1")
    assert kept(cache) == [path.name, f"{path.stem}.json"]


def test_a_disk_that_is_full_is_told_and_nothing_is_left(cache: Path, block: Path) -> None:
    """A limit on a file's size fails as a full disk does: in the middle of a write."""
    said, _ = child(block, limit=4 << 20).communicate("go\n")
    error = json.loads(said)["error"]
    assert f"{block}: requantising to Q4_1 failed" in error
    assert f"MB are free in {cache}" in error
    assert "EVOLSYNTH_CACHE" in error
    assert kept(cache) == []


def test_a_file_that_llama_cpp_wrote_only_in_part_does_not_count(
    cache: Path, block: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """llama.cpp looks at its writes, but a file system may lose some all the same."""

    def half(work: Callable[..., None], *given: object) -> None:
        native = llama()
        real = native.llama_model_quantize

        def cut(source: bytes, target: bytes, params: object) -> int:
            status: int = real(source, target, params)
            os.truncate(target, 1_000_000)
            return status

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(native, "llama_model_quantize", cut)
            work(*given)

    monkeypatch.setattr("evolsynth.llm.llamacpp.apart.apart", half)
    with pytest.raises(SetupError, match=r"is cut short.*Make room"):
        requantised(block, SHA256, "Q4_1")
    assert kept(cache) == []


def test_a_cache_that_cannot_be_written_says_how_to_choose_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("EVOLSYNTH_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(SetupError, match=r"Set EVOLSYNTH_CACHE to a folder that can be written"):
        requantised(SOURCE, SHA256, "Q4_0")
