"""Kinds of tasks: what an instruction wants, and whether the truth of its answer is at stake.

By rules, for English: the verb and object that `verbs.root` finds, and words where they stand
(``task.txt``). What is in another language is "other". `python -m evals tasks` measures them on
``evals/data/tasks.jsonl``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Literal, get_args

from evolsynth.evaluation.text.anchor import Anchor, anchor_of
from evolsynth.evaluation.text.finders import AnyCase, alternatives, finder
from evolsynth.evaluation.text.language import is_english
from evolsynth.evaluation.text.verbs import Root, root
from evolsynth.evaluation.text.words import plain, vocabularies, word_lists

__all__ = ["TASKS", "Task", "task_of", "truth_at_stake"]

Task = Literal[
    "fact",  # what the world decides: who, when, how many, which; also lists of such things
    "explanation",  # why, how something works, what something means; describe, compare, essays
    "advice",  # what somebody should do, choose, buy, try, of things that there are
    "howto",  # steps, plans, recipes, schedules
    "ideas",  # lists of things made up: names, titles, themes, activities, questions to ask
    "creative",  # poems, stories, dialogues, jokes, slogans, descriptions made up
    "letter",  # messages to somebody: letters, e-mails, posts, invitations, reviews, toasts
    "opinion",  # what the answerer thinks; arguments for and against
    "rewriting",  # a given text said otherwise: shorter, corrected, translated, in another tone
    "extraction",  # what stands in a given text: names, answers, lists out of it
    "classification",  # one of some labels for what is given, or which of these does not belong
    "ordering",  # given words, numbers, events or steps put in another order
    "formatting",  # a given text in another form with the same words: bullets, a table, JSON
    "fill_in",  # a word or a number for a gap in a sentence
    "calculation",  # arithmetic, units, dates, counting, logic: what can be computed
    "code",  # programs, queries, formulas, regular expressions
    "conversation",  # greetings, small talk, playing a part
    "other",  # none of them, or not told
]
#: All kinds of tasks.
TASKS: tuple[Task, ...] = get_args(Task)
#: Those whose answers are made up: nothing that they say can be false.
_MADE_UP: frozenset[Task] = frozenset(("ideas", "creative", "letter", "conversation"))

_LOOKED_AT = 2000  # characters; what is asked stands near the beginning
_LISTS = vocabularies(__file__, "task.txt")
_WORDS = alternatives(word_lists(__file__, "task.txt"))
_FOUND = {
    task: AnyCase(finder(_WORDS, task, "anywhere", "first", "asked").pattern) for task in TASKS
}
_STAKE = AnyCase(finder(_WORDS, "stake", "anywhere").pattern)
_QUESTION_WORDS = (
    "how|what|who|why|which|where|when|is|are|was|were|do|does|did|should|(?:can|could|may) i"
)
_ASKS = rf"^\W*(?:{_QUESTION_WORDS})\b"
_QUESTION = re.compile(_ASKS, re.I)
_NO_LETTER = re.compile(rf"{_ASKS}|\b(?:{_WORDS['letter: not letters']})\b", re.I)
_NO_IDEAS = re.compile(
    rf"^\W*(?!what\b)(?:{_QUESTION_WORDS})\b|\b(?:{_WORDS['ideas: not ideas']})\b", re.I
)
_GREETING = re.compile(rf"^\W*(?:{_WORDS['greetings']})\b(?: there| again)?\W*", re.I)
_SMALL_TALK = re.compile(rf"^\W*(?:{_WORDS['small talk']})\b", re.I)
#: What leads on to a text in the same sentence, and a blank to be filled.
_LED_ON = re.compile(r"\w: ?\S|___")
#: "In marketing, what is ...": what stands before the request itself.
_SCENE = re.compile(r"^(?:in|as|when|for|during|after|before|while|if|at)\b[^,.?!\n]{1,80}, ", re.I)
#: What points at a text, which may stand in the row beside the request.
_POINTED = re.compile(
    rf"\b(?:(?:this|these|following|each)\b(?: [\w'-]+){{0,2}}? (?:{_WORDS['given']}|"
    rf"{_WORDS['given parts']})|the\b(?: [\w'-]+){{0,2}}? (?:{_WORDS['given']}))\b",
    re.I,
)
#: Questions by which one of some answers is to be chosen.
_CHOICES = ("which", "is", "are", "does", "do", "did", "was", "were")
_DEFINITE = r"\b(?:the|these|those)(?: [\w'-]+){0,2}? %s"


def truth_at_stake(task: Task) -> bool:
    """Whether answers to this kind of task can be wrong where form alone does not tell.

    Of what is made up (ideas, creative writing, letters, conversation) they cannot. "other" is
    taken to be at stake.
    """
    return task not in _MADE_UP


@lru_cache(maxsize=4096)
def task_of(instruction: str, *, about_text: bool = False) -> Task:
    """The kind of task that an instruction sets; "other" where it is in another language.

    Careful where truth is not at stake: what speaks of facts, of somebody's works, or of a given
    text is not taken for made up.

    Args:
        about_text: whether a text goes with it that does not stand in it. What is asked of one is
            extraction ("When was it built?"), or classification where that is yes or no.
    """
    text = plain(instruction[:_LOOKED_AT]).strip()
    if not text or not is_english(text):
        return "other"
    anchor = anchor_of(text)
    request = anchor.request if anchor.given else text
    if about_text and not anchor.given:
        anchor = anchor._replace(given=_BESIDE)
    greeting = _GREETING.match(request)
    if greeting:
        request = request[greeting.end() :]
        if not request or _SMALL_TALK.match(request):
            return "conversation"
    if not is_english(request):
        return "other"
    asked = _Asked(request, anchor)
    return next((task for task, rule in _RULES if rule(asked)), "other")


_BESIDE = "(a text beside the instruction)"
_OPEN = frozenset(("what", "who", "whom", "whose", "when", "where", "why", "how", "which"))
#: "In which year ...", "Tell me who ...".
_OPENING = re.compile(
    rf"^\W*(?:(?:please )?(?:tell me|say|state) )?(?:[a-z]+ )?(?:{'|'.join(sorted(_OPEN))})\b", re.I
)


class _Asked:
    """A request, what goes with it, and what several rules ask of it, each found out once."""

    def __init__(self, text: str, anchor: Anchor) -> None:
        self.text, self.anchor = text, anchor
        self.root: Root = root(text)

    @cached_property
    def behind_scene(self) -> str | None:
        """The request without what stands before it, where something does."""
        scene = _SCENE.match(self.text)
        return None if scene is None else self.text[scene.end() :]

    @cached_property
    def at_stake(self) -> bool:
        """Whether it speaks of facts, of somebody's works, or of a given text."""
        return _STAKE.found_in(self.text)

    @cached_property
    def pointed(self) -> bool:
        """Whether it points at a text."""
        return _POINTED.search(self.text) is not None

    @cached_property
    def given(self) -> bool:
        """Whether there is a text to work on."""
        return bool(self.anchor.given) or _LED_ON.search(self.text) is not None or self.pointed


