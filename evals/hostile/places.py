"""Where inputs stand and outputs go: names, links, pipes, devices, and what is in the way."""

from __future__ import annotations

import os
from pathlib import Path

from evals.hostile.contents import Content
from evals.hostile.trial import Command, Draw, Output, Trial, What

__all__ = ["Places"]

_STEMS = ("rows", "data", "a b", "-rows", "--help", "[rows]", "ro*ws", "r?ws", "ü", "u\u0308", "行",
          "\x1b[31mred", "two\nlines", "tab\there", "'quoted'", '"', "$HOME", "x" * 200, "..rows",
          "rows.partial", "a:b", "scripted:x", "%s", "{0}", "[bold]x", "[red]", "\udcff",
          "\u202egnp", "#", "~", "nul\u00a0l", "rows.jsonl.partial", "@rows",
          "bell\x07")  # fmt: skip
_BAD_INPUTS = ("missing", "folder", "empty name", "too long", "loop", "null", "full", "tty",
               "not for us", "dangling", "dot", "proc", "slash", "no folder")  # fmt: skip


class Places:
    """Draws the places of one trial's command.

    ``tame`` is true until something was drawn that a command may refuse.
    """

    def __init__(self, trial: Trial, draw: Draw, command: Command, *, calm: float = 0.4) -> None:
        self._trial, self._draw, self._command = trial, draw, command
        self._inputs: list[str] = []
        self.calm = draw.chance(calm)
        self.tame = True

    def input(self, content: Content, *, stdin: bool = True) -> str:
        """Put the content somewhere; how the command is told of it."""
        draw, name = self._draw, self._name(content.suffix)
        if self.calm:
            how = "plain"
        else:
            ways = ("plain", "link", "hard link", "pipe", "bad", "stdin", "absolute", "winding")
            how = draw.choices(ways, (8, 3, 2, 3, 3, 3, 1, 1))[0]
            if how == "stdin" and (not stdin or self._command.stdin is not None):
                how = "plain"
            if content.parts is not None and how in ("hard link", "pipe", "stdin"):
                how = "plain"
        self._trial.told.append(f"input: {content.what}; {how}")
        told: str = getattr(self, f"_{how.replace(' ', '_')}")(name, content)
        return told

    def output(self, flag: str, what: What = "rows", suffix: str = ".jsonl") -> list[str]:
        """A flag with somewhere to write to; what was there belongs to nobody."""
        draw, trial = self._draw, self._trial
        if self.calm:
            name = f"out{flag.strip('-')}{suffix}"
            trial.outputs.append(Output(name, what))
            return [flag, name]
        ways = {
            "new": 6, "existing": 3, "an input": 4, "again": 2, "partial": 2, "link": 2, "pipe": 2,
            "full": 1, "stdout": 1, "stderr": 1, "null": 2, "dash": 1, "no folder": 2,
            "read only": 1,
            "empty": 1, "too long": 1, "folder": 1, "input's case": 1, "below a file": 1, "loop": 1,
            "fd": 1, "odd": 3, "dangling": 1,
        }  # fmt: skip
        how = draw.choices(tuple(ways), tuple(ways.values()))[0]
        if (how == "again" and not trial.outputs) or (
            how in ("an input", "input's case") and (not self._inputs)
        ):
            how = "new"
        trial.told.append(f"{flag}: {how}")
        return [flag, self._somewhere(how, flag, what, suffix)]

    # Inputs ---------------------------------------------------------------------------------

    def _name(self, suffix: str) -> str:
        draw = self._draw
        number = len(self._inputs)
        if self.calm:
            return f"in{number}{suffix}"
        stem = draw.choice(_STEMS) if draw.chance(0.4) else f"in{number}"
        return f"{stem}{suffix}"

    def _word(self, name: str) -> str:
        """The name as a word: one that begins with a hyphen would be a flag."""
        self._inputs.append(name)
        strange = name.startswith(("-", "~")) or any(c in name for c in "*?[")
        if name.startswith("-"):
            return f"./{name}"
        if strange or name.startswith("@"):
            self.tame = self.tame and not any(c in name for c in "*?[@")
        return name

    def _write(self, name: str, content: Content) -> None:
        path = self._trial.work / name
        if content.parts is None:
            path.write_bytes(content.data)
        for part, data in (content.parts or {}).items():
            (path / part).parent.mkdir(parents=True, exist_ok=True)
            (path / part).write_bytes(data)
        if not content.good:
            self.tame = False

    def _plain(self, name: str, content: Content) -> str:
        self._write(name, content)
        return self._word(name)

    def _link(self, name: str, content: Content) -> str:
        self._write(f"real{content.suffix}", content)
        self._inputs.append(f"real{content.suffix}")
        (self._trial.work / name).symlink_to(f"real{content.suffix}")
        return self._word(name)

    def _hard_link(self, name: str, content: Content) -> str:
        self._write(f"real{content.suffix}", content)
        self._inputs.append(f"real{content.suffix}")
        (self._trial.work / name).hardlink_to(self._trial.work / f"real{content.suffix}")
        return self._word(name)

    def _absolute(self, name: str, content: Content) -> str:
        self._plain(name, content)
        return str(self._trial.work / name)

    def _winding(self, name: str, content: Content) -> str:
        self._plain(name, content)
        (self._trial.work / "below").mkdir(exist_ok=True)
        return f"below/..//./{name}"

    def _pipe(self, name: str, content: Content) -> str:
        os.mkfifo(self._trial.work / name)
        self._trial.feeds[name] = content.data
        (self._trial.home / f"fed-{Path(name).name}").write_bytes(content.data)
        self.tame = False  # some commands say that they read twice
        return self._word(name)

    def _stdin(self, name: str, content: Content) -> str:
        self._command.stdin = content.data
        (self._trial.home / "stdin").write_bytes(content.data)
        self.tame = False
        return "-"

    def _bad(self, name: str, content: Content) -> str:
        """Nothing that rows can be read from."""
        self.tame = False
        work, how = self._trial.work, self._draw.choice(_BAD_INPUTS)
        self._trial.told.append(f"input: {how}")
        self._trial.marks.clear()
        self._trial.rows = None
        if how == "folder":
            (work / "folder.jsonl").mkdir(exist_ok=True)
            return "folder.jsonl"
        if how == "loop":
            (work / "loop.jsonl").symlink_to("loop.jsonl")
            return "loop.jsonl"
        if how == "dangling":
            (work / "gone.jsonl").symlink_to("nothing.jsonl")
            return "gone.jsonl"
        if how == "not for us":
            (work / "secret.jsonl").write_bytes(content.data)
            (work / "secret.jsonl").chmod(0)
            return "secret.jsonl"
        return {
            "missing": "no-such.jsonl", "empty name": "", "too long": "n" * 300 + ".jsonl",
            "null": "/dev/null", "full": "/dev/full", "tty": "/dev/tty", "dot": ".",
            "proc": "/proc/self/mem", "slash": f"{name}/", "no folder": "no/such/rows.jsonl",
        }[how]  # fmt: skip

    # Outputs --------------------------------------------------------------------------------

    def _somewhere(self, how: str, flag: str, what: What, suffix: str) -> str:
        trial, draw, work = self._trial, self._draw, self._trial.work
        name = f"out{flag.strip('-')}{suffix}"
        self.tame = self.tame and how in ("new", "existing", "partial", "no folder", "dash", "odd")
        if how == "odd":
            stem = draw.choice([one for one in _STEMS if not one.startswith(("@", "~", "-"))])
            name = f"{stem}{flag.strip('-')}{suffix}"
            self.tame = self.tame and "\udcff" not in name
        if how in ("an input", "input's case", "again"):
            return self._taken(how, what)
        if how in ("existing", "partial"):
            place = f"{Path(name).stem}.partial{suffix}" if how == "partial" else name
            (work / place).write_text('{"instruction":"This was here before."}\n', "utf-8")
        if how in ("new", "existing", "partial", "odd"):
            trial.outputs.append(Output(name, what))
            return name
        if how == "no folder":
            trial.outputs.append(Output(f"new/folder/{name}", what))
            return f"new/folder/{name}"
        if how in ("dash", "stdout"):
            trial.outputs.append(Output(None, what))
            return "-" if how == "dash" else "/dev/stdout"
        if how in ("link", "dangling"):
            if how == "link":
                (work / f"target{suffix}").write_text("", "utf-8")
            trial.outputs += [Output(f"target{suffix}", what), Output(name, what)]
            (work / name).symlink_to(f"target{suffix}")
            return name
        if how == "pipe":
            os.mkfifo(work / name)
            trial.drains.append(name)
            trial.outputs.append(Output(name, what))
            return name
        return self._in_the_way(how, name)

    def _in_the_way(self, how: str, name: str) -> str:
        """Where nothing can be written, or nothing is kept."""
        work = self._trial.work
        self._trial.whole = False
        if how == "folder":
            (work / name).mkdir(exist_ok=True)
        elif how == "loop":
            (work / name).symlink_to(name)
        elif how == "below a file":
            (work / "a-file").write_text("text", "utf-8")
            return f"a-file/{name}"
        elif how == "read only":
            return f"/proc/{name}"
        return {"full": "/dev/full", "null": "/dev/null", "stderr": "/dev/stderr", "empty": "",
                "too long": "n" * 300, "fd": "/dev/fd/1"}.get(how, name)  # fmt: skip

    def _taken(self, how: str, what: What) -> str:
        """A place that is an input's, or another output's, in one spelling or another."""
        draw, work = self._draw, self._trial.work
        self._trial.whole = False
        if how == "again":
            name = draw.choice(self._trial.outputs).path or "-"
        else:
            name = draw.choice(self._inputs)
            if how == "input's case":
                name = name.swapcase()
                if not (work / name).exists():  # another file, where case tells
                    self._trial.outputs.append(Output(name, what))
        made = draw.choice(("same", "dotted", "absolute", "winding", "link", "hard link"))
        self._trial.told.append(f"  spelled: {made}")
        if name == "-" or not (work / name).exists():
            made = "same"
        if any(os.path.lexists(work / one) for one in ("other", "twin")):
            made = "same"  # another output has that name already
        if made == "link":
            (work / "other").symlink_to(name)
            return "other"
        if made == "hard link" and (work / name).is_file():
            os.link(work / name, work / "twin", follow_symlinks=True)
            return "twin"
        if made == "winding":
            (work / "below").mkdir(exist_ok=True)
        spelled = {"absolute": f"{work}/{name}", "winding": f"below/../{name}"}
        return name if name == "-" else spelled.get(made, f"./{name}")
