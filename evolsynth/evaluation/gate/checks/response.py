"""Checks of a response beside its instruction: whether it answers, keeps to limits, and ends.

A small chat model introduces itself, repeats its system turn, offers to help and stops there,
copies the question or breaks off. Each rule aims at precision: a false alarm costs an accepted row.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

import msgspec

from evolsynth.evaluation.demands.found import demands_in, demands_of
from evolsynth.evaluation.gate.check import Case, check
from evolsynth.evaluation.gate.checks.text import repeats_prompt, says_of_itself, wants_signs
from evolsynth.evaluation.gate.short import asked_for, decides, is_definite, offered
from evolsynth.evaluation.text.finders import AnyCase
from evolsynth.evaluation.text.language import is_english
from evolsynth.evaluation.text.numbers import COUNTS
from evolsynth.evaluation.text.words import (
    FUNCTION_WORDS,
    UNSPACED,
    content,
    plain,
    sentences,
    vocabulary,
    words,
)
from evolsynth.findings import Finding

__all__ = ["breaks_limit", "broken_off", "copies_question", "no_answer", "no_choice"]
__all__ += ["says_nothing", "self_talk", "thin_answer", "wrong_genre"]

#: Words, of which there is at least one.
Words = Annotated[int, msgspec.Meta(gt=0, le=1000)]

# Says nothing, or speaks of itself --------------------------------------------------------------

_LEADS_ON = vocabulary(
    """a an the and or but because if whether of to with for from into by at as that which who whose
    is are was were be been has have had will would can could should may might must their its your
    my our his this these those very more most than such not also every each between during while
    when where so before after until without through about against"""
)
_STOP_WORDS = _LEADS_ON | vocabulary(
    """i you he she it we they me him us them mine yours hers ours theirs on off up down over out
    in so then there here too just only own same again once do does did doing am being having"""
)


@check(
    "says_nothing",
    "response",
    cost="text",
    place=13,
    languages=["en"],
    needs="a response",
    sentence="The response is made of punctuation and stop words alone.",
    advice="Take a larger model for the responses, or forbid such beginnings by a grammar.",
)
def says_nothing(case: Case) -> Finding | None:
    """Found where a response is made of punctuation and stop words alone.

    The third elimination rule of Evol-Instruct (Xu et al. 2023, arXiv:2304.12244, section 3.3).
    "Yes", "no" and single letters, which name options, are answers, and so is what the instruction
    offers to choose from ("before or after"), what fills its gap, and a sign, an operator or a
    keyword where one is asked for.
    """
    said = [word.lower for word in words(case.answer)]
    if not _STOP_WORDS.issuperset(said) or any(len(word) == 1 for word in said):
        return None
    if asked_for(case, said) or (len(said) < _FEW and wants_signs(case)):
        return None
    return Finding("says_nothing", {"words": len(said)}) if case.answer.isascii() else None


_FEW = 3  # words that an operator or a keyword has fewer than


_SELF = re.compile(
    r"\byou(?: are|'re) an? (?:helpful )?(?:ai|assistant|chat ?bot)\b"
    r"|\b(?:i'?m|i am|as) an? (?:\w+ ){0,2}(?:ai|chat ?bot|language model|virtual assistant)\b"
    r"|\bi(?:'m| am) a helpful assistant\b"
    r"|\bi(?: was| am|'m|'ve been| have been) (?:designed|trained|programmed|created) "
    r"(?:to|by|with)\b",
    re.I,
)


@check(
    "self_talk",
    "response",
    cost="text",
    place=14,
    languages=["en"],
    needs="a response",
    sentence="The response speaks of itself as a program or repeats its system turn.",
    advice="Leave out the system prompt of the responses, or shorten it.",
)
def self_talk(case: Case) -> Finding | None:
    """Found where the response speaks of itself as a program, or repeats its system turn, and does
    not say what its input says."""
    own = (match for match in _SELF.finditer(case.answer) if not case.quotes(match.group()))
    match = next(own, None) or says_of_itself(case) or repeats_prompt(case)
    if match is None or case.quotes(match.group()):
        return None
    return Finding("self_talk", {"said": match.group()})


# Answers hardly anything --------------------------------------------------------------------------

_OFFER = AnyCase(
    r"\bi(?:'m| am|'d| would)(?: be)?(?: \w+)? (?:happy|glad|delighted|thrilled|excited|here|ready|"
    r"pleased|love to (?:help|assist))\b"
    r"|\b(?:i|we)(?:'ll| will| can|'d) (?:\w+ )?(?:help|assist|guide|support)\b"
    r"|\A\W*(?:so |very )?(?:happy|glad|delighted|love) to (?:help|assist)\b"
    r"|\bhere to (?:help|assist)\b|\bsounds like an?\b|\bplease (?:share|provide|tell|let|go|feel|"
    r"give|specify)\b|\blet me know\b|\b(?:to )?get started\b|\bfeel free\b",
    *("help", "assist", "guide", "support", "happy", "glad", "delighted", "thrilled", "excited"),
    *("here", "ready", "pleased", "love", "sounds like", "please", "let me know", "get started"),
    "feel free",
)
#: What cannot be done in a few words.
_WIDE = re.compile(
    r"\A\W*(?:explain|describe|compare|plan|write an?\b|tell me (?!if|whether)|give me some|create|"
    r"how (?:do|does|can|to)|why)\b",
    re.I,
)
_SHORT_ASKED = AnyCase(
    r"\b(?:one|single|two|a) (?:\w+ )?sentences?\b|\b(?:\d|1\d) words\b"
    r"|\b(?:in|of|one|two|three|four|five|six|seven|eight|nine|ten|single|\d{1,2})[ -]"
    r"(?:\w+ )?words?\b"
    r"|\b(?:an?|one|single|two|three|four|\d{1,2}) (?:\w+ )?lines?\b"
    r"|\b(?:poem|acrostic|verse|stanza|tanka|cinquain|senryu|rhyme|ode)\b"
    r"|\b(?:question|poll|briefly|brief|short|one-line|one-liner|title|name|phrase|joke|slogan|motto|tagline|"
    r"headline|haiku|caption|yes or no|tweet|tweets|post|status|hashtag|heading|subject line|"
    r"epitaph|brand|username|nickname|text message|sms|emojis?|reaction|proverb|pun|riddle|couplet|"
    r"reply|bio|sign|label|byline|catchphrase|mnemonic|toast|greeting|palindrome|anagram)\b"
)
#: "Write a robots.txt": a thing that is made and is no text of several sentences, as far as known.
_MAKES = re.compile(r"\A\W*(?:write|create)\b", re.I)
_LONG = re.compile(
    r"\b(?:stor(?:y|ies)|tales?|novel|chapter|scene|fable|essays?|paragraphs?|articles?|letters?|guide|"
    r"tutorial|plan|schedule|itinerary|reports?|reviews?|overview|summar(?:y|ies)|descriptions?|"
    r"explanation|instructions?|analysis|arguments?|proposal|speech|lecture|lesson|dialogue|"
    r"conversation|monologue|script|screenplay|blog|biography|obituary|eulogy|e-?mail|"
    r"press release|recipe|outline|comparison|introduction|conclusion|discussion|profile|texts?|"
    r"list|manual|advertisement|newsletter|interview|diary|journal|memo|character|world|course|curriculum|"
    r"song|ballad|lyrics|play|program|presentation|documentation)\b",
    re.I,
)
#: What is asked of figures that stand behind it: "Describe the trend: Jan 10, Feb 12".
_OF_DATA = re.compile(r"[:\n][^\n]{0,200}\d")
#: A system turn that wants short answers: of a model that keeps to it.
_BRIEF = re.compile(
    r"\b(?:brief|briefly|brevity|concise|concisely|terse|tersely|succinct|laconic|(?:short|shortest|"
    r"one-line|one-word) (?:\w+ )?(?:answers?|replies|reply|responses?|sentences?)"
    r"|(?:few|single|one|two) (?:\w+ )?(?:words?|sentences?|lines?))\b",
    re.I,
)
#: A request for code or about it: its answer may be a word.
_OF_CODE = re.compile(
    r"\b(?:bash|shell|terminal|command[- ]line|linux|unix|git|vim|emacs|docker|python|javascript|"
    r"typescript|java|rust|golang|ruby|perl|php|haskell|kotlin|swift|sql|postgres\w*|mysql|sqlite|css|"
    r"html|xml|json|yaml|csv|regex\w*|latex|tex|excel|markdown|powershell|awk|sed|grep)\b"
    r"|\b(?:regular expression|command|query|selector|operator|keyword|function|formula|equation|"
    r"one-liner|expression|snippet|line of code|code|css rule|alias|variable|loop|property|method|"
    r"shortcut|wildcard|glob|pattern|module|library|package|import|array|string|dictionary|tuple|"
    r"boolean|integer|api|url|cron|crontab|script|spreadsheet|cell|hashmap|pointer)s?\b"
    r"|(?-i:\b[A-Z]{5,}\b)"
    r"|[=;{}`\\$^|~]|\(\?|[<>]&|\w!(?=\s\w)|\w\(|\s--?\w|::|->|\b[CR]\b|c\+\+|c#|(?-i:\?\s+[a-z])",
    re.I,
)
_CODE_SAID = re.compile(
    r"[=;{}`|\\$<>^~#@%\[]|\s--?(?:\w|\Z)|\w\(|\A[^\w\s\"'(]|\w_\w|\w\.\w|\w/|[^\x00-\x7f]"
)
_PROSE_WORDS = 5  # words of a sentence on code
_TALE = re.compile(r"\bas an? (?:\w+ )?(?:story|poem|conversation|letter|dialogue|speech)\b", re.I)
_PROMISE = re.compile(r"\bhere(?: are|'s| is)\b|\bthe following\b|:\W*$", re.I)
#: Code may end with a colon, too ("else:", "^(ERROR|WARN):").
_CODE_COLON = re.compile(r"[][(){}<>|^$\\=;/_*]|\A\W*(?:else|try|finally|default|pass)\W*\Z")
_QUESTION = 15  # words of content that a question has without a text to work on
_TALE_BY_WIDE = 5 / 3


@check(
    "no_answer",
    "response",
    cost="text",
    place=15,
    languages=["en"],
    needs="a response",
    sentence="The response only offers help or asks back.",
    advice="Take a larger model for the responses, or make several (samples) and choose.",
)
def no_answer(case: Case, *, substance_words: Words = 12) -> Finding | None:
    """Found where the response is offers to help and questions, and hardly anything else.

    Also where it only says the instruction's own words again, or ends with the promise of what
    should follow. Short answers without an offer or a question are answers: "Paris." is one. So are
    offers and questions that stand in the input, a choice of what the question names, and yes or no
    to what a text decides.

    Args:
        substance_words: Words beside offers and questions that make an answer.
    """
    said_in = [s for s in sentences(plain(case.response)) if s.strip()]
    last = said_in[-1] if 0 < len(said_in) <= _PROMISED else ""
    if _PROMISE.search(last) and not (case.quotes(last) or _is_code(last)):
        return Finding("no_answer", {"said": last.strip()})
    if _says_question(case):
        return Finding("no_answer", {"said": case.response})
    if not _OFFER.hinted(case.answer):
        return None
    rest, evasions, offered = [], [], False
    for sentence in said_in:
        offers = _OFFER.found_in(sentence)
        if (offers or sentence.rstrip().endswith("?")) and not case.quotes(sentence):
            evasions.append(sentence.strip())
            offered = offered or offers
        else:
            rest.append(sentence)
    substance = sum(len(words(sentence)) for sentence in rest) if offered else 0
    if not offered or substance >= substance_words:
        return None
    return Finding("no_answer", {"said": evasions[0], "words": substance, "least": substance_words})


_PROMISED = 2  # sentences of a response that has nothing behind its promise, at most


def _says_question(case: Case) -> bool:
    """Whether a response only says the words of its question again.

    To extract or to sort a given text's words is an answer, and so is code.
    """
    if not case.asked.endswith("?"):
        return False
    known = {w.stem for w in content(case.instruction)}
    said = [w.stem for w in content(case.response)]
    if len(known) > _QUESTION or len(said) < 3 or not known.issuperset(said):
        return False
    code = _OF_CODE.search(case.asked) or _CODE_SAID.search(case.answer)
    return not code and not decides(case)


def _is_code(sentence: str) -> bool:
    """Whether a line that ends with a colon is code: it has its signs, and hardly any prose."""
    said = [word.lower for word in words(sentence)]
    return bool(_CODE_COLON.search(sentence)) and sum(w in FUNCTION_WORDS for w in said) < _SENTENCE


_SENTENCE = 2  # function words of a sentence at least


@check(
    "thin_answer",
    "response",
    cost="text",
    place=16,
    languages=["en"],
    reads=["instruction", "response"],
    needs="a response",
    sentence="The response is a few words where an explanation or a text was asked for.",
    advice="Raise max_tokens of the responses, ask for detail in their system prompt, or lower "
    "the gate's setting thin_answer_words.",
)
def thin_answer(case: Case, *, thin_answer_words: Words = 15) -> Finding | None:
    """Found where something wide ("Explain how ...", "... as a story") gets a few words.

    A reason, a way or a heading that is asked of a text takes as few as it takes; so does code,
    what is said of a piece of it, and an answer under a system turn that wants brief ones. Half as
    many words are enough where they say much: a third as many carry content that the request has
    not.

    Args:
        thin_answer_words: Words that the answer to a wide request has.
    """
    asked = plain(case.instruction)
    count = len(words(case.response))
    tale = round(thin_answer_words * _TALE_BY_WIDE)
    if count >= max(tale, thin_answer_words):
        return None
    if _CODE_IN_FEW.search(case.response):  # code says much in few words
        return None
    if case.row.system is not None and _BRIEF.search(case.row.system):
        return None
    least = 0
    if _TALE.search(asked):
        least = tale
    elif not _WIDE.search(asked) or _SHORT_ASKED.found_in(asked):
        return None
    elif _OF_CODE.search(asked):
        if not _CODE_SAID.search(case.response) and case.answer[-1:] == ".":
            least = min(thin_answer_words, _PROSE_WORDS)
    elif not is_definite(case, asked):
        if _says_much(case, count, thin_answer_words):
            return None
        least = thin_answer_words
    return Finding("thin_answer", {"words": count, "least": least}) if count < least else None


_CODE_IN_FEW = re.compile(r"[=;{}`|\\]|\s--?[a-z]+\s")


def _says_much(case: Case, count: int, least: int) -> bool:
    """Whether a short answer is code, or says in few words what the request does not say."""
    if _CODE_SAID.search(case.answer) and not re.search(r"[.!?]\W*\Z", case.answer):
        return True
    made = _MAKES.search(case.asked) and not _LONG.search(case.asked)
    if made and (count >= _PROSE_WORDS - 1 or case.answer[-1:] not in (".", "!", "?")):
        return True  # a file, a figure, a name: no sentence
    if count >= _PROSE_WORDS and _OF_DATA.search(case.asked):
        return True
    known = {word.stem for word in content(case.instruction)}
    new = {word.stem for word in content(case.response)} - known
    return 2 * count >= least and 3 * len(new) >= least


# Chooses none, is no such piece ------------------------------------------------------------------

#: What an answer may say instead of one label.
_NO_LABEL = re.compile(
    r"\b(?:both|neither|either|none|mixed|neutral|unclear|unknown|depends?|cannot|can't|not "
    r"(?:clear|certain|sure|possible)|yes|no)\b",
    re.I,
)
_LONG_LABEL, _TOLD_BY = 5, 4  # letters of a word, and of those by which its kin is known


@check(
    "no_choice",
    "response",
    cost="text",
    place=16,
    languages=["en"],
    reads=["instruction", "response"],
    needs="a response; an instruction that names labels to choose from",
    sentence="The response names none of the labels that it was to choose from.",
    advice="Ask for several candidates of each response, or take a larger model for them.",
)
def no_choice(case: Case) -> Finding | None:
    """Found where a request names the labels of which one is wanted ("as work, family or
    advertising") and the response has no word of any, nor says that none or several fit."""
    labels = offered(case.instruction)
    if not labels or _NO_LABEL.search(case.answer):
        return None
    said = [word.text.casefold() for word in words(case.answer)]
    if all(len(word) == 1 for word in said):  # the letter or the number of one
        return None
    named = (_beginning(word) for label in labels for word in label.casefold().split())
    if any(word.startswith(beginning) for beginning in named for word in said):
        return None
    return Finding("no_choice", {"labels": list(labels)})


def _beginning(word: str) -> str:
    """What a word and its kin have in common: "fact" and "factual", "happy" and "happiness"."""
    return word if len(word) < _LONG_LABEL else word[:_TOLD_BY]


_WRITE = (
    r"\A\W*(?:(?:please|can you|could you|help me)\W+)*(?:write|draft|compose|create|prepare|"
    r"i need|i want)\b(?: me)?(?: an?| the| my)?"
    r"(?: (?!(?:about|of|on|for|that|in|to|with|from|by|and)\b)[\w-]+){0,3}? "
)
_A_LETTER = re.compile(_WRITE + r"(?:e-?mail|letter)\b(?! (?:address|template|subject|head))", re.I)
#: How a letter begins or ends, and who writes it.
_OF_LETTER = re.compile(
    r"^[^\w\n]{0,9}(?:dear|hi|hello|hey|greetings|good (?:morning|afternoon|evening|day)|to|re|"
    r"subject)\b"
    r"|\b(?:regards|sincerely|yours|wishes|thanks|thank you|love|cheers|warmly|respectfully)\b"
    r"|\b(?:i|my|we|our)\b",
    re.M | re.I,
)
_A_POEM = re.compile(
    _WRITE + r"(?:poem|haiku|limerick|sonnet|ballad|couplet|lullaby|acrostic|rhyme|ode)\b", re.I
)
_PROSE = 40  # words of one line that are no verse
_IN_PROSE = re.compile(
    r"\bprose\b|\b(?:one|single|a) (?:line|paragraph)\b|\bno line breaks?\b", re.I
)
#: Demands on the form that make another thing of a poem or a letter.
_RESHAPES = re.compile(r"sentence|paragraph|line|json|yaml|csv|table|tags|quot|points|list|bullets")


@check(
    "wrong_genre",
    "response",
    cost="text",
    place=16,
    languages=["en"],
    reads=["instruction", "response"],
    needs="a response",
    sentence="A letter or a poem was asked for, and the response is none.",
    advice="Ask for several candidates of each response, or take a larger model for them.",
)
def wrong_genre(case: Case) -> Finding | None:
    """Found where a letter or an e-mail is asked for and the response neither begins nor ends as
    one does, and nobody writes it; or a poem, and the response is one long line."""
    letter, poem = _A_LETTER.search(case.asked), _A_POEM.search(case.asked)
    if not (letter or poem) or any(_RESHAPES.search(one.kind) for one in demands_of(case.row)):
        return None
    if letter and not _OF_LETTER.search(case.answer):
        return Finding("wrong_genre", {"asked": letter.group().split()[-1]})
    if not poem or _IN_PROSE.search(case.asked) or "/" in case.answer:
        return None
    line = len(words(case.answer))
    if "\n" in case.answer or line < _PROSE:
        return None
    return Finding("wrong_genre", {"asked": poem.group().split()[-1], "words": line})


# Limits, copies, ends -----------------------------------------------------------------------------

_COUNT = rf"(?P<count>\d{{1,4}}|{'|'.join(COUNTS)})"
_UNIT = r"(?P<unit>word|sentence|paragraph|item|step|line|point)s?\b"
_LIMIT = re.compile(
    r"\blimit your answer to (?:the |only |exactly |about |at most )*"
    rf"{_COUNT} (?:\w+ ){{0,2}}{_UNIT}",
    re.I,
)


@check(
    "breaks_limit",
    "response",
    cost="text",
    place=17,
    languages=["en"],
    reads=["instruction"],
    needs="a response",
    sentence="The response is clearly longer than the instruction allows.",
    advice="Lower max_tokens of the responses, or raise the gate's setting limit_slack.",
)
def breaks_limit(
    case: Case, *, limit_slack: Annotated[float, msgspec.Meta(gt=0, le=100)] = 1.25
) -> Finding | None:
    """Found where a stated limit of words, sentences, lines or items is clearly exceeded.

    What `demand_unmet` reads as a demand it checks to the word, so here nothing is said of it.

    Args:
        limit_slack: How many times a stated limit is let pass.
    """
    match = _LIMIT.search(plain(case.instruction))
    if match is None or _is_demand(case, match):
        return None
    limit, unit = int(COUNTS.get(match["count"].lower()) or match["count"]), match["unit"].lower()
    count = _COUNTERS[unit](case.answer)
    if count <= max(limit + 1, limit * limit_slack):
        return None
    return Finding(
        "breaks_limit",
        {"demand": match.group(), "counted": count, "limit": limit, "slack": limit_slack},
    )


def _is_demand(case: Case, match: re.Match[str]) -> bool:
    """Whether a limit is read as a demand, and demands are checked."""
    if "demand_unmet" in case.settings.skip:
        return False
    found = demands_in(case.instruction)
    return any(one.start < match.end() and match.start() < one.end for one in found)


def _lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip())