Rule = Callable[[_Asked], bool]


def _words(task: Task) -> Rule:
    """The words of a kind, with what stands before the request or without."""
    found_in = _FOUND[task].found_in

    def rule(asked: _Asked) -> bool:
        if found_in(asked.text):
            return True
        return asked.behind_scene is not None and found_in(asked.behind_scene)

    return rule


def _verbs(task: Task) -> Rule:
    """The verbs of a kind, said of a text that is given."""
    verbs = _LISTS[f"{task} verbs"]
    return lambda asked: asked.root.verb in verbs and asked.given


def _verb_alone(task: Task) -> Rule:
    """The verbs of a kind where nothing else tells it, and no text is given or none was seen."""
    verbs = _LISTS[f"{task} verbs"] - _LISTS["telling too little"]
    return lambda asked: asked.root.verb in verbs


def _asked_of_given(asked: _Asked) -> bool:
    """A question about a given text."""
    if asked.root.question in _CHOICES and asked.pointed:
        return True
    return bool(asked.anchor.given) and asked.root.question is not None


def _asked_of_text(asked: _Asked) -> bool:
    """An open question about a text that stands beside it."""
    if asked.anchor.given != _BESIDE:
        return False
    return asked.root.question in _OPEN or _OPENING.search(asked.text) is not None


def _made_up(task: Task, *, but: re.Pattern[str] | None = None) -> Rule:
    """Something new of a kind is asked for, and nothing that is true or false."""

    made, told = (_LISTS.get(f"{task} {how}", frozenset()) for how in ("objects", "told objects"))

    def rule(asked: _Asked) -> bool:
        if asked.at_stake or (but is not None and but.search(asked.text)):
            return False
        if _FOUND[task].found_in(asked.text):
            return True
        found = asked.root
        new = (found.verb in _LISTS["making verbs"] and found.object in made) or (
            found.verb in _LISTS["telling verbs"] and found.object in told
        )
        return new and not asked.anchor.given and not _definite(asked.text, found.object or "")

    return rule


def _definite(request: str, noun: str) -> bool:
    """Whether a text speaks of "the story": one that there is."""
    return re.search(_DEFINITE % re.escape(noun), request, re.I) is not None


#: The first that holds tells the kind.
_RULES: Sequence[tuple[Task, Rule]] = (
    ("formatting", _words("formatting")),
    ("code", _words("code")),
    ("fill_in", _words("fill_in")),
    ("ordering", _words("ordering")),
    ("classification", _words("classification")),
    ("calculation", _words("calculation")),
    ("conversation", _made_up("conversation")),
    ("creative", _made_up("creative", but=_QUESTION)),
    ("letter", _made_up("letter", but=_NO_LETTER)),
    ("rewriting", _words("rewriting")),
    ("rewriting", _verbs("rewriting")),
    ("extraction", _words("extraction")),
    ("extraction", _asked_of_text),
    ("extraction", _verbs("extraction")),
    ("classification", _verbs("classification")),
    ("classification", _asked_of_given),
    ("ideas", _made_up("ideas", but=_NO_IDEAS)),
    ("opinion", _words("opinion")),
    ("advice", _words("advice")),
    ("howto", _words("howto")),
    ("explanation", _words("explanation")),
    ("fact", _words("fact")),
    ("rewriting", _verb_alone("rewriting")),
    ("classification", _verb_alone("classification")),
    ("extraction", _verb_alone("extraction")),
)
