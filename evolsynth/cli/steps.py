"""``evolsynth generate`` and ``evolsynth respond``: rows in, rows with one text more out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

from evolsynth.cli.method_progress import Watch
from evolsynth.cli.places import Places, make_rows
from evolsynth.cli.source import Source
from evolsynth.errors import InputError
from evolsynth.llm.base import LLM
from evolsynth.methods.generate import generate
from evolsynth.methods.respond import respond
from evolsynth.methods.row_template import RowTemplate
from evolsynth.rows import Row
from evolsynth.streams import Rows

__all__ = ["generate_texts", "respond_to_rows"]


def generate_texts(
    places: Places,
    data: str | None,
    *,
    skip_bad: bool,
    prompt: str,
    output: str,
    n: int | None,
    system: str | None,
    chat: bool,
    prefix: str,
    stop: tuple[str, ...],
    grammar: str | None,
    max_tokens: int,
    seed: int,
) -> int:
    """Write each row with the new text, or ``n`` new rows; the exit status, 1 if some failed."""
    prompt, system = _read(prompt), None if system is None else _read(system)
    gbnf = None if grammar is None else _text_of(grammar)
    RowTemplate(prompt)  # a broken one is told before a model is loaded
    source = None if data is None else Source(data, skip_bad=skip_bad, needs=())

    def rows(read: Rows | None, llm: LLM) -> AsyncGenerator[Row]:
        return generate(
            read,
            llm,
            prompt=prompt,
            output=output,
            n=n,
            system=system,
            chat=chat,
            prefix=prefix,
            stop=stop,
            grammar=gbnf,
            seed=seed,
            max_tokens=max_tokens,
        )

    return _run(places, source, rows, planned=n)


def respond_to_rows(
    places: Places,
    data: str,
    *,
    skip_bad: bool,
    samples: int,
    system: str | None,
    prompt: str | None,
    max_tokens: int,
    seed: int,
) -> int:
    """Write each row with its response or responses; the exit status, 1 if some failed."""

    def rows(read: Rows | None, llm: LLM) -> AsyncGenerator[Row]:
        return respond(
            read or (),
            llm,
            samples=samples,
            seed=seed,
            prompt=prompt,
            system=system,
            max_tokens=max_tokens,
        )

    return _run(places, Source(data, skip_bad=skip_bad), rows)


def _run(
    places: Places,
    source: Source | None,
    rows: Callable[[Rows | None, LLM], AsyncGenerator[Row]],
    *,
    planned: int | None = None,
) -> int:
    if source is not None:
        planned = source.count()

    async def read(source: Source, watch: Watch) -> AsyncGenerator[Row]:
        async with aclosing(source.stream()) as stream:
            async for row in stream:
                watch.planned += planned is None  # a pipe tells its length at its end
                yield row

    def made(llm: LLM, watch: Watch) -> AsyncGenerator[Row]:
        return rows(None if source is None else read(source, watch), llm)

    return make_rows(places, made, planned=planned or 0).status


def _read(text: str) -> str:
    """The text, or for ``@FILE`` what is in the file."""
    return _text_of(text[1:]) if text.startswith("@") else text


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text. Save the file as UTF-8.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