def _sentences(text: str) -> int:
    return len(re.findall(r"[.!?]+(?=\s|$)", re.sub(r"(?m)^[^\S\n]*\d+\.", "", text)))


def _listed(text: str) -> int:
    return len(re.findall(r"(?m)^[^\S\n]*(?:\d+[.)]|[-*•])\s", text))


_COUNTERS = {
    "word": lambda text: len(words(text)),
    "sentence": _sentences,
    "paragraph": lambda text: len([p for p in re.split(r"\n\s*\n", text) if p.strip()]),
    "line": _lines,
    "item": _listed,
    "step": _listed,
    "point": _listed,
}


#: Tasks whose answer repeats the text that was given.
_KEEPS_TEXT = AnyCase(
    r"\b(?:correct|fix|mend|edit|rewrite|rephrase|paraphrase|translate|extract|find|repeat|copy|"
    r"proofread|punctuat\w*|capitali\w*|format|convert|change|replace|remove|insert|add|fill|"
    r"complete|continue|reverse|sort|arrange|order|reorder|list|classify|highlight|return|output|"
    r"quote|choose|pick|select|identify|which|underline|turn|make|expand|shorten|summari[sz]e)\b"
)
#: Tasks whose answer may be all of the instruction.
_SAYS_AGAIN = AnyCase(r"\b(?:repeat|copy|say|echo|print|output|return|quote|read)\b")
#: Words that stand around a question in a form.
_FORM = frozenset(("question", "answer", "instruction", "request", "response", "q", "a"))
_LEAST_BARE = 3  # words of an instruction that is all of its response


