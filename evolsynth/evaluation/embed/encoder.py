"""An encoder of sentence-transformers' format, read without loading that library where it can be.

A BERT with mean pooling, as all-MiniLM-L6-v2 is, takes a page of torch's functions; they give
sentence-transformers' bits (a test compares them). That library brings trainers, scikit-learn and
pandas with it, 7 s of processor time in each process that embeds one text. It is asked for every
other kind of model. `packed`, it differs from sentence-transformers in the seventh digit and is
twice as fast on processors where MKL leaves half of their registers unused.
"""

from __future__ import annotations

import copy
import importlib
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Bert", "Encoder", "has_halves", "one_thread", "read_encoder"]

#: Tokens of a text that are read together where the folder does not say it.
_LONGEST = 512
_ACTIVATIONS = ("gelu", "relu")
#: Where `packed` was measured, and for about how many tokens together weights are laid out.
_MEASURED, _ROWS = ("x86_64", "AMD64"), 320
_DESCRIBED = ("modules.json", "config.json", "tokenizer.json", "model.safetensors")


class Encoder(Protocol):
    """What turns the tokens of texts into states and vectors."""

    #: A fast tokeniser of the package tokenizers, which neither pads nor cuts.
    tokenizer: Any
    #: The tokens before and behind those of a text.
    frame: tuple[int, int]
    #: The most tokens that are read together, with those of the frame.
    longest: int

    def states(self, tokens: Tensor) -> Sequence[Tensor]:
        """For tokens of shape (n, length) the states before the first layer and after each, every
        one of shape (n, length, d)."""
        ...

    def vectors(self, last: Tensor) -> Tensor:
        """The vectors, of shape (n, d), of texts whose states after the last layer are these."""
        ...

    def weights(self) -> Mapping[str, Tensor]:
        """All weights, by name."""
        ...

    def packed(self) -> Encoder:
        """The same, with its weights laid out as oneDNN multiplies by them, where that is known
        to be as fast as any: other last bits. Elsewhere itself."""
        ...

    def halved(self) -> Encoder | None:
        """The same in bfloat16, where the processor multiplies in that; else None."""
        ...


def read_encoder(folder: Path) -> Encoder:
    """The encoder in a folder.

    Raises:
        ImportError: torch or sentence-transformers, as it may be, is not installed.
        OSError, ValueError: the folder holds no encoder.
    """
    return Bert(folder) if _plain(folder) else _Other(folder)


def _plain(folder: Path) -> bool:
    """Whether a folder holds a BERT with mean pooling, in files that are known here."""
    if not all((folder / name).is_file() for name in _DESCRIBED):
        return False
    config = _json(folder / "config.json")
    kinds = [one["type"].rpartition(".")[2] for one in _json(folder / "modules.json")]
    pooling = _json(folder / "1_Pooling" / "config.json") if "Pooling" in kinds else {}
    used = {key for key, value in pooling.items() if key.startswith("pooling_mode_") and value}
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act") in _ACTIVATIONS
        and config.get("position_embedding_type", "absolute") == "absolute"
        and kinds == ["Transformer", "Pooling", "Normalize"]
        and used == {"pooling_mode_mean_tokens"}
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


