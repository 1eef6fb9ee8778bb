"""Plain statements of English read and turned into questions, by rule and without a model.

"In 1871, the town built a bridge." is read as an opening ("in 1871"), a subject, a verb and a rest;
so it can be asked "Did the town build a bridge in 1871?", "In what year did the town build a
bridge?". What the rules do not know for certain is not read at all: the forms of verbs are a list
(``verb_forms.txt``), and a subject is a short noun phrase without a clause in it.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

from evolsynth.evaluation.text.stated.verb_forms import verb_forms
from evolsynth.evaluation.text.words import vocabulary

__all__ = ["Clause", "clause_of", "first_verb"]


class Clause(NamedTuple):
    """A statement in its parts, as they are put together again.

    Args:
        opening: what stood in front of the subject ("in 1871"), or empty.
        subject: with its first letter as within a sentence.
        verb: as it stands ("built", "is").
        auxiliary: what a question begins with ("did", "is").
        base: what is left of the verb behind the subject in a question ("build"; empty for "is").
        rest: what follows the verb, without the stop.
    """

    opening: str
    subject: str
    verb: str
    auxiliary: str
    base: str
    rest: str

    @property
    def question(self) -> str:
        """It as a question to be answered by yes or no."""
        whole = self.inverted
        return f"{whole[0].upper()}{whole[1:]}?"

    @property
    def inverted(self) -> str:
        """The question without its capital and its mark, for behind "in what year"."""
        return _joined(self.auxiliary, self.subject, self.base, self.rest, self.opening)

    @property
    def told(self) -> str:
        """It as a part of a sentence, the opening at its end."""
        return _joined(self.subject, self.verb, self.rest, self.opening)

    def without(self, piece: str) -> Clause | None:
        """It without a piece of its opening or rest ("in 1871"); None if that stands in neither."""
        if self.opening == piece:
            return self._replace(opening="")
        cut = re.sub(rf"(?:^|\s){re.escape(piece)}(?=$|\s|,)", "", self.rest, count=1)
        if cut == self.rest or "," in cut[:1]:
            return None
        return self._replace(rest=cut.strip())


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


_AUXILIARIES = vocabulary("is are was were has have had can could will would may might must should")
_DETERMINERS = vocabulary(
    "the a an every each two three four five six seven eight nine ten eleven twelve most many some"
    " several few all both no any more young old older large small early modern male female"
)
_PREPOSITIONS = vocabulary("in on at by during around since for along near under over between of")
_BREAKS = vocabulary(
    "that which who whom whose when if as than because while where until unless though although"
    " not never no nor whether what how why before after so once but or"
)
_OPENING = re.compile(
    r"^(?P<opening>(?:In|On|At|By|During|Around|Since|For|Along|Near|Under|Over|Between|From|Within"
    r"|Throughout) [^,]{2,45}), (?P<main>.+)$"
)
_DATED = re.compile(
    r"^(?P<opening>(?:In|By|Since|On|During) (?:(?:the )?(?:early|late|mid)?-?\s?)?"
    r"(?:(?:\d{1,2} )?[A-Z][a-z]{2,8} )?(?:\d{4}|spring|summer|autumn|winter)) (?P<main>[^,]+.*)$"
)
#: A few words between commas behind the subject: "Karl Landsteiner, a physician in Vienna, ".
_APPOSED = re.compile(
    r"^((?:[\w'-]+ ){0,4}[\w'-]+), (?:(?:an?|the|one|known|also|signed|built|made|born|now|then"
    r"|which|who) [^,]{3,70}|[A-Z]{2,6}), (?=[a-z])"
)
_TAIL = re.compile(
    r" while |, (?:an?|the|one|now|known) |,? (?:which|who|where|whose|while|though"
    r"|although|because|whereas|so that|since|until|if|when"
    r"|and then|but|so|as)\b|, (?:and|or|with|making|giving|leaving|including|such|each|not|then"
    r"|usually|often|mostly|mainly|especially|\w+ing|\w+ed)\b"
)
_ITEM = r"(?:[\w'-]{1,30} ){0,3}[\w'-]{1,30}"
_LIST = re.compile(rf"(?<![\w'-]){_ITEM}(?:, {_ITEM}){{1,9}},? (?:and|or) [\w'-]")


def clause_of(sentence: str, text: str = "") -> Clause | None:
    """A sentence read as one plain statement, further clauses behind it left out.

    Args:
        sentence: one that `stands_alone`.
        text: what it stands in: whether its first word is a name is told by that.

    Returns:
        None where the rules do not read it for certain.
    """
    if "(" in sentence or "\n" in sentence or not sentence.endswith("."):
        return None
    flat = sentence[:-1]
    apposed = _APPOSED.match(flat)
    if apposed and not _holds_verb(apposed[1].split()):
        flat = f"{apposed[1]} {flat[apposed.end() :]}"
    opened = _DATED.match(flat) or _OPENING.match(flat)
    if opened and (
        _holds_verb(opened["opening"].split()) or opened["main"].startswith(("and ", "but ", "so "))
    ):
        return None
    main = opened["main"] if opened else flat
    opening = _lower_first(opened["opening"]) if opened else ""
    if not opened and main.split()[0].lower() in _PREPOSITIONS:
        return None
    if opened and re.search(r"\b(?:which|that|who|it|they|its|their)\b", opening):
        return None
    main = _kept(main)
    tokens = main.split()
    found = _verb(tokens)
    if found is None:
        return None
    at, auxiliary, base = found
    many = auxiliary in ("do", "are", "were")
    first = tokens[0] if opened else _within(tokens[0], tokens[1:at], text, many)
    if first is None or not 2 <= len(tokens[at + 1 :]) + bool(base) + bool(opening) <= 22:
        return None
    subject = " ".join([first, *tokens[1:at]])
    return Clause(opening, subject, tokens[at], auxiliary, base, " ".join(tokens[at + 1 :]))


def first_verb(sentence: str) -> int:
    """Where the first verb stands that is known as one; the sentence's length if none does."""
    tokens = list(re.finditer(r"\S+", sentence))
    for index, token in enumerate(tokens):
        if _holds_verb([t.group().rstrip(",.") for t in tokens[: index + 1]]):
            return token.start()
    return len(sentence)