@check(
    "copies_question",
    "response",
    cost="text",
    place=18,
    languages=["en"],
    reads=["instruction"],
    needs="a response",
    sentence="The response only says its instruction again.",
    advice="Take a larger model for the responses, or another prompt of theirs.",
)
def copies_question(case: Case, *, copied_words: Words = 6, new_words: Words = 6) -> Finding | None:
    """Found where a response says its instruction again, word for word, and hardly more.

    Also where it is its input, with every mark of it. Not for tasks that work on a given text
    ("Correct the sentence"), whose answers are like it.

    Args:
        copied_words: Words from which on a copy is told.
        new_words: Words of content beside the copy that make an answer.
    """
    response, instruction = case.response, case.instruction
    if case.ground:
        return None  # the text as it was, where lines were to be joined
    if (given := _given_back(case, copied_words)) is not None:
        return given
    asked = [w.lower for w in words(instruction)]
    said = [w.lower for w in words(response)]
    bare = said == asked or [w for w in said if w not in _FORM] == asked
    keeps, least = (_SAYS_AGAIN, _LEAST_BARE) if bare else (_KEEPS_TEXT, copied_words)
    if len(asked) < least or not (bare or _stands_in(asked, said)):
        return None
    if keeps.found_in(plain(instruction)):
        return None
    known = {w.stem for w in content(instruction)}
    new = [w for w in content(response) if w.stem not in known]
    if len(new) >= new_words:
        return None
    return Finding(
        "copies_question", {"copied": " ".join(asked), "new_words": len(new), "least": new_words}
    )


