"""Rows of a file: what is refused, where, and what goes on."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.data import Origin, origin
from evolsynth.errors import InputError

GOOD = '{"id": "a", "instruction": "Name three rivers."}'


def source(path: str, *, skip_bad: bool = False, needs: Sequence[str] = ("instruction",)) -> Origin:
    """A file as a command reads its own."""
    return origin(path, skip_bad=skip_bad, needs=needs, step="read")


def written(folder: Path, *lines: str | bytes) -> str:
    path = folder / "rows.jsonl"
    path.write_bytes(b"\n".join(x if isinstance(x, bytes) else x.encode() for x in lines) + b"\n")
    return str(path)


BAD = [
    pytest.param('{"instruction": "Name', "line 3: not JSON", id="broken JSON"),
    pytest.param('["Name a lake."]', "line 3: a JSON object was expected", id="no object"),
    pytest.param(b'{"instruction": "caf\xe9"}', "line 3: not UTF-8", id="not UTF-8"),
    pytest.param('{"prompt": "Hi."}', "line 3, field 'instruction': there is none", id="none"),
    pytest.param('{"instruction": null}', "line 3, field 'instruction': there is none", id="null"),
    pytest.param('{"instruction": " "}', "line 3, field 'instruction': the text is", id="empty"),
    pytest.param('{"instruction": 3}', "line 3: field 'instruction': expected str", id="number"),
    pytest.param('{"instruction": "Hi", "parents": "a"}', "line 3: field 'parents'", id="type"),
    pytest.param(GOOD, "line 3, field 'id': 'a' is the id of line 1 too", id="the same id"),
]


@pytest.mark.parametrize(("line", "told"), BAD)
def test_the_first_bad_line_ends_the_reading_with_its_place(
    tmp_path: Path, line: str | bytes, told: str
) -> None:
    path = written(tmp_path, GOOD, "", line, '{"instruction": "Name a lake."}')
    rows = iter(source(path))
    assert next(rows).instruction == "Name three rivers."
    with pytest.raises(InputError) as caught:
        next(rows)
    message = str(caught.value)
    assert message.startswith(path)
    assert told in message
    assert message.endswith("--skip-bad.")
    assert "\n" not in message


@pytest.mark.parametrize(("line", "told"), BAD)
def test_or_it_fails_in_its_place_and_the_rest_goes_on(
    tmp_path: Path, line: str | bytes, told: str
) -> None:
    path = written(tmp_path, GOOD, "", line, line, '{"instruction": "Name a lake."}')
    rows = list(source(path, skip_bad=True))
    assert [r.status for r in rows] == ["pending", "failed", "failed", "pending"]
    failed = rows[1].failure
    assert failed is not None
    assert (failed.step, failed.error) == ("read", "InputError")
    assert told in failed.message
    assert "--skip-bad" not in failed.message
    assert len({r.id for r in rows}) == 4
    assert all(json.loads(r.to_json()) for r in rows)


def test_what_a_bad_line_held_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path, '{"instruction": 3, "mine": 1}', "not json", '{"mine": [1]}')
    typed, broken, none = (r.to_dict() for r in source(path, skip_bad=True))
    assert typed["line"] == {"number": 1, "instruction": 3, "mine": 1}
    assert broken["line"] == {"number": 2, "text": "not json"}
    assert none["mine"] == [1]


def test_a_missing_file_is_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        source(str(tmp_path / "none.jsonl"))
    with pytest.raises(InputError, match="no text in this folder"):
        list(source(str(tmp_path)))


def test_the_needed_fields_are_those_that_a_command_names(tmp_path: Path) -> None:
    path = written(tmp_path, '{"input": "Bees dance."}', '{"input": ["Bees"]}')
    rows = iter(source(path, needs=("input",)))
    assert next(rows).extra == {"input": "Bees dance."}
    with pytest.raises(InputError, match="line 2, field 'input': a text was expected"):
        next(rows)
    assert len(list(source(path, needs=()))) == 2


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = f'{GOOD}\n{{"instruction": ""}}\n'.encode()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(lines)))
    rows = iter(source("-"))
    assert next(rows).id == "a"
    with pytest.raises(InputError, match="standard input, line 2, field 'instruction'"):
        next(rows)


def test_rows_refused_earlier_stay_refused(tmp_path: Path) -> None:
    verdict = {"accepted": False, "reasons": ["empty"]}
    refused = json.dumps({"id": "b", "instruction": "", "verdict": verdict})
    other = json.dumps({"id": "c", "instruction": "Hi there.", "verdict": verdict})
    path = written(tmp_path, GOOD, refused, other)
    assert [r.status for r in source(path)] == ["pending", "rejected", "rejected"]


def test_lines_without_ids_may_be_the_same(tmp_path: Path) -> None:
    line = '{"instruction": "Name a lake."}'
    ids = [r.id for r in source(written(tmp_path, line, line, line))]
    assert ids == [ids[0], f"{ids[0]}-2", f"{ids[0]}-3"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=30), st.text(max_size=30), st.just(GOOD)), max_size=6))
def test_whatever_stands_in_a_file_every_line_is_a_row_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str | bytes]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    body = b"\n".join(x if isinstance(x, bytes) else x.encode("utf-8", "ignore") for x in lines)
    path = folder / "rows.jsonl"
    path.write_bytes(body)
    rows = list(source(str(path), skip_bad=True))
    assert len({r.id for r in rows}) == len(rows)
    # a line of white space is blank, and one that is not UTF-8 is not
    parts = body.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    assert len(rows) == sum(not _blank(part) for part in parts)


def _blank(part: bytes) -> bool:
    try:
        return not part.decode().strip()
    except UnicodeDecodeError:
        return False


def test_lines_are_not_kept(tmp_path: Path) -> None:
    line = json.dumps({"instruction": "Name a lake. " * 1000})
    path = written(tmp_path, *[line] * 400)  # 5 MB
    tracemalloc.start()
    count = sum(1 for _ in source(path))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 400
    assert most < 1_000_000


async def test_while_standard_input_is_waited_for_other_work_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pipe's next row may come much later, and answers to the first are wanted before."""
    ends = os.pipe()
    with os.fdopen(ends[0], "rb") as reader, os.fdopen(ends[1], "wb", 0) as writer:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=reader))
        stream = source("-").rows()
        writer.write(f"{GOOD}\n".encode())
        assert (await anext(stream)).id == "a"
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)  # only a free loop comes back here
        assert not waiting.done()
        writer.write(b'{"id": "b", "instruction": "Name a lake."}\n')
        assert (await waiting).id == "b"
        writer.close()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


def test_a_file_can_be_counted_before_and_a_pipe_cannot(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD, "", '{"instruction": ""}', "x")
    assert source(path, skip_bad=True).count() == 3
    with pytest.raises(InputError, match="line 3"):
        source(path).count()
    assert source("-").count() is None
