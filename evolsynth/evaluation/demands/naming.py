"""A title made of an instruction's own words. English."""

from __future__ import annotations

import re

from evolsynth.evaluation.demands.shape import sentences
from evolsynth.evaluation.text.words import content, plain, vocabulary

__all__ = ["title_of"]

_MOST = 9  # words of a title
_SMALL = vocabulary("a an the and or of in on at to for with by from as but nor vs per")
_ASIDE = vocabulary(
    "i me we us you he she they i'm i've i'd it this that these those given following question if"
)
_HOW = re.compile(r"how (?:do|does|can|could|should|would|might) (?:i|you|we|one|people) ", re.I)
_POLITE = re.compile(
    r"(?:(?:please|kindly|hi|hello|hey)\b[ ,]*|(?:can|could|would|will) you (?:please )?)+", re.I
)
_LEAD = re.compile(
    r"(?:what(?:'s| is| are| was| were) (?:some |the |a |an )?"
    r"|(?:write|compose|create|draft|tell|make|give|share|recommend|suggest|list|name|explain|discuss|plan|design"
    r"|describe|outline|propose|offer|provide|show|find|generate|brainstorm|come up with)"
    r" (?:(?:me|us) )?(?:(?:to me|about) )?(?:some |the |a |an |\d+ |two |three |four |five )?"
    r"(?:(?:short|brief|funny|long|simple) )?"
    r"(?:(?:poem|story|essay|paragraph|text|song|tale|haiku|limerick|speech|article|dialogue) "
    r"(?:about|on|of) (?:the |a |an )?)?)",
    re.I,
)


def title_of(asked: str) -> str:
    """A title for an answer, out of the first sentence of what was asked; "" where that says too
    much, speaks of somebody, or has no word to name."""
    some = sentences(plain(asked))
    if not some:
        return ""
    said = some[0].text.rstrip(".?! ")
    if re.search(r"[,:;()\"?!\n]", said):
        return ""
    said = _POLITE.sub("", said, count=1)
    said = _HOW.sub("how to ", said, count=1)
    lead = _LEAD.match(said)
    said = said[lead.end() :] if lead else said
    words = ["your" if word.lower() == "my" else word for word in said.split()]
    if not 1 <= len(words) <= _MOST or not content(" ".join(words)):
        return ""
    if any(word.lower() in _ASIDE for word in words) or words[-1].lower() in _SMALL:
        return ""
    inner = [word if word.lower() in _SMALL else word[:1].upper() + word[1:] for word in words]
    return " ".join([words[0][:1].upper() + words[0][1:], *inner[1:]])