def _given_back(case: Case, least: int) -> Finding | None:
    """Found where a response is the input, or the instruction with its input, and nothing else."""
    count = len(words(case.input)) if case.input else 0
    if count < least:
        return None
    said = " ".join(case.answer.split())
    given = (" ".join(plain(text).split()) for text in (case.input, case.shown))
    if said not in given or _KEEPS_TEXT.found_in(plain(case.instruction)):
        return None
    return Finding("copies_question", {"copied": "the input", "words": count, "least": least})


def _stands_in(wanted: list[str], tokens: list[str]) -> bool:
    """Whether ``wanted`` stands in ``tokens`` as a run."""
    if not set(wanted).issubset(tokens):
        return False
    starts = range(len(tokens) - len(wanted) + 1)
    return any(tokens[i : i + len(wanted)] == wanted for i in starts)


_PROSE_END = re.compile(r"(?<![\s.])[.!?।؟][\"')\]]*\s+\S|[。！？][」』”）]*\S")
_GREEK_END = re.compile(r"[.!;][\"')\]]*\s+\S")
#: A line of a list, a table, a quotation, a fence, a prompt of a shell.
_MARKED = re.compile(r"\s*(?:[-*•>#|]|\d+[.)]|```|\$ )")
_SIGNS = re.compile(r"[=;{}|<>]|https?://|\w@\w|\s--?[A-Za-z]")
#: A formula or a piece of code within a sentence, whose signs do not make the sentence code.
_WITHIN = re.compile(
    r"\$[^$\n]{1,200}\$(?=\W*\w)|`[^`\n]{1,200}`(?=\W*\w)|\\[A-Za-z]{1,20}\{[^{}\n]{0,40}\}(?=\W*\w)"
)
_VALEDICTION = re.compile(
    r"(?:sincerely|regards|wishes|yours|love|best|thanks|cheers|respectfully|faithfully|truly)\b",
    re.I,
)


