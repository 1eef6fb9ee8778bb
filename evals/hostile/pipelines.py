"""Pipelines: in YAML with options of all kinds, in Python with strange steps; folders of runs."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

import yaml

from evals.hostile import strange
from evals.hostile.commands import answers
from evals.hostile.contents import content, good_rows, packed
from evals.hostile.server import ROOT
from evals.hostile.trial import Command, Draw, Output, Trial

__all__ = ["folders", "pipelines", "steps"]

_SCHEMA = ROOT / "docs" / "pipeline.schema.json"
#: Options that make work out of nothing: a large one is work that was asked for.
_WORK = {"n", "rounds", "candidates", "samples", "instances", "attempts", "n_turns", "max_attempts",
         "num_instructions", "num_generations", "max_retries"}  # fmt: skip
_ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, -1, 1.5, float("nan"), float("inf"), 2**31, 2**63, 10**30, "", "x",
    "null", [], {}, [1], {"a": 1}, ["x", None], "\x1b[31m", "../x", "é", "{{ x", "{% for %}",
)  # fmt: skip
_BROKEN = (
    "steps:\n\t- gate\n", "steps: [gate\n", "steps: {a: *nothing}\n", "- gate\n", "", "5\n",
    "steps:\n", "steps: []\n", "steps: [[[[]]]]\n", "a: &a [*a]\nsteps: *a\n",
    "steps: [no_such_step]\n",
    "steps:\n  - load: {data: rows.jsonl}\n  - load: {data: rows.jsonl}\n", "\x00",
    "steps: !!python/object:os.system x\n",
    "x-a: &a [x, x]\nx-b: &b [*a, *a]\nx-c: &c [*b, *b]\nsteps: [gate]\n",
    "steps: [gate]\nsteps: [gate]\n", "steps:\n  - branches: []\n", "name: ../up\nsteps: [gate]\n",
    "steps: [" * 3000, "{" * 3000, "steps:\n  - load: {data: .}\n",
    "steps:\n  - load: {data: pipeline.yaml}\n", "---\nsteps: []\n---\nx: 1\n",
    "steps:\n  - no/such.py:step\n", "steps:\n  - load: {data: '*.jsonl'}\n",
    "seed: 1e3\nsteps: [gate]\n",
)  # fmt: skip


@cache
def _known() -> dict[str, dict[str, Any]]:
    """The options of each step, by what the schema says."""
    schema = json.loads(_SCHEMA.read_text("utf-8"))
    for one in schema["$defs"]["step"]["anyOf"]:
        if "properties" in one:
            return {name: about.get("properties", {}) for name, about in one["properties"].items()}
    raise AssertionError("The schema has no steps.")


def pipelines(trial: Trial, draw: Draw) -> None:
    """A file of steps, run, shown first, or drawn."""
    verb = draw.choices(("run", "preview", "draw"), (6, 2, 2))[0]
    words = [verb, "pipeline.yaml"]
    if draw.chance(0.1):
        (trial.work / "pipeline.yaml").write_text(draw.choice(_BROKEN), "utf-8")
        trial.told.append("broken YAML")
    else:
        _write_pipeline(trial, draw)
    if verb == "run":
        words += ["-o", "run", "--no-report"]
        trial.outputs.append(Output("run", "run"))
    elif verb == "draw" and draw.chance(0.5):
        words += ["-o", "picture.svg"]
        trial.outputs.append(Output("picture.svg", "text"))
    if verb != "draw":
        words += ["--embedder", "none", "--max-attempts", "60", "--minutes", "0.2", "--model",
                  answers(trial, draw)]  # fmt: skip
        words += draw.choice(([], [], ["--concurrency", "1"], ["--seed", "5"], ["--breaker", "2"],
                              ["--accepted", "2"], ["--stall", "1"], ["--log", "json"],
                              ["--param", "evolve.rounds=0"], ["--param", "x"], ["--cache",
                                  "c.sqlite"],
                              ["--retry", "{attempts: 1}"], ["--limit", "2"], ["--max-tokens",
                                  "9"]))  # fmt: skip
    trial.may_come += (
        ["c.sqlite", "c.sqlite-wal", "c.sqlite-shm", "c.sqlite.lock"] if "--cache" in words else []
    )
    trial.commands.append(Command(words, due=25))


def _write_pipeline(trial: Trial, draw: Draw) -> None:
    known = _known()
    made = content(draw, fault=0.2)
    (trial.work / f"rows{made.suffix}").write_bytes(made.data)
    trial.told.append(f"rows: {made.what}")
    chosen: list[Any] = [{"load": {"data": f"rows{made.suffix}", "skip_bad": draw.chance(0.5)}}]
    if draw.chance(0.2):
        source = draw.choice(("magpie", "generate_rows", "bootstrap_tasks"))
        needed = {"n": draw.randint(1, 4)} | (
            {"prompt": "Say."} if source == "generate_rows" else {}
        )
        chosen = [{source: {**_options(draw, known[source]), **needed}}]
    names = [name for name in known if name not in ("load", "branches", "magpie", "generate_rows",
                                                    "bootstrap_tasks")]  # fmt: skip
    for _ in range(draw.randint(0, 3)):
        name = draw.choice(names)
        needed = {"prompt": "Say {{ instruction }}."} if name == "generate" else {}
        chosen.append({name: {**needed, **_options(draw, known[name])}})
    if draw.chance(0.2):
        inner = draw.choice(("respond", "evolve", "preference"))
        chosen += [{"branches": [[inner], [{inner: _options(draw, known[inner])}]]}]
        chosen.append(
            draw.choice(("merge", "group", "join_responses", {"group": {"columns": ["response"]}}))
        )
    if draw.chance(0.6):
        chosen.append(draw.choice(("gate", {"gate": _options(draw, known["gate"])})))
    whole: dict[str, Any] = {
        "name": draw.choice(("p", "p", "a b", "é")),
        "embedder": "none",
        "steps": chosen,
    }
    if draw.chance(0.1):
        whole[draw.choice(("name", "seed", "models", "embedder", "steps", "more"))] = draw.choice(
            _ODD
        )
    (trial.work / "pipeline.yaml").write_text(yaml.safe_dump(whole, allow_unicode=True), "utf-8")


def _options(draw: Draw, about: dict[str, Any]) -> dict[str, Any]:
    """Some of a step's options, most of them right."""
    told = {}
    for name in draw.sample(sorted(about), min(len(about), draw.choice((0, 0, 1, 2, 4)))):
        if name in ("model", "llm", "data"):
            continue
        told[name] = draw.choice(_ODD) if draw.chance(0.25) else _right(draw, about[name], name)
        if name in _WORK and isinstance(told[name], int) and told[name] > 3:
            told[name] = 3
    return told


