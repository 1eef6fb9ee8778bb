"""The shape of a request: what kind of answer it wants, told from its words alone.

A demand that fits a poem does not fit a yes-or-no question. Evol-Instruct for small models shows
the model examples of the request's own shape, and begins its demand in words that suit it.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from evolsynth.evaluation.text.words import plain

__all__ = ["SHAPES", "Shape", "shape_of"]

Shape = Literal[
    "code", "solve", "label", "rewrite", "story", "letter", "ideas", "idea", "howto", "explain"
]
#: All shapes; each has a prompt file of its own.
SHAPES: tuple[Shape, ...] = get_args(Shape)

_POLITE = r"^\W*(?:please |can you |could you )?"
_MAKE = r"(?:write|create|compose|generate|draft|make|produce|give me|come up with|tell)"
_THE = (
    r"(?!(?:me |us )?(?:why|if|whether|about|how|what)\b)(?:me |us )?"
    r"(?:an? |the |some |one |two |three |\d+ )?(?:[\w'-]+ ){0,3}?"
)
_PATTERNS: dict[Shape, str] = {
    "code": r"\b(?:python|java|javascript|typescript|c\+\+|sql|html|css|bash|regex|regular "
    r"expression|code|function|program|script|query|algorithm|spreadsheet|excel|json|xml|yaml)\b"
    r"(?! (?:dress|of conduct|name))",
    "solve": r"\b(?:calculate|compute|solve|evaluate|convert|add up|subtract|multiply|divide|"
    r"how (?:much|many)|what is \d|percent(?:age)?|equation|area|perimeter|average|probability|"
    r"sum of|product of)\b",
    "story": rf"\b{_MAKE} {_THE}(?:story|stories|poem|poems|haiku|limerick|tale|fable|song|lyrics|"
    r"verse|joke|riddle|scene|dialogue|conversation|monologue|rap|myth|sonnet|script|plot|ballad)"
    r"s?\b|^\W*(?:continue|imagine|pretend|finish) ",
    "letter": rf"\b{_MAKE} {_THE}(?:e-?mail|letter|review|speech|essay|article|blog|post|tweet|"
    r"advert(?:isement)?|ad|report|announcement|invitation|message|note|text|description|paragraph|"
    r"cover letter|biography|bio|introduction|statement|memo|caption|toast|apology|complaint|news"
    r"|press release|proposal|recommendation|reply|response|profile|obituary|thank-you \w+)s?\b"
    r"|^\W*(?:reply|respond) to\b",
    "rewrite": _POLITE + r"(?:rewrite|rephrase|paraphrase|reword|correct|fix|"
    r"proofread|edit|translate|summari[sz]e|make an? [\w-]+ summar\w+|shorten|simplify|expand|"
    r"improve|change|turn (?:the|this|it|each)|transform|"
    r"rearrange|reorder|replace|make (?:the|this|it)|combine|punctuate|complete|fill|remove|insert|"
    r"put the|convert the (?:sentence|text|following)|edit|polish|condense)\b"
    r"|\b(?:title|headline|summary|name|slogan) (?:for|of) (?:the|this)\b",
    "label": r"\b(?:classify|categori[sz]e|label|detect|identify|decide (?:whether|if)|determine|"
    r"true or false|yes or no|positive or negative|which of|choose|select|extract|odd one out|"
    r"sentiment|is (?:it|this|the|there|that)|are (?:the|these|they)|does the|do the|did the|"
    r"tell me (?:if|whether|which)|tell if|say (?:if|whether|which)|find (?:the|all|out)|"
    r"rank|sort|arrange|count|match|pick|underline|answer|analogy|relation|part of speech|"
    r"synonyms?|antonyms?|rhymes?)\b|^\W*(?:who|when|where|which|whose|is|are|was|were|does|did|"
    r"do|has|can|what (?:is|was|are) the (?:name|capital|color|colour|date|year|number|opposite|"
    r"plural|past tense|author|largest|smallest|longest|highest|first|last|chemical|currency|"
    r"main))\b",
    "ideas": _POLITE + r"(?:list|name|suggest|brainstorm|recommend|propose|"
    r"think of|give(?: me)?|come up with|generate|invent|find|what are|create a list|make a list|"
    r"provide|tell me (?:some|two|three|four|five|a few|about (?:some|three))|what (?:should|can|"
    r"could|movies?|books?|games?))\b",
    "idea": "(?!)",
    "howto": r"\b(?:how (?:do|can|should|to|would)|tips|advice|recipe|plan|steps|guide|"
    r"instructions|schedule|routine|teach me|help me|prepare|organi[sz]e|itinerary|"
    r"strategy|improve)\b",
    "explain": "",
}
_FOUND = {shape: re.compile(pattern, re.I) for shape, pattern in _PATTERNS.items()}
#: What a first word tells where nothing else does.
_FIRST_WORDS: dict[Shape, str] = {
    "label": "predict|fact[- ]check(?:ing)?|tell (?:me )?(?:if|whether)|use|return|parse|put|given"
    "|alphabeti[sz]e|output|rate|fact|verify|based on|read|according|if|all|judge|assign|mark",
    "letter": "write|compose|draft",
    "idea": "make|create|set up|develop|design|generate",
    "howto": "draw up|outline",
}
_BEGINS = {
    shape: re.compile(rf"{_POLITE}(?:{words})\b", re.I) for shape, words in _FIRST_WORDS.items()
}
#: What tells several suggestions from one.
_SEVERAL = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|\d+|some|several|few|list|lists|ways|ideas|"
    r"tips|things|names|titles|topics|examples|reasons|questions|places|books|movies|films|games|"
    r"activities|exercises|foods|gifts|steps|facts|words|uses|pros|benefits|suggestions|options|"
    r"brainstorm|are|many|all|each|every|advice|stretches|recommendations)\b",
    re.I,
)
_HOWTO_FIRST = re.compile(r"^\W*(?:how (?:do|can|should|to|would)|what is the best way)\b", re.I)
_RECIPE = re.compile(_POLITE + r"(?:give me|write|make|suggest)\b.*\brecipe\b", re.I)
_EXPLAIN_FIRST = re.compile(
    _POLITE + r"(?:explain|describe|discuss|compare|define|why|give me the|in your opinion|"
    r"give (?:a|me a) (?:short |detailed |brief )?(?:definition|description|explanation|overview)|"
    r"what (?:is|does|causes|makes|happens|are the (?:benefits|advantages|causes|differences))|"
    r"tell me (?:about|how|why)|how (?:does|did|is|are|was))\b",
    re.I,
)


def shape_of(request: str) -> Shape:
    """The shape of a request, which is best given without the data that it works on.

    By rules, the more telling first; English. What nothing tells of is to be explained.
    """
    text = plain(request).strip()
    if _FOUND["code"].search(text):
        return "code"
    if _HOWTO_FIRST.search(text):
        return "howto"
    if _RECIPE.search(text) or re.search(r"\bchecklists?\b", text, re.I):
        return "howto"
    if re.search(r"^\W*(?:which|what) \w+ (?:should|can|could) (?:i|we|you)\b", text, re.I):
        return "ideas"
    if re.search(r"\b(?:definition|meaning) of\b", text, re.I):
        return "explain"
    for shape in ("solve", "story", "letter", "rewrite"):
        if _FOUND[shape].search(text):
            return shape
    if _EXPLAIN_FIRST.search(text) and not re.search(
        r"\b(?:following|given|this|the) (?:\w+ )?(?:sentence|text|word|pair|paragraph|statement"
        r"|list|passage|review)s?\b|^\W*what (?:is|was|are) the (?:name|capital|colou?r|date|year"
        r"|number|opposite|plural|past|author|largest|smallest|longest|highest|first|last|chemical"
        r"|currency|main)\b",
        text,
        re.I,
    ):
        return "explain"
    for shape, found in _FOUND.items():
        if shape != "explain" and found.search(text):
            return _counted(shape, text)
    found_first = (shape for shape, begins in _BEGINS.items() if begins.search(text))
    return _counted(next(found_first, "explain"), text)


def _counted(shape: Shape, text: str) -> Shape:
    """One suggestion or several; what is written in several pieces is a list too."""
    several = _SEVERAL.search(text) is not None
    if shape in ("ideas", "idea"):
        return "ideas" if several else "idea"
    return "ideas" if shape == "letter" and several and not _FOUND["letter"].search(text) else shape
