"""What Magpie's rows are steered by: a system prompt, or one drawn from several; and a topic, with
a prompt file of its own or any other. And what follows from its options before it runs."""

from __future__ import annotations

import asyncio
import bisect
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from evolsynth.columns import Columns, ColumnType
from evolsynth.errors import InputError
from evolsynth.evaluation.gate.checks.topic import ON_TOPIC, TopicCheck
from evolsynth.methods.method import Options
from evolsynth.prompts import load_prompt, prompt_names
from evolsynth.rows import derive_seed

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["Beginnings", "SystemPrompt", "SystemPrompts", "Weighted", "answers_of", "beginnings"]
__all__ += ["check_options", "topic_check"]
__all__ += ["columns_of", "hints_of", "more_beginnings", "steering_hint", "then_of", "topic_names"]

#: A system prompt and the probability with which it is drawn.
Weighted = tuple[str, float]
#: None, one text, a list of texts, texts by name, or texts by name with probabilities.
SystemPrompt = str | Sequence[str] | Mapping[str, str | Weighted] | None

_TOLERANCE = 1e-9
_DRAWS = 2**32 - 1  # `derive_seed` gives a number below this


class Choice(NamedTuple):
    """A system prompt, and its name where it has one."""

    key: str | None
    text: str | None


class SystemPrompts:
    """The choices and how often each is drawn; evenly, where no probabilities are given.

    Raises:
        InputError: there is no choice, one is empty, or the probabilities do not sum to 1
            (within 1e-9).
    """

    def __init__(self, given: SystemPrompt) -> None:
        self.choices, weights = _read(given)
        for choice in self.choices:
            if choice.text is not None and not choice.text.strip():
                name = f" '{choice.key}'" if choice.key is not None else ""
                raise InputError(
                    f"system_prompt{name} is empty. Give it a text, or None for the model's own."
                )
        self._up_to = list(itertools.accumulate(weights))

    def draw(self, seed: int, index: int) -> Choice:
        """The choice for row ``index``: it depends on ``seed`` and ``index`` alone."""
        if len(self.choices) == 1:
            return self.choices[0]
        at = derive_seed(seed, "magpie/system", str(index)) / _DRAWS * self._up_to[-1]
        return self.choices[min(bisect.bisect_right(self._up_to, at), len(self.choices) - 1)]


_GENERATES = re.compile(
    r"\b(?:generat|creat|writ|produc|invent|compos|formulat|mak|com)(?:es?|ing)\b(?: up)?(?: with)?"
    r"[^.]{0,60}\b(?:problems?|questions?|exercises?|tasks?|instructions?|prompts?|quer(?:y|ies)|"
    r"requests?)\b",
    re.I,
)
_HELPS = re.compile(r"\b(?:help|assist|support|answer|solv|teach|advis|guid)", re.I)


def steering_hint(system_prompt: str) -> str | None:
    """Advice on a system prompt that makes the assistant the one who asks; None for others.

    The model writes the *user's* turn next. Somebody who is told that the assistant "generates
    math problems" is asked by users for other things than somebody who "helps users solve" them.
    """
    found = _GENERATES.search(system_prompt)
    if found is None or _HELPS.search(system_prompt):
        return None
    return (
        f'"{" ".join(found.group().split())}" tells the assistant to ask, but it is the user\'s '
        'turn that is written next. "... that helps users solve ..." steers better.'
    )


def _read(given: SystemPrompt) -> tuple[list[Choice], list[float]]:
    if given is None or isinstance(given, str):
        return [Choice(None, given)], [1.0]
    if not given:
        raise InputError("system_prompt holds no text. Give at least one, or None.")
    if not isinstance(given, Mapping):
        if not all(isinstance(text, str) for text in given):
            raise InputError("system_prompt is a list of something else than texts. Give texts.")
        return [Choice(None, text) for text in given], [1.0] * len(given)
    if all(isinstance(value, str) for value in given.values()):
        return [Choice(key, str(text)) for key, text in given.items()], [1.0] * len(given)
    choices, weights = [], []
    for key, value in given.items():
        if isinstance(value, str) or len(value) != 2 or not isinstance(value[0], str):
            raise InputError(
                f"system_prompt '{key}': give every name a text, or every name (text, probability)."
            )
        text, weight = value
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1:
            raise InputError(
                f"system_prompt '{key}': the probability is {weight!r}: it must be from 0 to 1."
            )
        choices.append(Choice(key, text))
        weights.append(float(weight))
    total = math.fsum(weights)
    if abs(total - 1) > _TOLERANCE:
        raise InputError(f"The probabilities of system_prompt sum to {total:.10g}: make it 1.")
    return choices, weights


# Topics ------------------------------------------------------------------------------------------

_FOLDER = "magpie/topics"
_MOST_WORDS = 8  # that a topic's name may have to stand in an opening


class Beginnings(NamedTuple):
    """How rows are begun and what they are about.

    ``about`` is what instructions are compared with (None: with nothing), ``least`` the score that
    they must have (None: that of `TopicCheck`). ``openings`` are first
    words, ``banned`` what no instruction says. ``system`` is the topic's own system prompt, for
    those who give none, and ``source`` is what rows say of the prompt file.
    """

    about: str | None
    openings: tuple[str, ...]
    banned: tuple[str, ...]
    system: str | None
    source: Mapping[str, str]
    least: float | None = None