def _right(draw: Draw, about: dict[str, Any], name: str) -> Any:
    """A value that the schema has room for."""
    if "anyOf" in about:
        return _right(draw, draw.choice(about["anyOf"]), name)
    if "enum" in about:
        return draw.choice(about["enum"])
    kind = about.get("type")
    kind = draw.choice(kind) if isinstance(kind, list) else kind
    least = about.get("minimum", about.get("exclusiveMinimum", 0))
    if kind == "integer":
        return draw.choice((least, least + 1, least + 2, about.get("maximum", 3)))
    if kind == "number":
        return draw.choice((least, 0.5, about.get("maximum", 1.0)))
    if kind == "boolean":
        return draw.chance(0.5)
    if kind == "array":
        return [
            _right(draw, about.get("items", {"type": "string"}), name)
            for _ in range(draw.randint(0, 2))
        ]
    if kind == "object":
        return {
            draw.choice(("instruction", "response", "a")): draw.choice(("instruction", "b", "c"))
        }
    return (
        draw.choice(("instruction", "response", "mark", "x", "a b", "Be brief.", "gate"))
        if kind
        else None
    )


_SCRIPT = '''\
"""Rows through a strange step."""

import sys

sys.path.insert(0, {root!r})
from evals.hostile import strange
from evolsynth.llm.backends import backend
from evolsynth.pipeline import gate, load, merge, respond

backend("strange")(strange.Strange)
pipe = (load("rows.jsonl") >> {chain}).using(name="strange", embedder=None)
'''


