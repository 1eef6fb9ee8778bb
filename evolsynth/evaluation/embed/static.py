"""Static vectors: a fast, rough stand-in for an embedder, made from it once.

Each token of the embedder's vocabulary is embedded by itself; a text's vector is the weighted mean
of its tokens' vectors. That takes microseconds a text instead of milliseconds, and is good enough
to name candidates that the embedder then decides on. The method is that of model2vec (Tulkens and
van Dongen 2024, https://github.com/MinishLab/model2vec): principal components of the tokens'
vectors, and smooth inverse frequencies (Arora et al. 2017, "A Simple but Tough-to-Beat Baseline
for Sentence Embeddings"), with the rank in the vocabulary for the frequency (Zipf's law).
"""

from __future__ import annotations

import copy
import hashlib
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evolsynth.atomic import cache_folder, locked, written
from evolsynth.doing import doing
from evolsynth.evaluation.embed.base import embedders
from evolsynth.evaluation.text import looked_at

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from evolsynth.evaluation.embed.encoder import Encoder

__all__ = ["StaticVectors"]

_DIMENSIONS = 256
#: Far below the usual 1e-3, so that function words hardly count: two requests share most of them.
_SMOOTHING = 3e-5
_FORM = 1  # counted up when the way of making changes
_BATCH = 512  # texts of three tokens embedded at once
_CHUNK = 4096  # texts whose token vectors are gathered at once
_log = logging.getLogger("evolsynth.embed")


class StaticVectors:
    """Vectors from a table of ``shape (vocabulary size, d)`` by a fast tokeniser."""

    languages = ("en",)

    def __init__(self, tokenizer: Any, table: NDArray[np.float32]) -> None:
        self.name = "static"
        self._table = table
        self._tokenizer = copy.deepcopy(tokenizer)  # the model's own is set to pad and to cut
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    @classmethod
    def of(cls, model: Encoder) -> StaticVectors:
        """Made from an encoder in some 15 s, or read from the cache folder.

        The cached table goes by a hash of the model's weights.
        """
        place = _place(model)
        try:
            with locked(place):
                table = _read(place, model.tokenizer.get_vocab_size())
                if table is None:
                    table = _distilled(model)
                    with written(place) as part, part.open("wb") as file:
                        np.save(file, table, allow_pickle=False)
        except OSError as error:  # it is made again next time
            _log.warning("static vectors cannot be kept in %s (%s)", place.parent, error.strerror)
            table = _distilled(model)
        return cls(model.tokenizer, table.astype(np.float32))

    @classmethod
    def kept(cls, folder: Path) -> StaticVectors | None:
        """Those made earlier from the model in a folder, without loading it; else None.

        `keep` left a note of which table belongs to the folder's weights.
        """
        tokenizer = folder / "tokenizer.json"
        note = _note(folder)
        if note is None or not note.is_file() or not tokenizer.is_file():
            return None
        from tokenizers import Tokenizer

        fast = Tokenizer.from_file(str(tokenizer))
        place = note.with_name(note.read_text(encoding="utf-8").strip())
        table = _read(place, fast.get_vocab_size())
        return None if table is None else cls(fast, table.astype(np.float32))

    @staticmethod
    def keep(folder: Path, model: Encoder) -> None:
        """Note for `kept` that the table of ``model`` belongs to the weights in ``folder``."""
        note = _note(folder)
        if note is None:
            return
        try:
            with written(note) as part:
                part.write_text(_place(model).name, encoding="utf-8")
        except OSError as error:  # the model is loaded again next time
            _log.warning("%s cannot be written (%s)", note, error.strerror)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed n texts as an array of shape (n, d), rows of length 1 (of 0 without a token).

        A text's row depends on nothing else in the call. Of a long text what `looked_at` leaves.
        """
        rows = np.zeros((len(texts), self._table.shape[1]), dtype=np.float32)
        for start in range(0, len(texts), _CHUNK):
            part = [
                looked_at(t).encode("utf-8", "replace").decode()
                for t in texts[start : start + _CHUNK]
            ]
            encoded = self._tokenizer.encode_batch_fast(part, add_special_tokens=False)
            for row, one in enumerate(encoded, start):
                if one.ids:
                    rows[row] = self._table[one.ids].sum(axis=0)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows /= np.where(lengths > 0, lengths, 1)
        return rows


def _of_minilm() -> StaticVectors:
    from evolsynth.evaluation.embed.minilm import MiniLM  # which imports this module

    return MiniLM().rough()


embedders.register("static", _of_minilm, __name__)


def _place(model: Encoder) -> Path:
    return cache_folder() / "static" / f"{_digest(model)}-{_FORM}.npy"


def _note(folder: Path) -> Path | None:
    """Where it is noted which table belongs to a file of weights, which goes by its hash."""
    try:
        with (folder / "model.safetensors").open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()
    except OSError:
        return None
    return cache_folder() / "static" / f"{digest}-{_FORM}.note"


def _digest(model: Encoder) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name, values in sorted(model.weights().items()):
        digest.update(name.encode())
        digest.update(values.contiguous().numpy().data)
    return digest.hexdigest()


def _read(place: Path, size: int) -> NDArray[np.float16] | None:
    """The table, if it is there and whole."""
    try:
        table: NDArray[np.float16] = np.load(place, allow_pickle=False)
    except FileNotFoundError:
        return None
    except (ValueError, EOFError) as error:
        _log.warning("%s is damaged and is made anew (%s)", place, error)
        return None
    good = table.dtype == np.float16 and table.shape == (size, _DIMENSIONS)
    return table if good else None


@doing("making the static vectors, once")
def _distilled(model: Encoder) -> NDArray[np.float16]:
    """The weighted vector of each token, of shape (vocabulary size, 256)."""
    vectors = _token_vectors(model, range(model.tokenizer.get_vocab_size()))
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)  # by increasing eigenvalue
    axes = axes[:, ::-1][:, :_DIMENSIONS]
    share = 1.0 / np.arange(1, len(vectors) + 1)
    share /= share.sum()
    weights = _SMOOTHING / (_SMOOTHING + share)
    table = (centred @ axes) * weights[:, None]
    scaled: NDArray[np.float16] = (table / np.abs(table).max()).astype(np.float16)
    return scaled


def _token_vectors(model: Encoder, tokens: range) -> NDArray[np.float64]:
    """The mean of the last layer over each token between the two special ones."""
    import torch

    first, last = model.frame
    found: list[NDArray[np.float32]] = []
    with torch.inference_mode():
        for batch in torch.tensor(tokens).split(_BATCH):
            framed = (torch.full_like(batch, first), batch, torch.full_like(batch, last))
            found.append(model.states(torch.stack(framed, dim=1))[-1].mean(dim=1).numpy())
    return np.concatenate(found).astype(np.float64)
