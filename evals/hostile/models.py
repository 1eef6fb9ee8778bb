"""Model files whose header or size is not what it says, and templates that never end."""

from __future__ import annotations

import json
import shutil
import struct

from evals.hostile.contents import good_rows, packed
from evals.hostile.moments import plain_commands
from evals.hostile.trial import Command, Draw, Output, Trial
from evolsynth.llm.backends import DEFAULT_MODEL
from evolsynth.llm.llamacpp.files import find_model

__all__ = ["models", "mutated", "templates"]

_HEAD = 4 << 20  # bytes: the header of a small model, its words with it
_COUNTS = (0, 1, 2, 3, 7, 2**16, 2**31 - 1, 2**31, 2**32 - 1)
_FLOATS = (0.0, -1.0, float("nan"), float("inf"), 1e-45, 3e38)
_NUMBERS = (
    "block_count", "context_length", "embedding_length", "feed_forward_length", "vocab_size",
    "attention.head_count", "attention.head_count_kv", "rope.dimension_count",
)  # fmt: skip


def mutated(draw: Draw, data: bytearray) -> str:
    """Change a header in one place; what was changed."""
    how = draw.choice(("count", "count", "float", "key", "byte", "bytes", "magic", "version",
                       "type",
                       "tensors", "offset", "length", "template", "token"))  # fmt: skip
    if how == "count":
        name, count = draw.choice(_NUMBERS), draw.choice(_COUNTS)
        place = _behind(data, f"llama.{name}")
        if place is not None:
            data[place + 4 : place + 8] = struct.pack("<I", count)
        return f"{name} is {count}"
    if how == "float":
        value = draw.choice(_FLOATS)
        key = draw.choice(("llama.attention.layer_norm_rms_epsilon", "llama.rope.freq_base"))
        place = _behind(data, key)
        if place is not None:
            data[place + 4 : place + 8] = struct.pack("<f", value)
        return f"{key} is {value}"
    if how in ("magic", "version", "tensors", "keys"):
        place = {"magic": 0, "version": 4, "tensors": 8}[how]
        count = draw.choice(_COUNTS)
        data[place : place + 4] = struct.pack("<I", count)
        return f"{how} is {count}"
    if how in ("type", "key", "length", "template", "token"):
        keys = {"template": "tokenizer.chat_template", "token": "tokenizer.ggml.eos_token_id"}
        key = keys.get(how, f"llama.{draw.choice(_NUMBERS)}")
        place = _behind(data, key)
        if place is None:
            return "nothing"
        if how == "template":
            return _other_template(draw, data, place)
        if how == "key":
            data[place - 2 : place] = b"zz"
        elif how == "length":
            data[place - len(key) - 8 : place - len(key)] = struct.pack(
                "<Q", draw.choice((0, 2**40))
            )
        elif how == "type":
            data[place : place + 4] = struct.pack("<I", draw.choice((0, 5, 8, 9, 12, 99)))
        else:
            data[place + 4 : place + 8] = struct.pack("<I", draw.choice(_COUNTS))
        return f"{how} of {key}"
    end = data.find(b"output_norm.weight")
    end = len(data) if end < 0 else end
    for _ in range(1 if how == "byte" else 40):
        place = draw.randrange(24, end) if how != "offset" else end + draw.randrange(60)
        data[place % len(data)] = draw.randrange(256)
    return f"{how} changed"


def _behind(data: bytearray, key: str) -> int | None:
    """Where the type of a key's value stands."""
    place = data.find(struct.pack("<Q", len(key)) + key.encode())
    return None if place < 0 else place + 8 + len(key)


def _other_template(draw: Draw, data: bytearray, place: int) -> str:
    """Another chat template of the same length."""
    (length,) = struct.unpack("<Q", data[place + 4 : place + 12])
    text = draw.choice(_TEMPLATES)[:length].ljust(length).encode()[:length]
    data[place + 12 : place + 12 + length] = text
    return f"chat template {text[:60]!r}"


