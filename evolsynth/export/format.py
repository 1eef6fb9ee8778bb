"""What an export format is, and how one is found by its name.

A format is a function of a row that gives the lines of it, none where it does not fit, in a file of
`evolsynth.export.formats` or in a module that another package names under the entry point group
``evolsynth.exports``::

    @exports("questions")
    def questions(row):
        \"\"\"The instruction alone.\"\"\"
        yield {"question": row.asked}

Its docstring is what the command line and the docs tell of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from evolsynth.registry import Registry
from evolsynth.rows import Row, Status

__all__ = ["EXPORTS", "ExportFormat", "Line", "Unfit", "exports"]

Line = dict[str, Any]
Function = Callable[[Row], Iterable[Line]]


class Unfit(Exception):  # noqa: N818 - it is no error: the row is left out, and counted
    """A row that a format has no place for; the message says why, for any such row."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ExportFormat:
    """A format; as `exports`, the decorator that registers a function as one.

    Args:
        name: for ``--format``.
        optional: columns that all lines of a file have as soon as one does, and what stands there
            in the others: no column comes and goes between rows.
        statuses: of the rows that it takes.
        described: the entry of LLaMA-Factory's ``dataset_info.json``, without the file's name, for
            lines with these columns; None: that trainer does not read it.
        ends: how its files are called, where the name that is given does not say it.
    """

    name: str
    function: Function = lambda row: ()
    optional: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    statuses: tuple[Status, ...] = ("accepted", "pending")
    described: Callable[[Iterable[str]], Mapping[str, Any]] | None = None
    ends: str = ".jsonl"

    @property
    def of_run(self) -> tuple[Status, ...]:
        """The statuses of the rows that it takes out of a run: those of no use, never."""
        if "failed" in self.statuses:
            return ("accepted", "pending")
        return self.statuses

    def __call__(self, row: Row) -> list[Line]:
        """The lines of a row.

        Raises:
            Unfit: it has no place in this format.
        """
        return list(self.function(row))


#: All formats by their names.
EXPORTS: Registry[ExportFormat] = Registry(
    "export format", "evolsynth.export.formats", "evolsynth.exports"
)


def exports(name: str, **about: Any) -> Callable[[Function], Function]:
    """Register a function of a row as a format; see `ExportFormat`.

    Raises:
        InputError: another module has a format of that name.
    """

    def register(function: Function) -> Function:
        whole = ExportFormat(name=name, function=function, **about)
        EXPORTS.register(name, whole, function.__module__)
        return function

    return register
