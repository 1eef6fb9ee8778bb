"""``evolsynth score``: IFD and a judge's scores on rows that one has."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any

from evolsynth.atomic import writing
from evolsynth.cli.progress.screen import Screen
from evolsynth.cli.progress.told import tell_json
from evolsynth.cli.runs import template_told
from evolsynth.data.open import Origin, file_origin
from evolsynth.errors import InputError
from evolsynth.evaluation.scores import judge as by_model
from evolsynth.evaluation.scores import response as by_instruction
from evolsynth.llm.backends import DEFAULT_MODEL, open_llm
from evolsynth.llm.base import LLM
from evolsynth.options import FilePath, RowsPath, TextOrPath
from evolsynth.rows import Row, dump
from evolsynth.streams import Rows

__all__ = ["score", "scored"]

Write = Callable[[str], object]


def score(
    data: FilePath,
    *,
    output: RowsPath = "-",
    ifd: bool = False,
    judge: bool = False,
    model: TextOrPath | None = None,
    chat_template: TextOrPath | None = None,
    json: bool = False,
    **reading: Any,
) -> int:
    """Put scores on the rows of a file: IFD, a judge's.

    Rows with 'instruction' and 'response'; all other fields stay as they are.

    Args:
        data: the rows; - for standard input.
        output: where to write (default: stdout).
        ifd: how much the instruction helps to the response.
        judge: complexity and quality, 1 to 6, by the model.
        model: as for `magpie`.
        chat_template: of the model, instead of its own: a name (chatml, gemma, llama3, mistral,
            ...), a .jinja file, a tokenizer_config.json, another .gguf file, or the jinja text.
        json: tell the counts as one JSON object in a line.
        reading: see `file_origin`.
    """
    if not ifd and not judge:
        raise InputError("Nothing is asked for. Give --ifd, --judge, or both.")
    source = file_origin(data, **reading)
    if data != "-":
        # what cannot be read is told before a model is loaded
        next(source.records(lambda _: True), None)

    async def work(write: Write) -> tuple[int, int]:
        llm = open_llm(model or DEFAULT_MODEL, **template_told(chat_template))
        llm.look_ahead()
        async with llm:
            return await scored(source, llm, write, by_ifd=ifd, by_judge=judge)

    with writing(output) as write:
        count, missing = asyncio.run(work(write))
    if json:
        tell_json({"rows": count, "without_scores": missing}, output=output)
        return 0
    without = f", {missing} without all of their scores (provenance says why)" if missing else ""
    Screen(stderr=True, soft_wrap=True, markup=False).print(
        f"{count} rows{without}.", highlight=False
    )
    return 0


async def scored(
    data: str | Origin, llm: LLM, write: Write, *, by_ifd: bool, by_judge: bool
) -> tuple[int, int]:
    """Write the lines of a source with ``scores`` and ``provenance`` filled in, all else as it was;
    how many lines, and how many of them lack a score.

    Raises:
        InputError: a line that cannot be read, or lacks a text to be scored, with its number.
    """
    lines: deque[dict[str, Any]] = deque()
    wanted = (*(["ifd"] if by_ifd else []), *(by_model.CRITERIA if by_judge else ()))
    rows: Rows = _rows(data if isinstance(data, Origin) else file_origin(data), lines)
    count = missing = 0
    async with AsyncExitStack() as stack:
        if by_ifd:
            rows = await stack.enter_async_context(aclosing(by_instruction.ifd(rows, llm)))
        if by_judge:
            rows = await stack.enter_async_context(aclosing(by_model.judge(rows, llm)))
        assert isinstance(rows, AsyncGenerator)  # noqa: S101 - `score` asked for one of the two
        async for row in rows:
            line = lines.popleft()
            made = row.to_flat()
            names = ["scores", *(["provenance"] if row.provenance else [])]
            write(dump({**line, **{name: made[name] for name in names}}) + "\n")
            count += 1
            missing += not row.scores.keys() >= set(wanted)
    return count, missing


async def _rows(data: Origin, lines: deque[dict[str, Any]]) -> AsyncGenerator[Row]:
    """The rows; the line of each is put into ``lines`` until its scores are there."""
    for one in data.records(check=_check):
        lines.append(one.given)
        yield Row.from_dict(one.fields)


def _check(fields: dict[str, Any], where: str) -> None:
    """See that a row can be scored."""
    try:
        row = Row.from_dict(fields)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    for field in ("instruction", "response"):
        if not row.settled and not (getattr(row, field) or "").strip():
            raise InputError(
                f"{where}: field '{field}' is missing or empty, so the row cannot be scored. Run "
                "`evolsynth gate` first, or leave the row out."
            )
