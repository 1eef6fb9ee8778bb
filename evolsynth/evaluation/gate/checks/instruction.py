"""Checks of an instruction: it asks for one thing that can be answered, and speaks as who asks.

A small chat model often forgets which part it plays: in a user's turn it offers help, answers
itself, or goes on with the next request. Some rules are for instructions that a model wrote, since
a person's may come with their text in another field.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from itertools import groupby

from evolsynth.evaluation.gate.check import Case, check
from evolsynth.evaluation.gate.checks.text import says_of_itself
from evolsynth.evaluation.text import looked_at
from evolsynth.evaluation.text.language import is_english, language
from evolsynth.evaluation.text.verbs import asks, states
from evolsynth.evaluation.text.words import content, plain, sentences, vocabulary
from evolsynth.findings import Finding

__all__ = ["answers_itself", "missing_input", "not_an_instruction", "pointed_at", "role_confusion"]
__all__ += ["several_requests", "unanswerable"]

_OWN = "provenance.instruction (a model wrote it)"

_ASSISTANT_SPEAKS = re.compile(
    r"\bi(?:'m| am) (?:here|ready|happy|glad|excited|able|designed|trained|programmed) to "
    r"(?:help|assist|support|guide|provide|offer|answer)\b"
    r"|\bi(?:'ll| will| can|'d| would)(?: \w+){0,3} (?:help|assist|guide|support|provide|offer|"
    r"give|be) (?:you|your)\b(?! (?:a call|my))"
    r"|\bi'?m an? (?:ai|virtual|digital|chat ?bot|language model)\b"
    r"|\byou are (?:a|an) (?:helpful )?(?:ai|assistant|chat ?bot)\b"
    r"|\b(?:can|may) i (?:help|assist) you\b|\bmy assistance\b",
    re.I,
)


#: All sentences but the last, and what is quoted.
_SAME_SENTENCE = re.compile(r"\A.*[.!?]\s", re.S)
_QUOTED = re.compile(r"\"[^\"\n]{0,400}\"|`[^`\n]{0,200}`")


@check(
    "role_confusion",
    "instruction",
    cost="text",
    place=6,
    languages=["en"],
    sentence="The instruction speaks as the assistant, not as somebody who asks.",
    advice="Keep the model's own system prompt in magpie, or raise its candidates.",
)
def role_confusion(case: Case) -> Finding | None:
    """Found where the instruction speaks as the assistant, or to itself, and does not quote it or
    ask for a text that says so."""
    text = _QUOTED.sub('""', case.asked)
    match = _ASSISTANT_SPEAKS.search(text)
    if match is not None and _TELLS.search(_SAME_SENTENCE.sub("", text[: match.start()])):
        match = None  # "a tweet as a robot: I'm an AI"
    match = match or says_of_itself(case)
    return Finding("role_confusion", {"said": match.group()}) if match else None


_ASSISTANT = re.compile(
    r"\A\W*(?:sure[,!.]|certainly[,!.]|of course[,!.]|absolutely[,!.]|great (?:question|choice)"
    r"|here(?: is|'s| are)\b|below (?:is|are)\b|as an ai\b|i(?:'d| would) be (?:happy|glad) to"
    r"|i(?:'m| am) (?:happy|glad|here) to (?:help|assist)|i can (?:help|assist|explain|provide)\b"
    r"|i(?:'m| am) sorry, (?:but|i)|i hope this|you're welcome|thank you for (?:your|the|asking)"
    r"|how (?:can|may) i (?:help|assist) you|hello!? how (?:can|may) i)",
    re.I,
)
_CODE_START = re.compile(
    r"\A(?:import \w+$|from \w+ import|def \w+\(|class \w+[:(]|#include|public |<\?php|<!doctype"
    r"|<html|package \w+;|using \w+;|function \w+\(|(?:var|let|const) \w+ ?=|\{\s*\"|//|/\*)",
    re.I | re.M,
)
_HEADING = re.compile(r"\A(?:#{1,6} [^\n]+|\*\*[^*\n]+\*\*:?|[A-Z][\w ]{0,40}:)\Z")


@check(
    "not_an_instruction",
    "instruction",
    cost="text",
    place=7,
    sentence="The text does not ask for anything.",
    advice="Lower the temperature of the source to about 0.8, raise its candidates, or begin with "
    "seeds instead of magpie.",
)
def not_an_instruction(case: Case) -> Finding | None:
    """Found for a statement, an assistant's opening, code, numbers, noise, or a heading."""
    text = case.asked
    why = "noise" if _noise(text) else None
    if is_english(text):
        why = _answers(text) or why or _debris(text)
        if why == "a heading" and case.beside and text.endswith(":"):
            why = None  # "Summary:" asks for what its text should be made into
    elif why is None and language(text) is None and _CODE_START.search(text[:60]):
        why = None if _asks_in_code(text) else "code"  # code alone may hold words of any language
    return None if why is None else Finding("not_an_instruction", {"why": why})


