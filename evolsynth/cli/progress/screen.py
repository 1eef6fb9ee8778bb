"""A terminal that foreign text cannot steer: control characters are shown, not obeyed."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from evolsynth.report.text import visible

__all__ = ["Screen", "shown"]


def shown(what: object) -> str:
    """Text for a terminal, with all that would steer it made visible; lines stay lines."""
    return str(visible(str(what))).replace("\r", "[U+000D]")


class Screen(Console):
    """A console that no text can steer, and whose owner is told that nobody reads any more."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The parts of it, none of which steers the terminal but those that rich means to."""
        for part in super().render(renderable, options):
            own = part.control or part.text.isprintable()
            yield part if own else part._replace(text=shown(part.text))

    def on_broken_pipe(self) -> None:
        """Leave it to the caller; rich would end the program and close standard output."""
        raise BrokenPipeError
