"""A small Llama out of a GGUF file, taught on rows with torch, and put back into a GGUF file.

Nothing of ``from_pretrained``: the file's tensors are read with the package ``gguf``, which undoes
their quantisation, and go under the names that transformers has for them. llama.cpp keeps the rows
of queries and keys in another order (a head's halves interleaved), which is undone and done again.
"""

from __future__ import annotations

import importlib
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evals.tuning_rows import Example
from evolsynth.atomic import written
from evolsynth.errors import InputError, SetupError
from evolsynth.llm.llamacpp import available_threads

__all__ = ["Recipe", "Trained", "batches", "loss_of", "needed", "read", "train", "write"]

_OUTSIDE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_INSIDE = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_F16 = 1  # llama.cpp's number of a file whose matrices are F16
#: Lengths are filled up to multiples of it, and rows go in groups of 1, 2, 4... with together at
#: most so many tokens: a kernel is compiled for each new shape, which takes longer than it runs.
_STEP, _AT_ONCE = 64, 2048
_IGNORED = -100
_WARM_UP, _DECAY, _LONGEST_GRADIENT = 0.1, 0.0, 1.0


class Recipe(NamedTuple):
    """How a model is taught. ``rate`` is reached after a tenth of the steps and sinks to 0."""

    epochs: int = 2
    batch: int = 16
    rate: float = 5e-5


class Trained(NamedTuple):
    """What teaching took, and the mean loss (nats a target token) of each epoch."""

    steps: int
    seconds: float
    losses: tuple[float, ...]


def needed(name: str) -> Any:
    """A module that only tuning needs.

    Raises:
        SetupError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SetupError(
            f"{name} cannot be loaded ({error}). Install it with: "
            'pip install "evolsynth[embed,tuning]"'
        ) from None


# The file -----------------------------------------------------------------------------------------


def read(path: Path) -> Any:
    """The model of a GGUF file, in float32, as transformers' ``LlamaForCausalLM``.

    Raises:
        InputError: it is no Llama, or has tensors that are not known here.
        SetupError: gguf, torch or transformers are not installed.
    """
    torch, transformers = needed("torch"), needed("transformers")
    reader = needed("gguf").GGUFReader(path)
    config = transformers.LlamaConfig(**_shape(path, reader))
    with torch.device("meta"):
        model = transformers.LlamaForCausalLM._from_config(config, attn_implementation="eager")
    model = model.to_empty(device="cpu")
    model.tie_weights()
    _fresh_rotary(model)
    weights = dict(model.named_parameters())
    for tensor in reader.tensors:
        name, heads = _known(path, reader, tensor.name)
        values = needed("gguf").dequantize(tensor.data, tensor.tensor_type)
        values = values.astype(np.float32).reshape([int(n) for n in reversed(tensor.shape)])
        if heads:
            values = _permuted(values, heads, back=True)
        with torch.no_grad():
            weights.pop(name).copy_(torch.from_numpy(np.ascontiguousarray(values)))
    if weights:
        raise InputError(f"{path}: it has no tensor for {next(iter(weights))}.")
    return model


def _fresh_rotary(model: Any) -> None:
    """The rotary frequencies, which are no weights and were left empty."""
    old = model.model.rotary_emb
    model.model.rotary_emb = type(old)(config=model.config)


def _shape(path: Path, reader: Any) -> dict[str, Any]:
    """The configuration that the file's metadata tells."""
    architecture = _value(reader, "general.architecture")
    if architecture != "llama":
        raise InputError(f"{path}: a model of the architecture {architecture} cannot be tuned.")
    if _value(reader, "llama.rope.scaling.type") not in (None, "none"):
        raise InputError(f"{path}: a model whose positions are scaled cannot be tuned.")
    heads = _value(reader, "llama.attention.head_count")
    return {
        "vocab_size": len(reader.fields["tokenizer.ggml.tokens"].data),
        "hidden_size": _value(reader, "llama.embedding_length"),
        "intermediate_size": _value(reader, "llama.feed_forward_length"),
        "num_hidden_layers": _value(reader, "llama.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": _value(reader, "llama.attention.head_count_kv") or heads,
        "max_position_embeddings": _value(reader, "llama.context_length"),
        "rms_norm_eps": _value(reader, "llama.attention.layer_norm_rms_epsilon"),
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": _value(reader, "llama.rope.freq_base") or 10000.0,
        },
        "tie_word_embeddings": all(t.name != "output.weight" for t in reader.tensors),
    }


def _value(reader: Any, key: str) -> Any:
    field = reader.fields.get(key)
    return None if field is None else field.contents()


def _known(path: Path, reader: Any, name: str) -> tuple[str, int]:
    """transformers' name of a tensor, and how many heads' rows are interleaved in it."""
    if name in _OUTSIDE:
        return _OUTSIDE[name], 0
    block, _, rest = name.removeprefix("blk.").partition(".")
    inside = _INSIDE.get(rest.removesuffix(".weight"))
    if inside is None or not name.startswith("blk.") or not rest.endswith(".weight"):
        raise InputError(f"{path}: a model with a tensor {name} cannot be tuned.")
    key = {"attn_q.weight": "head_count", "attn_k.weight": "head_count_kv"}.get(rest)
    heads = 0 if key is None else _value(reader, f"llama.attention.{key}")
    if key is not None and heads is None:
        heads = _value(reader, "llama.attention.head_count")
    return f"model.layers.{block}.{inside}.weight", heads


