"""Rows with planted duplicates: the background by a grammar of our own, the truth known.

A background row is a request of some twenty words, put together at random from lists that leave
more than 10^20 different ones, so two that are alike by accident do not happen in practice. Each
planted row is made from one of the background (or is the second of a pair written by hand) and
stands somewhere behind it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

__all__ = ["KINDS", "Pair", "Planted", "background", "changed", "planted"]

#: Ways in which a copy is changed; paraphrases come from pairs written by hand.
KINDS = ("case", "space", "punctuation", "one word", "sentences")


def _list(words: str) -> list[str]:
    return words.split()


_VERBS = _list(
    """write compose draft sketch design outline prepare invent produce build plan develop craft
    assemble imagine record rewrite present illustrate narrate deliver arrange collect organise
    formulate propose describe construct publish translate polish expand"""
)
_FORMS = _list(
    """story poem letter speech essay dialogue review lesson recipe scene song report guide manual
    brochure interview lecture fable sermon riddle monologue postcard diary biography pamphlet
    screenplay editorial obituary prologue timetable questionnaire checklist proposal memo blog
    tutorial legend ballad sonnet chronicle glossary catalogue sketch summary announcement
    invitation advertisement slogan script podcast newsletter puzzle quiz contract petition"""
)
_NOUNS = _list(
    """baker sailor gardener lighthouse violin bridge astronaut turtle library mountain painter
    clock umbrella village dragon engineer orchard train market beekeeper island carpenter notebook
    volcano nurse telescope shepherd castle river detective windmill pianist suitcase glacier
    teacher bicycle meadow puppet lantern harbour blacksmith compass canyon tailor mirror forest
    chess kitchen surgeon kite desert pilot blanket statue lizard plumber cathedral otter guitar
    farmer candle jungle lawyer hammer penguin waiter balloon swamp librarian carpet falcon miner
    trumpet valley barber wallet camel chemist ladder lagoon juggler pillow hedgehog butcher
    fountain squirrel architect saddle cliff weaver whistle raccoon potter bucket tunnel dancer
    spoon walrus printer helmet cave judge basket parrot sculptor rope dune brewer button moose
    dentist anchor prairie archer needle badger mayor barrel reef fisherman envelope owl optician
    pocket geyser actor teapot beetle midwife drawer avalanche drummer feather salmon courier
    thermos comet poet stamp mongoose welder magnet tundra cashier sponge panther tutor hinge
    oasis conductor marble gazelle butler quilt crater diver scarf lobster janitor funnel delta
    geologist zipper heron clown broom fjord referee kettle iguana banker violinist pebble marsh
    mason goblet cheetah florist crayon ravine jeweller pulley hamster curator trellis plateau"""
)
_ADJECTIVES = _list(
    """quiet brave ancient curious stubborn tiny golden lonely generous clumsy frozen wandering
    honest hungry forgotten crooked gentle noisy purple invisible patient rusty elegant sleepy
    ambitious fragile fearless dusty cheerful mysterious humble enormous grumpy silver wooden
    restless famous shy broken talkative foggy jealous velvet abandoned proud gloomy nimble
    peculiar salty thoughtful sunny reckless marble slippery loyal haunted sparkling weary bitter
    colourful distant hollow playful stormy wise yellow careless delicate fierce glowing icy
    lazy muddy narrow obedient polite rural sincere tropical urban vivid wicked zealous copper
    drowsy eager faithful graceful hopeful idle jolly keen limping moody nervous orphaned"""
)
_ACTIONS = _list(
    """repairs paints discovers carries forgets protects borrows teaches steals rescues follows
    imitates sells photographs hides admires measures feeds inherits destroys polishes invents
    questions welcomes guards collects misplaces decorates refuses studies buries chases cleans
    smuggles tickles befriends dreams interviews juggles kidnaps launches mends names outwits
    praises rents sketches trades unwraps visits warns yearns abandons catches defends exhibits"""
)
_PLACES = _list(
    """airport museum bakery stadium monastery greenhouse basement theatre hospital pier attic
    vineyard laboratory school courtroom subway balcony chapel factory zoo hotel cellar garage
    playground observatory barn supermarket cemetery sawmill marketplace ferry palace camp
    aquarium embassy workshop prison quarry stable cinema warehouse tavern dockyard nursery"""
)
_WAYS = _list(
    """slowly secretly cheerfully angrily nightly carefully suddenly rarely proudly blindly calmly
    daily eagerly fondly gladly hastily innocently jointly kindly loudly mysteriously neatly openly
    patiently quickly rudely sadly tenderly urgently vainly weekly wildly yearly awkwardly boldly"""
)
_MANNERS = _list(
    """humour suspense metaphors dialogue irony sympathy precision sarcasm rhyme tenderness
    examples evidence quotations repetition similes enthusiasm restraint statistics anecdotes
    nostalgia gravity wit imagery alliteration diagrams footnotes slang optimism melancholy"""
)
_READERS = _list(
    """children retirees students tourists beginners parents managers neighbours scientists
    soldiers athletes nurses readers critics collectors volunteers farmers musicians programmers
    historians accountants immigrants teenagers commuters engineers investors gardeners cooks
    hikers voters journalists librarians dancers drivers grandparents apprentices"""
)
#: What may stand for each other: the one word that is swapped.
_SYNONYMS = {
    "write": "compose", "compose": "write", "draft": "prepare", "describe": "portray",
    "invent": "devise", "design": "devise", "sketch": "outline", "story": "tale",
    "essay": "article", "speech": "address", "guide": "handbook", "quiet": "silent",
    "brave": "courageous", "tiny": "minute", "enormous": "huge", "ancient": "old",
    "lonely": "solitary", "forgotten": "neglected", "repairs": "fixes", "discovers": "finds",
    "carries": "bears", "protects": "shields", "slowly": "gradually", "secretly": "covertly",
    "carefully": "cautiously", "suddenly": "abruptly", "mention": "bring up",
    "children": "kids", "parents": "mothers and fathers", "forest": "wood", "village": "hamlet",
    "humour": "comedy", "famous": "renowned", "explain": "clarify", "stubborn": "obstinate",
}  # fmt: skip


class Pair(msgspec.Struct, frozen=True):
    """Two requests, written by hand: one request in two ways, or two that look alike."""

    kind: str
    duplicate: bool
    one: str
    other: str


class Planted(msgspec.Struct, frozen=True):
    """Rows, and for each planted one (by place) its kind and the place of its source.

    ``apart`` holds the places of the rows of look-alike pairs that are no duplicates, and how
    those differ.
    """

    rows: list[str]
    kinds: dict[int, str]
    sources: dict[int, int]
    apart: dict[int, str]


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def background(random_: random.Random) -> str:
    """A request of 18 to 24 words in two sentences."""
    pick = random_.choice
    noun, other, third = random_.sample(_NOUNS, 3)
    first = random_.choice(
        (
            f"{pick(_VERBS)} {_a(pick(_FORMS))} about {_a(pick(_ADJECTIVES))} {noun} that "
            f"{pick(_WAYS)} {pick(_ACTIONS)} {_a(other)} near the {pick(_PLACES)}",
            f"{pick(_VERBS)} {_a(pick(_ADJECTIVES))} {pick(_FORMS)} in which the {noun} "
            f"{pick(_ACTIONS)} the {pick(_ADJECTIVES)} {other} behind {_a(pick(_PLACES))}",
            f"for {pick(_READERS)}, {pick(_VERBS)} {_a(pick(_FORMS))} where {_a(noun)} and its "
            f"{pick(_ADJECTIVES)} {other} {pick(_WAYS)} leave the {pick(_PLACES)}",
        )
    )
    second = random_.choice(
        (
            f"Use {pick(_MANNERS)}, mention the {pick(_ADJECTIVES)} {third}, and please "
            f"{pick(_READERS)}.",
            f"Keep it under {random_.randrange(60, 900)} words, with {pick(_MANNERS)} and a "
            f"{pick(_ADJECTIVES)} {third}.",
            f"Let the {third} stay {pick(_ADJECTIVES)} and end with {pick(_MANNERS)}.",
            f"Explain to {pick(_READERS)} with {pick(_MANNERS)} why the {third} seems "
            f"{pick(_ADJECTIVES)}.",
        )
    )
    return f"{first[0].upper()}{first[1:]}. {second}"


def changed(text: str, kind: str, random_: random.Random) -> str:
    """A copy changed in one of the ways in `KINDS`."""
    if kind == "case":
        return random_.choice((text.lower(), text.upper(), text.title()))
    if kind == "space":
        return "  ".join(text.split(" ")) + " " if random_.random() < 0.5 else f"\t{text}\n"
    if kind == "punctuation":
        bare = text.rstrip(".")
        return random_.choice((bare.replace(",", ""), f"{bare}!", bare.replace(". ", "; ")))
    if kind == "one word":
        return _swapped(text, random_)
    first, _, second = text.partition(". ")
    return f"{second} {first}." if second else text


def _swapped(text: str, random_: random.Random) -> str:
    """One word by another: by a synonym half of the time, where there is one."""
    words = text.split(" ")
    known = [k for k, word in enumerate(words) if word.strip(".,").lower() in _SYNONYMS]
    if known and random_.random() < 0.5:
        k = random_.choice(known)
        new = _SYNONYMS[words[k].strip(".,").lower()]
    else:
        k = random_.choice([k for k, word in enumerate(words) if k and len(word) > 3])
        new = random_.choice(_NOUNS + _ADJECTIVES)
    tail = words[k][len(words[k].rstrip(".,")) :]
    new = new[0].upper() + new[1:] if words[k][0].isupper() else new
    return " ".join([*words[:k], new + tail, *words[k + 1 :]])


def planted(
    count: int,
    pairs: Sequence[Pair],
    *,
    share: float = 0.1,
    seed: int = 1,
    given: Sequence[str] = (),
) -> Planted:
    """``count`` rows, a ``share`` of them copies in equal parts of all kinds.

    Args:
        pairs: paraphrases, each used once: the second is planted; and look-alikes, both of
            which are in the background. They come on top of the share.
        given: a background to use instead of the generated one.
    """
    random_ = random.Random(seed)  # noqa: S311 - nothing secret
    copies = int(count * share)
    same = [pair for pair in pairs if pair.duplicate]
    apart = [pair for pair in pairs if not pair.duplicate]
    texts = [pair.one for pair in same]
    texts += [text for pair in apart for text in (pair.one, pair.other)]
    by_hand, wanted = len(texts), count - copies - len(same)
    texts += list(given[: wanted - by_hand])
    texts += [background(random_) for _ in range(wanted - len(texts))]
    order = list(range(len(texts)))
    random_.shuffle(order)
    rows = [texts[k] for k in order]
    at = {k: place for place, k in enumerate(order)}
    kinds: dict[int, str] = {}
    sources: dict[int, int] = {}
    for k, pair in enumerate(same):
        kinds[len(rows)], sources[len(rows)] = pair.kind, at[k]
        rows.append(pair.other)
    plain = [place for place, k in enumerate(order) if k >= by_hand]
    for k, place in enumerate(random_.sample(plain, min(copies, len(plain)))):
        kind = KINDS[k % len(KINDS)]
        kinds[len(rows)], sources[len(rows)] = kind, place
        rows.append(changed(rows[place], kind, random_))
    alike = {at[len(same) + k]: apart[k // 2].kind for k in range(2 * len(apart))}
    return Planted(rows, kinds, sources, alike)
