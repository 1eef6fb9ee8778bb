"""Answers that people wrote, spoiled on purpose: each way is a kind of bad response.

The words were not chosen by what our checks look for; some ways they are known to miss.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence

from evals.quality import Answer

__all__ = ["WAYS", "Spoil", "swapped"]

Spoil = Callable[[random.Random, Answer], str]

_REFUSALS = (
    "Sorry, I can't do that.",
    "I'm sorry, but this is not something I can talk about.",
    "I am not able to answer this question, as it goes against my guidelines.",
    "Unfortunately, I cannot help you with this.",
    "I'd rather not discuss that. Let's talk about something else.",
    "As a language model I have no access to such information.",
    "I apologize, but I am unable to provide an answer to that.",
    "I can't assist with that request.",
    "It would not be appropriate for me to answer.",
    "My apologies, this is beyond what I am allowed to do.",
)
_FOREIGN = (
    "Man sollte zuerst prüfen, ob alles trocken ist, und dann die Teile wieder in der alten "
    "Reihenfolge zusammensetzen. Das dauert nicht lange.",
    "Il faut d'abord vérifier que tout est sec, puis remettre les pièces dans le même ordre. "
    "Cela ne prend pas beaucoup de temps.",
    "Primero hay que comprobar que todo está seco y después volver a colocar las piezas en el "
    "mismo orden. No se tarda mucho.",
    "Prima bisogna controllare che tutto sia asciutto e poi rimettere i pezzi nello stesso ordine. "
    "Non ci vuole molto tempo.",
    "Primeiro é preciso ver se tudo está seco e depois colocar as peças na mesma ordem. Isso não "
    "leva muito tempo.",
    "Eerst moet je kijken of alles droog is, en dan zet je de delen in dezelfde volgorde weer in "
    "elkaar. Het duurt niet lang.",
    "Сначала нужно проверить, что всё сухо, а потом собрать части в том же порядке. Это не займёт "
    "много времени.",
    "首先要检查所有东西是否已经干了，然后按照原来的顺序把零件重新装好。这不会花很长时间。",
    "Najpierw trzeba sprawdzić, czy wszystko jest suche, a potem złożyć części w tej samej "
    "kolejności. To nie zajmie dużo czasu.",
)
_OFFERS = (
    "I'd love to help with that! Could you tell me a bit more?",
    "Sure, I can help you with this. What exactly do you need?",
    "Great question! Let me know which part you are interested in.",
    "Of course! Please provide more details so that I can answer.",
    "Here is the answer to your question:",
)


def _middle(draw: random.Random, answer: Answer) -> str:
    """Stopped somewhere in the last sentence."""
    words = answer.response.split()
    ends = [i for i, word in enumerate(words[:-1]) if word[-1] in ".!?"]
    least = (ends[-1] if ends else 0) + 2
    if len(words) - 1 <= least:
        return " ".join(words[: max(least - 1, 1)])
    return " ".join(words[: draw.randrange(least, len(words) - 1) + 1]).rstrip(".,;:")


def _half(draw: random.Random, answer: Answer) -> str:
    """Stopped after about half of its words."""
    words = answer.response.split()
    return " ".join(words[: max(int(len(words) * draw.uniform(0.4, 0.7)), 1)])


def _sentences(answer: Answer) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", answer.response)


def _same_sentence(draw: random.Random, answer: Answer) -> str:
    """The last sentence said again two to four times."""
    last = _sentences(answer)[-1]
    return " ".join([answer.response, *[last] * draw.randint(2, 4)])


def _same_phrase(draw: random.Random, answer: Answer) -> str:
    """The last words again and again."""
    words = answer.response.rstrip(".!?").split()
    tail = words[-draw.randint(2, 6) :]
    return " ".join(words + tail * draw.randint(3, 8))


#: Each way with the code that names it.
WAYS: Mapping[str, tuple[str, Spoil]] = {
    "cut in the last sentence": ("broken_off", _middle),
    "cut in half": ("broken_off", _half),
    "last sentence again": ("repetition", _same_sentence),
    "last words in a loop": ("repetition", _same_phrase),
    "answer twice": ("repetition", lambda _, a: f"{a.response} {a.response}"),
    "refusal": ("refusal", lambda draw, _: draw.choice(_REFUSALS)),
    "only an offer": ("no_answer", lambda draw, _: draw.choice(_OFFERS)),
    "question copied": (
        "copies_question",
        lambda draw, a: draw.choice(("{}", "Question: {}", '"{}"', "{}\nAnswer:")).format(
            a.instruction
        ),
    ),
    "another language": ("wrong_language", lambda draw, _: draw.choice(_FOREIGN)),
    "turn marks left": (
        "template_leak",
        lambda draw, a: draw.choice(("{}<|im_end|>", "assistant\n{}", "### Response:\n{}")).format(
            a.response
        ),
    ),
}


def swapped(answers: Sequence[Answer], by: int) -> list[Answer]:
    """Each instruction with the response of the one that is ``by`` places further on."""
    return [
        Answer(answer.instruction, answers[(i + by) % len(answers)].response)
        for i, answer in enumerate(answers)
    ]