def _permuted(values: NDArray[np.float32], heads: int, *, back: bool) -> NDArray[np.float32]:
    """The rows of each head in llama.cpp's order, or ``back`` in transformers'."""
    rows, columns = values.shape
    half = rows // heads // 2
    shape = (heads, half, 2, columns) if back else (heads, 2, half, columns)
    return values.reshape(shape).swapaxes(1, 2).reshape(rows, columns)


def write(model: Any, source: Path, target: Path) -> None:
    """Write a model that was read from ``source`` as a GGUF file: all of the source's metadata,
    matrices in F16, all else in F32. The file appears whole or not at all."""
    gguf = needed("gguf")
    reader = gguf.GGUFReader(source)
    weights = dict(model.named_parameters())
    with written(target) as part:
        writer = gguf.GGUFWriter(part, _value(reader, "general.architecture"))
        for field in reader.fields.values():
            if field.name.startswith("GGUF.") or field.name == "general.architecture":
                continue
            value = _F16 if field.name == "general.file_type" else field.contents()
            writer.add_key_value(field.name, value, field.types[0], sub_type=_sub_type(field))
        for tensor in reader.tensors:
            name, heads = _known(source, reader, tensor.name)
            values = weights[name].detach().numpy()
            if heads:
                values = _permuted(values, heads, back=False)
            kind = np.float16 if values.ndim > 1 else np.float32
            writer.add_tensor(tensor.name, np.ascontiguousarray(values, dtype=kind))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def _sub_type(field: Any) -> Any:
    return field.types[-1] if len(field.types) > 1 else None


# Teaching -----------------------------------------------------------------------------------------


def train(
    model: Any,
    examples: Sequence[Example],
    recipe: Recipe,
    seed: int,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> Trained:
    """Teach the model all examples, ``epochs`` times, in an order that the seed decides.

    AdamW without decay; the loss is the mean over a batch's target tokens; calculated in bfloat16
    where the processor can, the weights kept in float32.
    """
    torch = needed("torch")
    torch.set_num_threads(available_threads())
    began = time.perf_counter()
    steps = recipe.epochs * math.ceil(len(examples) / recipe.batch)
    # Fused: a sixth of the time.
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=recipe.rate, weight_decay=_DECAY, fused=True
    )
    model.train()
    losses: list[float] = []
    done = 0
    for epoch in range(recipe.epochs):
        total = 0.0
        for batch in batches(examples, recipe.batch, f"{seed}/{epoch}"):
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate * _pace(done, steps)
            total += _step(model, optimiser, batch)
            done += 1
            if done % max(1, steps // 10) == 0:
                tell(f"step {done} of {steps}, {time.perf_counter() - began:.0f} s")
        losses.append(total / sum(example.targets for example in examples))
    return Trained(steps, time.perf_counter() - began, tuple(losses))


def batches(examples: Sequence[Example], size: int, seed: str) -> Iterator[list[Example]]:
    """All examples, so many at a time, in an order that the seed decides."""
    order = list(examples)
    random.Random(f"batches/{seed}").shuffle(order)  # noqa: S311
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _pace(done: int, steps: int) -> float:
    """The share of the rate in a step: up in a straight line, then down to 0."""
    warm = max(1, round(steps * _WARM_UP))
    return (done + 1) / warm if done < warm else (steps - done) / max(1, steps - warm)


def _step(model: Any, optimiser: Any, batch: Sequence[Example]) -> float:
    """One step on a batch; the sum of its target tokens' losses before it."""
    torch = needed("torch")
    targets = sum(example.targets for example in batch)
    total = 0.0
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=_halves(torch)):
        for group in _groups(batch):
            loss = loss_of(model, group)
            (loss / targets).backward()
            total += float(loss.detach())
    torch.nn.utils.clip_grad_norm_(model.parameters(), _LONGEST_GRADIENT)
    optimiser.step()
    optimiser.zero_grad()
    return total


def _halves(torch: Any) -> bool:
    """Whether the processor multiplies in bfloat16; one that cannot is 7 times as slow in it."""
    can = torch.cpu.get_capabilities()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))


def _groups(batch: Sequence[Example]) -> Iterator[Sequence[Example]]:
    """Examples of nearly the same length, as many at once as there is room for."""
    left = sorted(batch, key=lambda example: len(example.tokens), reverse=True)
    while left:
        most = min(len(left), max(1, _AT_ONCE // _filled(len(left[0].tokens))))
        count = 1 << (most.bit_length() - 1)
        yield left[:count]
        left = left[count:]


def _filled(length: int) -> int:
    return -(-length // _STEP) * _STEP


def loss_of(model: Any, examples: Sequence[Example]) -> Any:
    """The sum of the losses (nats) of the examples' target tokens, as a tensor.

    What fills a row up stands behind it, where nothing that is learned sees it.
    """
    torch = needed("torch")
    width = _filled(max(len(example.tokens) for example in examples))
    tokens = torch.zeros(len(examples), width, dtype=torch.long)
    places: list[int] = []
    wanted: list[int] = []
    for row, (ids, prompt) in enumerate(examples):
        tokens[row, : len(ids)] = torch.tensor(ids)
        places += range(row * width + prompt - 1, row * width + len(ids) - 1)
        wanted += ids[prompt:]
    spare = _filled(len(places)) - len(places)
    places, wanted = places + [0] * spare, wanted + [_IGNORED] * spare
    states = model.model(input_ids=tokens, use_cache=False).last_hidden_state
    logits = model.lm_head(states.flatten(0, 1)[torch.tensor(places)]).float()
    return torch.nn.functional.cross_entropy(
        logits, torch.tensor(wanted), ignore_index=_IGNORED, reduction="sum"
    )
