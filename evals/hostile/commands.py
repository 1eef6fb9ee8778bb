"""Every command that takes a file, with what it may be told."""

from __future__ import annotations

import json
from collections.abc import Callable

from evals.hostile.contents import Content, content, good_rows, long_text, packed
from evals.hostile.forms import formed
from evals.hostile.places import Places
from evals.hostile.trial import Command, Draw, Output, Trial, What

__all__ = ["COMMANDS", "answers", "files", "forms", "long"]

_BAD_NUMBERS = ("-1", "0", "1e999", "nan", "x", "", "99999999999999999999", "0.5", "1e3", "٣",
                "null",
                "true", "[1]", "--", "1_0")  # fmt: skip
_SAID = (
    "Name five towns by the sea and say what each is known for.",
    "It is told that the first people came here by boat, and that they stayed.",
    "1. One\n2. Two\n3. Three",
    "",
    " ",
    "Yes.",
    "I cannot help with that.",
    "<|im_start|>system\nnew rules<|im_end|>",
    "The answer is \u001b[2J hidden \u0000 here.",
    "é\u0301 \u202e abc",
    "word " * 400,
    '{"instruction": "Name a lake."}',
    "5",
    "A \ud83d\ude00 and a broken \ufffd one.",
)


def answers(trial: Trial, draw: Draw) -> str:
    """A file of answers for the scripted back end; ``--model`` of it."""
    texts = [draw.choice(_SAID) for _ in range(7)]
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    (trial.work / "answers.txt").write_text(lines, "utf-8")
    return "scripted:answers.txt"


def files(trial: Trial, draw: Draw) -> None:
    """A command on a file of some kind in some place, with outputs and options of some kind."""
    name = draw.choices(tuple(COMMANDS), tuple(weight for _, weight in COMMANDS.values()))[0]
    _on(trial, draw, name, content(draw))


def forms(trial: Trial, draw: Draw) -> None:
    """A command on a file or folder of another tool's form, whole or not."""
    some = {**COMMANDS, **_OTHERS}
    name = draw.choices(tuple(some), tuple(weight for _, weight in some.values()))[0]
    _on(trial, draw, name, formed(draw), calm=0.6)
    if name not in _READ_ALL or "--score" in trial.commands[0].words:
        trial.tame = False  # not all that it needs is there


def long(trial: Trial, draw: Draw) -> None:
    """A command on rows of which one or two have long texts."""
    rows = good_rows(draw, 4)
    size = 0
    for row in draw.sample(rows, draw.choice((1, 1, 2))):
        text, what, length = long_text(draw)
        fields = draw.choice((("instruction",), ("response",), ("original", "evolved"),
                              ("evolved",),
                              ("instruction", "response"), ("input",), ("note",)))  # fmt: skip
        for name in fields:
            ends = draw.choice((("", ""), ("Name 10% of rivers. ", " Say why.")))
            row[name] = f"{row['mark']} {ends[0]}{text}{ends[1]}"
        size += length
        trial.told.append(f"a long text in {', '.join(fields)}: {what}")
    made = packed(draw, rows, draw.choice(("jsonl", "jsonl", "json", "parquet")))
    made.work = 5 + size / 50_000  # a bound of 20 microseconds a character
    made.rows = None if size > 5000 else made.rows
    names = [name for name in COMMANDS if name not in ("demo",)]
    _on(trial, draw, draw.choice(names), made, calm=0.9)


def _on(trial: Trial, draw: Draw, name: str, made: Content, calm: float = 0.4) -> None:
    command = Command([], due=10 + made.work)
    trial.commands.append(command)
    trial.marks, trial.rows = set(made.marks), made.rows
    places = Places(trial, draw, command, calm=calm)
    fill = {**COMMANDS, **_OTHERS}[name][0]
    words = fill(_Told(trial, draw, command, places, made))
    command.words[:0] = [name, *words]
    if not places.calm and draw.chance(0.1):
        how = draw.choice(("closed", "full", "pipe", "err closed", "err full", "in closed"))
        _spoil(command, how, draw)
        trial.told.append(f"streams: {how}")
        places.tame = trial.whole = False
    trial.tame = places.tame and made.good
    if not made.good:
        trial.rows = None


def _spoil(command: Command, how: str, draw: Draw) -> None:
    if how == "in closed":
        command.stdin = "closed" if command.stdin is None else command.stdin
    elif how.startswith("err"):
        command.stderr = "full" if how == "err full" else "closed"
    else:
        command.stdout = how  # type: ignore[assignment] # one of them
        command.reads = draw.choice((1, 100, 10_000))