#: A bracket that is opened at the very end and never closed; in a language that writes words around
#: it, one may stay open longer.
_OPENED = re.compile(r"[\[({（「『《【〈][^\])}）」』》】〉\n]{0,3}\Z")
_STILL_OPEN = re.compile(r"[（「『《【〈][^）」』》】〉\n]*\Z|(?<![^\s:：,，])\"[^\"\n]{4,}\Z")
#: A request for what need not end in a sentence's end.
_AS_IT_LIKES = re.compile(
    r"\b(?:poem|acrostic|verse|stanza|tanka|cinquain|senryu|haiku|ode|couplet|title|headline|tweets?|"
    r"hashtags?|caption|slogan|motto|tagline|subject line|status|sms)\b",
    re.I,
)
#: A request to go on with what breaks off.
_TO_GO_ON = re.compile(r"\b(?:continue|complete|finish|fill in|go on|next words?)\b", re.I)
_BEGINS = 80  # characters
_COMMAS, _ENDS = ",、，،", ".!?…。！？।؟"
_HALF_LETTER = re.compile(r"[\u0e40-\u0e44\u0ec0-\u0ec4]\Z")  # a vowel before its consonant
_LEAST_LETTERS = 8  # of a script without spaces, that an unfinished sentence has
#: The mark of an item, with nothing behind it.
_BARE_MARK = re.compile(r"(?:\A|\n)[ \t]{0,40}(?:(\d{1,6})[.)]|[-*•])\s*\Z")


