"""Rows that hold a prompt of a benchmark, in its words or by its meaning.

By words: a row that has 13 tokens in a row in common with a prompt, anywhere in its turns (Brown et
al. 2020, arXiv 2005.14165, appendix C; case, punctuation and spaces put aside). A prompt of fewer
tokens must stand there whole; one of fewer than `SHORT` must be all of the row's request, since
"Why is that?" stands in many. In scripts without spaces a token is a character.

By meaning: the cosine of the row's request with the prompt is at least `SIMILAR` (Yang et al. 2023,
arXiv 2311.04850: rephrased prompts pass all n-grams). Static vectors name candidates, the embedder
decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evolsynth.errors import InputError
from evolsynth.evaluation.duplicates.tokens import tokens
from evolsynth.evaluation.embed.base import Embedder, rough
from evolsynth.flat import whole
from evolsynth.inputs import holds, input_of, text_of
from evolsynth.rows import Row

__all__ = ["SIMILAR", "Benchmark", "Found", "Prompt", "benchmark_prompts"]

#: Tokens in a row that no two texts have in common by chance.
LONG = 13
#: A prompt of fewer tokens is looked for as a whole request alone.
SHORT = 5
#: From this cosine on a request is a prompt in other words.
SIMILAR = 0.85
_ROUGHLY = 0.15
_FIELDS = ("prompt", "question", "problem", "query", "text", "input", "goal", "content")


class Prompt(NamedTuple):
    """A prompt of the benchmark, and its line there."""

    line: int
    text: str


class Found(NamedTuple):
    """The prompt that a row holds, by which rule, and what they have in common."""

    prompt: Prompt
    rule: str
    shown: str


def benchmark_prompts(place: str) -> list[Prompt]:
    """The prompts of a file: a line each in a text file, else of rows; see `_FIELDS`.

    Raises:
        InputError: the file cannot be read, or no prompt is in it.
    """
    if Path(place).suffix == ".txt":
        try:
            lines = Path(place).read_text(encoding="utf-8-sig").splitlines()
        except OSError as error:
            raise InputError(f"{place}: cannot be read ({error.strerror}).") from None
        except UnicodeDecodeError:
            raise InputError(f"{place}: not UTF-8 text. Save the file as UTF-8.") from None
        found = [Prompt(n, line.strip()) for n, line in enumerate(lines, 1) if line.strip()]
    else:
        from evolsynth.data.files import read_objects

        found = [Prompt(n, text) for n, data in read_objects(place) if (text := _prompt(data))]
    if not found:
        raise InputError(
            f"{place}: there is no prompt in it. Give a text file with one in each line, or rows "
            f"with one of the fields instruction, messages, {', '.join(_FIELDS)}."
        )
    return found


def _prompt(row: dict[str, Any]) -> str:
    data = whole(row)
    asked, text = data.get("instruction"), input_of(data)
    if isinstance(asked, str) and asked.strip():
        return asked if text is None or holds(asked, text) else f"{asked}\n\n{text}"
    for name in ("messages", "prompt", "conversations"):
        turns = data.get(name)
        if isinstance(turns, list):
            said = (t for t in turns if isinstance(t, dict))
            texts = [text_of(t.get("content", t.get("value"))) for t in said
                     if t.get("role", t.get("from")) in ("user", "human")]  # fmt: skip
            if texts:
                return texts[0]
    return next((v for v in map(data.get, _FIELDS) if isinstance(v, str) and v.strip()), "")


class Benchmark:
    """Prompts to look for. Memory: some 100 bytes for each of their tokens.

    Args:
        prompts: see `benchmark_prompts`.
        embedder: for prompts in other words; without one, words alone.
        similar: the least cosine.
    """

    def __init__(
        self, prompts: Sequence[Prompt], embedder: Embedder | None = None, similar: float = SIMILAR
    ) -> None:
        self.prompts, self._embedder, self._similar = prompts, embedder, similar
        self._grams: dict[tuple[str, ...], int] = {}
        self._sizes: set[int] = set()
        self._whole: dict[tuple[str, ...], int] = {}
        for place, prompt in enumerate(prompts):
            said = tuple(tokens(prompt.text))
            if 0 < len(said) < SHORT:
                self._whole.setdefault(said, place)
            elif said:
                size = min(LONG, len(said))
                self._sizes.add(size)
                for gram in _grams(said, size):
                    self._grams.setdefault(gram, place)

    def in_words(self, row: Row) -> Found | None:
        """The first prompt that a row holds in its own words."""
        asked = tuple(tokens(row.asked or ""))
        if (place := self._whole.get(asked)) is not None:
            return Found(self.prompts[place], "whole prompt", " ".join(asked))
        for text in _texts(row):
            said = tuple(tokens(text))
            for size in sorted(self._sizes, reverse=True):
                for gram in _grams(said, size):
                    if (place := self._grams.get(gram)) is not None:
                        rule = f"{LONG} tokens" if size == LONG else "whole prompt"
                        return Found(self.prompts[place], rule, " ".join(gram))
        return None

    def by_meaning(self, rows: Sequence[Row]) -> list[Found | None]:
        """For each row the prompt that it asks in other words."""
        asked = [row.asked or "" for row in rows]
        found: list[Found | None] = [None] * len(rows)
        if self._embedder is None or not rows:
            return found
        texts = [prompt.text for prompt in self.prompts]
        model = rough(self._embedder)
        near = model.embed(asked) @ model.embed(texts).T
        places = near.argmax(axis=1)
        some = [k for k, j in enumerate(places) if near[k, j] >= self._similar - _ROUGHLY]
        for k in some:
            likely = near[k].argsort()[::-1][:4].tolist()
            vector = self._embedder.embed([asked[k]])[0]
            cosines = self._embedder.embed([texts[j] for j in likely]) @ vector
            best = int(cosines.argmax())
            if cosines[best] >= self._similar:
                prompt = self.prompts[likely[best]]
                found[k] = Found(prompt, "meaning", f"cosine {float(cosines[best]):.2f}")
        return found


def _grams(said: tuple[str, ...], size: int) -> Iterator[tuple[str, ...]]:
    return (said[at : at + size] for at in range(len(said) - size + 1))


def _texts(row: Row) -> Iterable[str]:
    yield row.asked or ""
    yield row.response or ""
    for turn in row.messages:
        yield text_of(turn.content)
    for name in ("chosen", "rejected"):
        yield text_of(row.extra.get(name))