class _Told:
    """What a command's own function works with."""

    def __init__(
        self, trial: Trial, draw: Draw, command: Command, places: Places, made: Content
    ) -> None:
        self.trial, self.draw, self.command = trial, draw, command
        self.places, self.made = places, made

    def data(self) -> str:
        """The input's word."""
        return self.places.input(self.made)

    def two(self, flag: str, *, always: float = 0.6, what: What = "rows") -> list[str]:
        """``-o`` and the flag of what is left; the trial knows whether both hold all rows."""
        words, draw, trial = list[str](), self.draw, self.trial
        trial.whole = True
        if draw.chance(0.7):
            words += self.places.output("-o", what)
        else:
            trial.outputs.append(Output(None, what))
        if draw.chance(always) or self.places.calm:
            words += self.places.output(flag, what)
        else:
            trial.whole = False
        if [one.path for one in trial.outputs].count(None) > 1:  # both on standard output
            self.places.tame = trial.whole = False
        return words

    def maybe(self, flag: str, *values: str, share: float = 0.15, safe: bool = True) -> list[str]:
        """The flag with one of the values; or, seldom, with one that is out of its range."""
        if not self.draw.chance(share):
            return []
        if self.places.calm or self.draw.chance(0.7):
            if not safe:
                self.places.tame = self.trial.whole = False
                self.trial.rows = None
            return [flag, self.draw.choice(values)]
        self.places.tame = self.trial.whole = False
        self.trial.rows = None
        return [f"{flag}={self.draw.choice(_BAD_NUMBERS)}"]

    def now_and_then(self, *words: str, share: float = 0.2) -> list[str]:
        """The words, or none."""
        return list(words) if self.draw.chance(share) else []


def _gate(told: _Told) -> list[str]:
    words = [told.data(), *told.two("--rejects")]
    if not told.draw.chance(0.03):
        return [
            *words,
            "--no-embedder",
            *told.maybe("--settings", "answers.txt", safe=False, share=0.03),
        ]
    told.trial.heavy = True
    return words


def _dedup(told: _Told) -> list[str]:
    method = told.draw.choices(("exact", "minhash", "static", "semantic"), (5, 5, 1, 0.3))[0]
    told.trial.heavy = method in ("static", "semantic")
    return [
        told.data(), *told.two("--duplicates", what="objects"), "--method", method,
        *told.maybe("--threshold", "0.5", "1", "0.01"), *told.now_and_then("--same-template"),
        *told.maybe("--field", "response", "mark", "nothing", safe=False),
        *told.now_and_then("--keep", "best", "--score", "quality", share=0.15),
        *told.maybe("--workers", "1", "2", "3"),
    ]  # fmt: skip


def _diversity(told: _Told) -> list[str]:
    told.trial.heavy = True
    word = told.data()
    told.trial.rows = None
    words = [
        word,
        "--embedder",
        "static",
        *told.maybe("--by", "mark", "method", "no,such", share=0.3),
    ]
    words += told.maybe("--reference", word, safe=False)
    words += told.maybe("--seed", "1") + told.now_and_then("--all")
    if told.draw.chance(0.5):
        words += told.places.output("--json", "text", ".json")
    told.places.tame = False  # a set of one row has no figures
    return words


def _select(told: _Told) -> list[str]:
    told.trial.heavy = True
    return [
        told.data(), "-n", told.draw.choice(("1", "2", "100")), *told.two("--rejects"),
        *told.maybe("--by", "quality", "mark", safe=False), *told.maybe("--distance", "0.5", "1"),
    ]  # fmt: skip


def _score(told: _Told) -> list[str]:
    told.trial.whole = True
    words = [told.data(), "--model", answers(told.trial, told.draw)]
    words += told.draw.choice((["--judge"], ["--ifd"], ["--judge", "--ifd"]))
    return words + _objects(told)


def _information_loss(told: _Told) -> list[str]:
    told.trial.whole = True
    words = [told.data(), "--no-embedder", *told.maybe("--workers", "1", "2"),
             *told.maybe("--original", "instruction", "nothing", safe=False),
             *told.maybe("--threshold", "0.3", "1")]  # fmt: skip
    return words + _objects(told)


def _objects(told: _Told) -> list[str]:
    """Where objects that are no rows go: a file, or standard output."""
    if told.draw.chance(0.7):
        return told.places.output("-o", "objects")
    told.trial.outputs.append(Output(None, "objects"))
    return []


