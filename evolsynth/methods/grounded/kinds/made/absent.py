"""Questions with a fixed reply for what the text does not say: the sentence that has the answer is
left out of it, or stays, as often one as the other."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from evolsynth.evaluation.grounds.made.absent import asked, silent
from evolsynth.evaluation.text.stated.standing import refers_back, stands_alone
from evolsynth.evaluation.text.stated.swaps import swaps
from evolsynth.methods.grounded.draft import Draft, Passage, Place
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import draft, drawn, english, place
from evolsynth.prompts import prompt_lists

__all__ = ["absent"]


@kind("absent", task="classification")
@english
def absent(passage: Passage, random: Random) -> Iterator[Draft]:
    """Questions by rule to sentences that can be left out, but for the first of the text."""
    text = passage.text
    left_out = random.random() < 0.5
    places = list(enumerate(passage.sentences))[1:]
    for index, span in random.sample(places, len(places)):
        sentence = span.of(text)
        statement = _statement(sentence, text, random)
        rest = _without(passage, index)
        if statement is None or rest is None:
            continue
        shown = rest if left_out else text
        found = asked(sentence, statement, shown)
        if found is None or not silent(rest, sentence, found[0]):
            continue
        yield _draft(passage, random, sentence, statement, shown, found)
        left_out = not left_out


def _statement(sentence: str, text: str, random: Random) -> str | None:
    """What is asked by yes or no, or nothing to ask when it was; None where neither is possible."""
    if not stands_alone(sentence):
        return None
    if asked(sentence, "", text) and random.random() < 0.7:
        return ""
    false = [s.of(sentence) for s in swaps(sentence, text, random)[:1]]
    return random.choice([sentence, *false]) if false else None


def _without(passage: Passage, index: int) -> str | None:
    """The text without a sentence; None where that would leave a gap that a reader sees: the next
    one leans on it, or nothing is left of its paragraph."""
    text, span = passage.text, passage.sentences[index]
    following = passage.sentences[index + 1] if index + 1 < len(passage.sentences) else None
    border = text[span.end : following.start] if following else text[span.end :]
    alone = "\n" in text[passage.sentences[index - 1].end : span.start]
    last = following is None or "\n" in border
    if border.strip() or (alone and last) or text[span.start - 1] not in " \n":
        return None
    if not last and following and refers_back(following.of(text)):
        return None
    if last:
        return text[: span.start].rstrip() + text[span.end :]
    return text[: span.start] + text[span.end :].lstrip()


def _draft(
    passage: Passage,
    random: Random,
    sentence: str,
    statement: str,
    shown: str,
    found: tuple[str, str],
) -> Draft:
    question, said = found
    refusal = random.choice(prompt_lists("grounded/absent")["refusal"])
    answer = said if sentence in shown else refusal
    values = {"question": question, "refusal": refusal, "said": answer}
    form = "yes or no" if statement else "time"
    made = draft(
        "absent",
        drawn("absent", random, {**values, "title": passage.title}, form),
        passage,
        answer=answer,
        values=values,
        ground={"refusal": refusal, "sentence": sentence, "statement": statement},
        evidence=place(shown, sentence),
        text=shown,
    )
    fact: Place = place(passage.text, sentence)[0]
    return made._replace(told={**made.told, "fact": list(fact)})
