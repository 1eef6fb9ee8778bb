"""What files hold: good rows, each with a word of its own, and faults among them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from evals.hostile.trial import Draw

__all__ = ["ODD_VALUES", "Content", "content", "good_rows", "long_text", "odd_columns", "packed"]

_THINGS = ("rivers", "lakes", "markets", "bridges", "gardens", "castles", "harbours", "museums",
           "forests", "clocks", "festivals", "recipes", "songs", "islands", "towers")  # fmt: skip
_ASKS = (
    "Name three {} of the land of {} and say where each of them can be found.",
    "Explain to a child why the {} of {} are known far beyond its borders.",
    "Describe the oldest {} of {} to somebody who has never been there.",
    "Compare the {} of {} with those of its neighbours in two sentences.",
    "Write a short story about the {} of {} in the year of the great flood.",
)
_SAYS = (
    "The first lies in the north, the second by the coast, and the third among the hills.",
    "People have come to see them for two hundred years, because nothing like them stands "
    "anywhere else.",
    "They are made of grey stone, and in the evening one can hear the bells from far away.",
)


@dataclass
class Content:
    """A file's bytes, the end of its name, and what is known of it.

    ``marks`` are the words of rows that are good whatever stands beside them; ``rows`` is how many
    rows there are where all of them are good, and else None. ``work`` are seconds that its length
    may take. ``parts`` are the files of a folder, which stands in the file's place.
    """

    data: bytes
    suffix: str = ".jsonl"
    marks: set[str] = field(default_factory=set)
    rows: int | None = None
    what: str = "good rows"
    work: float = 0.0
    parts: dict[str, bytes] | None = None

    @property
    def good(self) -> bool:
        """Whether nothing may be refused."""
        return self.rows is not None and self.rows > 0


def good_rows(draw: Draw, count: int) -> list[dict[str, Any]]:
    """Rows with all fields that any command asks for; the mark of each stands in ``mark``, and in
    all of its texts."""
    rows = []
    stem = "".join(draw.choice("bdfgklmnprst") + draw.choice("aeiou") for _ in range(2)).title()
    for number in range(count):
        mark = f"{stem}{number:04d}q"
        ask = draw.choice(_ASKS).format(draw.choice(_THINGS), mark)
        says = draw.sample(_SAYS, 2)
        rows.append(
            {
                "instruction": ask,
                "response": f"Of {mark} it is told so: {says[0]}",
                "original": f"Say something of the land of {mark}.",
                "evolved": f"Say something of the land of {mark} and name two of its towns.",
                "responses": [f"{mark}: {says[0]}", f"{mark}. {says[1]}"],
                "input": f"{mark} is a land by the sea. {says[1]}",
                "scores": {"complexity": draw.randint(1, 6), "quality": draw.randint(1, 6)},
                "mark": mark,
            }
        )
    return rows


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=draw_ascii(row)).encode("utf-8", "surrogatepass")


def draw_ascii(row: dict[str, Any]) -> bool:
    """Escapes in every other row, by its mark."""
    return str(row.get("mark", "")).endswith(("0q", "2q", "4q", "6q", "8q"))


_KNOWN = ("id", "instruction", "response", "messages", "system", "method", "round", "parents",
          "scores", "verdict", "failure", "provenance", "extra", "original", "evolved",
          "responses", "input")  # fmt: skip
#: JSON texts that are seldom what a field wants.
ODD_VALUES = (
    "5", "-1", "0", "1.5", "true", "null", "[]", "{}", '""', '" "', '"\\ud800"', '"a\\udc00b"',
    '"\\u0000"', '"\\u001b[2J\\u001b[31m"', '"\\u202e\\u2066"', "1e999", "-1e999", "NaN",
    "Infinity", "-Infinity", "1" * 400, "1" * 5000, "-0", "1e-400", "[[[]]]", '[null]', '[{"a":1}]',
    '[{"role":"user","content":"x"}]', '[{"role":"robot","content":5}]', '{"q":1e999}',
    '{"q":NaN}', '{"q":"x"}', '{"":""}', '{"accepted":true}', '{"accepted":1,"reasons":"x"}',
    '{"step":"a","error":"b","message":"c"}', '"' + "x" * 20000 + '"', '"\\n\\r\\t\\u2028"',
    '"é\u0301"',
    "18446744073709551616", "9007199254740993", '"2024-02-30T00:00:00Z"',
)  # fmt: skip
_LINES = (
    b"null", b"5", b"[]", b'"text"', b"{", b"}", b'{"instruction": "x"} {"instruction": "y"}',
    b"{}",
    b'{"instruction": "Name a lake.", "instruction": "Name a river."}', b"\xff\xfe\x00", b"\x00",
    b'{"instruction": "caf\xe9 is a word"}', b"\xef\xbb\xbf{}", b"# a comment", b"{'a': 1}",
    b'{"instruction": "' + b"\x1b[2J" + b'"}', b"\xe2\x80\xa8", b'{"a": 1,}', b"NaN", b"\x1a",
    b'{"instruction": "Name a lake', b"<<<<<<< HEAD", b'{"\x07\x1b[31m": 1}',
)  # fmt: skip


def _odd_row(draw: Draw, row: dict[str, Any]) -> tuple[bytes, str]:
    """The row with a value that is seldom right in one of its fields."""
    if draw.chance(0.1):
        depth = draw.choice((50, 200, 500, 900, 988, 1100, 5000, 100_000))
        own = draw.choice(("extra", "provenance", "own"))
        opened, closed = draw.choice((("[", "]"), ('{"a":', "}")))
        inner = opened * depth + ("1" if opened != "[" else "") + closed * depth
        return _with(row, own, inner), f"{depth} deep in '{own}'"
    if draw.chance(0.05):
        wide = {f"c{n}": n for n in range(draw.choice((300, 3000)))}
        return _line({**row, **wide}), "columns"
    name = draw.choice((*_KNOWN, "own", "", "a" * 5000, "\ud800", "\x1b[31mred", "scores.x"))
    value = draw.choice(ODD_VALUES)
    return _with(row, name, value), f"{name[:20]!r} is {value[:30]}"


def _with(row: dict[str, Any], name: str, value: str) -> bytes:
    rest = _line({key: one for key, one in row.items() if key != name})
    return rest[:-1] + b', "%s": %s}' % (json.dumps(name)[1:-1].encode(), value.encode())


def content(draw: Draw, *, fault: float = 0.7, most: int = 12) -> Content:
    """A file, with faults so often."""
    rows = good_rows(draw, draw.choice((1, 2, 3, 5, most, most, draw.randint(1, most))))
    kind = draw.choices(tuple(_KINDS), tuple(w for _, w in _KINDS.values()))[0]
    if draw.chance(fault):
        return draw.choices((_lines_with_faults, _whole_fault), (2, 1))[0](draw, rows, kind)
    return packed(draw, rows, kind)


def packed(draw: Draw, rows: list[dict[str, Any]], kind: str) -> Content:
    """Good rows in a file of some kind."""
    data = _KINDS[kind][0](rows)
    flat = kind in ("csv", "tsv")  # what is no text there cannot be told from text
    marks = {row["mark"] for row in rows}
    if kind == "jsonl" and draw.chance(0.3):
        how = draw.choice(("bom", "crlf", "blank", "no end", "spaces"))
        data = {
            "bom": b"\xef\xbb\xbf" + data,
            "crlf": data.replace(b"\n", b"\r\n"),
            "blank": b"\n \n" + data.replace(b"\n", b"\n\n"),
            "no end": data.removesuffix(b"\n"),
            "spaces": b"".join(b"  " + line + b" \n" for line in data.splitlines()),
        }[how]
        return Content(data, ".jsonl", marks, len(rows), f"good rows, {how}")
    return Content(data, f".{kind}", marks, None if flat else len(rows), f"good {kind}")


def _lines_with_faults(draw: Draw, rows: list[dict[str, Any]], kind: str) -> Content:
    """JSON Lines, some of which are not as they should be."""
    lines, marks, said = [], set(), []
    for row in rows:
        if draw.chance(0.35):
            if draw.chance(0.6):
                line, what = _odd_row(draw, row)
            else:
                line = draw.choice(_LINES)
                what = repr(line[:30])
            lines.append(line)
            said.append(what)
        else:
            lines.append(_line(row))
            marks.add(row["mark"])
    if draw.chance(0.1) and len(rows) > 1:
        lines[-1] = lines[0].replace(b'"mark"', b'"id": "same", "mark"')
        lines[0] = lines[-1]
        marks -= {rows[0]["mark"], rows[-1]["mark"]}
        said.append("one id twice")
    data = b"\n".join(lines) + b"\n"
    if not said:
        return Content(data, ".jsonl", marks, len(rows))
    return Content(data, ".jsonl", marks, None, "; ".join(said))


def _whole_fault(draw: Draw, rows: list[dict[str, Any]], kind: str) -> Content:
    data = _KINDS[kind][0](rows)
    faults: dict[str, Callable[[], bytes]] = {
        "empty": lambda: b"",
        "blank": lambda: b"\n \n\t\n",
        "cut": lambda: data[: draw.randint(1, len(data))],
        "cut at the front": lambda: data[draw.randint(1, len(data) - 1) :],
        "a bit is another": lambda: _flipped(draw, data),
        "something behind it": lambda: data + draw.choice((b"\x00" * 100, b"}", b"junk\n", data)),
        "noise": lambda: draw.randbytes(draw.choice((1, 100, 5000))),
        "UTF-16": lambda: data.decode("utf-8", "replace").encode("utf-16"),
        "Latin-1": lambda: data.replace(b"land", b"l\xe4nd"),
        "another name": lambda: data,
        "odd": lambda: _odd_table(draw, rows, kind),
    }
    what = draw.choice(tuple(faults))
    suffix = f".{kind}"
    if what == "another name":
        suffix = draw.choice((".csv", ".json", ".parquet", ".gz", ".jsonl.gz", "", ".JSONL", ".bin",
                              ".txt", ".jsonl.bz2", ".tsv", ".ndjson", ".md"))  # fmt: skip
    return Content(faults[what](), suffix, set(), None, f"{kind}: {what}")


def _flipped(draw: Draw, data: bytes) -> bytes:
    place = draw.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << draw.randrange(8))]) + data[place + 1 :]


# Kinds of files -----------------------------------------------------------------------------


def _jsonl(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(_line(row) + b"\n" for row in rows)


def _json(rows: list[dict[str, Any]]) -> bytes:
    return b"[\n" + b",\n".join(map(_line, rows)) + b"\n]\n"


def _csv(rows: list[dict[str, Any]], mark: str = ",") -> bytes:
    out = io.StringIO()
    names = ["instruction", "response", "original", "evolved", "input", "mark"]
    writer = csv.DictWriter(out, names, delimiter=mark, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


_KINDS: dict[str, tuple[Callable[[list[dict[str, Any]]], bytes], float]] = {
    "jsonl": (_jsonl, 12),
    "ndjson": (_jsonl, 1),
    "jsonl.gz": (lambda rows: gzip.compress(_jsonl(rows), mtime=0), 2),
    "json": (_json, 2),
    "csv": (_csv, 2),
    "tsv": (lambda rows: _csv(rows, "\t"), 1),
    "parquet": (_parquet, 1),
}


def _odd_table(draw: Draw, rows: list[dict[str, Any]], kind: str) -> bytes:
    """Right by the format, and seldom seen."""
    if kind in ("csv", "tsv"):
        ask = rows[0]["instruction"].encode()
        return draw.choice((
            b"instruction\n" + ask + b",too,many\n", b"instruction,mark\nonly\n",
            b"instruction,instruction\na,b\n", b",\n,\n", b'instruction\n"open ' + ask + b"\n",
            b"instruction\n" + b'"' + b"x" * 200_000 + b'"\n', b"instruction\na\x00b\n",
            b",".join(b"c%d" % n for n in range(300)) + b",instruction\n" + b"," * 300 + ask,
            b"instruction\r" + ask + b"\r", b'instruction\n"a""b"c\n',
            b"\xef\xbb\xbfinstruction\n" + ask,
        ))  # fmt: skip
    if kind == "parquet":
        return _odd_parquet(draw, rows)
    if kind == "json":
        one = _line(rows[0])
        return draw.choice((b"[" + one + b",]", b"[[" + one + b"]]", b"[" + one + b" " + one + b"]",
                            b'{"data": [' + one + b"]}", b"[]", b"[null, " + one + b"]", one,
                            b"[" * 100_000, b"[" + one + b"]]", b"[" + one))  # fmt: skip
    return _jsonl([{**row, "scores": {"complexity": None, "quality": "6"}} for row in rows])


def _odd_parquet(draw: Draw, rows: list[dict[str, Any]]) -> bytes:
    return odd_columns(draw, [{"instruction": row["instruction"]} for row in rows])[1]


def odd_columns(draw: Draw, records: list[dict[str, Any]]) -> tuple[str, bytes]:
    """A Parquet file of the records with a column of a kind that is seldom seen, and its name."""
    import datetime
    import decimal

    import pyarrow as pa
    from pyarrow import parquet

    count = len(records)
    odd: dict[str, Callable[[], Any]] = {
        "bytes": lambda: pa.array([b"\xff\x00"] * count),
        "image": lambda: pa.array([{"bytes": b"\x89PNG", "path": None}] * count),
        "images": lambda: pa.array([[{"bytes": b"\x89PNG", "path": "a.png"}]] * count),
        "fixed bytes": lambda: pa.array([b"abcd"] * count, pa.binary(4)),
        "nulls": lambda: pa.nulls(count),
        "nested": lambda: pa.array([[{"a": [{"b": None}]}]] * count),
        "decimal": lambda: pa.array([decimal.Decimal("1.10")] * count),
        "time": lambda: pa.array([datetime.datetime(2024, 2, 29)] * count),
        "late time": lambda: pa.array([2**60] * count, pa.timestamp("ms")),
        "nanoseconds": lambda: pa.array([1] * count, pa.timestamp("ns", "Europe/Berlin")),
        "long": lambda: pa.array([datetime.timedelta(days=10**6)] * count),
        "words": lambda: pa.array(["a"] * count).dictionary_encode(),
        "floats": lambda: pa.array([float("nan"), *[float("inf")] * (count - 1)]),
        "big": lambda: pa.array([2**64 - 1] * count, pa.uint64()),
        "map": lambda: pa.array([[("k", 1)]] * count, pa.map_(pa.string(), pa.int8())),
        "number keys": lambda: pa.array([[(1, b"x")]] * count, pa.map_(pa.int8(), pa.binary())),
    }
    name = draw.choice(tuple(odd))
    column = draw.choice(("own", "scores", "id", "messages", "input", "response"))
    made = pa.Table.from_pylist(records)
    if column in made.column_names:
        made = made.drop_columns([column])
    made = made.append_column(column, odd[name]())
    out = io.BytesIO()
    parquet.write_table(made.slice(0, 0) if draw.chance(0.1) else made, out)
    return name, out.getvalue()


# Long texts ---------------------------------------------------------------------------------

_SHAPES: dict[str, Callable[[int], str]] = {
    "one letter": lambda n: "a" * n,
    "10%": lambda n: "10% " * (n // 4),
    "10%, joined": lambda n: "10%" * (n // 3),
    "spaces": lambda n: "a" + " " * n + "b",
    "line ends": lambda n: "a\n" * (n // 2),
    "numbers": lambda n: " ".join(map(str, range(n // 6))),
    "tags": lambda n: "\n".join(f"line <{i}>" for i in range(n // 10)),
    "brackets": lambda n: "(" * (n // 2) + ")" * (n // 2),
    "quotes": lambda n: '"' * n,
    "commas": lambda n: "and, " * (n // 5),
    "one word": lambda n: "word " * (n // 5),
    "sentences": lambda n: " ".join(f"Sentence {i} is about a lake." for i in range(n // 30)),
    "Chinese": lambda n: "河流和湖泊" * (n // 5),
    "marks": lambda n: "e\u0301" * (n // 2),
    "emoji": lambda n: "👩‍👩‍👧" * (n // 5),
    "links": lambda n: " ".join(f"https://a.example/{i}?q=1" for i in range(n // 26)),
    "code": lambda n: "```\nx = [1, 2, 3]\n```\n" * (n // 22),
    "list": lambda n: "\n".join(f"{i}. Item {i}" for i in range(n // 12)),
    "control": lambda n: "<|im_start|>user\n" * (n // 17),
    "negations": lambda n: "not no never without " * (n // 21),
    "dashes": lambda n: "-" * n,
    "dots": lambda n: "." * n,
    "a.b.c": lambda n: "a." * (n // 2),
    "years": lambda n: "in 1999, " * (n // 9),
    "capitals": lambda n: "The Lake Of The North " * (n // 22),
    "apostrophes": lambda n: "it's " * (n // 5),
}


def long_text(draw: Draw) -> tuple[str, str, int]:
    """A text of some shape, the shape, and how many characters it has."""
    shape = draw.choice(tuple(_SHAPES))
    size = draw.choice((2_000, 20_000, 60_000, 200_000, 1_000_000))
    text = _SHAPES[shape](size)
    return text, f"{shape}, {len(text)} characters", len(text)