_AFTER_VERB = _PREPOSITIONS | vocabulary(
    "the a an to from with into its about out up down off back"
)


def _third_person(piece: str) -> bool:
    """Whether the verb of a piece has the ending -s."""
    forms = verb_forms().finite
    return any(token in forms and forms[token][1] == "does" for token in piece.split())


_NESTED = re.compile(r"\b(?:how|whether|what|which|that|who|where|why)\b")


def _holds_verb(tokens: list[str]) -> bool:
    known = verb_forms()
    if any(token in _AUXILIARIES or token in known.finite for token in tokens):
        return True
    return any(_plural(one) and two in known.bases for one, two in pairwise(tokens))


def _lower_first(text: str) -> str:
    return text[0].lower() + text[1:]


def _kept(main: str) -> str:
    """The first clause of a sentence: what follows it, joined by a conjunction, is left out."""
    for match in _TAIL.finditer(main):
        listed = match.group().startswith((", and", ", or")) and "," in main[: match.start()]
        if match.group().startswith((", a", ", the ", ", one ")):
            listed = bool(re.search(r"\b(?:and|or)\b", main[match.end() :]))
        cuts = "," in match.group() or match.group() == " while "
        if not listed and cuts and len(main[: match.start()].split()) >= 3:
            main = main[: match.start()]
            break
    known = verb_forms()
    for match in re.finditer(r",? (?:and|but|or) (\w+)(?: (\w+))?", main):
        if not _holds_verb(main[: match.start()].split()):
            continue
        word, following = match[1], match[2] or ""
        adverb = word.endswith("ly") or word in ("then", "still", "later")
        finite = following if adverb else word
        if finite in _AUXILIARIES or finite in known.every or " but " in match.group():
            return main[: match.start()]
        third = _third_person(main[: match.start()]) and _plural(word)
        if (third or word.endswith("ed")) and following in _AFTER_VERB:
            return main[: match.start()]
        piece = re.split(r", | and | or ", main[match.end(1) :])[0].split()
        nested = _NESTED.search(main[: match.start()])
        if not nested and any(w in _AUXILIARIES or w in known.finite for w in piece):
            return main[: match.start()]
    return main