@check(
    "broken_off",
    "response",
    cost="text",
    place=19,
    needs="a response",
    sentence="The response stops in the middle of a sentence.",
    advice="Raise max_tokens of the responses.",
)
def broken_off(case: Case, *, tail_words: Words = 4) -> Finding | None:
    """Found where running text stops in the middle of a sentence.

    Either the last line came to a sentence's end before and goes on for some words without
    another, or it ends with a comma, or within a quotation; of English also, with a word that leads
    on ("of the"). A list stops at the mark of an item. Lists, tables, code, verses, signatures and
    lone phrases may end as they like.

    Args:
        tail_words: Words of the unfinished sentence at least.
    """
    text = case.answer
    last = text.rpartition("\n")[2].strip()
    if not last or text.count("```") % 2 or text.endswith("```"):
        return None
    if (mark := _BARE_MARK.search(text)) is not None and _is_next(mark, text):
        return Finding("broken_off", {"tail": mark.group().strip(), "words": 0})
    if last[-1] in _ENDS or _MARKED.match(last) or _SIGNS.search(_sentence(last)):
        return None
    opened = _OPENED.search(last)
    if opened is not None and not wants_signs(case, text[: -len(opened.group())]):
        return Finding("broken_off", {"tail": opened.group(), "words": len(last.split())})
    english = is_english(text)
    if not english and (_HALF_LETTER.search(last) or _STILL_OPEN.search(last)):
        return Finding("broken_off", {"tail": last[-40:], "words": len(last.split())})
    if _TO_GO_ON.search(case.asked[:_BEGINS]) or (english and _AS_IT_LIKES.search(case.asked)):
        return None  # verses, titles and posts end as they like
    if not english or last[-1].isalnum() or last[-1] in ";-" or last[-1] in _COMMAS:
        return _unfinished(last, tail_words, english)
    return None


