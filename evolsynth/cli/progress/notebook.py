"""A run as a notebook shows it: a table below the cell, drawn anew twice a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from io import StringIO
from typing import Any

from rich.console import Console

from evolsynth.cli.progress.watch import Clock, _Watch, left_text, outcome_text, pace_text
from evolsynth.pipeline.run.state import COUNTED
from evolsynth.report.notebook import run_html

__all__ = ["Notebook", "in_notebook"]

_EVERY = 0.5


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this, which can show HTML."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class Notebook(_Watch):
    """Shows the table, what happened last, and when the run will end; at its end the table."""

    def __init__(self, *, clock: Clock = time.monotonic) -> None:
        super().__init__(Console(file=StringIO()), every=_EVERY, clock=clock)
        self._handle: Any = None
        self._note = ""

    def shown(self) -> str:
        """What is below the cell now."""
        state, pace = self._state, self._pace
        notes = (outcome_text(state), pace_text(pace), left_text(state, pace), self._note)
        return run_html(state.name, COUNTED, state.table(), notes, {})

    def _open(self) -> None:
        from IPython.display import HTML, display

        self._handle = display(HTML(self.shown()), display_id=True)

    def _show(self) -> None:
        if self._handle is not None:
            from IPython.display import HTML

            self._handle.update(HTML(self.shown()))

    def _tell(self, kind: str, data: Mapping[str, Any]) -> None:
        told = self._teller.tell(kind, data, self._state)
        if kind != "step" and told:
            self._note = told
            self._show()

    def _close(self) -> None:
        self._show()
