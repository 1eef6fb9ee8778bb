"""Checks of a text by itself, instruction or response: what a small model writes when it loses the
thread.

Every rule aims at precision, because a false alarm costs an accepted row. Several follow the
elimination rules of Evol-Instruct (Xu et al. 2023, arXiv:2304.12244, section 3.2) and the filters
of Self-Instruct (Wang et al. 2023, arXiv:2212.10560, section 2.2).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import islice, pairwise
from operator import eq
from typing import Annotated, NamedTuple

import msgspec
import numpy as np

from evolsynth.evaluation.gate.check import Case, Part, check
from evolsynth.evaluation.text import MOST
from evolsynth.evaluation.text.finders import AnyCase
from evolsynth.evaluation.text.language import (
    is_english,
    language,
    wrong_language,
    wrong_request_language,
)
from evolsynth.evaluation.text.verbs import asks
from evolsynth.evaluation.text.words import (
    COMMON,
    FUNCTION_WORDS,
    UNSPACED,
    content,
    plain,
    sentences,
    stem,
    units,
    vocabulary,
    word_lists,
    words,
)
from evolsynth.findings import Finding
from evolsynth.llm.thinking import TAGS, Tags
from evolsynth.prompts import load_prompt, prompt_names

__all__ = ["cut_off", "empty", "example_leak", "refusal", "repeats_prompt", "repetition"]
__all__ += ["says_of_itself", "template_leak", "thought_left", "too_long", "too_short"]

#: Words or the like, of which there is at least one.
Words = Annotated[int, msgspec.Meta(gt=0, le=10**6)]
_BOTH: tuple[Part, Part] = ("instruction", "response")


@check(
    "empty",
    *_BOTH,
    cost="free",
    place=1,
    sentence="There is no text.",
    advice="Give max_tokens more room, and see whether a stop string stands at the very beginning "
    "of what the model writes.",
)
def empty(case: Case) -> Finding | None:
    """Found where there is no letter, digit or sign that says anything. To an input of signs alone,
    and to who asks for a sign, a pattern or code, any sign may be the answer."""
    whole = case.whole
    if any(c.isalnum() or unicodedata.category(c) in ("So", "Sm") for c in whole):
        return None
    signs = case.part == "response" and whole.strip() and (case.signs or wants_signs(case))
    return None if signs else Finding("empty")


#: What may be said in signs alone.
_OF_SIGNS = re.compile(
    r"\b(?:sign|symbol|mark|punctuation|character|operator|keyword|bracket|wildcard|prompt|flag|"
    r"switch|regex\w*|regular expression|pattern|glob|code|program|command|shortcut|string|list|"
    r"tuple|array|set|selector|syntax|comment|separator|delimiter|emoticon|smiley|table|path|"
    r"pixel|ascii|drawing|shape|box|directory|folder|morse|brainfuck)s?\b"
    r"|[`\\]|[^\w\s]{2}",
    re.I,
)


_CODE_SIGN = re.compile(r"[][(){}<>\\/|&^$%@=+]")


def wants_signs(case: Case, said: str | None = None) -> bool:
    """Whether what is asked for may have no letter: a sign, a pattern, code. Of a request in
    another language than English nobody can tell, so it may; and signs that end no sentence and
    mark no text (``&&``, ``[]``) are code whatever was asked.

    Args:
        said: what was said; by default the whole of the part that is looked at.
    """
    if _OF_SIGNS.search(case.asked) or not is_english(case.asked):
        return True
    return _CODE_SIGN.search(case.whole if said is None else said) is not None


@check(
    "too_short",
    "instruction",
    cost="text",
    place=4,
    sentence="The instruction has too few words to ask for anything.",
    advice="Take a larger model or seeds that are whole sentences, or lower the gate's setting "
    "min_words.",
)
def too_short(
    case: Case, *, min_words: Annotated[int, msgspec.Meta(gt=0, le=1000)] = 3
) -> Finding | None:
    """Found where there are fewer words; one is enough where a text is beside it ("Translate.").

    One less is enough beside a figure ("Compute 5!"), of a thing that is looked up ("pancake
    recipe"), and in languages that say in one word what English says in two.

    Args:
        min_words: Words that an instruction has at least.
    """
    count, least = _length(case.text), 1 if case.beside else min_words
    if count < least and not case.text.isascii():  # a picture stands for a word
        count += sum(unicodedata.category(c) == "So" for c in case.text)
    if count == least - 1 > 0 and (
        _FIGURE.search(case.text) or _is_looked_up(case.text) or not is_english(case.text)
    ):
        return None
    return Finding("too_short", {"words": count, "least": least}) if count < least else None


@check(
    "too_long",
    *_BOTH,
    cost="text",
    place=5,
    sentence="The text is longer than a single request or answer should be.",
    advice="Lower max_tokens, or raise the gate's setting max_instruction_words or "
    "max_response_words.",
)
def too_long(
    case: Case, *, max_instruction_words: Words = 800, max_response_words: Words = 2000
) -> Finding | None:
    """Found where there are more words.

    Args:
        max_instruction_words: Words that an instruction has at most.
        max_response_words: Words that a response has at most.
    """
    count = _length(case.text if len(case.whole) <= MOST else plain(case.whole).strip())
    most = max_response_words if case.part == "response" else max_instruction_words
    return Finding("too_long", {"words": count, "most": most}) if count > most else None


def _is_looked_up(text: str) -> bool:
    """Whether a few words name a thing, as people type into a search box: all of them say
    something, none is said to somebody."""
    said = words(text)
    if len(said) == _VERB_AND_THING and _TOLD_OF.match(text):
        return said[1].lower not in FUNCTION_WORDS
    named = len(content(text)) == len(said) and all(len(word.text) > 1 for word in said)
    return named and text[-1].isalnum() and not any(w.lower in _SAID_TO for w in said)


_VERB_AND_THING = 2
#: "Explain ACID."
_TOLD_OF = re.compile(
    r"(?:explain|define|describe|summari[sz]e|simplify|integrate|factori?[sz]?e?|differentiate|solve|"
    r"conjugate|pronounce|spell)\s+\w{3}",
    re.I,
)
_SAID_TO = vocabulary(
    """hello hi hey dear good morning evening night thanks thank please sorry okay ok yes no sure
    well great nice welcome goodbye bye wow the end words explain write tell describe name list say
    give help continue stop start go do make let see look come get next question answer"""
)


_FIGURE = re.compile(r"[\d`\\]|[^\w\s\"'.!?]{2}|[^\W\d_]\s*[=+×÷^√∑∫]")
#: Letters that carry about as much as a word, two or four of them.
_TWO_A_WORD = re.compile("[\u3040-\u9fff\uac00-\ud7af]")
_FOUR_A_WORD = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17d3]")


def _length(text: str) -> int:
    """Words; in scripts without spaces two characters carry about as much as one, in Thai and its
    neighbours four."""
    if text.isascii():
        return len(words(text))
    two, four = len(_TWO_A_WORD.findall(text)), len(_FOUR_A_WORD.findall(text))
    return len(words(text)) + two // 2 + four // 4


# Unfinished ---------------------------------------------------------------------------------------

_NEVER_LAST = vocabulary(
    """a an and because between but during every if including into its my nor or our than the their
    although unless via whereas whether while whose your"""
)
_SELDOM_LAST = vocabulary("about as at by for from in of on to with")
_ASKS_BACK = re.compile(r"\b(?:what|which|who|whom|where|how|that|to \w+)\b", re.I)


@check(
    "cut_off",
    *_BOTH,
    cost="text",
    place=3,
    sentence="The text stops before it is finished.",
    advice="Raise max_tokens of the step that writes the text.",
)
def cut_off(case: Case) -> Finding | None:
    """Found where the model was stopped, or the text leaves a fence, a bracket or a phrase open.

    A semicolon ends a line of code, and a question in Greek.
    """
    text = case.text
    if case.maker.get("finish_reason") == "length":
        return Finding("cut_off", {"why": "the model reached its token limit"})
    if text.count("```") % 2:
        return Finding("cut_off", {"why": "an open code fence"})
    if case.part == "response":
        return None
    tail = text[-20:]
    if _TO_GO_ON.found_in(text[:_BEGINS]):
        return None
    # "Question: ... Answer:" is a form to be filled in; a lone colon has nothing behind it, unless
    # it leads on to the row's input
    last = text[-1]
    if (last in _LEADING and _LEADS_ON.search(text)) or (last == ";" and _is_prose(text)):
        return Finding("cut_off", {"why": "a trailing mark", "tail": tail})
    if last in ":：" and not case.beside and not _COLON.search(text[:-1]):
        return Finding("cut_off", {"why": "a trailing mark", "tail": tail})
    if is_english(text) and _dangles(text):
        return Finding("cut_off", {"why": "a word that leads on", "tail": tail})
    if _unbalanced(_CODE_WITHIN.sub(" ", text) if "`" in text else text):
        return Finding("cut_off", {"why": "an open quotation or bracket", "tail": tail})
    return None


_COLON = re.compile("[:：]")
_CODE_WITHIN = re.compile(r"```.*?```|`[^`\n]*`", re.S)
#: A request to go on with what breaks off.
_TO_GO_ON = AnyCase(r"\b(?:continue|complete|finish|fill in|go on|what comes next|next words?)\b")
_BEGINS = 80  # characters
#: Commas of all scripts, and a hyphen behind a word, but not the second of two signs ("a,b,,").
_LEADING = ",、，،-"
_LEADS_ON = re.compile(r"(?<![^\w\s\"')\]`])[,、，،]\Z|[^\W\dA-Z_]{2}-\Z")
_CLAUSE = re.compile(r"[^\n.:?!]*\Z")
_QUERY = re.compile(
    r"\W*(?:select|insert|update|delete|create|drop|alter|truncate|use|set|show|grant|import|return|"
    r"begin|commit|rollback|explain|with)\b",
    re.I,
)


def _is_prose(text: str) -> bool:
    """Whether the last clause of a text, up to its last mark, is English prose and no code."""
    clause = _CLAUSE.search(text[:-1])
    said = [] if clause is None else words(clause.group())
    if clause is None or len(said) < _LEAST_SENTENCE or _QUERY.match(clause.group()):
        return False
    ordinary = re.fullmatch(r"[\w\s,;'\"()-]*", clause.group(), re.A) is not None
    return ordinary and "_" not in clause.group() and any(w.lower in FUNCTION_WORDS for w in said)


#: A word of code or grammar that is spoken of ("the keyword while").
_SPOKEN_OF = re.compile(
    r"\b(?:keywords?|operators?|words?|statements?|commands?|loops?|prepositions?|conjunctions?|"
    r"articles?|pronouns?|determiners?|adverbs?|clauses?|terms?|between \w+ and)\s+\w+$",
    re.I,
)


def _dangles(text: str) -> bool:
    last = re.search(r"(\w+)$", text)
    if last is None or not last.group().islower() or _SPOKEN_OF.search(text[-60:]):
        return False
    if len(last.group()) == 1 and not text[: last.start()][-1:].isspace():
        return False  # a value: "1,a"
    if last.group() in _NEVER_LAST:
        return len(last.group()) > 1 or not re.search(r"[=+*/^\"'<>(\[{-]", text)
    sentence = re.split(r"[.!?\n]", text)[-1]
    return last.group() in _SELDOM_LAST and not _ASKS_BACK.search(sentence)


#: Brackets and quotation marks that open or close nothing: escaped, in a class of a regular
#: expression, alone between spaces as what is spoken of, the two ends of an interval, a smiley.
_STANDS_ALONE = re.compile(
    r"\"\s\"|\\(?:left|right)\W|\\.|\[\^?(?:\\.|[^\]\s\\]){1,40}\](?=[*+?{$)])|\[\^[^\]\s]{1,40}\]"
    r"|(?<!\S)[\[({\"](?=\s)(?=.*\S)"
    r"|[\[(](?:[^\[\]()\n,]{1,20},){1,3}[^\[\]()\n,]{1,20}[\])]"
    r"|[:;]-?[()]",
    re.S,
)
#: Marks that may be no quotation marks: inches, and those inside of Hebrew abbreviations.
_NO_QUOTES = (re.compile(r"(?<=\d)\""), re.compile(r"(?<=[\u0590-\u05ff])\"(?=[\u0590-\u05ff])"))


#: A request about what is wrong with code: the bracket that lacks may be it.
_ABOUT_FAULTS = re.compile(
    r"\b(?:fix|wrong|errors?|bugs?|missing|mistakes?|correct|invalid|syntax|debug|broken|unclosed|"
    r"unbalanced|unmatched|valid)\b",
    re.I,
)
_MAY_BE_OPEN = re.compile(r"[\"(\[{]")


def _unbalanced(text: str) -> bool:
    """Whether a bracket or a quotation is left open where the text ends.

    One that was opened lines before, with other lines behind it, is how somebody's code is.
    """
    if _MAY_BE_OPEN.search(text) is None or _ABOUT_FAULTS.search(text):
        return False
    marks = _STANDS_ALONE.sub(" ", text)
    head, _, last = marks.rpartition("\n")
    if head.strip() and not any(last.count(a) > last.count(b) for a, b in _PAIRS):
        marks = last
    others = (no_quote.sub("", marks) for no_quote in _NO_QUOTES)
    if all(text.count('"') % 2 for text in (marks, *others)):
        return True
    return any(marks.count(a) > marks.count(b) for a, b in _PAIRS)


_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"))


# Loops -------------------------------------------------------------------------------------------

#: Letters that stand for laughing or weeping, or draw a sound out, may be typed more often.
_RUN = re.compile(
    r"(?![wㅋㅎㅠㅜ哈呵嘿嘻啊笑草ーหฮ])([^\W\d_])\1{7,}|([^\s\-_=.*#~])\2{23,}|(\S)\3{119,}"
)


#: Letters in a row that are shown as they are: "aaaaaaaaaa!".
_SHOWN = re.compile(r"([\"'`])[^\s\"'`]{1,80}\1")


class _Bounds(NamedTuple):
    """From how many units (`units`) on what is said again is a loop.

    A phrase of up to ``phrase`` units that comes ``times`` times in a row; one of up to ``short``
    may be said more often, ``times_short`` ("ha ha ha"). A ``passage`` that stands in a text twice,
    a ``sentence`` twice in a row, a ``text`` that is another one twice. A text with ``grams``
    n-grams of ``gram`` units, too many of which are there already.
    """

    phrase: int = 16
    times: int = 4
    short: int = 1
    times_short: int = 6
    passage: int = 10
    sentence: int = 4
    text: int = 6
    gram: int = 4
    grams: int = 24


#: Of letters it takes more than of words.
_OF_WORDS = _Bounds()
_OF_LETTERS = _Bounds(
    phrase=32, short=3, times_short=9, passage=25, sentence=8, text=12, gram=10, grams=60
)


@check(
    "repetition",
    *_BOTH,
    cost="text",
    place=2,
    sentence="The text repeats itself in a loop.",
    advice="Set a repetition penalty of 1.1 to 1.2 in the step's sampling, or lower max_tokens, "
    "since loops come at the end of long texts.",
)
def repetition(case: Case) -> Finding | None:
    """Found where the text loops: a run of one character, a phrase, a passage, a line.

    What people repeat is left alone: a refrain, "ha ha ha", a row of dashes, a list whose lines
    begin alike. So is a response none of whose words comes more often than in the input: sorted, or
    copied, it has what that has.
    """
    text, response = case.text, case.part == "response"
    prose = re.sub(r"```.*?(?:```|$)", " ", text, flags=re.S) if "```" in text else text
    run = _RUN.search(_SHOWN.sub(" ", text)) if _has_run(text) else None
    if run:
        return Finding("repetition", {"what": "characters", "repeated": run.group()[:20]})
    tokens = units(prose)
    if response and case.input and tokens and not Counter(tokens) - Counter(units(case.input)):
        return None
    if prose.count("\n") >= _GRID_LINES - 1 and len(_GRID.findall(prose)) >= _GRID_LINES:
        prose = _GRID.sub(" ", prose)
        tokens = units(prose)
    if _may_stutter(prose, tokens) and (stutter := _stutter(prose, response)):
        return Finding("repetition", {"what": "word", "repeated": stutter})
    least = _OF_WORDS
    if not prose.isascii():
        letters = sum(_LETTER.match(token) is not None for token in tokens) > len(tokens) / 2
        least = _OF_LETTERS if letters else _OF_WORDS
    # in a loop, and in whatever is said again, three words in a row come again
    new = len(set(zip(tokens, tokens[1:], tokens[2:], strict=False))) == max(len(tokens) - 2, 0)
    loop = None if new else _loop(tokens, least)
    if loop is not None:
        return Finding("repetition", {"what": "phrase", "repeated": loop})
    verse = response and _is_verse(prose, case.asked)
    twice = _said_again(tokens, 2 if verse else 1, least) if response and not new else None
    if twice or (response and not verse and (twice := _sentence_again(prose, least))):
        return Finding("repetition", {"what": "passage", "repeated": twice})
    lines = _bare_lines(prose.splitlines())
    if len(lines) >= _LEAST_LINES and 1 - len(set(lines)) / len(lines) > 0.5:
        return Finding("repetition", {"what": "lines", "repeated": _commonest(lines)})
    if new:
        return None
    size = least.gram
    grams = [" ".join(tokens[i : i + size]) for i in range(len(tokens) - size + 1)]
    if len(grams) >= least.grams and 1 - len(set(grams)) / len(grams) > 0.4:
        return Finding("repetition", {"what": "words", "repeated": _commonest(grams)})
    return None


def _has_run(text: str) -> bool:
    """Whether a text has one sign eight times in a row, as all that `_RUN` matches."""
    signs = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return b"\1" * 7 in (signs[1:] == signs[:-1]).tobytes()


def _bare_lines(lines: Sequence[str]) -> list[str]:
    """The lines of more than a word, without the number of an item, in one form; none where they
    are fewer than a loop has."""
    if len(lines) < _LEAST_LINES:
        return []
    bare = (_NUMBER.sub("", line).split() for line in lines)
    return [" ".join(said).casefold() for said in bare if len(said) > 1]


_LEAST_LINES = 5
#: A line of a board or a diagram, one sign in each place.
_GRID = re.compile(r"^[ \t]*(?:\S[ \t]){3,40}\S[ \t]*$", re.M)
_GRID_LINES = 3
_LETTER = re.compile(rf"[{UNSPACED}]")
#: The number of an item, by which its line differs from one that says the same.
_NUMBER = re.compile(r"\A\s*\d{1,3}[.)]\s")


_STUTTER = re.compile(r"\b([^\W\d_]{4,})(,? )\1\b", re.I)
_SAID_TWICE = vocabulary(
    "that very much many long never blah again over more knock really please yada chop night"
)


_LETTERS = re.compile("[a-z]+")


def _may_stutter(text: str, units: Sequence[str]) -> bool:
    """Whether `_STUTTER` may match: where it does, two runs of letters in a row are the same.

    Args:
        units: of the text; without an apostrophe in it each such run is one of them.
    """
    if not text.isascii():
        return True
    runs = _LETTERS.findall(text.lower()) if "'" in text else units
    return any(map(eq, runs, islice(runs, 1, None)))


def _stutter(text: str, response: bool) -> str | None:
    """A long word said twice in a row, as nobody types it in English; after a comma a writer may.

    Many languages say a word twice for what English says by another ("yavaş yavaş", little by
    little), so nothing is said of theirs.
    """
    for match in _STUTTER.finditer(text):
        if not is_english(text):
            return None
        listed = response and "," in match[2]
        if _in_code(text, match):
            continue
        if match[1].islower() and match[1] not in _SAID_TWICE and not listed:
            return match.group()
    return None


_CODE_LINE = re.compile(r"[{};=<>|\\]")


def _in_code(text: str, match: re.Match[str]) -> bool:
    """Whether what is found stands in a line of code, or is all of a string."""
    around = text[max(match.start() - 1, 0) : match.start()] + text[match.end() : match.end() + 1]
    begin, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
    line = text[begin : end if end >= 0 else None]
    return around in ('""', "''", "``") or _CODE_LINE.search(line[:_CODE_CHARACTERS]) is not None


_CODE_CHARACTERS = 120  # of a line, in which its signs are looked for
_VERSE_LINE = 70  # characters that a line of verse has at most
_LEAST_SENTENCE = 4  # words


_FEW_LINES = 4  # of verse
_OF_VERSE = AnyCase(
    r"\b(?:poems?|songs?|lyrics|chorus|verses?|refrains?|ballads?|villanelle|pantoum|hymns?|shanty|"
    r"lullaby|rhymes?|sestina|triolet|chants?|odes?|limericks?)\b"
)


def _is_verse(text: str, asked: str) -> bool:
    """Whether a text stands in short lines that are no list: a poem, whose refrain comes again.

    Four lines are enough where verse is asked for, or it cannot be told what is.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < _FEW_LINES:
        return False
    few = _OF_VERSE.found_in(asked) or not is_english(asked)
    return len(lines) >= (_FEW_LINES if few else 6) and all(
        len(line) <= _VERSE_LINE and not re.match(r"\s*(?:[-*•|]|\d+[.)])", line) for line in lines
    )


def _said_again(tokens: Sequence[str], wanted: int, least: _Bounds) -> str | None:
    """A passage that comes again so many times, word for word."""
    seen: dict[tuple[str, ...], int] = {}
    size = least.passage
    times: Counter[tuple[str, ...]] = Counter()
    for i in range(len(tokens) - size + 1):
        passage = tuple(tokens[i : i + size])
        if i - seen.setdefault(passage, i) >= size:
            times[passage] += 1
            seen[passage] = i
            if times[passage] >= wanted:
                return " ".join(passage)
    return None


def _sentence_again(text: str, least: _Bounds) -> str | None:
    """A sentence said twice in a row, or a text that is another one twice."""
    flat = " ".join(text.split()).casefold()
    half = len(flat) // 2
    if flat[:half] == flat[half + len(flat) % 2 :] and len(units(flat)) >= least.text:
        return flat[:half]
    said = [" ".join(s.split()) for s in sentences(text.casefold())]
    for one, next_one in pairwise(filter(None, said)):
        if one == next_one and len(units(one)) >= least.sentence:
            return one
    return None


def _loop(tokens: Sequence[str], least: _Bounds) -> str | None:
    """The first phrase said again and again without a break; numbers alone are not a phrase."""
    for size in range(1, least.phrase + 1):
        wanted = size * ((least.times if size > least.short else least.times_short) - 1)
        same = 0
        for i in range(size, len(tokens)):
            same = same + 1 if tokens[i] == tokens[i - size] else 0
            if same >= wanted:
                phrase = " ".join(tokens[i - size + 1 : i + 1])
                if any(c.isalpha() for c in phrase) and not (
                    phrase in _SUNG and same < size * _REFRAIN
                ):
                    return phrase
    return None


#: What is sung instead of words, so many times at most.
_SUNG = vocabulary("la na oh ooh da doo ba hey ha yeah whoa tra fa shoo dum")
_REFRAIN = 24


def _commonest(items: Sequence[str]) -> str:
    return Counter(items).most_common(1)[0][0]


# Leaks --------------------------------------------------------------------------------------------

_SCAFFOLD = re.compile(
    r"^#{2,4} ?(?:Instruction|Response|Input|Output|Human|Assistant|User)s?\s*:"
    r"|#\s?(?:the )?(?:given|new|rewritten|created|original) prompt\s?#|\brewritten prompt\b"
    r"|^[^\w\n]*given prompt\W*:"
    r"|^(?:user|assistant|system)$|\Aassistant:|(?-i:\Aanalysis(?=[A-Z][a-z])|assistantfinal(?=\w))",
    re.I | re.M,
)
#: What every control token begins with.
_MAY_LEAK = re.compile(
    r"<[|｜/<\w]|◁|\[/?(?:INST|SYSTEM_|AVAILABLE_|TOOL_|THINK|CLS|SEP|PAD|UNK|gMASK)", re.I
)
#: A response may well be a dialogue; an instruction does not name its own speaker.
_SPEAKER = re.compile(r"\A(?:user|human|system|ai|bot):", re.I)


@check(
    "template_leak",
    *_BOTH,
    cost="text",
    place=1,
    sentence="The text contains pieces of a chat template or of the prompt that made it.",
    advice="Give the model the chat template that it was trained with, and look in a preview for "
    "the stop string that is missing.",
)
def template_leak(case: Case) -> Finding | None:
    """Found where control tokens or a prompt's own headings stand in the text, and are not what it
    speaks of (`leaks`); tags of thoughts in a response are for `thought_left`."""
    text, response = case.text, case.part == "response"
    leak = _token(case) or (_unquoted(case, _SCAFFOLD) if _may_head(text) else None)
    if leak is not None and leak.re is _SCAFFOLD and (response or leak.start()):
        leak = None if _shows_headings(case, leak) else leak
    if leak is None and not response:
        leak = _SPEAKER.search(text)
    return None if leak is None else Finding("template_leak", {"leaked": leak.group().strip()})


#: Of which each match of `_SCAFFOLD` has one.
_OF_SCAFFOLD = ("#", "prompt", "user", "assistant", "system", "analysis")


def _may_head(text: str) -> bool:
    """Whether a text has anything that a prompt's headings have."""
    small = text.lower()
    return not text.isascii() or any(one in small for one in _OF_SCAFFOLD)


def _token(case: Case) -> re.Match[str] | None:
    """A control token that the text uses; looked for in the text without its thought."""
    text = case.text
    if _MAY_LEAK.search(text) is None:
        return None
    from evolsynth.evaluation.gate import leaks  # few texts have anything like a token

    about = case.part == "response" and leaks.about_tokens(case.shown)
    found = leaks.leaked(text, about=about, tools=_has_tools(case))
    if found is None or (case.part == "response" and _THOUGHT.match(found.group())):
        return None
    return None if case.input and _is_given(case, found.group()) else found


_THOUGHT = re.compile(r"[<\[◁]/?(?:seed:)?th(?:ink|ought)", re.I)


def _has_tools(case: Case) -> bool:
    """Whether a row's conversation has tools, as its fields or its system turn say."""
    row = case.row
    if row.extra.get("tools") or row.extra.get("functions"):
        return True
    system = row.system or next((m.content for m in row.messages if m.role == "system"), "")
    return "tool" in system or "function" in system


def _shows_headings(case: Case, leak: re.Match[str]) -> bool:
    """Whether a prompt's headings stand in a text because it, or what it answers, is about such."""
    from evolsynth.evaluation.gate import leaks

    before = case.text[: leak.start()] if case.part == "instruction" else case.shown
    return leaks.about_tokens(before)


def _unquoted(case: Case, pattern: re.Pattern[str]) -> re.Match[str] | None:
    """Where the text that is looked at says something that its input does not say."""
    found = pattern.finditer(case.text)
    if case.part != "response" or not case.input:
        return next(found, None)
    return next((match for match in found if not _is_given(case, match.group().strip())), None)


def _is_given(case: Case, said: str) -> bool:
    """Whether the input has a word, or more with the very same marks."""
    return case.quotes(said) and (said.isalpha() or said in plain(case.input))


_FENCED = re.compile(r"^ {0,3}(```|~~~).*?(?:^ {0,3}\1|\Z)|`[^`\n]*`", re.M | re.S)
#: Tags of thoughts that are no control tokens of a model that is known here.
_MORE_TAGS = (
    Tags("<reasoning>", "</reasoning>"),
    Tags("<reflection>", "</reflection>"),
    Tags("<scratchpad>", "</scratchpad>"),
    Tags("◁think▷", "◁/think▷"),
    Tags("<|begin_of_thought|>", "<|end_of_thought|>"),
)


@check(
    "thought_left",
    "response",
    cost="text",
    place=13,
    sentence="The response holds the thought that a model had before it answered, or only that.",
    advice="Have the server keep thoughts apart (its reasoning parser), ask with think: false, or "
    "give more max_tokens.",
)
def thought_left(case: Case) -> Finding | None:
    """Found where the response begins with a tag that opens a thought, or one that opens or closes
    a thought stands in a line of its own, or closes it behind the end of a sentence; in code, or
    where the request speaks of the tag, it may stand."""
    if "<" not in case.response and "[" not in case.response and "◁" not in case.response:
        return None
    text = _FENCED.sub("", case.response).strip()
    lines = {line.strip() for line in text.split("\n")}
    for tags in (*TAGS, *_MORE_TAGS):
        if tags.open in case.shown or tags.close in case.shown:
            continue
        if text.startswith(tags.open) or (tags.open in lines):
            closed = tags.close in text
            return Finding("thought_left", {"tag": tags.open, "closed": closed})
        if tags.close in text and (tags.close in lines or _closes(text, tags.close)):
            return Finding("thought_left", {"tag": tags.close, "closed": True})
    return None


_ENDED = re.compile(r"[.!?。！？।؟…][\"'”)]*\s*\Z")


def _closes(text: str, tag: str) -> bool:
    """Whether a tag stands behind the end of a sentence, and before the beginning of another."""
    before, _, behind = text.partition(tag)
    goes_on = behind.lstrip()[:1]
    ended = _ENDED.search(before[-8:]) is not None or behind.startswith("\n")
    return ended and (not goes_on or goes_on.isupper() or not goes_on.islower())


_COMMON = frozenset(stem(word) for word in COMMON)


def example_leak(text: str, examples: Sequence[str]) -> Finding | None:
    """Found where the text takes over four words of content in a row, or most of an example.

    Words that any request may hold ("limit your answer to ... sentences") are not distinctive:
    a run needs two others.
    """
    here = [w.stem for w in content(text)]
    runs = {tuple(here[i : i + 4]) for i in range(len(here) - 3)}
    threes = {tuple(here[i : i + 3]) for i in range(len(here) - 2)}
    for number, example in enumerate(examples):
        there = content(example)
        stems = [w.stem for w in there]
        for i in range(len(stems) - 3):
            run = tuple(stems[i : i + 4])
            if run in runs and _distinctive(run):
                copied = example[there[i].start : there[i + 3].end]
                return Finding("example_leak", {"example": number, "copied": copied})
        theirs = {t for i in range(len(stems) - 2) if _distinctive(t := tuple(stems[i : i + 3]))}
        if len(theirs) >= 2 and len(theirs & threes) >= 0.6 * len(theirs):
            return Finding("example_leak", {"example": number, "copied": example})
    return None


def _distinctive(run: tuple[str, ...]) -> bool:
    return sum(s not in _COMMON and not s.isdigit() for s in run) >= 2


# Refusals ----------------------------------------------------------------------------------------

_SORRY = re.compile(
    r"\A\W*(?:(?:(?:i'm|i am) (?:\w+ )?(?:sorry|afraid)|sorry|(?:my )?apologies|unfortunately|"
    r"i apologi[sz]e|regrettably)\b[^.!?]{0,40}?\b(?:i|this|that|it|we)\b[^.!?]{0,40}?(?:\bnot\b|"
    r"n't\b|\bcannot\b|\bunable\b|\bbeyond\b|\boutside\b|\bagainst\b)"
    r"|i(?:'d| would) (?:rather|prefer) not\b|i(?:'m| am) not (?:able|allowed|permitted|"
    r"comfortable|programmed|designed)\b|it (?:would not|wouldn't|is not|isn't) (?:be )?"
    r"(?:appropriate|possible for me|ethical)\b"
    r"|(?:i'm|i am)(?: \w+)? sorry\b(?! (?:for|to hear|that you|about))"
    r"|i apologi[sz]e,? but|as an? (?:ai|artificial intelligence|(?:large )?language model)\b"
    r"|(?:sorry, )?(?:but )?i (?:cannot|can't|can not|won't|am unable to|am not able to|"
    r"'m unable to|'m not able to) (?:assist|help|provide|fulfil|answer|complete|comply|do that|"
    r"write|create|generate|access|give|offer))",
    re.I,
)


_FOR_ANOTHER = re.compile(
    r"\b(?:letter|e-?mail|message|reply|apolog\w*|excuse|declin\w*|refus\w*|dialogue|"
    r"conversation|story|scene|script|translate\w*|rewrite|rephrase|paraphrase|sentence|speech|"
    r"text|note|tweet|poem|song|correct|edit)\b",
    re.I,
)
_MODEL_DECLINES = re.compile(
    r"\b(?:assist|answer|comply|(?:this|that|your) (?:request|question|topic)|guidelines|provide|"
    r"language model|an ai|(?:create|produce) content|generate|fulfil\w*|"
    r"help (?:you )?with (?:this|that))\b",
    re.I,
)


_REFUSALS = {
    name: tuple(plain("|".join(lines)).casefold().split("|"))
    for name, lines in word_lists(__file__, "refusals.txt").items()
}
#: The languages that `_REFUSALS` has lists of.
_LISTED = tuple(dict.fromkeys(name.partition(" ")[0] for name in _REFUSALS))
#: How a response begins that declines, in any of them.
_DECLINING = tuple(
    phrase
    for name in _LISTED
    for how in ("alone", "sorry")
    for phrase in _REFUSALS[f"{name} {how}"]
)
_OPENING, _CLOSE = 300, 160  # characters in which a response declines, and of its first sentences
_MARKS_BEFORE = re.compile(r"\A[\W_]+")


def _declines(case: Case) -> str | None:
    """The words with which a response declines in a language other than English."""
    said = _MARKS_BEFORE.sub("", case.answer[:_OPENING]).casefold()
    if not said.startswith(_DECLINING):
        return None
    asked = case.asked.casefold()
    for name in _LISTED:
        alone = said.startswith(_REFUSALS[f"{name} alone"])
        if not alone and not said.startswith(_REFUSALS[f"{name} sorry"]):
            continue
        first = "".join(sentences(said)[:2])[:_CLOSE]
        whole = alone or _any_in(f"{name} alone", first)
        if not whole and not all(_any_in(f"{name} {kind}", first) for kind in ("not", "serve")):
            continue
        if not _any_in(f"{name} another", asked) and not case.quotes(first):
            return first
    return None


def _any_in(phrases: str, text: str) -> bool:
    return any(phrase in text for phrase in _REFUSALS[phrases])


@check(
    "refusal",
    *_BOTH,
    cost="text",
    place=12,
    languages=["en", *_LISTED],
    sentence="The text declines to answer.",
    advice="Take seeds and topics away that the model declines, or another model for the "
    "responses.",
)
def refusal(case: Case, *, refusal_words: Words = 80) -> Finding | None:
    """Found where a response begins by declining, and an instruction, in English, that asks for
    nothing too.

    Not a response that an instruction asked to write so ("Decline this invitation."), nor one that
    says what its input says.

    Args:
        refusal_words: Words from which on it is more than a refusal.
    """
    text, count = case.text, _length(case.text)
    if count >= refusal_words:
        return None
    match = _unquoted(case, _SORRY)
    if match is None:
        opening = _declines(case) if case.part == "response" else None
    elif case.part == "instruction":
        opening = None if asks(text) else match.group()
    else:
        another = _FOR_ANOTHER.search(case.asked) and not _MODEL_DECLINES.search(text)
        opening = None if another else match.group()
    if opening is None:
        return None
    return Finding("refusal", {"opening": opening, "words": count, "most": refusal_words})


@check(
    "wrong_language",
    *_BOTH,
    cost="text",
    place=20,
    needs="for instructions: the setting instruction_language",
    sentence="The text is in another language than it should be.",
    advice="Write system prompts and seeds in the language that you want, or set the gate's "
    "language settings to the one that comes.",
)
def in_wrong_language(case: Case) -> Finding | None:
    """Found where a text is not in the language of the settings, or a response, where none is
    set, neither in that of its instruction nor in that of its input."""
    expected = case.settings.language
    if case.part == "response":
        found = wrong_language(case.response, case.instruction, expected=expected)
        own = bool(case.input) and not expected and language(case.response) == language(case.input)
        return None if own else found
    return wrong_request_language(case.asked, case.settings.instruction_language)


# Rules for one model or one prompt alone ----------------------------------------------------------
#
# A model is known by its name in a row's provenance, and its habits stand in habits.txt under a
# part of that name. What an answer says again of a prompt stands beside the prompt file.

_MODELS = word_lists(__file__, "habits.txt")


def says_of_itself(case: Case) -> re.Match[str] | None:
    """Where the text that is looked at speaks of itself as the model that made it does."""
    model = str(case.maker.get("model", "")).casefold()
    for name, phrases in _MODELS.items():
        if name in model and (found := _any_of(tuple(phrases)).search(case.text)) is not None:
            return found
    return None


def repeats_prompt(case: Case) -> re.Match[str] | None:
    """Where the text that is looked at says again what its prompt told the model."""
    prompt = case.maker.get("prompt")
    phrases = load_prompt(prompt).echoes if prompt in prompt_names() else ()
    return _any_of(phrases).search(case.text) if phrases else None


@cache
def _any_of(phrases: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, phrases))})\b", re.I)
