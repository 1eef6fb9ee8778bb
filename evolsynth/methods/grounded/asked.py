r"""How a question about a text is put, and in which form it is answered.

The wordings stand in ``prompts/grounded/question.txt``: the lines of ``[FORM]`` are instructions,
those of ``[FORM: answer]`` the responses that they ask for. Slots stand in braces, ``\n`` is a line
break.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from evolsynth.methods.grounded.asking import Question
from evolsynth.methods.grounded.draft import Draft, Passage, Place
from evolsynth.methods.grounded.said import sentence_case
from evolsynth.prompts import filled, prompt_lists

__all__ = ["FORMS", "worded_question"]

_LIST = "grounded/question"
#: How often each form is drawn.
FORMS: Mapping[str, float] = {"bare": 3, "either": 3, "short": 1.5, "sentence": 1.5, "quote": 2}
#: The longest answer, in words, that may be called a short one.
_SHORT = 6


def worded_question(question: Question, passage: Passage, random: Random) -> Draft:
    """A task that asks a question in one of its wordings, with its answer in the form asked for."""
    asked = random.choice(question.wordings)
    answer = question.answer.of(passage.text)
    evidence = question.said.sentence
    values = {
        "question": asked,
        "question_within": asked[0].lower() + asked[1:],
        "title": passage.title,
        "span": f"{sentence_case(answer)}.",
        "statement": question.statement,
        "evidence": evidence.of(passage.text),
    }
    lists = prompt_lists(_LIST)
    weights = {**FORMS, "short": FORMS["short"] if len(answer.split()) <= _SHORT else 0.0}
    form = random.choices(list(weights), list(weights.values()))[0]
    known = [w for w in lists[form] if passage.title or "{title}" not in w]
    wording, reply = random.choice(known), random.choice(lists[f"{form}: answer"])
    return Draft(
        question.kind,
        filled(wording, values),
        filled(reply, values),
        passage.text,
        (evidence,),
        {
            "kind": "span",
            "question": asked,
            "answer": answer,
            "statement": question.statement,
            "form": reply,
        },
        {
            "wording": wording,
            "form": form,
            "prompt": _LIST,
            "fact": list(Place(*question.answer)),
        },
    )