_TEMPLATES = (
    "{% for i in range(90000) %}{% if s is lower %}{% endif %}{% endfor %}",
    "{% for i in range(10**9) %}x{% endfor %}",
    "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    "{{ 'x' * 10**9 }}", "{{ 9**9**9 }}",
    "{{ ('x' * 99999) | upper | lower | title | replace('x', 'yy') }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{{ ''.__class__.__mro__ }}", "{{ 1/0 }}",
    "{{ range(10**8) | list | length }}", "{{ messages }}", "{% if %}", "{{", "", " ",
    "{{ raise_exception('no') }}",
    "{% set x = ['a'] %}{% for i in range(40) %}{% set x = x + x %}{{ x | length }}{% endfor %}",
    "{{ '%999999999d' | format(1) }}", "{{ ('a' * 50000) is match('a') }}", "{{ self }}",
    "{{ lipsum(9999) }}", "{% for i in range(99999) %}{{ instruction | wordwrap(1) }}{% endfor %}",
    "{{ instruction | pprint }}",
    "{% for i in range(99999) %}{{ instruction | urlize }}{% endfor %}", "{{ cycler(1).next }}",
    "\x1b[2J{{ x }}", "{% include 'x' %}", "{% import 'os' as x %}",
    "{{ instruction.format(instruction) }}", "{{ [].append }}", "{{ dict(a=1).update(b=2) }}",
    "{% for i in range(99999) %}{% if i is divisibleby(1) %}{% endif %}{% endfor %}",
    "{% for i in range(30000) %}{{ big | sort | unique | join }}{% endfor %}",
    "{{ instruction * -1 }}",
    "{% for i in range(99999) if big is string and big is lower %}{% endfor %}", "{{ \ud800 }}",
)  # fmt: skip


def models(trial: Trial, draw: Draw) -> None:
    """A model's file with another header, or cut, or changed while it is read; a third of the
    trials ask the model as it is, by way of a command that a person uses."""
    rows = packed(draw, good_rows(draw, 3), "jsonl")
    (trial.work / "rows.jsonl").write_bytes(rows.data)
    how = draw.choice(
        ("header", "header", "header", "cut", "cut while it runs", "noise", "as it is")
    )
    place = trial.work / "mine.gguf"
    if how == "noise":
        place.write_bytes(
            draw.choice((b"", b"GGUF", b"GGUF" + draw.randbytes(100), draw.randbytes(9000)))
        )
        what = "noise"
    else:
        shutil.copyfile(find_model(DEFAULT_MODEL)[0], place)
        what = how
        if how == "header":
            with place.open("r+b") as file:
                data = bytearray(file.read(_HEAD))
                what = mutated(draw, data)
                file.seek(0)
                file.write(data)
        elif how == "cut":
            size = draw.choice((8, 24, 1000, 10**6, 10**7, place.stat().st_size - 1))
            with place.open("r+b") as file:
                file.truncate(size)
            what = f"cut at {size}"
    trial.told.append(f"model: {what}")
    words = draw.choice((
        ["respond", "rows.jsonl", "--max-tokens", "8", "-o", "out.jsonl", "--embedder", "none",
         "--no-report"],
        ["score", "rows.jsonl", "--ifd", "-o", "out.jsonl"],
        ["magpie", "-n", "2", "--max-tokens", "16", "-o", "out.jsonl", "--embedder", "none",
         "--no-report"],
    ))  # fmt: skip
    trial.outputs.append(Output("out.jsonl"))
    trial.commands.append(Command([*words, "--model", "mine.gguf"], due=60))
    if how == "cut while it runs":
        seconds = draw.uniform(0.3, 4)
        script = f"sleep {seconds:.2f}; truncate -s {draw.choice((0, 10**6, 5 * 10**7))} mine.gguf"
        trial.commands.append(Command(["bash", "-c", script], kind="program", due=20))
        trial.together = True
        trial.outputs.append(Output("mine.gguf", "text"))
    trial.tame = how == "as it is"


def templates(trial: Trial, draw: Draw) -> None:
    """Prompts over a row's columns, by somebody who wants the command never to end."""
    text = draw.choice(_TEMPLATES)
    plain_commands(trial, draw, rows=2)
    row = {"instruction": "Name a lake.", "s": "x" * 100_000, "big": "Word " * 20_000}
    with (trial.work / "rows.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    (trial.work / "prompt.j2").write_text(text, "utf-8", "surrogatepass")
    trial.told.append(f"template: {text!a}")
    asks = [
        "--model",
        "scripted:answers.txt",
        "--embedder",
        "none",
        "--no-report",
        "-o",
        "out.jsonl",
    ]
    trial.outputs.append(Output("out.jsonl"))
    trial.whole = False
    words = ["generate", "rows.jsonl", "--prompt", "@prompt.j2", *asks]
    trial.commands.append(Command(words, due=15))