def topic_names() -> tuple[str, ...]:
    """The topics that have a prompt file, with openings and a system prompt of their own."""
    return tuple(name.removeprefix(f"{_FOLDER}/") for name in prompt_names(_FOLDER))


def beginnings(topic: str | None, *, steered: bool, made_up: bool = False) -> Beginnings:
    """The openings and the description for a topic, or for what is made up.

    A name of `topic_names` takes its prompt file. Any other topic takes openings that fit every
    subject, half of them with the topic's name in them ("In geometry, what is"), where what
    stands before its first colon is short enough to be one. Without a topic, ``steered`` says that
    a system prompt sets the subject: then openings that bring one of their own would be wrong.

    Raises:
        InputError: the topic is empty.
    """
    if topic is not None and topic.strip() in topic_names():
        file = load_prompt(f"{_FOLDER}/{topic.strip()}")
        return Beginnings(
            str(file.value("about")),
            tuple(file.value("openings")),
            tuple(file.value("banned", ())),
            file.part("system"),
            file.provenance,
            file.value("on_topic"),
        )
    if topic is not None and not topic.strip():
        raise InputError("The topic is empty. Name it in a few words, or give None.")
    if made_up:
        file = load_prompt("magpie/made_up")
        openings = tuple(file.value("openings"))
        return Beginnings(None, openings, tuple(file.value("banned")), None, file.provenance)
    file = load_prompt("magpie/steered" if topic is not None or steered else "magpie/openings")
    openings = tuple(file.value("openings"))
    if topic is not None:
        name = topic.partition(":")[0].strip()
        if len(name.split()) <= _MOST_WORDS:
            openings += tuple(file.part("named", topic=name).splitlines())
    return Beginnings(topic, openings, tuple(file.value("banned", ())), None, file.provenance)


def more_beginnings() -> Beginnings:
    """First words for kinds of tasks that the usual ones seldom begin."""
    file = load_prompt("magpie/more")
    openings, banned = tuple(file.value("openings")), tuple(file.value("banned"))
    return Beginnings(None, openings, banned, None, file.provenance)


# What follows from Magpie's options before it runs ----------------------------------------------


def columns_of(_: str, options: Options, __: Columns) -> Columns:
    """What rows have: an answer and turns only where they are asked for."""
    has: dict[str, ColumnType] = {"instruction": "text"}
    if options.get("with_text") and not answers_of(options):
        return Columns(has, {"response": "only requests that bring a text have one"})
    if answers_of(options):
        has["response"] = "text"
        if options.get("n_turns", 1) != 1 or options.get("include_system_prompt"):
            has["messages"] = "messages"
    if options.get("system_prompt") is not None:
        has["system"] = "text"
        if isinstance(options["system_prompt"], Mapping):
            has["system_prompt_key"] = "text"
    elif options.get("topic") is not None:
        return Columns(has, {"system": "not every topic brings one"})
    return Columns(has)


def then_of(options: Options) -> dict[str, Options]:
    """The command answers where magpie does not, so that nothing is spent on a bad request."""
    if options.get("only_instruction"):
        return {"gate": {}}
    names = {"response_sampling": "sampling", "response_max_tokens": "max_tokens"}
    names["response_prompt"] = "prompt"
    told = {name: options[own] for own, name in names.items() if own in options}
    return {"respond": told, "gate": {}}


def answers_of(options: Options) -> bool:
    """Whether it answers what it writes."""
    only = options.get("only_instruction")
    return options.get("n_turns", 1) > 1 if only is None else not only


def hints_of(options: Options) -> list[str]:
    """Where a system prompt will disappoint."""
    choices = SystemPrompts(options.get("system_prompt")).choices
    return [hint for c in choices if (hint := steering_hint(c.text or "")) is not None]


def check_options(
    n: int | None, n_turns: int, candidates: int | None, answering: bool, end_with_user: bool
) -> None:
    """See that Magpie's numbers are in their ranges and go with each other.

    Raises:
        InputError: one does not.
    """
    for name, value, least in (("n", n, 0), ("n_turns", n_turns, 1), ("candidates", candidates, 1)):
        if value is not None and value < least:
            raise InputError(f"{name} is {value}: it must be at least {least}.")
    if n_turns > 1 and not answering:
        raise InputError(
            f"only_instruction and n_turns={n_turns} contradict each other: the user's next turn "
            "follows on an answer. Leave out one of the two."
        )
    if n_turns == 1 and answering and end_with_user:
        raise InputError(
            "With one turn, end_with_user and only_instruction=False contradict each other. "
            "Leave out one of the two, or ask for more turns."
        )


async def topic_check(steer: Beginnings, embedder: Embedder | None) -> TopicCheck | None:
    """What tells whether instructions are on the topic; None where there is none."""
    if steer.about is None:
        return None
    if embedder is None:
        from evolsynth.evaluation.embed.minilm import MiniLM

        embedder = MiniLM()
    least = ON_TOPIC if steer.least is None else steer.least
    return await asyncio.to_thread(TopicCheck, steer.about, embedder, least=least)
