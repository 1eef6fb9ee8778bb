"""Rows by a grammar of our own, some with a planted defect: to measure a gate on any number.

The same number and seed give the same rows. Each row is made when it is asked for, so that a
stream of them takes no memory.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from evolsynth.rows import Row

__all__ = ["DEFECTS", "Planted", "planted"]


def _parts(text: str) -> list[str]:
    """What stands between bars; a line's end is no part of it."""
    return text.strip().replace("\n", "").split("|")


_PLACES = _parts(
    """
a harbour town|a mountain village|a large city|a small farm|an island|a school|a hospital|
a railway station|a desert camp|a forest hut|a northern coast|a public library|a weekly market|
a shared flat|a museum|a shipyard|a bakery|a quarry|a vineyard|a fish market|an orchard|
a power station|a border town|a theatre|a monastery|a garden colony|a hotel|a sports club|
a canal lock|a post office
"""
)
_THINGS = _parts(
    """
bread ovens|street lamps|rain barrels|bicycle paths|wool blankets|tide tables|stone walls|
bee hives|church bells|ferry timetables|apple presses|sand dunes|paper maps|glass bottles|
snow ploughs|water mills|night trains|fishing nets|clay pots|solar panels|door locks|
school meals|tram lines|sheep dogs|rope bridges|coal stoves|herb gardens|wind pumps|ink pens|
leather boots|lifeboats|salt pans|weather stations|wooden toys|charcoal drawings|violin strings|
concrete floors|rubber seals|copper pipes|cotton shirts|dry docks|fire alarms|grain stores|
hay barns|ice houses|kitchen knives|lemon trees|marble steps|needle cases|oak barrels|
pottery wheels|quilted coats|river barges|silver spoons|tin roofs|umbrella stands|
velvet curtains|wax candles|yeast cultures|zinc buckets|pigeon lofts|chess clocks|brick kilns|
sewing machines|mushroom cellars|toll roads|tea gardens|drinking fountains|diving bells|
printing presses|music boxes|saddle bags|ski lifts|tool sheds|compost heaps|reading lamps|
cable cars|signal flags|milk churns|ant colonies|owl boxes
"""
)
_TOPICS = _parts(
    """
the cost of|the history of|the care of|the colour of|the noise of|the shape of|the safety of|
the weight of|the repair of|the design of|the storage of|the trade in|the rules for|
the taxes on|common mistakes with|old stories about|songs about|the cleaning of|
the invention of|the future of|the smell of|the transport of|the insurance of|the theft of|
the painting of
"""
)
_ASKS = _parts(
    """
Explain {t} {x} in {p}.|How did {t} {x} change in {p}?|Describe {t} {x} for a visitor to {p}.|
Write a short speech on {t} {x} in {p}.|What should a beginner in {p} know about {t} {x}?|
List the main facts about {t} {x} in {p}.|Compare {t} {x} with that of {y} in {p}.|
Why do people in {p} argue over {t} {x}?|Draft a notice from {p} about {t} {x}.|
Suggest a plan to improve {t} {x} in {p}.|Give advice to a teacher from {p} on {t} {x}.|
What did {y} have to do with {t} {x} in {p}?|Outline a talk at {p} on {t} {x}.|
Tell a newcomer to {p} how {t} {x} became so important.
"""
)
_SAYS = _parts(
    """
Most people in {p} first met {x} through a neighbour.|
The oldest records of {x} are kept near {p}.|Where {y} were rare, {x} took their place.|
A careful owner of {x} looks at them once a week.|
Nobody in {p} has agreed on who should pay for {x}.|
Good {x} last for many years if they stay dry.|
Some visitors to {p} care more for {y} than for {x}.|
The first step is to count the {x} that are there.|
After that the {y} are moved to the other side.|In the end {p} kept both its {x} and its {y}.|
Cheap {x} break early and are hard to mend.|
The council of {p} wrote down what is allowed with {x}.|
Children learn about {x} before they can read.|Rain and frost are what {x} suffer from most.|
With {y} nearby the work on {x} goes faster.|A simple drawing shows how {x} fit into {p}.|
Those who sell {x} often also repair {y}.|Two winters ago {p} lost half of its {x}.
"""
)
_GERMAN = _parts(
    """
Die meisten Leute kennen das von ihren Nachbarn und haben es nie anders gesehen.|
Wenn der Winter kommt, wird es noch einmal schwer, aber dann ist auch das vorbei.|
Das ist nicht so teuer, wie man denkt, und es hält für viele Jahre.|
Am Ende haben sie sich auf einen Preis geeinigt, den alle bezahlen können.
"""
)


class Planted(NamedTuple):
    """A row, and the reason for which it should be refused; empty for a good one."""

    row: Row
    defect: str


