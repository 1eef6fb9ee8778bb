"""Kinds of tasks: what an instruction wants, and whether the truth of its answer is at stake."""

from __future__ import annotations

from typing import Literal, get_args

__all__ = ["TASKS", "Task"]

Task = Literal[
    "fact",  # a question with one right answer that the world decides: who, when, how many, what is
    "explanation",  # why, how something works, what something means; describe, compare
    "advice",  # what somebody should do, choose, buy, try
    "howto",  # steps, plans, recipes, schedules
    "ideas",  # lists of things made up or gathered: names, suggestions, examples, questions
    "creative",  # poems, stories, dialogues, jokes, slogans, descriptions made up
    "letter",  # messages to somebody: letters, e-mails, posts, invitations, reviews, speeches
    "opinion",  # what the answerer thinks; arguments for and against
    "rewriting",  # a given text said otherwise: shorter, corrected, translated, in another tone
    "extraction",  # what stands in a given text: names, answers, summaries, lists out of it
    "classification",  # one of some labels for what is given, or which of these does not belong
    "calculation",  # arithmetic, units, dates, logic: what can be computed
    "code",  # programs, queries, formulas, regular expressions
    "conversation",  # greetings, small talk, playing a part
    "other",  # none of them, or not told
]
#: All kinds of tasks.
TASKS: tuple[Task, ...] = get_args(Task)
