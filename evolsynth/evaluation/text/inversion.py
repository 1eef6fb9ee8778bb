"""Plain statements of English read and turned into questions, by rule and without a model.

"In 1871, the town built a bridge." is read as an opening ("in 1871"), a subject, a verb and a rest;
so it can be asked "Did the town build a bridge in 1871?", "In what year did the town build a
bridge?". What the rules do not know for certain is not read at all: the forms of verbs are a list
(``verb_forms.txt``), and a subject is a short noun phrase without a clause in it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from evolsynth.evaluation.text.verbs import COMMANDS
from evolsynth.evaluation.text.words import word_lists

__all__ = ["Clause", "clause_of", "is_command", "is_verb", "refers_back", "stands_alone"]

#: What refers to a sentence before, wherever it stands.
_REFERS = re.compile(
    r"\b(?:this|these|those|such|also|however|therefore|instead|latter|former|thus|hence|too"
    r"|likewise|similarly|otherwise|moreover|furthermore|meanwhile|nevertheless|nonetheless|here"
    r"|another|her|we|you|your|our|my|us|as well|for example|for instance|in turn"
    r"|consequently|afterwards|accordingly|above|below|the same|that (?:way|time|year|day|is)"
    r"|both|respectively|the (?:other|rest|second|next|result|process|reason|others|whole thing))\b",
    re.I,
)
_OPENS = re.compile(
    r"^(?:it|its|they|their|them|his|one|some|others?|most|many|few|several|all|each|neither|either"
    r"|none|that|there|then|next|first|second|third|finally|later|soon|now|today|even|still|yet|but"
    r"|and|so|or|because|since|if|when|while|although|though|unlike|like|instead|only|again|once"
    r"|nobody|nothing|everything|everyone|anyone|what|who|how|why|where|whether|as|with|without"
    r"|to|by then|at first|at last|by now|not|no|never|perhaps|indeed|eventually|after|before)\b",
    re.I,
)
_UNQUOTABLE = re.compile(r"[\"“”«»|*_#\[\]<>{}`\n:;…—]|\s[–-]\s|\.\.|\?|!")
#: A pronoun with no clause before it in the sentence that could hold what it stands for.
_LOOSE = re.compile(
    r"(?<!that )(?<!because )(?<!when )(?<!if )(?<!and )(?<!but )(?<!as )(?<!so )(?<!while )"
    r"(?<!before )(?<!after )(?<!until )(?<!since )(?<!where )(?<!which )(?<!, )(?<!than )"
    r"\b(?:it|they|them|themselves|he|she|him)\b|(?<!and )\bthen\b|\bthere\b(?! (?:is|are|was|were))"
)
_WORDS = re.compile(r"\S+")


def stands_alone(sentence: str) -> bool:
    """Whether a sentence is understood without those around it: it has a noun for its subject,
    refers to nothing before it, quotes nothing, and has 5 to 32 words."""
    count = len(_WORDS.findall(sentence))
    if not 5 <= count <= 32 or not sentence.endswith(".") or not sentence[:1].isupper():
        return False
    if is_command(sentence) or _LOOSE.search(sentence):
        return False
    if _UNQUOTABLE.search(sentence) or _OPENS.search(sentence) or _REFERS.search(sentence):
        return False
    return sentence.count("(") == sentence.count(")")


def is_command(sentence: str) -> bool:
    """Whether a sentence begins with a verb in its base form."""
    first = sentence.split()[0].lower()
    return first in COMMANDS or (first in _forms()[2] and first not in _forms()[0])


_COUNTS_ON = re.compile(r"The (?:first|second|third|two|three|four|five|\w+ ones?)\b")


def refers_back(sentence: str) -> bool:
    """Whether a sentence may lean on the one before it: it opens with a pronoun or a conjunction,
    or has "this", "such", "also" in it."""
    return bool(_COUNTS_ON.match(sentence)) or bool(_OPENS.search(sentence) or _REFERS.search(sentence) or _LOOSE.search(sentence))


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


_AUXILIARIES = frozenset(
    "is are was were has have had can could will would may might must should".split()
)
_DETERMINERS = frozenset(
    "the a an every each two three four five six seven eight nine ten eleven twelve most many some"
    " several few all both no any more young old older large small early modern male female".split()
)
_PREPOSITIONS = frozenset("in on at by during around since for along near under over between of".split())
_BREAKS = frozenset(
    "that which who whom whose when if as than because while where until unless though although"
    " not never no nor whether what how why before after so once but or".split()
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
    r"^((?:[\w'-]+ ){0,4}[\w'-]+), (?:(?:an?|the|one|known|also|signed|built|made|born|now|then|which|who)"
    r" [^,]{3,70}|[A-Z]{2,6}), (?=[a-z])"
)
_TAIL = re.compile(
    r" while |, (?:an?|the|one|now|known) |,? (?:which|who|where|whose|while|though|although|because|whereas|so that|since|until|if|when"
    r"|and then|but|so|as)\b|, (?:and|or|with|making|giving|leaving|including|such|each|not|then"
    r"|usually|often|mostly|mainly|especially|\w+ing|\w+ed)\b"
)
_LIST = re.compile(r"(?:[\w'-]+ ){0,3}[\w'-]+(?:, (?:[\w'-]+ ){0,3}[\w'-]+)+,? (?:and|or) [\w'-]+")


@lru_cache(maxsize=1)
def _forms() -> tuple[dict[str, tuple[str, str]], frozenset[str], frozenset[str]]:
    """The finite forms (base and auxiliary by the form), the participles, and all of the forms."""
    lists = word_lists(__file__, "verb_forms.txt")
    irregular = [line.split() for line in lists["irregular"]]
    skipped = {w for name in ("nouns", "past") for line in lists[name] for w in line.split()}
    doubled = {w for line in lists["doubled"] for w in line.split()}
    forms: dict[str, tuple[str, str]] = {}
    participles = {participle for _, _, participle in irregular}
    bases = {base for base, _, _ in irregular}
    for base, past, _ in irregular:
        forms[_third(base)] = (base, "does")
        if past != base:
            forms[past] = (base, "did")
    for base in (w for line in lists["regular"] for w in line.split()):
        past = _past(base, base in doubled)
        forms[_third(base)], forms[past] = (base, "does"), (base, "did")
        participles.add(past)
        bases.add(base)
    certain = {form: made for form, made in forms.items() if form not in skipped}
    return certain, frozenset(participles), frozenset(bases).union(forms, participles)


@lru_cache(maxsize=1)
def _bases() -> frozenset[str]:
    """The bases whose third person is certain."""
    return frozenset(base for base, auxiliary in _forms()[0].values() if auxiliary == "does")


def is_verb(word: str) -> bool:
    """Whether a word is known as a finite form of a verb, and seldom a noun."""
    return word in _forms()[0]


def _third(base: str) -> str:
    if base == "have":
        return "has"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ies"
    return base + ("es" if base.endswith(("s", "sh", "ch", "x", "z", "o")) else "s")


def _past(base: str, doubled: bool) -> str:
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ied"
    if base.endswith("e"):
        return base + "d"
    return base + (base[-1] if doubled else "") + "ed"


def clause_of(sentence: str, text: str = "") -> Clause | None:
    """A sentence read as one plain statement, further clauses behind it left out.

    Args:
        sentence: one that `stands_alone`.
        text: what it stands in: whether its first word is a name is told by that.

    Returns:
        None where the rules do not read it for certain.
    """
    if "(" in sentence or not sentence.endswith("."):
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


_NESTED = re.compile(r"\b(?:how|whether|what|which|that|who|where|why)\b")


def _holds_verb(tokens: list[str]) -> bool:
    forms, _, _ = _forms()
    if any(token.lower() in _AUXILIARIES or token in forms for token in tokens):
        return True
    some = _bases()
    return any(_plural(one) and two in some for one, two in pairwise(tokens))


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
    forms, _, all_forms = _forms()
    for match in re.finditer(r",? (?:and|but|or) (\w+)(?: (\w+))?", main):
        if not _holds_verb(main[: match.start()].split()):
            continue
        word, following = match[1], match[2] or ""
        adverb = word.endswith("ly") or word in ("then", "still", "later")
        finite = following if adverb else word
        if finite in _AUXILIARIES or finite in all_forms or " but " in match.group():
            return main[: match.start()]
        piece = re.split(r", | and | or ", main[match.end(1) :])[0].split()
        nested = _NESTED.search(main[: match.start()])
        if not nested and any(w in _AUXILIARIES or w in forms for w in piece):
            return main[: match.start()]
    return main


def _verb(tokens: list[str]) -> tuple[int, str, str] | None:
    """Where the verb stands, what a question begins with, and what it leaves behind the subject."""
    forms, participles, _ = _forms()
    bases = _bases()
    for at, token in enumerate(tokens[:11]):
        word = token.lower()
        if at == 0:
            continue
        following = tokens[at + 1].lower() if at + 1 < len(tokens) else ""
        if word in _AUXILIARIES:
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
            reduced = any(t.lower() in _AUXILIARIES or t in forms for t in _until_break(tokens[at + 1 :]))
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
    forms, _, _ = _forms()
    if tokens[-1] in ("and", "or") or not 1 <= len(tokens) <= 9 or any("," in t or t.lower() in _BREAKS for t in tokens):
        return False
    if any(t in forms and not t.endswith("ed") for t in tokens[1:]):
        return False
    if tokens[-1].lower() in _PREPOSITIONS | _DETERMINERS or tokens[-1].endswith("ly"):
        return tokens[-1].endswith("ly") and len(tokens) > 1 and tokens[-2].lower() not in _DETERMINERS
    return tokens[0].lower() not in ("it", "they", "he", "she", "there", "this", "these", "its")


def _simple(rest: list[str]) -> bool:
    """Whether what follows the verb is no list of clauses, denies nothing, and points nowhere."""
    text = " ".join(rest)
    if re.search(r"\b(?:not|never|no|neither|nor|hardly|therefore|it|they|them)\b", text):
        return False
    behind = text.partition(",")[2].split()
    return not behind or (bool(_LIST.search(text)) and not _holds_verb(behind))


_NATIONS = re.compile(r"(?:ian|ish|ese|ean|can|rman|nch|tch|ss|'s|’s)$")


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
    return lower if plural and not _NATIONS.search(word) else None