#: What is wanted or does not work, said to somebody who can help; a thing that is ordered by name.
_NEEDS = re.compile(
    r"\bi(?: also| just)? (?:want|need|would like to|keep getting|get|got)\b|\bi'd like to\b"
    r"|\b(?:and|but) want to\b"
    r"|\bi(?:'m| am) (?:trying|looking|getting|stuck)\b"
    r"|\bmy [\w ]{1,40} (?:fails?|crash(?:es)?|hangs?|throws|won't|doesn't|don't|isn't)\b"
    r"|\A\W*(?:an?|one|two|three|five|ten|\d{1,2}|some|another)\s(?:\w+\s){0,2}"
    r"(?:poems?|haikus?|limericks?|verses?|songs?|titles?|headlines?|tweets?|captions?|slogans?|names?|"
    r"tables?|lists?|functions?|scripts?|quer(?:y|ies)|regex(?:es)?|commands?|examples?|recipes?|jokes?|"
    r"drawing|picture|diagram|chart|pixel \w+|ascii \w+|stor(?:y|ies))\b"
    r"(?=\W+(?:about|for|on|of|in|with|to|that|which)\b)",
    re.I,
)
#: What parts code from what is asked of it: an arrow, a dash, a comment.
_PARTS = re.compile(r"\s(?:->|→|[—–-])\s|\n|\*/|/\*|//|#")


def _asks_in_code(text: str) -> bool:
    """Whether code, or a comment in it, asks for something."""
    return asks(text) or any(asks(part.strip()) for part in _PARTS.split(text) if part.strip())


def _answers(text: str) -> str | None:
    opening = _ASSISTANT.search(text)
    if opening is None:
        stated = states(text) and text[-1] in ".!" and not (asks(text) or _NEEDS.search(text))
        return "a statement" if stated else None
    rest = text[opening.end() :]
    offered = re.match(r"how|hello|as an ai|i can|sure", opening.group().strip(), re.I)
    # "Here is my code. Why does it fail?" asks; "How can I help you?" offers
    return None if not offered and asks(rest) else "an assistant's opening"


