"""A title belongs to a text whose words it has, if the other titles have none of them."""

from __future__ import annotations

from collections.abc import Sequence

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.grounds.made.settled import differs
from evolsynth.evaluation.text.words import content, occurs, stems_of
from evolsynth.rows import Row

__all__ = ["choice", "choose_title", "fits", "foreign"]

_LETTERS = "ABCD"


def fits(title: str, text: str) -> bool:
    """Whether a title is told by a text: it says at least half of the title's words of content."""
    wanted, found = [word.stem for word in content(title)], stems_of(text)
    return bool(wanted) and 2 * sum(occurs(stem, found) for stem in wanted) >= len(wanted)


def foreign(title: str, text: str) -> bool:
    """Whether a title has no word of content that a text has."""
    found = stems_of(text)
    return not any(occurs(word.stem, found) for word in content(title))


def choice(titles: Sequence[str], right: str) -> dict[str, str]:
    """The slots of a wording and its answer."""
    quoted = [f'"{title}"' for title in titles]
    return {
        "options": "\n".join(f"{_LETTERS[i]}. {title}" for i, title in enumerate(titles)),
        "listed": f"{', '.join(quoted[:-1])} or {quoted[-1]}",
        "letter": _LETTERS[titles.index(right)],
        "right": right,
    }


@ground("choose_title")
def choose_title(
    row: Row, *, wording: str, form: str, answer: str, titles: Sequence[str], right: str
) -> str | None:
    """One title has the words of the row's text, the others have none of them."""
    text = row.input or ""
    if right in text or not fits(right, text):
        return "The text does not tell its title, or has it in it."
    if not all(foreign(title, text) for title in titles if title != right):
        return "Another title may fit as well."
    values = choice(titles, right)
    if answer not in (values["letter"], right):
        return "Another title fits the text."
    return differs(row, wording, form, answer, values)
