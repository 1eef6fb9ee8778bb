"""Words that exclude each other though they are near in meaning: days, colours, before and after.

Word vectors take them for one another, and so would a check that trusts them.
"""

from __future__ import annotations

from collections import defaultdict

from evolsynth.evaluation.text.words import stem

__all__ = ["siblings"]

#: Words near one another in meaning that must not stand for one another.
_CLASSES = (
    "monday tuesday wednesday thursday friday saturday sunday",
    "january february march april may june july august september october november december",
    "spring summer autumn fall winter",
    "red blue green yellow black white brown pink purple orange grey gray",
    "north south east west northern southern eastern western",
    "english german french spanish italian chinese japanese korean russian portuguese arabic "
    "hindi dutch danish polish turkish latin greek",
    "breakfast lunch dinner supper", "morning afternoon evening night noon midnight",
    "second minute hour day week month year decade century",
    "boy girl", "man woman men women male female", "mother father mom dad sister brother son "
    "daughter aunt uncle niece nephew", "he she him her his hers",
    "cat dog horse cow pig sheep goat chicken duck fish",
    "formal informal", "more less fewer", "before after", "increase decrease", "first last",
    "high low", "higher lower", "highest lowest", "largest smallest", "maximum minimum",
    "longest shortest", "best worst", "longer shorter", "older younger", "faster slower",
    "earlier later", "larger bigger greater smaller", "taller shorter", "wider narrower",
    "warmer colder", "heavier lighter", "most least", "always sometimes never", "left right",
    "buy sell", "add remove", "ascending descending",
    "advantages disadvantages", "pros cons", "positive negative neutral", "true false", "old new",
    "old young", "hot cold", "open closed", "above below", "input output", "import export",
    "python java javascript ruby rust php perl", "json xml yaml csv html markdown latex",
    "inch foot feet yard mile meter metre centimeter kilometer", "gram kilogram pound ounce ton",
    "dollar cent euro pound yen", "essay poem story letter email speech song haiku limerick",
    "past present future", "active passive", "singular plural", "synonym antonym",
    "daily weekly monthly yearly", "vowel consonant", "noun verb adjective adverb",
    "celsius fahrenheit kelvin", "vegetarian vegan", "indoor outdoor", "odd even",
)  # fmt: skip
_SIBLINGS: dict[str, set[int]] = defaultdict(set)
for _number, _class in enumerate(_CLASSES):
    for _word in _class.split():
        _SIBLINGS[stem(_word)].add(_number)


def siblings(one: str, other: str) -> bool:
    """Whether two words exclude each other: two days of the week, before and after."""
    return one != other and bool(_SIBLINGS.get(one, set()) & _SIBLINGS.get(other, set()))