def _verb(tokens: list[str]) -> tuple[int, str, str] | None:
    """Where the verb stands, what a question begins with, and what it leaves behind the subject."""
    forms, participles, bases, _ = verb_forms()
    for at, token in enumerate(tokens[:11]):
        word = token.lower()
        if at == 0:
            continue
        following = tokens[at + 1].lower() if at + 1 < len(tokens) else ""
        if token in _AUXILIARIES:
            if not _is_subject(tokens[:at]) or not _simple(tokens[at + 1 :]):
                return None
            has = word in ("has", "have", "had")
            if has and not _participle(tokens[at + 1 : at + 3], participles):
                return at, {"has": "does", "have": "do", "had": "did"}[word], "have"
            return at, word, ""
        if _plural(before := tokens[at - 1].lower()) and word in bases and token == word:
            if not _is_subject(tokens[:at]) or not _simple(tokens[at + 1 :]):
                return None
            return at, "do", word
        if word in forms and token == word:
            base, auxiliary = forms[word]
            if before in _DETERMINERS or before in _PREPOSITIONS or before == "and":
                return None
            reduced = any(t in _AUXILIARIES or t in forms for t in _until_break(tokens[at + 1 :]))
            if reduced or not _is_subject(tokens[:at]) or not _simple(tokens[at + 1 :]):
                return None
            if auxiliary == "did" and following in ("by", ""):
                return None
            if auxiliary == "does" and _plural(before):
                return None
            return at, auxiliary, base
    return None


def _plural(word: str) -> bool:
    return word.endswith("s") and not word.endswith(("ss", "us", "is", "'s"))


def _until_break(tokens: list[str]) -> list[str]:
    return tokens[: next((i for i, t in enumerate(tokens) if t.lower() in _BREAKS), len(tokens))]


def _participle(following: list[str], participles: frozenset[str]) -> bool:
    adverbs = ("been", "long", "always", "often", "only", "already", "since", "now", "once")
    for word in following:
        if word in participles or word == "been" or word.endswith("ed"):
            return True
        if word not in adverbs and not word.endswith("ly"):
            return False
    return False


def _is_subject(tokens: list[str]) -> bool:
    forms = verb_forms().finite
    if (
        tokens[-1] in ("and", "or")
        or not 1 <= len(tokens) <= 9
        or any("," in t or t.lower() in _BREAKS for t in tokens)
    ):
        return False
    if any(t in forms and not t.endswith("ed") for t in tokens[1:]):
        return False
    known = verb_forms().every
    if any(t in known and t not in forms and _plural(t) for t in tokens[2:]):
        return False  # "the notice covers heaters": a noun, or the verb itself
    if tokens[-1].lower() in _PREPOSITIONS | _DETERMINERS or tokens[-1].endswith("ly"):
        return (
            tokens[-1].endswith("ly") and len(tokens) > 1 and tokens[-2].lower() not in _DETERMINERS
        )
    return tokens[0].lower() not in ("it", "they", "he", "she", "there", "this", "these", "its")


def _simple(rest: list[str]) -> bool:
    """Whether what follows the verb is no list of clauses, denies nothing, and points nowhere."""
    text = " ".join(rest)
    if re.search(r"\b(?:not|never|no|neither|nor|hardly|therefore|it|they|them)\b", text):
        return False
    behind = text.partition(",")[2].split()
    return not behind or (bool(_LIST.search(text)) and not _holds_verb(behind))


_NATIONS = re.compile(
    r"(?:ian|ish|ese|ean|can|rman|nch|tch|ss|'s|’s|[a-z]ans|wedes|[Dd]anes|urks|[Ff]inns|[Pp]oles|cots"
    r"|reeks|ritons|erbs|roats|zechs|lovaks|rabs|ncas|zulus|ikings|axons|elts)$"
)


def _within(word: str, others: list[str], text: str, many: bool) -> str | None:
    """A first word as it is written within a sentence; None where nobody can tell.

    Args:
        word: the first of a subject.
        others: those behind it.
        text: what the sentence stands in.
        many: whether the verb says that the subject is more than one.
    """
    lower = word[0].lower() + word[1:]
    if lower in _DETERMINERS or lower in ("men's", "women's", "children's"):
        return lower
    named = bool(others) and (others[0][:1].isupper() or others[0] in ("van", "von", "de", "da"))
    if named or word.isupper() or word.endswith(("'s", "’s")):
        return word
    if re.search(rf"[a-z,] {re.escape(word)}\b", text):
        return word
    if re.search(rf"(?<![\w-]){re.escape(lower)}(?![\w-])", text):
        return lower
    plural = many and _plural(others[-1] if others else word)
    if word.endswith("ing") and (not others or others[0] in _PREPOSITIONS):
        return lower
    return lower if plural and not _NATIONS.search(word) else None