class _Draw:
    """The words of one row."""

    def __init__(self, seed: int, number: int) -> None:
        self.random = random.Random(f"{seed}/{number}")  # noqa: S311 - reproducible on purpose
        self.words = {
            "t": self.random.choice(_TOPICS).strip(),
            "p": self.random.choice(_PLACES).strip(),
        }
        self.words["x"], self.words["y"] = (w.strip() for w in self.random.sample(_THINGS, 2))

    def instruction(self) -> str:
        return self.random.choice(_ASKS).strip().format(**self.words)

    def sentences(self, count: int) -> list[str]:
        said = self.random.sample(_SAYS, count)
        return [_capital(one.strip().format(**self.words)) for one in said]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _german(draw: _Draw, row: Row) -> Row:
    return row.replace(response=" ".join(draw.random.sample(_GERMAN, 3)))


def _cut(draw: _Draw, row: Row) -> Row:
    """In the middle of the last sentence."""
    whole = (row.response or "").split()
    return row.replace(response=" ".join(whole[: -draw.random.randint(2, 4)]).rstrip(".,"))


def _loop(draw: _Draw, row: Row) -> Row:
    first, *_ = draw.sentences(1)
    return row.replace(response=" ".join([first] * draw.random.randint(3, 6)))


_REFUSALS = (
    "I'm sorry, but I can't help with that request.",
    "I cannot provide advice on this. Please ask somebody else.",
    "As an AI language model, I am unable to have views on this.",
    "I apologize, but I won't answer this question.",
)
_OFFERS = (
    "I'd be happy to help you with that! What would you like to know?",
    "That sounds like a great topic. How can I assist you today?",
    "I'm here to help. Please tell me more about what you need.",
)
_SELVES = (
    "You are a helpful AI assistant. {r}",
    "I am an AI chatbot and was designed to answer. {r}",
    "As a language model, I see it like this. {r}",
)
_LEAKS = (
    "{r}<|im_end|>",
    "<|im_start|>assistant\n{r}",
    "{r}\n### Instruction: go on",
    "[INST] {r}",
)


def _spoken(*forms: str) -> Callable[[_Draw, Row], Row]:
    return lambda draw, row: row.replace(response=draw.random.choice(forms).format(r=row.response))


def _same_text(draw: _Draw, row: Row) -> Row:
    """The instruction as somebody else typed it."""
    text = row.instruction or ""
    ways = (text.upper(), text.lower(), f"  {text}", text.rstrip(".?"), text.replace(" ", "  "))
    return row.replace(instruction=draw.random.choice(ways))


#: How each defect is put into a good row, by the reason that the gate should give.
DEFECTS: dict[str, Callable[[_Draw, Row], Row]] = {
    "empty": lambda _, row: row.replace(response=" "),
    "too_short": lambda draw, row: row.replace(instruction=f"{draw.words['x'].title()}?"),
    "template_leak": _spoken(*_LEAKS),
    "repetition": _loop,
    "refusal": _spoken(*_REFUSALS),
    "self_talk": _spoken(*_SELVES),
    "no_answer": _spoken(*_OFFERS),
    "copies_question": lambda _, row: row.replace(response=row.instruction),
    "broken_off": _cut,
    "wrong_language": _german,
    "exact_duplicate": _same_text,
}


def planted(n: int, *, share: float = 0.2, seed: int = 0) -> Iterator[Planted]:
    """``n`` rows, of which ``share`` have one defect, each kind as often as any other.

    A copy is one of a good row among the thousand before it. Good rows are not made to be unlike
    each other: some say nearly the same by chance.
    """
    kinds = list(DEFECTS)
    texts: set[int] = set()
    redrawn: set[int] = set()
    for number in range(n):
        plan = random.Random(f"{seed}/plan/{number}")  # noqa: S311 - reproducible on purpose
        defect = plan.choice(kinds) if plan.random() < share and number else ""
        source = number
        if defect == "exact_duplicate":
            source = plan.randrange(max(0, number - 1000), number)
            if _defect(seed, source, share) or source in redrawn:  # what it copies may be refused
                source, defect = number, ""
        draw = _Draw(seed, source)
        while hash(text := draw.instruction()) in texts and defect != "exact_duplicate":
            redrawn.add(number)
            draw = _Draw(seed, draw.random.randrange(10**12) + n)
        texts.add(hash(text))
        row = Row(id=f"r{number}", instruction=text, response=" ".join(draw.sentences(3)))
        yield Planted(DEFECTS[defect](draw, row) if defect else row, defect)


def _defect(seed: int, number: int, share: float) -> bool:
    plan = random.Random(f"{seed}/plan/{number}")  # noqa: S311 - as in `planted`
    return bool(plan.random() < share and number)