def _sentence(line: str) -> str:
    """The last sentence of a line, without the code and formulas that it speaks of."""
    said = _WITHIN.sub("x", line)
    ends = list(_PROSE_END.finditer(said))
    return said[ends[-1].end() - 1 :] if ends else said


def _is_next(mark: re.Match[str], text: str) -> bool:
    """Whether the mark of an empty item goes on with the list before it."""
    before = text[: mark.start()]
    if mark[1] is None:
        return len(re.findall(rf"(?m)^\s*{re.escape(mark.group().strip())}\s+\S", before)) > 1
    return re.search(rf"(?m)^\s*{int(mark[1][:6]) - 1}[.)]\s+\S", before) is not None


def _unfinished(last: str, tail_words: int, english: bool) -> Finding | None:
    """The end of a line of prose that is no sentence's end."""
    every = last.split()
    leads_on = last[-1] in _COMMAS or last[-1] == ";" or (english and every[-1] in _LEADS_ON)
    greek = bool(_GREEK.search(last))
    if greek and last[-1] == ";":
        return None
    count = _counted(last)
    if count >= tail_words and leads_on and ":" not in last:
        tail = last[-40:]
        return Finding("broken_off", {"tail": tail, "words": count, "least": tail_words})
    ends = list((_GREEK_END if greek else _PROSE_END).finditer(last))
    goes_on = last[-1].isalnum() or last[-1] in ",;-" or unicodedata.category(last[-1])[0] == "M"
    if not ends or not goes_on:
        return None
    rest = last[ends[-1].end() - 1 :]
    tokens = rest.split()
    if _counted(rest) < tail_words or ":" in rest or "：" in rest or _VALEDICTION.search(rest):
        return None
    if last[-1].isalnum() and tokens[-1] != tokens[-1].lower():
        return None  # a name or a number may be a signature or a value
    if not any(c.isalpha() for c in tokens[-1]):
        return None
    return Finding("broken_off", {"tail": rest[-40:], "words": _counted(rest), "least": tail_words})


_GREEK = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]{3}")


def _counted(text: str) -> int:
    """Words, as spaces part them; of scripts without spaces, two letters are about one."""
    letters = len(_OF_UNSPACED.findall(text))
    return len(text.split()) + letters // (_LEAST_LETTERS // 4)


_OF_UNSPACED = re.compile(rf"[{UNSPACED}]")