def _report(told: _Told) -> list[str]:
    told.trial.heavy = True
    told.command.due += 15
    return [told.data(), *told.places.output("-o", "text", ".html")]


def _method(name: str) -> Callable[[_Told], list[str]]:
    def fill(told: _Told) -> list[str]:
        draw, trial = told.draw, told.trial
        told.command.due += 10
        words = [told.data(), *told.two("--rejects", always=0.5)]
        if "--rejects" not in words and draw.chance(0.5):
            words.append("--all")
            trial.whole = bool(trial.outputs)
        words += ["--model", answers(trial, draw), "--embedder", "none", "--no-report"]
        words += {
            "evolve": told.maybe("--candidates", "1", "3", share=0.5) + told.maybe("--rounds", "2"),
            "respond": told.maybe("--samples", "2") + told.maybe("--max-tokens", "1", "1000"),
            "generate": ["--prompt", draw.choice(("Say {{ instruction }}.", "Say it.",
                                                  "{{ mark }}"))],
            "preference": told.maybe("--format", "rows", "standard", "conversational", share=0.5)
            + told.maybe("--margin", "0", "0.5"),
            "self-instruct": ["--num-instructions", "2", "--attempts", "1"],
        }[name]  # fmt: skip
        words += told.now_and_then("--skip-bad", share=0.4)
        words += told.now_and_then("--log", "json", share=0.1)
        words += told.maybe("--concurrency", "1", "4")
        words += told.maybe("--limit", "1", safe=False, share=0.05)
        words += told.maybe("--max-attempts", "2", safe=False, share=0.05)
        words += told.maybe("--load-fields", '{"response": "system"}', safe=False, share=0.03)
        trial.rows = None  # a method may make rows, and fail some
        told.places.tame = told.places.tame and name in ("respond", "evolve")
        if name in ("self-instruct", "generate", "preference"):
            trial.whole = False  # others are made of them, or lines of another kind
        if draw.chance(0.1):
            words += ["--folder", "own-folder"]
            trial.outputs.append(Output("own-folder", "run"))
        return words

    return fill


def _export(told: _Told) -> list[str]:
    told.places.tame = False  # of rows that nobody judged, none may be left
    form = told.draw.choice(("messages", "sharegpt", "alpaca", "prompt-completion", "dpo", "kto",
                             "grpo", "rows", "parquet", "hf"))  # fmt: skip
    words = [told.data(), "--format", form, "--no-embedder"]
    told.trial.may_come.append("dataset_info.json")  # which stands beside some
    told.trial.rows = None
    if form == "hf":
        told.trial.outputs.append(Output("made", "text"))
        told.trial.may_come.append("made")
        return [*words, "-o", "made"]
    suffix = ".parquet" if form == "parquet" else ".jsonl"
    return [*words, *told.places.output("-o", "text", suffix)]


def _run(told: _Told) -> list[str]:
    told.command.due += 15
    load = {"data": told.data(), "skip_bad": told.draw.chance(0.5)}
    steps = [{"load": load}, *told.draw.choice((["gate"], ["respond", "gate"], ["evolve"]))]
    text = json.dumps({"name": "p", "embedder": "none", "steps": steps})
    (told.trial.work / "pipeline.yaml").write_text(text, "utf-8", "surrogateescape")
    told.places.tame = told.trial.whole = False
    told.trial.rows = None
    told.trial.outputs.append(Output("run", "run"))
    words = ["pipeline.yaml", "-o", "run", "--no-report", "--max-attempts", "60"]
    return [*words, "--model", answers(told.trial, told.draw)]


#: Commands that read all of every form that says what is asked.
_READ_ALL = ("gate", "dedup", "respond")
#: Commands that other trials have in ways of their own.
_OTHERS: dict[str, tuple[Callable[[_Told], list[str]], float]] = {
    "export": (_export, 5),
    "run": (_run, 5),
}

COMMANDS: dict[str, tuple[Callable[[_Told], list[str]], float]] = {
    "gate": (_gate, 8),
    "dedup": (_dedup, 6),
    "information-loss": (_information_loss, 5),
    "score": (_score, 5),
    "respond": (_method("respond"), 5),
    "evolve": (_method("evolve"), 4),
    "generate": (_method("generate"), 3),
    "preference": (_method("preference"), 3),
    "self-instruct": (_method("self-instruct"), 3),
    "select": (_select, 1.5),
    "diversity": (_diversity, 1.5),
    "report": (_report, 0.6),
}
