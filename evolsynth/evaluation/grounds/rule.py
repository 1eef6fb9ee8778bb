"""Answers that follow from the text in an instruction by a rule: sorted, counted, copied out.

The instruction says which rule it is by one of the leads of ``prompts/magpie/with_text.j2``, and
brings its text: a sentence in quotes, or words or numbers with commas between them; or else the
text stands behind a blank line, or in the row's input. Each rule is a
function of that text, which raises a `ValueError` where the text does not decide the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.prompts import load_prompt
from evolsynth.rows import Row

__all__ = ["LEADS", "RULES", "Task", "answer_of", "asked_by", "rule", "text_with"]

#: The prompt file with the leads.
LEADS = "magpie/with_text"

_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
_CONTRACTIONS = {
    "don't": "do not", "doesn't": "does not", "didn't": "did not", "can't": "cannot",
    "won't": "will not", "isn't": "is not", "aren't": "are not", "wasn't": "was not",
    "weren't": "were not", "shouldn't": "should not", "couldn't": "could not",
    "wouldn't": "would not", "haven't": "have not", "hasn't": "has not", "hadn't": "had not",
    "i'm": "I am", "we're": "we are", "they're": "they are", "you're": "you are",
    "i've": "I have", "we've": "we have", "they've": "they have", "you've": "you have",
    "i'll": "I will", "we'll": "we will", "they'll": "they will", "you'll": "you will",
    "he'll": "he will", "she'll": "she will", "it'll": "it will",
}  # fmt: skip
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE = re.compile(rf"\b\d{{1,2}} (?:{_MONTHS}) \d{{4}}\b")
_EMAIL = re.compile(r"\b[a-z0-9.]+@[a-z0-9.]+[a-z0-9]\b")
_NUMBER = re.compile(r"(?<![\w.,])\d+(?![\w]|[.,]\d)")
_NUMBER_WORDS = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty"
    r"|hundred|thousand|million|half|dozen|first|second|third)\b",
    re.I,
)


class Task(NamedTuple):
    """What an instruction asks of its text: the rule's name, the words that its lead brings, and
    the text."""

    rule: str
    words: tuple[str, ...]
    text: str


def _fit(holds: bool, why: str) -> None:
    if not holds:
        raise ValueError(why)


def _items(text: str) -> list[str]:
    items = text.split(", ")
    _fit(len(set(map(str.casefold, items))) == len(items) > 2, "the items are not all different")
    return items


def _numbers(text: str) -> list[int]:
    return [int(item) for item in _items(text)]


def _capitals(text: str) -> str:
    return text.upper()


def _expanded(text: str) -> str:
    def whole(match: re.Match[str]) -> str:
        said = match[0].replace("’", "'")
        long = _CONTRACTIONS.get(said.lower())
        _fit(long is not None, f"{said} has more than one long form")
        assert long is not None  # noqa: S101 - for the type checker
        first = match.start() == 0 or said[0].isupper()
        return long[0].upper() + long[1:] if first else long

    made = re.sub(r"[A-Za-z]+['’][A-Za-z]+", whole, text)
    _fit(made != text, "there is no contraction")
    _fit(not re.search(r"\b(?:cannot|not) (?:I|we|you|he|she|it|they)\b", made), "it asks")
    return made


def _replaced(text: str, old: str, new: str) -> str:
    _fit(old in _WORD.findall(text), f"'{old}' does not stand there")
    _fit(new not in text, f"'{new}' stands there already")
    _fit(not re.search(rf"\b{old}\w|\w{old}\b", text), f"'{old}' is part of another word")
    return re.sub(rf"\b{old}\b", new, text)


#: Words that a sentence cannot do without and still say the same.
_TURNS = frozenset({"never", "not", "no", "nobody", "none", "nothing", "hardly", "only", "without"})


def _without(text: str, word: str) -> str:
    _fit(word.lower() not in _TURNS, f"without '{word}' the sentence says the opposite")
    found = list(re.finditer(rf"\b{word}\b ?", text))
    _fit(len(found) == 1 and found[0][0].endswith(" "), f"'{word}' does not stand there once")
    before, behind = text[: found[0].start()], text[found[0].end() :]
    _fit(re.search(r"\b(?:an?|not|so|too|isn't|wasn't) $", before) is None, "it would not fit")
    _fit(re.match(r"[a-z]", behind) is not None, "nothing follows")
    _fit(re.match(r"(?:much|few|little|often|many|soon)\b", behind) is None, "it would not fit")
    return before + behind


def _mended(text: str) -> str:
    _fit(text == text.lower() and text[-1:].isalpha(), "it is whole")
    _fit(" i " not in f" {text} ", "it has more capitals")
    return f"{text[0].upper()}{text[1:]}."


def _all_numbers(text: str) -> str:
    found = _NUMBER.findall(text)
    digits = re.findall(r"\d+", text)
    _fit(len(found) > 1 and found == digits, "it has no two plain numbers")
    _fit(_NUMBER_WORDS.search(text) is None, "it has numbers in words")
    return ", ".join(found)


def _only(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def one(text: str) -> str:
        found = pattern.findall(text)
        _fit(len(found) == 1, "there is not just one")
        _fit(len(re.findall(r"\d", text)) == len(re.findall(r"\d", found[0])), "more digits")
        return str(found[0])

    return one


def _name(text: str) -> str:
    found = [m[0] for m in _WORD.finditer(text) if m[0][0].isupper() and m.start()]
    _fit(len(found) == 1 and found[0] in names(), "there is not just one name")
    return found[0]


@cache
def names() -> frozenset[str]:
    """First names that a text may hold."""
    return frozenset(load_prompt(LEADS).value("names"))


def _question(text: str) -> str:
    asks = re.match(
        r"(?:have|has|had|where|how|why|can|could|who|what|which|do|does|did|when|will|would|is|are)"
        r"\b",
        text,
        re.I,
    )
    _fit((asks is not None) == text.endswith("?"), "its words and its mark tell different things")
    return "Question" if text.endswith("?") else "Statement"


def _groups(one: str, some: list[str], other: str, others: list[str]) -> str:
    _fit(bool(some) and bool(others), "one group is empty")
    return f"{one}: {', '.join(some)}\n{other}: {', '.join(others)}"


def _parity(text: str) -> str:
    numbers = _numbers(text)
    even = [str(n) for n in numbers if n % 2 == 0]
    return _groups("Even", even, "Odd", [str(n) for n in numbers if n % 2])


def _initials(text: str) -> str:
    items = _items(text)
    _fit(not any(item[0].lower() in "uhy" for item in items), "a first sound is no plain one")
    vowels = [item for item in items if item[0].lower() in "aeio"]
    rest = [item for item in items if item not in vowels]
    return _groups("Vowel", vowels, "Consonant", rest)


def _ordered(items: list[str], made: list[str]) -> str:
    _fit(items != made, "they are in order already")
    return ", ".join(made)


def _by_number(*, falling: bool) -> Callable[[str], str]:
    def one(text: str) -> str:
        made = sorted(_numbers(text), reverse=falling)
        return _ordered(_items(text), [str(number) for number in made])

    return one


def _sum(text: str) -> str:
    numbers = _numbers(text)
    return f"{' + '.join(map(str, numbers))} = {sum(numbers)}"


def _range(text: str) -> str:
    high, low = max(_numbers(text)), min(_numbers(text))
    return f"{high} - {low} = {high - low}"


def _words_in(text: str) -> str:
    words = text.split()
    _fit(all(re.fullmatch(r"[A-Za-z]+[.,!?]?", word) for word in words), "a word is no plain one")
    return f"The sentence has {len(words)} words."


#: The rules by their names: functions of the text and of the words that the lead brings.
RULES: Mapping[str, Callable[..., str]] = {
    "capitals": _capitals,
    "expanded": _expanded,
    "replaced": _replaced,
    "without": _without,
    "mended": _mended,
    "numbers": _all_numbers,
    "date": _only(_DATE),
    "email": _only(_EMAIL),
    "name": _name,
    "question": _question,
    "parity": _parity,
    "initials": _initials,
    "alphabetical": lambda text: _ordered(_items(text), sorted(_items(text), key=str.casefold)),
    "reversed": lambda text: ", ".join(_items(text)[::-1]),
    "ascending": _by_number(falling=False),
    "descending": _by_number(falling=True),
    "bullets": lambda text: "\n".join(f"- {item}" for item in _items(text)),
    "numbered": lambda text: "\n".join(f"{n}. {one}" for n, one in enumerate(_items(text), 1)),
    "array": lambda text: json.dumps(_items(text), ensure_ascii=False),
    "sum": _sum,
    "largest": lambda text: str(max(_numbers(text))),
    "range": _range,
    "words_in": _words_in,
    "items_in": lambda text: f"The list has {len(_items(text))} items.",
}


def text_with(lead: str, text: str, *, quoted: bool) -> str:
    """The instruction: what is asked, and the text behind it.

    >>> text_with("Sort these words", "pear, fig", quoted=False)
    'Sort these words: pear, fig.'
    """
    return f'{lead}: "{text}"' if quoted else f"{lead}: {text}."


def asked_by(instruction: str) -> Task | None:
    """What an instruction asks by a rule; None for one that begins with none of the leads."""
    for name, lead, quoted in _leads():
        found = lead.fullmatch(instruction)
        if found is not None:
            told = found.groupdict()
            text = told.pop("text") or told.pop("apart")
            if quoted or "." not in text:
                words = {key: word for key, word in told.items() if key in ("a", "b")}
                return Task(name, tuple(words[key] for key in sorted(words)), text)
    return None


@cache
def _leads() -> tuple[tuple[str, re.Pattern[str], bool], ...]:
    """Each lead as a pattern, with its rule's name and whether its text stands in quotes."""
    found = []
    for name, told in load_prompt(LEADS).value("rules").items():
        quoted = told["text"] == "sentence"
        for lead in told["leads"]:
            words = re.sub(r"\\\{([ab])\\\}", r"(?P<\1>\\w+)", re.escape(lead))
            text = ': "(?P<text>[^"\\n]+)"' if quoted else r": (?P<text>[^\n]+)\."
            apart = r"[.?]?\n\n(?P<apart>[^\"\n]+)"
            found.append((name, re.compile(f"{words}(?:{text}|{apart})"), quoted))
    return tuple(found)


def answer_of(task: Task) -> str:
    """The answer by the rule.

    Raises:
        ValueError: the text does not decide it.
    """
    return RULES[task.rule](task.text, *task.words)


@ground("rule")
def rule(row: Row, *, rule: str, answer: str) -> str | None:
    """The answer is what the rule makes of the text in the instruction.

    Of an evolution the instruction may say more, as long as it begins as its root does and has the
    text; its answer then holds that one.
    """
    asked, response = row.asked or "", row.response or ""
    root = _root(row) if row.round else asked
    task = asked_by(root)
    if task is None or task.rule != rule:
        return f"The instruction does not ask for what the rule '{rule}' does."
    lead = root[: root.index(task.text)].rstrip(' :."\n')
    if not asked.startswith(lead) or task.text not in asked:
        return "The instruction has lost its beginning or its text."
    if answer_of(task) != answer:
        return "The rule gives another answer."
    held = answer in response if row.round else response == answer
    return None if held else "The response is not what the rule gives."


def _root(row: Row) -> str:
    made = row.provenance.get("instruction")
    root = made.get("root") if isinstance(made, Mapping) else None
    if not isinstance(root, str):
        return ""
    return root if row.input is None or row.input in root else f"{root}\n\n{row.input}"
