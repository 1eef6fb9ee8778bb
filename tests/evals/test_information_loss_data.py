"""``evals/data/information_loss*.jsonl``: labels, spans and splits that agree with one another."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import TypedDict

import pytest

FILE = Path(__file__).parents[2] / "evals" / "data" / "information_loss.jsonl"
KINDS_OF_LOSS = {
    "number", "quantity", "name", "quotation", "code",
    "option", "negation", "constraint", "sub-question", "topic",
}  # fmt: skip


class Lost(TypedDict):
    """One span of the original that is gone, or has become something else."""

    text: str
    kind: str
    became: str | None


class Pair(TypedDict):
    """A line of the file."""

    id: str
    kind: str
    original: str
    evolved: str
    label: str
    lost: list[Lost]
    split: str


REWRITES = FILE.with_name("information_loss_rewrites.jsonl")
PAIRS: list[Pair] = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
LOSSES = [pair for pair in PAIRS if pair["label"] != "kept"]
KEPT = [pair for pair in PAIRS if pair["label"] == "kept"]


def whole_word(text: str, within: str) -> int:
    """How often ``text`` stands in ``within`` as words of its own, not inside a longer one."""
    return len(re.findall(rf"(?<!\w){re.escape(text)}(?!\w)", within))


@pytest.mark.parametrize("kind", sorted({pair["kind"] for pair in PAIRS}))
def test_a_line_agrees_with_itself(kind: str) -> None:
    for pair in (pair for pair in PAIRS if pair["kind"] == kind):
        assert list(pair) == list(Pair.__annotations__), pair["id"]
        assert re.fullmatch(rf"{pair['kind'].replace(' ', '-')}-\d{{2,3}}", pair["id"])
        assert pair["split"] in {"a", "b"}, pair["id"]
        assert pair["original"].strip(), pair["id"]
        assert pair["evolved"].strip(), pair["id"]
        assert pair["original"] != pair["evolved"], pair["id"]

        gone = [lost for lost in pair["lost"] if lost["became"] is None]
        label = "lost" if gone else "altered" if pair["lost"] else "kept"
        assert pair["label"] == label, pair["id"]


@pytest.mark.parametrize("kind", sorted({pair["kind"] for pair in LOSSES}))
def test_a_lost_span_can_be_found_and_is_lost(kind: str) -> None:
    of_kind = [pair for pair in LOSSES if pair["kind"] == kind]
    for pair, lost in [(one, lost) for one in of_kind for lost in one["lost"]]:
        assert list(lost) == list(Lost.__annotations__), pair["id"]
        assert lost["kind"] in KINDS_OF_LOSS, pair["id"]
        assert lost["text"] == lost["text"].strip() != "", pair["id"]
        places = pair["original"].count(lost["text"])
        assert places >= 1, pair["id"]
        # "3" may also stand inside "30"; a name that is gone everywhere may stand twice.
        assert (
            places == 1
            or whole_word(lost["text"], pair["original"]) == 1
            or lost["text"] not in pair["evolved"]
        ), pair["id"]
        if lost["became"] is None:
            assert lost["text"].casefold() not in pair["evolved"].casefold(), pair["id"]
        else:
            assert lost["became"] in pair["evolved"], pair["id"]
            assert lost["became"] != lost["text"], pair["id"]


def test_ids_and_pairs_occur_once() -> None:
    assert len({pair["id"] for pair in PAIRS}) == len(PAIRS)
    assert len({(pair["original"], pair["evolved"]) for pair in PAIRS}) == len(PAIRS)


def test_every_loss_has_an_original_of_its_own() -> None:
    assert len({pair["original"] for pair in LOSSES}) == len(LOSSES)


def test_there_is_enough_of_everything() -> None:
    english = [pair for pair in PAIRS if not pair["kind"].startswith("language-")]
    assert sum(pair["label"] != "kept" for pair in english) >= 130
    assert sum(pair["label"] == "kept" for pair in english) >= 200
    others = Counter(pair["label"] == "kept" for pair in PAIRS if pair not in english)
    assert others == {True: 20, False: 20}
    words = [len(pair["original"].split()) for pair in PAIRS]
    assert sum(count > 300 for count in words) >= 20
    assert sum(count > 500 for count in words) >= 8
    assert {lost["kind"] for pair in LOSSES for lost in pair["lost"]} == KINDS_OF_LOSS


def test_the_halves_are_alike_and_share_no_original() -> None:
    sizes: defaultdict[tuple[str, bool], Counter[str]] = defaultdict(Counter)
    halves: defaultdict[str, set[str]] = defaultdict(set)
    for pair in PAIRS:
        sizes[pair["kind"], pair["label"] == "kept"][pair["split"]] += 1
        halves[pair["original"]].add(pair["split"])
    for group, counts in sizes.items():
        assert abs(counts["a"] - counts["b"]) <= 1, group
    assert all(len(split) == 1 for split in halves.values())
    assert abs(sum(pair["split"] == "a" for pair in KEPT) * 2 - len(KEPT)) <= 2
    assert abs(sum(pair["split"] == "a" for pair in LOSSES) * 2 - len(LOSSES)) <= 2


def test_the_rewrites_by_the_model_agree_with_themselves() -> None:
    rewrites = [json.loads(line) for line in REWRITES.read_text(encoding="utf-8").splitlines()]
    assert len({pair["id"] for pair in rewrites}) == len(rewrites) > 900
    halves: defaultdict[str, set[str]] = defaultdict(set)
    for pair in rewrites:
        halves[pair["original"].casefold()].add(pair["split"])
        assert (pair["label"] == "kept") == (not pair["lost"])
        for lost in pair["lost"]:
            assert lost["kind"] in KINDS_OF_LOSS
            assert lost["text"] in pair["original"]
            assert lost["became"] is None or lost["became"] in pair["evolved"]
    assert all(len(split) == 1 for split in halves.values())
    assert {pair["label"] for pair in rewrites} == {"kept", "lost", "altered"}


def test_the_pairs_of_turned_senses_agree_with_themselves() -> None:
    file = FILE.with_name("information_loss_senses.jsonl")
    pairs = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len({pair["id"] for pair in pairs}) == len(pairs) > 1200
    assert len({(pair["original"], pair["evolved"]) for pair in pairs}) == len(pairs)
    halves: defaultdict[str, set[str]] = defaultdict(set)
    sizes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for pair in pairs:
        assert pair["label"] in {"kept", "altered"}
        assert pair["original"] != pair["evolved"]
        halves[pair["original"]].add(pair["split"])
        sizes[pair["set"]][pair["label"]] += 1
    assert all(len(split) == 1 for split in halves.values())
    alone = sizes.pop("fresh rewrites")
    assert alone == {"kept": 100}
    assert len(sizes) == 10
    assert all(min(counts["kept"], counts["altered"]) >= 60 for counts in sizes.values())