class Bert:
    """A BERT encoder (Devlin et al. 2019, arXiv:1810.04805) with mean pooling (Reimers and
    Gurevych 2019, arXiv:1908.10084, section 3), in float32.

    Args:
        folder: in sentence-transformers' format.
    """

    def __init__(self, folder: Path) -> None:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        config = _json(folder / "config.json")
        self._heads = int(config["num_attention_heads"])
        self._layers = int(config["num_hidden_layers"])
        self._precision = float(config["layer_norm_eps"])
        self._activation = config["hidden_act"]
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        first, last = self.tokenizer.encode("").ids
        self.frame = (first, last)
        said = folder / "sentence_bert_config.json"
        longest = _json(said).get("max_seq_length") if said.is_file() else None
        self.longest = int(longest or config.get("max_position_embeddings", _LONGEST))
        try:
            read = load_file(str(folder / "model.safetensors"))
        except SafetensorError as error:
            raise ValueError(str(error)) from error
        self._weights = {
            name.removeprefix("bert."): values.float()
            for name, values in read.items()
            if values.is_floating_point()
        }
        self._packed: dict[str, Tensor] = {}

    def states(self, tokens: Tensor) -> list[Tensor]:
        """See `Encoder`."""
        import torch.nn.functional as torch

        table = self._weights
        kinds = table["embeddings.token_type_embeddings.weight"][tokens.new_zeros(tokens.shape)]
        states = table["embeddings.word_embeddings.weight"][tokens] + kinds
        states = states + table["embeddings.position_embeddings.weight"][: tokens.shape[1]]
        found = [self._norm(states, "embeddings.LayerNorm")]
        act = getattr(torch, self._activation)
        for number in range(self._layers):
            layer, states = f"encoder.layer.{number}", found[-1]
            parts = (  # in bfloat16 attention takes twice as long
                self._linear(states, f"{layer}.attention.self.{name}")
                .float()
                .unflatten(2, (self._heads, -1))
                .transpose(1, 2)
                for name in ("query", "key", "value")
            )
            seen = torch.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2)
            states = self._output(seen.to(states.dtype), states, f"{layer}.attention.output")
            wide = act(self._linear(states, f"{layer}.intermediate.dense"))
            found.append(self._output(wide, states, f"{layer}.output"))
        return found

    def vectors(self, last: Tensor) -> Tensor:
        """See `Encoder`."""
        from torch.nn.functional import normalize

        # by a row of numbers: with one, torch multiplies by its inverse, which has other last bits
        count = last.new_full((last.shape[2],), last.shape[1])
        return normalize(last.sum(dim=1) / count, p=2, dim=1)

    def weights(self) -> dict[str, Tensor]:
        """See `Encoder`."""
        return self._weights

    def halved(self) -> Bert | None:
        """See `Encoder`."""
        if not has_halves():
            return None
        half = copy.copy(self)
        half._weights = {name: values.bfloat16() for name, values in self._weights.items()}
        half._packed = {}
        return half.packed() if self._packed else half

    def packed(self) -> Bert:
        """See `Encoder`."""
        import torch

        # both are torch's own compiler's, so they are asked for before they are relied on
        ours = torch.ops.mkldnn
        known = hasattr(ours, "_linear_pointwise") and hasattr(ours, "_reorder_linear_weight")
        if not known or platform.machine() not in _MEASURED:
            return self
        packed = copy.copy(self)
        packed._packed = {
            name.removesuffix(".weight"): ours._reorder_linear_weight(values, _ROWS)
            for name, values in self._weights.items()
            if values.ndim == 2 and name.startswith("encoder.layer.")
        }
        return packed

    def _linear(self, states: Tensor, name: str) -> Tensor:
        import torch

        weight, bias = (self._weights[f"{name}.{part}"] for part in ("weight", "bias"))
        packed = self._packed.get(name)
        if packed is None:
            return torch.nn.functional.linear(states, weight, bias)
        made: Tensor = torch.ops.mkldnn._linear_pointwise(states, packed, bias, "none", [], "")
        return made

    def _norm(self, states: Tensor, name: str) -> Tensor:
        from torch.nn.functional import layer_norm

        weight, bias = (self._weights[f"{name}.{part}"] for part in ("weight", "bias"))
        return layer_norm(states, weight.shape, weight, bias, self._precision)

    def _output(self, states: Tensor, before: Tensor, name: str) -> Tensor:
        return self._norm(self._linear(states, f"{name}.dense") + before, f"{name}.LayerNorm")


class _Other:
    """Any encoder, through sentence-transformers."""

    def __init__(self, folder: Path) -> None:
        with _quiet():
            from sentence_transformers import SentenceTransformer

            model: Any = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        self._model = model.eval()
        self.tokenizer = model.tokenizer.backend_tokenizer
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        first, last = self.tokenizer.encode("").ids
        self.frame = (first, last)
        self.longest = int(model.max_seq_length)

    def states(self, tokens: Tensor) -> Sequence[Tensor]:
        """See `Encoder`."""
        import torch

        seen = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
        found = self._model[0].auto_model(**seen, output_hidden_states=True)
        states: Sequence[Tensor] = found.hidden_states
        return states

    def vectors(self, last: Tensor) -> Tensor:
        """See `Encoder`."""
        import torch

        found = {"token_embeddings": last, "attention_mask": torch.ones(last.shape[:2])}
        for part in list(self._model)[1:]:
            found = part(found)
        vectors: Tensor = found["sentence_embedding"]
        return vectors

    def weights(self) -> Mapping[str, Tensor]:
        """See `Encoder`."""
        weights: Mapping[str, Tensor] = self._model.state_dict()
        return weights

    def packed(self) -> _Other:
        """See `Encoder`."""
        return self

    def halved(self) -> None:
        """See `Encoder`."""


def has_halves() -> bool:
    """Whether the processor multiplies in bfloat16; in others it takes several times as long."""
    import torch

    can = torch.cpu.get_capabilities()
    return bool(can.get("amx_bf16") or can.get("avx512_bf16"))


@contextmanager
def one_thread() -> Iterator[None]:
    """Have torch calculate in the thread that asks. With two it waits for the slower one, and on a
    processor that something else works on, that takes longer than it saves."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and no notices while the model loads; the settings come back after."""
    logging: Any = importlib.import_module("transformers.utils.logging")
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
