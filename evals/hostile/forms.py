"""Files of other tools' forms, in all that files come in, with faults at every level: a value, a
line, the bytes, what they are packed in, and the files of a folder."""

from __future__ import annotations

import copy
import csv
import gzip
import io
import json
from collections.abc import Callable
from typing import Any

from evals.hostile.contents import ODD_VALUES, Content, good_rows, odd_columns
from evals.hostile.trial import Draw

__all__ = ["CONTAINERS", "FORMS", "formed"]

Record = dict[str, Any]
_TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
_CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"a": 1}'}}


def _turns(row: Record) -> list[Record]:
    return [
        {"role": "user", "content": row["instruction"]},
        {"role": "assistant", "content": row["response"]},
    ]


def _results(row: Record) -> Record:
    answer = {"choices": [{"index": 0, "message": _turns(row)[1]}]}
    return {
        "id": f"b-{row['mark']}",
        "custom_id": row["mark"],
        "response": {"status_code": 200, "body": answer},
        "error": None,
    }


#: What a row is in each form; each has the row's mark in what is asked.
FORMS: dict[str, Callable[[Record], Record]] = {
    "alpaca": lambda row: {
        "instruction": row["instruction"], "input": row["input"], "output": row["response"],
    },
    "sharegpt": lambda row: {
        "id": row["mark"],
        "conversations": [
            {"from": "system", "value": "Be brief."},
            {"from": "human", "value": row["instruction"]},
            {"from": "gpt", "value": row["response"]},
            {"from": "human", "value": "And then?"},
            {"from": "gpt", "value": row["responses"][1]},
        ],
    },
    "messages": lambda row: {"messages": _turns(row), "topic": {"of": [row["mark"], None]}},
    "parts": lambda row: {
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
            {"role": "user", "content": [
                {"type": "text", "text": row["instruction"]},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
            ]},
            {"role": "assistant", "content": [{"type": "text", "text": row["response"]}]},
        ],
    },
    "tools": lambda row: {
        "messages": [
            *_turns(row)[:1],
            {"role": "assistant", "content": None, "tool_calls": [_CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": '{"found": 3}'},
            *_turns(row)[1:],
        ],
        "tools": [_TOOL],
    },
    "prompt-completion": lambda row: {"prompt": row["instruction"], "completion": row["response"]},
    "question-answer": lambda row: {"question": row["instruction"], "answer": row["response"]},
    "dpo": lambda row: {
        "prompt": row["instruction"], "chosen": row["response"], "rejected": "I do not know.",
    },
    "dpo-chat": lambda row: {
        "chosen": _turns(row),
        "rejected": [_turns(row)[0], {"role": "assistant", "content": "No."}],
    },
    "distilabel": lambda row: {
        "instruction": row["instruction"], "generations": row["responses"], "ratings": [1.0, None],
    },
    "requests": lambda row: {
        "custom_id": row["mark"], "method": "POST", "url": "/v1/chat/completions",
        "body": {"model": "m", "messages": _turns(row)[:1]},
    },
    "results": _results,
    "preferences": lambda row: {
        "input": {"messages": _turns(row)[:1], "tools": []},
        "preferred_output": _turns(row)[1:],
        "non_preferred_output": [{"role": "assistant", "content": "No."}],
    },
    "flat": lambda row: _ours(row, flat=True),
    "nested": lambda row: _ours(row, flat=False),
}  # fmt: skip
#: Forms that ask nothing by themselves.
_MUTE = ("results",)


def _ours(row: Record, *, flat: bool) -> Record:
    from evolsynth.rows import Row

    made = Row.make(row["instruction"], response=row["response"], extra={"mark": row["mark"]})
    told: Record = made.to_flat() if flat else made.to_dict()
    return told


# Containers ---------------------------------------------------------------------------------------


def _lines(records: list[Record]) -> bytes:
    return b"".join(_json(one) + b"\n" for one in records)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _separated(records: list[Record], mark: str) -> bytes:
    out = io.StringIO()
    names = list(dict.fromkeys(name for one in records for name in one))
    writer = csv.DictWriter(out, names, delimiter=mark)
    writer.writeheader()
    for one in records:
        cells = {
            name: value if isinstance(value, str | int | None) else json.dumps(value)
            for name, value in one.items()
        }
        writer.writerow(cells)
    return out.getvalue().encode("utf-8", "surrogatepass")


def _arrow(records: list[Record], how: str) -> bytes:
    import pyarrow as pa
    from pyarrow import feather, ipc, parquet

    table, out = pa.Table.from_pylist(records), io.BytesIO()
    if how == "parquet":
        parquet.write_table(table, out, row_group_size=3)
    elif how == "feather":
        feather.write_feather(table, out, compression="zstd")
    else:
        make = ipc.new_stream if how == "stream" else ipc.new_file
        with make(out, table.schema) as writer:
            writer.write_table(table)
    return out.getvalue()


def _zstd(data: bytes) -> bytes:
    import pyarrow as pa

    made: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return made


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


#: How records become a file, by the end of its name, and how often.
CONTAINERS: dict[str, tuple[Callable[[list[Record]], bytes], float]] = {
    "jsonl": (_lines, 8),
    "json": (lambda some: json.dumps(some, indent=1).encode(), 2),
    "data.json": (lambda some: json.dumps({"version": 1, "data": some}).encode(), 1),
    "csv": (lambda some: _separated(some, ","), 2),
    "tsv": (lambda some: _separated(some, "\t"), 1),
    "parquet": (lambda some: _arrow(some, "parquet"), 3),
    "arrow": (lambda some: _arrow(some, "file"), 1),
    "ipc": (lambda some: _arrow(some, "stream"), 1),
    "feather": (lambda some: _arrow(some, "feather"), 1),
    "jsonl.gz": (lambda some: _gzip(_lines(some)), 2),
    "jsonl.zst": (lambda some: _zstd(_lines(some)), 2),
    "csv.gz": (lambda some: _gzip(_separated(some, ",")), 1),
    "json.zst": (lambda some: _zstd(json.dumps(some).encode()), 1),
}
_TEXTUAL = ("jsonl", "json", "data.json", "csv", "tsv")
_TABLES = ("parquet", "arrow", "ipc", "feather")


def formed(draw: Draw) -> Content:
    """A file, or a folder of files, of some form; two thirds of them with faults."""
    if draw.chance(0.12):
        return _folder(draw)
    form = draw.choice(tuple(FORMS))
    rows = good_rows(draw, draw.choice((1, 2, 4, 8, 12)))
    records = [FORMS[form](row) for row in rows]
    kind = _kind(draw, form)
    if draw.chance(0.34):
        plain = form not in _MUTE and kind not in ("csv", "tsv", "csv.gz")
        marks = set() if form in _MUTE else {row["mark"] for row in rows}
        return Content(CONTAINERS[kind][0](records), f".{kind}", marks,
                       len(rows) if plain else None, f"{form} as {kind}")  # fmt: skip
    return _faulty(draw, form, kind, rows, records)


def _kind(draw: Draw, form: str) -> str:
    kind = draw.choices(tuple(CONTAINERS), tuple(weight for _, weight in CONTAINERS.values()))[0]
    # an empty object has no place in a table
    return "jsonl" if form == "nested" and kind in _TABLES else kind


def _faulty(draw: Draw, form: str, kind: str, rows: list[Record], records: list[Record]) -> Content:
    level = draw.choices(("values", "lines", "bytes", "mixed", "columns", "huge"),
                         (8, 4, 4, 2, 2, 0.4))[0]  # fmt: skip
    marks = {row["mark"] for row in rows}
    what = f"{form} as {kind}: "
    if level == "values":
        raws, kept, said = _odd_values(draw, rows, records)
        kind, data = _written(draw, kind, raws)
        return Content(data, f".{kind}", kept if kind == "jsonl" else set(), None, what + said)
    if level == "mixed":
        others = [FORMS[draw.choice(tuple(FORMS))](row) for row in rows]
        some = [draw.choice(pair) for pair in zip(records, others, strict=True)]
        kind = kind if kind not in _TABLES else "jsonl"
        return Content(CONTAINERS[kind][0](some), f".{kind}", set(), None, f"{what}mixed")
    if level == "columns":
        if form == "nested":
            records = [{"instruction": row["instruction"]} for row in rows]
        name, data = odd_columns(draw, records)
        return Content(data, ".parquet", set(), None, f"{form} as parquet: column of {name}")
    if level == "huge":
        return _huge(draw, records)
    data = CONTAINERS[kind][0](records)
    if level == "lines" and kind in _TEXTUAL:
        data, said = _odd_lines(draw, data)
    else:
        data, said = _odd_bytes(draw, data)
    return Content(data, f".{kind}", marks if said == "CRLF" else set(), None, what + said)


def _written(draw: Draw, kind: str, raws: list[bytes]) -> tuple[str, bytes]:
    """Records that are JSON already, as a file of JSON of some kind."""
    lines = b"".join(raw + b"\n" for raw in raws)
    if kind.endswith("json.zst") or kind in ("json", "data.json"):
        return "json", b"[" + b",\n".join(raws) + b"]"
    if kind in ("jsonl.gz", "jsonl.zst"):
        return kind, (_gzip if kind.endswith("gz") else _zstd)(lines)
    if kind in _TABLES and draw.chance(0.7):
        try:
            return kind, CONTAINERS[kind][0]([json.loads(raw) for raw in raws])
        except Exception:  # noqa: BLE001 - no table can hold them, as Arrow says in many ways
            return "jsonl", lines
    return "jsonl", lines


# Values -------------------------------------------------------------------------------------------

_HOLE = "\ue000hole\ue000"


def _odd_values(
    draw: Draw, rows: list[Record], records: list[Record]
) -> tuple[list[bytes], set[str], str]:
    """Some records with something in them that is seldom right; the marks of the others."""
    raws, kept, said = [], set(), list[str]()
    for row, record in zip(rows, records, strict=True):
        if said and draw.chance(0.6):
            raws.append(_json(record))
            kept.add(row["mark"])
            continue
        raw, what = _odd_record(draw, record)
        raws.append(raw)
        said.append(what)
    return raws, kept, "; ".join(said)[:300]


def _odd_record(draw: Draw, record: Record) -> tuple[bytes, str]:
    made = copy.deepcopy(record)
    where, key = _somewhere(draw, made)
    how = draw.choices(("value", "gone", "twice", "wrapped", "deep", "renamed", "text"),
                       (8, 2, 2, 2, 1, 1, 2))[0]  # fmt: skip
    path = f"'{str(key)[:20]}' {how}"
    if how == "gone":
        del where[key]
        return _json(made), path
    if how == "wrapped":
        where[key] = draw.choice(([where[key]], {"value": where[key]}, [[where[key], None]]))
        return _json(made), path
    if how == "text":
        where[key] = json.dumps(where[key])
        return _json(made), path
    if how == "renamed" and isinstance(where, dict):
        name = draw.choice(("", "\x1b[31m", "\ud800", "role", "from", "id", "extra", "a" * 5000))
        where[name] = where.pop(key)
        return _json(made), f"{path} {name[:10]!r}"
    if how == "twice" and isinstance(where, dict):
        again = json.dumps(key).encode("utf-8", "surrogatepass") + b": " + _json(where[key])
        where[_HOLE] = None
        return _json(made).replace(_json(_HOLE) + b": null", again), path
    value = draw.choice(ODD_VALUES)
    if how == "deep":
        depth = draw.choice((60, 99, 101, 500, 5000))
        value = "[" * depth + "]" * depth
    where[key] = _HOLE
    return _json(made).replace(_json(_HOLE), value.encode()), f"{path} {value[:30]}"


def _somewhere(draw: Draw, record: Record) -> tuple[Any, Any]:
    """A place in a record: what holds it, and its name or number there."""
    where: Any = record
    while True:
        key = draw.choice(list(where)) if isinstance(where, dict) else draw.randrange(len(where))
        inner = where[key]
        if not isinstance(inner, dict | list) or not inner or draw.chance(0.25):
            return where, key
        where = inner


# Lines and bytes ----------------------------------------------------------------------------------

_BETWEEN = (
    b"", b"null", b"{}", b"[]", b"5", b"\xef\xbb\xbf", b"\x00\x00\x00", b"\xff\xfe", b",", b"]",
    b"\x1a", b"{\"messages\": []}", b"{\"conversations\": [{}]}", b"{\"custom_id\": 5}",
    b"{\"chosen\": [], \"rejected\": []}", b"{\"instruction\": null, \"output\": null}", b"\"",
    b"\r", b"\xe2\x80\xa8", b"<<<<<<< HEAD", b"sep=;", b"{\"messages\": [{\"role\": \"user\"}]}",
    b"{\"prompt\": \"[\", \"completion\": \"[\"}", b"{\"messages\": \"[[[[\"}", b"\x0c", b"\x85",
)  # fmt: skip


def _odd_lines(draw: Draw, data: bytes) -> tuple[bytes, str]:
    how = draw.choice(("CRLF", "CR", "between", "two in one", "one in two", "no end", "BOM inside"))
    lines = data.split(b"\n")
    if how == "CRLF":
        return data.replace(b"\n", b"\r\n"), how
    if how == "CR":
        return data.replace(b"\n", b"\r"), how
    if how == "no end":
        return data.rstrip(b"\n"), how
    at = draw.randrange(len(lines))
    if how == "between":
        line = draw.choice(_BETWEEN)
        lines.insert(at, line)
        how = f"{line!r} between"
    elif how == "two in one":
        lines[at : at + 2] = [b" ".join(lines[at : at + 2])]
    elif how == "one in two":
        cut = draw.randint(0, len(lines[at]))
        lines[at : at + 1] = [lines[at][:cut], lines[at][cut:]]
    else:
        lines[at] = b"\xef\xbb\xbf" + lines[at]
    return b"\n".join(lines), how


def _odd_bytes(draw: Draw, data: bytes) -> tuple[bytes, str]:
    at = draw.randrange(max(len(data), 1))
    those: dict[str, Callable[[], bytes]] = {
        "cut": lambda: data[:at],
        "cut near its end": lambda: data[: -draw.randint(1, 12)],
        "cut at the front": lambda: data[at:],
        "other bits": lambda: _flipped(draw, data),
        "twice": lambda: data + data,
        "junk behind": lambda: data + draw.choice((b"\x00" * 64, b"junk", b"{", b"\x1f\x8b")),
        "junk before": lambda: draw.choice((b"\x00", b"\n\n", b" ", b"\xef\xbb\xbf", b"#")) + data,
        "a hole": lambda: data[:at] + data[at + draw.randint(1, 40) :],
        "zeros": lambda: data[:at] + bytes(30) + data[at:],
        "UTF-16": lambda: data.decode("utf-8", "replace").encode("utf-16"),
        "UTF-16 without a mark": lambda: data.decode("utf-8", "replace").encode("utf-16-le"),
        "UTF-32": lambda: data.decode("utf-8", "replace").encode("utf-32"),
        "Latin-1": lambda: data.replace(b"land", b"l\xe4nd"),
        "gzip": lambda: _gzip(data),
        "gzip in gzip": lambda: _gzip(_gzip(data)),
        "zstd": lambda: _zstd(data),
        "gzip, cut": lambda: (packed := _gzip(data))[: draw.randint(1, len(packed) - 1)],
        "zstd, cut": lambda: (packed := _zstd(data))[: draw.randint(1, len(packed) - 1)],
        "gzip, other bits": lambda: _flipped(draw, _gzip(data)),
        "zstd, other bits": lambda: _flipped(draw, _zstd(data)),
        "zip": lambda: b"PK\x03\x04" + data,
        "nothing": lambda: b"",
        "gzip of nothing": lambda: _gzip(b""),
    }
    how = draw.choice(tuple(those))
    return those[how](), how


def _flipped(draw: Draw, data: bytes) -> bytes:
    torn = bytearray(data or b"\0")
    for _ in range(draw.choice((1, 1, 5, 40))):
        torn[draw.randrange(len(torn))] ^= 1 << draw.randrange(8)
    return bytes(torn)


def _huge(draw: Draw, records: list[Record]) -> Content:
    """A line or a number beyond what is read, packed small."""
    first = _json(records[0])
    inner = {
        "a line": b'{"instruction": "' + b"x" * (65 << 20) + b'"}',
        "blanks": b" " * (70 << 20) + first,
        "a number": b'{"instruction": "Name a lake.", "n": ' + b"9" * 2_000_000 + b"}",
        "brackets": b'{"a": ' + b"[" * 3_000_000 + b"}",
        "columns": _json({f"c{k}": k for k in range(200_000)} | records[0]),
        "one open quote": b'{"instruction": "' + b"word " * 4_000_000,
    }
    how = draw.choice(tuple(inner))
    pack, end = draw.choice(((_gzip, "gz"), (_zstd, "zst")))
    suffix = draw.choice((f".jsonl.{end}", f".json.{end}", f".csv.{end}"))
    data = first + b"\n" + inner[how] + b"\n" + first + b"\n"
    return Content(pack(data), suffix, set(), None, f"huge: {how}", work=30)


# Folders ------------------------------------------------------------------------------------------

_BESIDE: dict[str, bytes] = {
    "README.md": b"# Rivers\n", "dataset_info.json": b"{}", ".gitattributes": b"*.parquet lfs\n",
    "notes.txt": b"A note.\n", "empty.jsonl": b"", "state.json": b"{", "LICENSE": b"MIT\n",
}  # fmt: skip


def _folder(draw: Draw) -> Content:
    """A folder of files, of one form or of several, whole or not."""
    form = draw.choice(tuple(FORMS))
    kind = _kind(draw, form)
    parts: dict[str, bytes] = {}
    marks, whole, count = set[str](), True, 0
    for number in range(draw.choice((1, 2, 3))):
        rows = good_rows(draw, draw.choice((1, 3)))
        if draw.chance(0.2):
            form, whole = draw.choice(tuple(FORMS)), False
        if draw.chance(0.2) or (form == "nested" and kind in _TABLES):
            kind, whole = _kind(draw, form), False
        data = CONTAINERS[kind][0]([FORMS[form](row) for row in rows])
        if draw.chance(0.2):
            (data, _), whole = _odd_bytes(draw, data), False
        names = (f"part-{number}", f"data/train-0000{number}-of-00003", f"{number}/rows")
        parts[f"{draw.choice(names)}.{kind}"] = data
        marks |= {row["mark"] for row in rows}
        count += len(rows)
    for name in draw.sample(tuple(_BESIDE), draw.choice((0, 0, 1, 2))):
        parts[name] = _BESIDE[name]
        whole = whole and name in ("README.md", "dataset_info.json", ".gitattributes")
    good = whole and form not in _MUTE and "csv" not in kind and kind != "tsv"
    return Content(b"", "", marks if good else set(), count if good else None,
                   f"a folder: {', '.join(parts)}; {form}", parts=parts)  # fmt: skip