def _noise(text: str) -> bool:
    """Whether a text was no text: signs that nothing could be read as, bytes of one encoding read
    in another, letters of many scripts in no order.

    People mix scripts, too: Japanese is written in three, formulas take their letters from
    everywhere, and who asks for translations names words of many languages, one after another.
    """
    if "\ufffd" in text:
        return True
    if text.isascii():
        return False
    if any(_misread(piece) for piece in text.split() if not piece.isascii()):
        return True
    scripts = Counter(s for c in text if c.isalpha() and (s := _script(c)) not in _OF_FORMULAS)
    if len(scripts) <= _FEW_SCRIPTS or max(scripts.values()) > scripts.total() / 2:
        return False
    runs = [(script, len(list(run))) for script, run in groupby(map(_script, _letters(text)))]
    others = [size for script, size in runs if script != scripts.most_common(1)[0][0] and script]
    return sorted(others)[len(others) // 2] <= _SHORT_RUN


_FEW_SCRIPTS = 3
_SHORT_RUN = 2  # letters of one script in a row, as nobody writes a word
#: Scripts that are written together, by one name for all of them.
_TOGETHER = dict.fromkeys(
    vocabulary(
        "HIRAGANA KATAKANA KATAKANA-HIRAGANA CJK IDEOGRAPHIC BOPOMOFO HALFWIDTH FULLWIDTH HANGUL"
    ),
    "CJK",
)
#: Letters of formulas and the like: a half-open R for the reals, a micro sign, an ordinal.
_OF_FORMULAS = vocabulary(
    "MATHEMATICAL DOUBLE-STRUCK SCRIPT BLACK-LETTER MICRO OHM KELVIN ANGSTROM PLANCK MODIFIER "
    "SUPERSCRIPT SUBSCRIPT FEMININE MASCULINE ALEF BET GREEK TURNED EULER INFORMATION"
)


def _letters(text: str) -> str:
    """The letters of a text, and a space for whatever stands between them."""
    return "".join(c if c.isalpha() else " " for c in text)


def _misread(piece: str) -> bool:
    """Whether a word is bytes of UTF-8 that were read as Windows-1252 ("Ã©")."""
    try:
        return bool(piece.encode("cp1252").decode("utf-8"))
    except UnicodeError:
        return False


#: Something to reckon out: signs of reckoning between figures or names, a function of figures.
_FORMULA = re.compile(
    r"[\w)\]!%²³°]\s?(?:[=+*/^×÷·<>≤≥≠≈√−]|\*\*| - )\s?[\w(\[√-]|\b[a-z]{2,12}\([^()\n]{0,40}\d"
    r"|\d ?% of \d|\[[^\]\s]{1,30}\]|\\[A-Za-z]"
)


def _debris(text: str) -> str | None:
    letters = sum(map(str.isalpha, text))
    if re.search(r"[\d)]\s*=\s*\Z", text):
        return None  # a sum asks for what it comes to
    signs = len("".join(text.split())) > 3 * max(letters, 1)
    if signs and not asks(text) and not _FORMULA.search(text):
        return "mostly numbers or symbols"
    if _asks_in_code(text):
        return None
    if _CODE_START.search(text[:60]):
        return "code"
    return "a heading" if _HEADING.match(text) else None


@lru_cache(maxsize=4096)
def _script(character: str) -> str:
    """The script by the first word of the character's name: LATIN, CYRILLIC, CJK, ...; of a sign
    that is no letter, nothing."""
    name = unicodedata.name(character, "UNKNOWN").split()[0] if character.isalpha() else ""
    return _TOGETHER.get(name, name)


_ABOUT_YOU = re.compile(
    r"\byour (?:own )?(?:name|job|website|business|company|services?|products?|hobb(?:y|ies)|"
    r"favou?rites?|experiences?|opinion|feelings?|goals?|plans?)\b"
    r"|\bmakes? you\b|\bare you (?:best|good|able|doing|going|from|happy|interested)\b"
    r"|\bdo you (?:like|feel|enjoy|love|want|have|live|help)\b|\bwith you\b",
    re.I,
)
_LIVE = re.compile(
    r"\bweather forecast\b|\bforecast for\b|\b(?:today|tonight|tomorrow|right now)\b"
    r"|\b(?:this|next|last|upcoming) (?:week|month|year)\b|\blatest\b|\bstock price\b"
    r"|\bbreaking news\b",
    re.I,
)
#: "the history of [city]"; not "arr[index]", and not a text that says what brackets are for.
_SLOT = re.compile(
    r"(?<![\w\])])\[(?:the |your |a )?[a-z]{3,20}(?:[_ ][a-z]{2,20}){0,2}\](?![(\[])"
)
_ABOUT_SLOTS = re.compile(r"bracket|placeholder|template|blank|\bfill|replace|```|\n", re.I)
_MOST_WORDS = 40
#: What gives today's date is as timeless as any code.
_COMPUTES = re.compile(
    r"\b(?:functions?|formulas?|commands?|code|quer(?:y|ies)|scripts?|programs?|expressions?|python|sql|"
    r"javascript|excel|bash|git|linux|postgres\w*|mysql|sqlite|rows?|tables?|columns?|logs?|cron\w*|"
    r"pandas|timestamps?)\b"
    r"|\b(?:create|make|add|insert|put|print|display|use)\b[^?!\n]{0,80}\btoday's date\b",
    re.I,
)
#: What is told to somebody may well be of today: "a notice that we close early tonight".
_TELLS = re.compile(
    r"\b(?:announce\w*|tweets?|posts?|messages?|sms|notes?|e-?mails?|invit\w+|captions?|remind\w*|"
    r"notices?|notifications?|letters?|repl(?:y|ies)|story|poems?|haiku|songs?|slogans?|headlines?|"
    r"status|translat\w*|dialogue|sentences?|speech|jokes?|adverts?|advertisements?|flyers?|"
    r"out[- ]of[- ]office|rewrite|rephrase|paraphrase|summari[sz]e|classify|extract|"
    r"rate|remove|fix|correct|convert|label|tone|sentiment|spam|text|count|hashtags?|emojis?)\b",
    re.I,
)


@check(
    "unanswerable",
    "instruction",
    cost="text",
    place=8,
    languages=["en"],
    own=True,
    needs=_OWN,
    sentence="It asks about the model itself or what changes daily, or has a gap to fill.",
    advice="Steer the source with a system prompt or a topic towards timeless questions.",
)
def unanswerable(case: Case) -> Finding | None:
    """Found where no model can answer from the text alone: about itself, about today, or about
    something that is still to be filled in, such as "[city]".

    Not for an evolution of a seed that cannot be answered either, which is no fault of its own; a
    user's own rows may well be about today. What a text says of today can be answered from it.
    """
    dated = not (case.beside or _COMPUTES.search(case.asked) or _TELLS.search(case.asked))
    match = _not_timeless(_QUOTED.sub('""', case.asked), dated=dated)
    if match is None or (
        case.root is not None
        and _not_timeless(plain(looked_at(case.root)), dated=dated) is not None
    ):
        return None
    return Finding("unanswerable", {"said": match.group()})


def _not_timeless(text: str, *, dated: bool) -> re.Match[str] | None:
    return _ABOUT_YOU.search(text) or (dated and _LIVE.search(text)) or _to_fill_in(text)


def _to_fill_in(text: str) -> re.Match[str] | None:
    if len(text.split()) > _MOST_WORDS or _ABOUT_SLOTS.search(text):
        return None
    return _SLOT.search(text)


_THING = (
    r"(?:text|article|passage|paragraph|sentence|statement|code|snippet|data ?set|data|table|list|"
    r"essay|document|image|picture|photo|graph|chart|diagram|equation|expression|error|email|word|"
    r"options?|items?|information|tool|product|dialogue|conversation|example)s?"
)
_POINTS = re.compile(
    rf"\bthe (?:following|above|below|attached|provided) (?:\w+ ){{0,2}}{_THING}\b"
    rf"|\bthe {_THING} (?:below|above|provided|attached)\b"
    r"|\b(?:the|these) following[.?!]*\Z",
    re.I,
)
#: "this text" in a first sentence: nothing was said yet that it could mean.
_THIS = re.compile(rf"\b(?:this|these) (?:\w+ )?{_THING}\b(?! (?:of|is about|about)\b)", re.I)
_GIVEN = re.compile(
    r"```|`[^`]+`|\n|[\"'](?:[^\"'\s]*\s){2}[^\"']*[\"']|:\s*\S|(?m:^)[^\d\n]*\d[^,\n]*,.*\d"
)
_PROGRAM = re.compile(r"\b(?:function|program|script|method|class|query|app)\b", re.I)


_KINDS = (
    "sentences? message paragraph e-?mails? note review notice advertisement entry item items "
    "comment letter announcement text passage article story words? numbers? list poem table claim "
    "question statement phrase dialogue conversation code quote tweet post paragraphs recipe "
    "description following information speaker narrator answer reader"
)
_SPEAKS_OF = re.compile(
    rf"\b(?:the|this|these|that|each|both|given|following|above|below)(?: (?:two|three|first|last|"
    rf"given|following|next|second|list of))? (?:{'|'.join(_KINDS.split())})\b"
    r"|\b(?:this|these|those) (?!year|month|week|kind|way|time|century|age|reason)[a-z]+\b"
    r"|\b(?:given|provided|listed) (?:above|below)\b",
    re.I,
)
_POINTS_OUT = re.compile(
    r"\A(?:what|who|where|why|how|when)\b[^.?!]{0,14}\b(?:is|are|does|do|did|was|were) "
    r"(?:this|it(?! (?:\w+ )?\w+ (?:to|that|for|if|when)\b)|they|he|she|these|that)\b"
    r"|\A\w+ (?:how|why|what) (?:it|they|he|she|this) \w+\W*\Z",
    re.I,
)


def pointed_at(text: str, *, bare: bool = False) -> str | None:
    """The words by which a request points at a text, code or data that is not there, or None.

    "Summarize the following article." Not where something quoted, listed, behind a colon or in a
    sentence that asks for nothing could be it, nor where a program is asked for, whose input is
    spoken of in the same words. Of a ``bare`` task, which is known to come without an input, any
    text is missing that it speaks of ("Sum up the paragraph"), and what "it" would be.
    """
    found = None
    if not _GIVEN.search(text) and not _PROGRAM.search(text):
        first = next(iter(sentences(text)), "")
        found = _POINTS.search(text) or _THIS.search(first)
        if found is not None:
            rest = re.split(r"[.?!]\s", text[found.start() :], maxsplit=1)[1:]
            found = None if rest and not asks(rest[0]) else found
    if found is None and bare:
        quoted = re.search(r"[\"“:]\s*\w[^\"]{4,}", text)  # the text stands in the task itself
        found = (_SPEAKS_OF.search(text) if quoted is None else None) or _POINTS_OUT.search(text)
    return None if found is None else found.group().strip()


@check(
    "missing_input",
    "instruction",
    cost="text",
    place=9,
    languages=["en"],
    own=True,
    needs=_OWN,
    sentence="The instruction points at a text, code or data that is not there.",
    advice="Ask for self-contained tasks in the system prompt or the criteria, or bring the "
    "texts along as contexts.",
)
def missing_input(case: Case) -> Finding | None:
    """Found where a request points at what is not there; see `pointed_at`.

    A row's input is there. A row of Self-Instruct says itself whether its task has one.
    """
    if case.input:
        return None
    extra, told = case.row.extra, case.row.method == "self_instruct"
    bare = "task" in extra and (told or extra.get("input") == "")
    said = pointed_at(case.asked, bare=bare)
    return None if said is None else Finding("missing_input", {"said": said})


_LABEL = re.compile(
    r"(?:\A|\n|[.?!] )(?:(?![.?!] )[^\w\n])*"
    r"(?:question|instruction|task|exercise|prompt|request)\s*(?:(?:#\d*|\d+)\s*)?:",
    re.I,
)
_ITEM = re.compile(r"(?:\A|\n|\s)(?:\d{1,2}[.)]|[-*•])\s+[^?\n]{8,120}\?")
_REFERS = re.compile(
    r"\b(?:it|its|they|them|their|this|that|these|those|he|she|him|her|his|there|i|my|me|we|our|"
    r"also|one|ones|each|both)\b",
    re.I,
)
_UNRELATED = 3


@check(
    "several_requests",
    "instruction",
    cost="text",
    place=10,
    languages=["en"],
    own=True,
    needs=_OWN,
    sentence="The text is several instructions that have nothing to do with each other.",
    advice="Lower max_tokens of the source, so that one request fills it.",
)
def several_requests(case: Case) -> Finding | None:
    """Found for a list of questions, for two with a heading each, and for three in a row that
    have not one word of content in common and no pronoun that joins them.

    Questions about an input have that in common.
    """
    flat = case.asked
    if len(_LABEL.findall(flat)) > 1:
        return Finding("several_requests", {"why": "each has a heading"})
    if case.beside:
        return None
    items = _ITEM.findall(flat)
    if len(items) > 1:
        return Finding("several_requests", {"why": "a list of questions", "count": len(items)})
    parts = [s.strip() for s in sentences(flat) if s.strip()]
    if len(parts) < _UNRELATED or not all(s.endswith("?") for s in parts):
        return None
    if any(_REFERS.search(s) for s in parts[1:]):
        return None
    stems = [{w.stem for w in content(s)} for s in parts]
    apart = all(one and not one & other for i, one in enumerate(stems) for other in stems[i + 1 :])
    if not apart:
        return None
    return Finding("several_requests", {"why": "questions apart", "count": len(parts)})


_REPLY = re.compile(r"\A\W*(?:yes|no|the (?:correct |right )?answer is|answer)\b\s*[,:.]?", re.I)
_SETS = re.compile(
    r"\b(?:if|suppose|assume|given|let|imagine|consider|please)\b|\A(?:i|my|we)\b", re.I
)
_COPULA = re.compile(r"\b(?:is|are|was|were|means?|refers to)\b", re.I)
_RESTATED = 0.6


_ASKS_FOR_TABLE = re.compile(
    r"\A(?:please )?(?:make|create|draw|draw up|write|give(?: me)?|build|compile|prepare|generate) "
    r"(?:me )?an? (?:\w+ ){0,2}table\b",
    re.I,
)


def _table_made(case: Case) -> str | None:
    """The first row of a table that an evolution asks for and brings along, filled in."""
    if case.original is None or "|" in case.original or not _ASKS_FOR_TABLE.match(case.asked):
        return None
    lines = [line.strip() for line in case.asked.split("\n")]
    rows = [line for line in lines if line[:1] == line[-1:] == "|" and any(map(str.isalnum, line))]
    filled = [row for row in rows[1:] if all(cell.strip() for cell in row[1:-1].split("|"))]
    return filled[0] if len(filled) > 1 else None


@check(
    "answers_itself",
    "instruction",
    cost="text",
    place=11,
    languages=["en"],
    own=True,
    needs=_OWN,
    sentence="The instruction goes on with its own answer.",
    advice="Lower max_tokens of the source, or add a newline to its stop strings.",
)
def answers_itself(case: Case) -> Finding | None:
    """Found where a question is followed by its answer: the model went on past the user's turn.

    That is a sentence which begins as a reply ("Yes, ...") or says most of the question's words
    again as a statement ("What is jam? Jam is ..."), or a filled table behind a request for one.
    """
    row = _table_made(case)
    if row is not None:
        return Finding("answers_itself", {"said": row})
    parts = [s.strip() for s in sentences(case.asked) if s.strip()]
    if len(parts) < 2 or not parts[0].endswith("?"):
        return None
    after = parts[1:]
    if any(s.endswith("?") or asks(s) or _SETS.search(s) for s in after):
        return None
    known, said = ({w.stem for w in content(s)} for s in parts[:2])
    again = len(known & said) >= max(_RESTATED * len(known), 1) and len(said) > len(known & said)
    stated = bool(_COPULA.search(after[0])) and again and len(known) > 0
    if not (_REPLY.search(after[0]) or stated):
        return None
    return Finding("answers_itself", {"said": after[0]})
