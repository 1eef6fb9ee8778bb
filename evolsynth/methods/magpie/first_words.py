"""Which first words a row of Magpie is given, and about what it is: drawn evenly, or by weights
where the run steers itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from evolsynth.evaluation.text.task import task_of
from evolsynth.methods.magpie.steering import Beginnings, more_beginnings
from evolsynth.prompts import prompt_lists
from evolsynth.rows import derive_seed

if TYPE_CHECKING:
    from evolsynth.methods.magpie.with_text import WithText
    from evolsynth.methods.steering import Steering

__all__ = ["FirstWords", "Opening", "first_words"]

_OPENINGS, _SUBJECTS = "openings", "subjects"
_DRAWS = 2**32 - 1
#: First words that leave open what it is about.
_OPEN = re.compile(r"\b(?:story|tale|poem|haiku|song)\b.* (?:about|of) (?:a|the)\Z")


class Opening(NamedTuple):
    """First words of a request, what it must not say, and the prompt file that they stand in.

    Args:
        text: the first words.
        banned: what must not be said behind them.
        source: what a row says of the prompt file.
        drawn: what was drawn for them, by the name of the set; nothing where nobody steers.
        lead: of a request that brings a text: what it asks for.
    """

    text: str
    banned: Sequence[str]
    source: Mapping[str, str]
    drawn: Mapping[str, str] = MappingProxyType({})
    lead: str | None = None


class FirstWords:
    """Draws first words; where a run steers itself, by the weights that it tells, and with subjects
    where they leave those open.

    Args:
        own: the first words of Magpie's options.
        seed: of the run.
        steering: tells the weights, if the run steers itself.
        texts: requests that bring a text, if there are to be such.
        more: other first words, for kinds of tasks of which there are few.
    """

    def __init__(
        self,
        own: Beginnings,
        seed: int,
        steering: Steering | None = None,
        texts: WithText | None = None,
        more: Beginnings | None = None,
    ) -> None:
        self._steering, self._seed, self._texts = steering, seed, texts
        self._homes = {opening: some for some in (own, more) if some for opening in some.openings}
        self._names = [*own.openings, *(texts.leads if texts else ())]
        self._usual = dict.fromkeys(self._names, 1.0)
        if more is not None:
            self._usual |= dict.fromkeys((o for o in more.openings if o not in self._usual), 1.0)

    @cached_property
    def _kinds(self) -> Mapping[str, str]:
        """The kinds of tasks that the openings begin."""
        told = {} if self._texts is None else self._texts.kinds
        return {o: told.get(o) or task_of(f"{o} thing") for o in self._usual if o}

    async def draw(self, index: int, candidate: int) -> Opening:
        """Those of a candidate for row ``index``."""
        if self._steering is None:
            draw = derive_seed(self._seed, "magpie/opening", str(index), candidate=candidate)
            return self._opening(self._names[draw % len(self._names)])
        from evolsynth.methods.steering import chosen

        weights = await self._steering.weights(index, _OPENINGS, self._usual, self._kinds)
        opening = chosen(weights, self._at(_OPENINGS, index, candidate))
        made = self._opening(opening, {_OPENINGS: opening})
        if made.lead is not None or _OPEN.search(opening) is None:
            return made
        usual = dict.fromkeys(prompt_lists("magpie/subjects")[_SUBJECTS], 1.0)
        weights = await self._steering.weights(index, _SUBJECTS, usual)
        subject = chosen(weights, self._at(_SUBJECTS, index, candidate))
        return made._replace(text=f"{opening} {subject}", drawn={**made.drawn, _SUBJECTS: subject})

    def _opening(self, name: str, drawn: Mapping[str, str] = MappingProxyType({})) -> Opening:
        """First words by their name, with all that belongs to them."""
        if name in self._homes:
            home = self._homes[name]
            return Opening(name, home.banned, home.source, drawn)
        return Opening(name, (), {}, drawn, lead=name)

    def _at(self, name: str, index: int, candidate: int) -> float:
        if not candidate:
            from evolsynth.methods.steering import spread

            return spread(self._seed, f"magpie/{name}", index)
        own = derive_seed(self._seed, f"magpie/{name}", str(index), candidate=candidate)
        return own / _DRAWS


def first_words(
    own: Beginnings,
    seed: int,
    steering: Steering | None,
    with_text: bool | None,
    *,
    free: bool,
    more: bool,
) -> FirstWords:
    """Where rows get their first words from; ``free`` says that a user has chosen none, ``more``
    that a run that steers itself may take other kinds of tasks."""
    texts = free and (steering is not None if with_text is None else with_text)
    more = more and free and steering is not None
    return FirstWords(
        own,
        seed,
        steering,
        texts=_texts() if texts else None,
        more=more_beginnings() if more else None,
    )


def _texts() -> WithText:
    """Requests that bring a text; what makes their answers is loaded for them alone."""
    from evolsynth.methods.magpie.with_text import WithText

    return WithText()