def steps(trial: Trial, draw: Draw) -> None:
    """Good rows through a step, a check or a back end that is somebody's own."""
    rows = good_rows(draw, draw.choice((4, 12, 40)))
    made = packed(draw, rows, "jsonl")
    (trial.work / "rows.jsonl").write_bytes(made.data)
    trial.marks, trial.whole = made.marks, True
    later = draw.choice((0.0, 0.0, 0.001))
    does = draw.choice(tuple(strange.ROWS))
    own = f"strange.own(does={does!r}, every={draw.choice((1, 3, 3, 7))}, later={later})"
    words = ["--model", answers(trial, draw)]
    kind = draw.choices(("row", "flow", "check", "back end", "branch"), (8, 3, 2, 4, 1))[0]
    if kind == "flow":
        does = draw.choice(strange.STREAMS)
        own = f"strange.flow(does={does!r})"
        trial.whole = does != "others"
    elif kind == "check":
        does = draw.choice(tuple(strange.CHECKS))
    elif kind == "back end":
        does = draw.choice(strange.OWN)
        words = ["--model", f"strange:{does}", "--retry", "{attempts: 1}"]
    chain = {
        "check": f"gate(checks=[strange.CHECKS[{does!r}]])",
        "back end": "respond()",
        "branch": f"[{own}, respond()] >> merge()",
    }.get(kind, f"{own} >> respond()" if draw.chance(0.3) else own)
    if draw.chance(0.6) and kind != "check":
        chain += " >> gate()"
    trial.told.append(f"{kind}: {does}")
    if kind == "row" and does in ("number", "surrogate", "controls", "object", "five"):
        trial.whole = trial.whole and does != "object"
    text = _SCRIPT.format(root=str(ROOT), chain=chain)
    (trial.work / "own.py").write_text(text, "utf-8")
    words += draw.choice(([], [], ["--concurrency", "1"], ["--breaker", "0"], ["--breaker", "0"]))
    verb = draw.choices(("run", "preview"), (5, 1))[0]
    if verb == "run":
        words += ["-o", "run", "--no-report"]
        trial.outputs.append(Output("run", "run"))
    else:
        trial.whole = False
    trial.may_come.append("__pycache__")
    trial.commands.append(Command([verb, "own.py:pipe", *words], due=25))


_ENDS = ("fifo", "folder", "empty", "noise", "cut", "flipped", "link", "loop", "null", "not for us",
         "other base", "no wal", "wal of noise")  # fmt: skip


def folders(trial: Trial, draw: Draw) -> None:
    """A run's folder whose store is not what it was, and what looks at it."""
    import shutil

    work, how = trial.work, draw.choice(_ENDS)
    folder = work / "run"
    folder.mkdir()
    store = folder / "run.sqlite"
    data = _store()
    trial.told.append(f"run.sqlite: {how}")
    if how == "fifo":
        os.mkfifo(store)
    elif how == "folder":
        store.mkdir()
    elif how == "link":
        (work / "elsewhere.sqlite").write_bytes(data)
        store.symlink_to(work / "elsewhere.sqlite")
        trial.outputs.append(Output("elsewhere.sqlite", "text"))
    elif how in ("loop", "null"):
        store.symlink_to("run.sqlite" if how == "loop" else "/dev/null")
    else:
        store.write_bytes({
            "empty": b"", "noise": draw.randbytes(9000), "cut": data[: draw.randrange(len(data))],
            "flipped": _torn(draw, data), "other base": b"SQLite format 3\0" + bytes(4000),
        }.get(how, data))  # fmt: skip
    if how == "wal of noise":
        (folder / "run.sqlite-wal").write_bytes(draw.randbytes(5000))
    if how == "not for us":
        store.chmod(0)
    rows = packed(draw, good_rows(draw, 3), "jsonl")
    (work / "rows.jsonl").write_bytes(rows.data)
    (work / "pipeline.yaml").write_text(
        "embedder: none\nsteps:\n  - load: {data: rows.jsonl}\n  - gate\n"
    )
    verb = draw.choice(("status", "status", "rescue", "run", "go on", "report", "fresh"))
    trial.outputs.append(Output("run", "run"))
    words = {
        "status": ["status", "run", *draw.choice(([], ["--json"]))],
        "rescue": ["rescue", "run"],
        "run": ["run", "pipeline.yaml", "-o", "run", "--no-report"],
        "go on": ["run", "run", "--no-report"],
        "fresh": ["run", "pipeline.yaml", "-o", "run", "--no-report", "--fresh"],
        "report": ["report", "run", "-o", "out.html"],
    }[verb]
    if verb == "report":
        trial.heavy = True
        trial.outputs.append(Output("out.html", "text"))
        shutil.copy(work / "rows.jsonl", folder / "accepted.jsonl")
    trial.commands.append(Command(words, due=25))


def _torn(draw: Draw, data: bytes) -> bytes:
    torn = bytearray(data)
    for _ in range(draw.choice((1, 20, 500))):
        torn[draw.randrange(len(torn))] = draw.randrange(256)
    return bytes(torn)


@cache
def _store() -> bytes:
    """The store of a small run that came to its end."""
    import asyncio
    import tempfile
    from pathlib import Path

    from evolsynth.llm.scripted import Scripted
    from evolsynth.pipeline import load, respond

    rows = [{"instruction": f"Name {n} rivers."} for n in range(8)]
    with tempfile.TemporaryDirectory(prefix="evals-hostile-store-") as place:
        pipe = (load(rows) >> respond()).using(name="kept", embedder=None)
        asyncio.run(
            pipe.run(place, llm=Scripted(lambda _: "So it is."), report=False, signals=False)
        )
        return (Path(place) / "run.sqlite").read_bytes()
