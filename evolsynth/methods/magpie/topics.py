"""What keeps a Magpie run to a subject: a topic with a prompt file of its own, or any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from evolsynth.errors import InputError
from evolsynth.prompts import load_prompt, prompt_names

__all__ = ["Steering", "steering", "topic_names"]

_FOLDER = "magpie/topics"
_MOST_WORDS = 8  # that a topic's name may have to stand in an opening


class Steering(NamedTuple):
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


def steering(topic: str | None, *, steered: bool) -> Steering:
    """The openings and the description for a topic.

    A name of `topic_names` takes its prompt file. Any other topic takes openings that fit every
    subject, half of them with the topic's name in them ("In geometry, what is"), where what
    stands before its first colon is short enough to be one. Without a topic, ``steered`` says that
    a system prompt sets the subject: then openings that bring one of their own would be wrong.

    Raises:
        InputError: the topic is empty.
    """
    if topic is not None and topic.strip() in topic_names():
        file = load_prompt(f"{_FOLDER}/{topic.strip()}")
        return Steering(
            str(file.value("about")),
            tuple(file.value("openings")),
            tuple(file.value("banned", ())),
            file.part("system"),
            file.provenance,
            file.value("on_topic"),
        )
    if topic is not None and not topic.strip():
        raise InputError("The topic is empty. Name it in a few words, or give None.")
    file = load_prompt("magpie/steered" if topic is not None or steered else "magpie/openings")
    openings = tuple(file.value("openings"))
    if topic is not None:
        name = topic.partition(":")[0].strip()
        if len(name.split()) <= _MOST_WORDS:
            openings += tuple(file.part("named", topic=name).splitlines())
    return Steering(topic, openings, tuple(file.value("banned", ())), None, file.provenance)
