"""The ceiling: nothing but ``llama_decode`` and llama.cpp's own samplers, as fast as they go.

No scheduling, no text, no end of an answer: sequences of equal length, decoded side by side. What
any engine on the same library can reach, since all it adds takes time. Only the decoding is timed;
reading the prompt is noted beside it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from evals.throughput.jobs import Job, Reading
from evolsynth.errors import EngineError
from evolsynth.llm.base import Sampling
from evolsynth.llm.llamacpp.machine import flash_is_faster
from evolsynth.llm.llamacpp.model import Model, last_message, llama

__all__ = ["measure"]

_CELLS = 256  # llama.cpp rounds a sequence's cells up to this


class _Lane:
    """A context that one thread drives: its sequences side by side, each with its sampler."""

    def __init__(
        self, model: Any, sequences: int, threads: int, cells: int, seed: int, *, flash: bool
    ) -> None:
        self._native = native = llama()
        params = native.llama_context_default_params()
        params.n_ctx, params.n_seq_max = cells * sequences, sequences
        params.n_batch = params.n_ubatch = max(512, sequences)
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = False
        params.flash_attn_type = int(flash)
        params.no_perf = True
        self._context: Any = native.llama_init_from_model(model, params)
        if not self._context:
            raise EngineError(f"No context of {sequences} sequences ({last_message()}).")
        self._memory = native.llama_get_memory(self._context)
        self._prompt = native.llama_batch_init(params.n_batch, 0, 1)
        self._step = native.llama_batch_init(sequences, 0, 1)
        for i in range(sequences):  # what never changes from step to step
            self._step.n_seq_id[i], self._step.seq_id[i][0], self._step.logits[i] = 1, i, 1
        self._step.n_tokens = sequences
        self.sequences = sequences
        self._last = [0] * sequences
        self._length = 0
        self._samplers: list[Any] = []
        self._first_seed = seed

    def draw_with(self, sampling: Sampling) -> None:
        """Make a chain of llama.cpp's samplers for each sequence."""
        native = self._native
        for i in range(self.sequences):
            chain = native.llama_sampler_chain_init(native.llama_sampler_chain_default_params())
            for link in (
                native.llama_sampler_init_top_k(sampling.top_k),
                native.llama_sampler_init_top_p(sampling.top_p, 1),
                native.llama_sampler_init_temp(sampling.temperature),
                native.llama_sampler_init_dist(self._first_seed + i),
            ):
                native.llama_sampler_chain_add(chain, link)
            self._samplers.append(chain)

    def read(self, tokens: Sequence[int]) -> None:
        """Forget everything and read the prompt into each sequence."""
        self._native.llama_memory_clear(self._memory, False)
        batch, self._length = self._prompt, len(tokens)
        batch.n_tokens = self._length
        for sequence in range(self.sequences):
            for place, token in enumerate(tokens):
                batch.token[place], batch.pos[place] = token, place
                batch.n_seq_id[place], batch.seq_id[place][0] = 1, sequence
                batch.logits[place] = place == self._length - 1
            self._decode(batch)
            self._last[sequence] = self._draw(sequence, self._length - 1)

    def decode(self, steps: int) -> None:
        """Continue all sequences by that many tokens."""
        batch, last = self._step, self._last
        everyone = range(self.sequences)
        for _ in range(steps):
            for i in everyone:
                batch.token[i], batch.pos[i] = last[i], self._length
            self._decode(batch)
            for i in everyone:
                last[i] = self._draw(i, i)
            self._length += 1

    def close(self) -> None:
        """Free all of it."""
        for chain in self._samplers:
            self._native.llama_sampler_free(chain)
        self._native.llama_batch_free(self._prompt)
        self._native.llama_batch_free(self._step)
        self._native.llama_free(self._context)

    def _draw(self, sequence: int, row: int) -> int:
        return int(self._native.llama_sampler_sample(self._samplers[sequence], self._context, row))

    def _decode(self, batch: Any) -> None:
        status = self._native.llama_decode(self._context, batch)
        if status != 0:
            raise EngineError(f"llama_decode gave {status} ({last_message()}).")


class _Race:
    """All lanes together: each wave is read, then all start to decode at the same moment."""

    def __init__(self, lanes: Sequence[_Lane], tokens: Sequence[int]) -> None:
        self._lanes, self._tokens = lanes, tokens
        self._line = threading.Barrier(len(lanes))

    def run(self, waves: int, steps: int) -> tuple[float, float]:
        """Seconds of decoding (of the slowest lane in each wave), and of reading before it."""
        with ThreadPoolExecutor(len(self._lanes)) as pool:
            times = list(pool.map(lambda lane: self._drive(lane, waves, steps), self._lanes))
        by_wave = list(zip(*times, strict=True))
        decoding = sum(max(t[2] for t in wave) - min(t[1] for t in wave) for wave in by_wave)
        reading = sum(max(t[1] for t in wave) - min(t[0] for t in wave) for wave in by_wave)
        return decoding, reading

    def _drive(self, lane: _Lane, waves: int, steps: int) -> list[tuple[float, float, float]]:
        times = []
        try:
            for _ in range(waves):
                self._line.wait()
                began = time.perf_counter()
                lane.read(self._tokens)
                self._line.wait()
                ready = time.perf_counter()
                lane.decode(steps)
                times.append((began, ready, time.perf_counter()))
        except BaseException:
            self._line.abort()  # or the others would wait for ever
            raise
        return times


def measure(job: Job) -> Reading:
    """Decode as many sequences as the job has rows, in waves of as many as the arrangement has."""
    contexts, threads, slots = (
        job.arrangement.contexts or 1,
        job.arrangement.threads or 1,
        job.arrangement.slots or 1,
    )
    asked = Model(Path(job.model))
    flash = flash_is_faster(asked, identity=job.model)  # as the engine does
    asked.close()
    native = llama()
    params = native.llama_model_default_params()
    params.n_gpu_layers = 0
    model = native.llama_model_load_from_file(job.model.encode(), params)
    if not model:
        raise EngineError(f"{job.model}: llama.cpp cannot load it ({last_message()}).")
    tokens, steps = job.rows[0].tokens, job.rows[0].max_tokens
    cells = -(-(len(tokens) + steps) // _CELLS) * _CELLS
    lanes: list[_Lane] = []
    try:
        for number in range(contexts):
            seed = 1 + number * slots
            lanes.append(_Lane(model, slots, threads, cells, seed=seed, flash=flash))
            lanes[-1].draw_with(job.sampling)
        race = _Race(lanes, tokens)
        race.run(1, min(steps, 8))
        waves = max(1, len(job.rows) // (contexts * slots))
        decoding, reading = race.run(waves, steps)
    finally:
        for lane in lanes:
            lane.close()
        native.llama_model_free(model)
    made = waves * contexts * slots * steps
    return Reading(
        tokens=made,
        rows=waves * contexts * slots,
        seconds=decoding,
        details={"prefill_seconds": reading, "waves": waves},
    )
