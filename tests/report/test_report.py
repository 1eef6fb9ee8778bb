"""The report's page: what it counts, what it marks, and that no text of a row becomes markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import types
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.evaluation.diversity.distances import some
from evolsynth.evaluation.embed.base import Embedder
from evolsynth.findings import explain
from evolsynth.report.build import build_report
from evolsynth.report.cells import evolutions_of
from evolsynth.report.neighbourhood import MAP_LIMIT, histogram, lineage, map_places, regions
from evolsynth.report.tallies import by_method, count, reasons_of
from evolsynth.rows import Failure, Message, Row, Verdict

YES = Verdict(accepted=True)
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "{{7*7}}{% include 'page.css' %}",
    "<b>bold</b><a href='https://example.org'>x</a>",
    '"\' onmouseover=alert(1) x="',
    "<!--<script>",
    "%{x} &lt;b&gt; $a$",
    "harmless \u202etxt.exe \x00 \ud800 \u200b",
)


class Scattered:
    """An embedder for tests: each text has a direction of its own that only depends on it."""

    name = "scattered"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        self.asked += texts
        rows = np.empty((len(texts), 8), np.float32)
        for row, text in zip(rows, texts, strict=True):
            digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            row[:] = np.random.default_rng(int.from_bytes(digest, "big")).normal(size=8)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


class Page(HTMLParser):
    """The page as a browser's parser sees it: its tags, its texts by id, its figures."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.by_id: dict[str, str] = {}
        self.texts: dict[str, list[str]] = {}
        self._open: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        values = dict(attrs)
        self.links += [values[a] or "" for a in ("src", "href", "action", "data") if a in values]
        self.handlers += [name for name in values if name.startswith("on")]
        if tag not in ("meta", "link", "input", "rect", "img", "br"):
            self._open.append((tag, values.get("id")))
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag, name in self._open:
            if name:
                self.by_id[name] = self.by_id.get(name, "") + data
            if tag in ("mark", "ins", "title", "option"):
                self.texts[tag][-1] += data

    @property
    def data(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.by_id["data"])
        return parsed

    def points(self) -> list[tuple[str, str]]:
        """(row id, status) of all marks on the map."""
        rows = self.data["rows"]
        return [(rows[i]["id"], rows[i]["status"]) for i in self.data["map"]["rows"]]


def some_rows() -> list[Row]:
    """46 rows of every fate, with evolutions of two rounds."""
    seeds = [
        Row.make(f"Name {n} rivers of country number {n}.", key=str(n), method="magpie")
        for n in range(20)
    ]
    rows = [r.replace(verdict=YES) if n % 4 else r.reject("too_short") for n, r in enumerate(seeds)]
    for n, parent in enumerate(rows[:16]):
        text = f"{parent.instruction} Limit your answer to {n} words."
        row = Row.make(text, method="evol_instruct", round=1, parents=(parent.id,))
        rows.append(
            row.reject("no_new_demand", "repetition") if n % 5 == 0 else row.replace(verdict=YES)
        )
    for n, parent in enumerate(rows[20:26]):
        text = f"Also: {parent.instruction}"
        row = Row.make(text, method="evol_instruct", round=2, parents=(parent.id,))
        rows.append(row.replace(verdict=YES) if n else row.reject())
    lost = Failure(step="respond", error="EngineError", message="the context was closed")
    return [*rows, *(Row.make(f"Never answered {n}", failure=lost) for n in range(4))]


def page(rows: Sequence[Row], embedder: Embedder | None = None, **options: Any) -> Page:
    return Page(build_report(rows, embedder=embedder, **options))


# --- numbers -------------------------------------------------------------------------------------


def test_the_headline_numbers_add_up_and_so_do_the_groups() -> None:
    rows = some_rows()
    shown = page(rows, Scattered())
    planned, *parts = (
        int(shown.by_id[name]) for name in ("planned", "accepted", "rejected", "failed")
    )
    assert planned == len(rows) == sum(parts)
    assert parts == [32, 10, 4]
    groups = by_method(rows)
    assert [(m, r) for m, r, _ in groups] == [
        ("magpie", 0),
        ("evol_instruct", 1),
        ("evol_instruct", 2),
        ("input", 0),
    ]
    assert [sum(c[i] for _, _, c in groups) for i in range(4)] == list(count(rows))


def test_main_reasons_add_up_to_the_rejected_rows() -> None:
    rejections, failures = reasons_of(some_rows())
    assert [(r.code, r.first, r.also) for r in rejections] == [
        ("too_short", 5, 0),
        ("no_new_demand", 4, 0),
        ("no reason given", 1, 0),
        ("repetition", 0, 4),
    ]
    assert sum(r.first for r in rejections) == count(some_rows()).rejected
    assert all(1 <= len(r.samples) <= 2 for r in rejections)
    assert [(f.code, f.first) for f in failures] == [("EngineError", 4)]


def test_reasons_are_explained_and_a_code_of_somebodys_own_is_shown_as_it_is() -> None:
    html = build_report(
        [Row.make("a").reject("too_short"), Row.make("b").reject("my_check")], embedder=None
    )
    assert explain("too_short") in html
    assert "<code>my_check</code>" in html


def test_accepted_rows_a_minute_come_from_the_runs_seconds() -> None:
    rows = [Row.make(str(n), verdict=YES) for n in range(10)]
    html = build_report(rows, embedder=None, run={"model": "SmolLM2", "seconds": 120})
    assert "<dt>accepted / minute</dt><dd>5.0</dd>" in html
    assert "SmolLM2" in html
    assert "/ minute" not in build_report(rows, embedder=None, run={"seconds": 0})


def test_plain_data_are_unchecked_and_no_share_is_claimed() -> None:
    rows = [Row.make(f"question {n}") for n in range(3)]
    rows.append(Row.make(None, messages=(Message("user", "a turn"), Message("assistant", "yes"))))
    shown = page(rows, Scattered())
    assert (shown.by_id["planned"], shown.by_id["unchecked"]) == ("4", "4")
    assert "accepted" not in shown.by_id
    assert {status for _, status in shown.points()} == {"unchecked"}


# --- what is there, what is left out -------------------------------------------------------------


@pytest.mark.parametrize("embedder", [None, Scattered()])
def test_no_rows_make_a_page_that_says_so(embedder: Embedder | None) -> None:
    html = build_report([], embedder=embedder)
    assert "There are no rows." in html
    assert Page(html).by_id["planned"] == "0"
    assert len(html) < 100_000  # all that the page is without rows


def test_one_row_is_enough_for_a_map() -> None:
    only = Row.make("alone", verdict=YES)
    assert page([only], Scattered()).points() == [(only.id, "accepted")]


def test_without_an_embedder_the_page_says_what_is_missing() -> None:
    shown = page(some_rows())
    assert "without an embedding model" in shown.by_id["why-not"]
    assert shown.data["map"] is None
    assert "map" not in shown.by_id


def test_without_scikit_learn_the_map_is_of_principal_components_and_has_no_regions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evolsynth.report.neighbourhood.find_spec", lambda name: None)
    shown = page(some_rows(), Scattered())
    assert "principal components of their embeddings" in shown.by_id["map"]
    assert len(shown.points()) == 42
    assert shown.data["map"]["regions"] == []


def test_umap_lays_the_map_out_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    class UMAP:
        def __init__(self, **options: Any) -> None:
            assert options["random_state"] == 0

        def fit_transform(self, vectors: Any) -> Any:
            return vectors[:, :2]

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=UMAP))
    monkeypatch.setattr("evolsynth.report.neighbourhood.find_spec", lambda name: True)
    places, method = map_places(Scattered().embed([str(n) for n in range(40)]))
    assert (places.shape, method) == ((40, 2), "UMAP")


def test_the_map_has_every_row_that_did_not_fail_and_its_lines() -> None:
    rows = some_rows()
    shown = page(rows, Scattered())
    assert sorted(shown.points()) == sorted((r.id, r.status) for r in rows if r.status != "failed")
    on_map = shown.data["map"]
    assert len(on_map["places"]) == len(on_map["labels"]) == len(on_map["rows"]) == 42
    assert len(on_map["links"]) == 22
    points = shown.points()
    parents = {row.id: row.parents for row in rows}
    assert all(points[up][0] in parents[points[child][0]] for child, up in on_map["links"])


def test_regions_have_words_and_say_which_are_thin_and_which_crowded() -> None:
    topics = {"comets orbit stars": 40, "bread dough ovens": 5, "rivers flood valleys": 15}
    texts = [f"Describe {topic}." for topic, n in topics.items() for _ in range(n)]
    vectors = np.eye(8, dtype=np.float32)[[list(topics).index(t[9:-1]) for t in texts]]
    labels, found = regions(texts, vectors)
    assert [(r.rows, r.how) for r in found] == [(40, ""), (15, ""), (5, "thin")]
    assert "bread" in found[2].words
    assert labels.count(2) == 5
    assert regions(texts[:19], vectors[:19]) == ([], [])


def test_the_histogram_counts_every_row_on_it_once() -> None:
    html = build_report(some_rows(), embedder=Scattered())
    bars = re.findall(r"<title>(\d+) (accepted|rejected), ", html)
    assert sum(int(number) for number, _ in bars) == 42
    two = histogram({"accepted": np.array([-1, 1], np.float32)})
    assert sum(bar.total for bar in two) == 2
    assert histogram({}) == []


def test_of_many_rows_some_are_asked_for_their_nearest_and_the_page_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evolsynth.report.neighbourhood.NEAREST", 10)
    html = build_report(some_rows(), embedder=Scattered())
    bars = re.findall(r"<title>(\d+) (accepted|rejected), ", html)
    assert sum(int(number) for number, _ in bars) == 10
    assert "that of 10 of the rows, drawn at random" in html
    assert "drawn at random" not in build_report(some_rows()[:8], embedder=Scattered())


def test_a_text_is_embedded_once_however_many_rows_have_it() -> None:
    embedder = Scattered()
    build_report([Row.make("same", key=str(n)) for n in range(5)], embedder=embedder)
    assert embedder.asked == ["same"]


def test_methods_and_rounds_are_compared_at_equal_size_with_intervals() -> None:
    rows = [Row.make(f"Name {n} rivers.", method="magpie", verdict=YES) for n in range(30)]
    for n in range(24):
        text = f"Write about town {n}, briefly."
        rows.append(Row.make(text, method="evol_instruct", round=1, verdict=YES))
    rows.append(Row.make("Sing a song.", method="magpie").reject("too_short"))
    shown = page(rows, Scattered())
    table = " ".join(shown.by_id["varied"].split())
    assert "By method and round, at 24 rows each, with 95% intervals" in table
    assert "magpie of 30" in table
    assert "evol_instruct, round 1 of 24" in table
    assert re.search(r"Vendi score\s*(\d\.\d{3} \(\d\.\d{3}–\d\.\d{3}\) ?){3}", table)
    assert "sing" not in shown.by_id["verbs"]  # of accepted rows only
    assert re.search(r"name\s*30\s*river 30", shown.by_id["verbs"])
    assert "54 accepted rows" in build_report(rows, embedder=Scattered())


def test_thin_clusters_are_listed_with_words_and_an_example() -> None:
    class Two(Scattered):
        """Texts of bread in one direction, others in another, each with a little noise."""

        def embed(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
            noise = 0.05 * super().embed(texts)
            x = noise + np.eye(8)[[int("bread" in text) for text in texts]]
            return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), np.float32)

    rows = [Row.make(f"Explain comet {n}.", verdict=YES) for n in range(5)]
    rows += [Row.make("Bake rye bread.", verdict=YES, key="bread")]
    thin = page(rows, Two()).by_id["thin"]
    assert "What to ask for next" in thin
    assert "bread" in thin
    assert "Bake rye bread." in thin


def test_too_few_rows_are_not_compared() -> None:
    shown = page([Row.make(f"Name {n} rivers.", verdict=YES) for n in range(9)], Scattered())
    assert "varied" not in shown.by_id
    assert "verbs" in shown.by_id


def test_rejected_rows_alone_have_no_verbs_to_show() -> None:
    shown = page([Row.make(f"Name {n}.").reject("too_short") for n in range(30)], Scattered())
    assert not {"varied", "verbs", "thin"} & set(shown.by_id)


def test_nearest_pairs_leave_out_an_evolution_and_its_original() -> None:
    one = Row.make("Same words", key="1", verdict=YES)
    child = Row.make("Same words", key="2", round=1, parents=(one.id,), verdict=YES)
    grandchild = Row.make("Same words", key="3", round=2, parents=(child.id,), verdict=YES)
    stranger = Row.make("Other words", verdict=YES)
    assert lineage([one, child, grandchild]) == [(1, 0), (2, 1), (2, 0)]
    html = build_report([one, child, grandchild, stranger], embedder=Scattered())
    pairs = html.split('<table class="pairs">')[1].split("</table>")[0]
    assert pairs.count("<tr>") == 1 + 3
    assert pairs.count("Other words") == 3


def test_rows_that_are_each_others_parents_do_not_hang_it() -> None:
    rows = [
        Row(id="a", instruction="x", round=1, parents=("b",)),
        Row(id="b", instruction="y", round=1, parents=("a",)),
        Row(id="c", instruction="z", round=1, parents=("c",)),
    ]
    assert lineage(rows) == [(0, 1), (1, 0)]
    assert [row.id for row, _ in evolutions_of(rows)] == ["a", "b"]
    cells = page(rows, Scattered()).data["rows"]
    assert [cell.get("original") for cell in cells] == [["y"], ["x"], None]


def test_a_large_set_is_cut_fairly_and_the_page_says_so() -> None:
    rows = [Row.make(f"r{n}", verdict=YES) for n in range(10_400)]
    rows[7::1040] = [row.reject("too_short") for row in rows[7::1040]]
    html = build_report(rows, embedder=None)
    assert "Listed are 10000 of 10400 rows" in html
    cells = Page(html).data["rows"]
    assert len(cells) == 10_000
    assert sum(cell["status"] == "rejected" for cell in cells) == 10


def test_the_maps_sample_is_the_same_each_time() -> None:
    one = some(9000, MAP_LIMIT, 0)
    assert len(set(one.tolist())) == len(one) == 3000
    assert one.tolist() == some(9000, MAP_LIMIT, 0).tolist()
    assert some(12, MAP_LIMIT, 0).tolist() == list(range(12))


def test_copies_do_not_break_the_layout() -> None:
    same = np.repeat(Scattered().embed(["x"]), 50, axis=0)
    places, method = map_places(same)
    assert np.allclose(places, 0, atol=1e-5)
    assert method == "principal components"
    many = Scattered().embed([str(n) for n in range(31)] * 2)
    places, method = map_places(many)
    assert method == "t-SNE"
    assert np.isfinite(places).all()


# --- evolutions ----------------------------------------------------------------------------------


def test_a_lost_span_is_marked_exactly_and_the_added_text_too() -> None:
    text = "Name 3 rivers of Peru and 3 lakes."
    parent = Row.make(text, verdict=YES)
    start = text.index("3 lakes")
    span = {"text": "3", "start": start, "end": start + 1, "kind": "number", "became": "four"}
    child = Row.make(
        "Name 3 rivers of Peru and four lakes. Use a table.", round=1, parents=(parent.id,)
    ).reject("information_loss", information_loss={"score": 0.9, "lost": [span]})
    _, cell = page([parent, child]).data["rows"]
    note = "number, became “four”"
    assert cell["original"] == ["Name 3 rivers of Peru and ", ["3", note], " lakes."]
    assert cell["losses"] == [f"“3”: {note}"]
    assert json.loads(cell["details"])["information_loss"]["score"] == 0.9


def test_an_original_that_is_no_row_here_is_taken_from_the_provenance() -> None:
    told = {"instruction": {"original": "Name a river."}}
    child = Row.make("Name a river of Peru.", round=1, parents=("away",), provenance=told)
    (cell,) = page([child]).data["rows"]
    assert cell["original"] == ["Name a river."]
    odd = [child.replace(provenance={"instruction": o}) for o in (7, {"original": [1]}, {})]
    assert not any("original" in cell for cell in page(odd).data["rows"])


# --- hostile text --------------------------------------------------------------------------------


def hostile_rows() -> list[Row]:
    rows = []
    for text in HOSTILE:
        loss = {"score": 1.0, "lost": [{"text": text[:4], "start": 0, "end": 4, "kind": text}]}
        rows += [
            Row(id=text, instruction=text, response=text, system=text, method=text, verdict=YES),
            Row(
                id=text + "2", instruction=text, round=1, parents=(text,), extra={text: text}
            ).reject(text, information_loss=loss),
            Row(id=text + "3", failure=Failure(step=text, error=text, message=text)),
            Row(id=text + "4", messages=(Message("user", text),)),
        ]
    return rows


def test_hostile_text_is_active_nowhere() -> None:
    options = {"title": HOSTILE[1], "run": {text: {text: [text]} for text in HOSTILE}}
    html = build_report(hostile_rows(), embedder=Scattered(), **options)  # type: ignore[arg-type]
    shown = Page(html)
    assert shown.tags["script"] == 2  # the rows, the page's own
    assert shown.tags["img"] == shown.tags["b"] == 0
    assert shown.handlers == []
    assert shown.texts["title"][0] == HOSTILE[1]  # the others are of bars of the histogram
    assert "{{7*7}}" in html
    assert not re.search("[\u202e\x00\u200b\ud800]", html)
    assert "harmless [U+202E]txt.exe [U+0000] [U+D800] [U+200B]" in html
    html.encode("utf-8")


def test_no_sign_of_html_stands_in_the_rows_and_the_script_reads_none() -> None:
    html = build_report(hostile_rows(), embedder=Scattered())
    text = html.split('id="data">')[1].split("</script>")[0]
    assert not re.search("[<>&\u2028]", text)
    assert json.loads(text)["rows"][0]["instruction"] == HOSTILE[0]
    script = html.split("<script>")[1]
    assert not re.search("innerHTML|outerHTML|insertAdjacent|DOMParser|document.write|eval", script)


def test_scores_that_are_no_numbers_leave_the_rows_readable() -> None:
    odd = {"a": float("nan"), "b": float("inf"), "c": 0.5}
    (cell,) = page([Row.make("x", scores=odd)]).data["rows"]
    assert cell["scores"] == {"a": None, "b": None, "c": 0.5}


def test_the_page_loads_nothing() -> None:
    html = build_report(hostile_rows(), embedder=Scattered())
    assert all(link.startswith(("#", "data:")) for link in Page(html).links)
    policy = re.search('Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]  # the page's own script and style are known by their digests
    assert "http" not in policy[1]
    for tag in ("script", "style"):
        text = html.split(f"<{tag}>")[1].split(f"</{tag}>")[0]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]


# --- the file ------------------------------------------------------------------------------------


def test_the_same_rows_give_the_same_bytes() -> None:
    run = {"model": "SmolLM2", "seconds": 9.5}
    one = build_report(some_rows(), embedder=Scattered(), run=run)
    assert one == build_report(some_rows(), embedder=Scattered(), run=run)


@pytest.mark.parametrize(
    "name",
    [
        "page.html.j2",
        "page.css",
        "page.js",
        "map.js",
        "rows.js",
        "reader.js",
        "marks.js",
        "parts.html.j2",
        "compare.html.j2",
    ],
)
def test_the_pages_parts_travel_with_the_package(name: str) -> None:
    assert files("evolsynth.report").joinpath(name).is_file()


@pytest.mark.real
def test_minilm_puts_similar_requests_first_among_the_nearest_pairs(embedder: Embedder) -> None:
    texts = [
        "Name three rivers in Brazil.",
        "Write a poem about the sea.",
        "List 3 Brazilian rivers.",
        "How do I boil an egg?",
    ]
    html = build_report([Row.make(text) for text in texts], embedder=embedder)
    first = html.split('<table class="pairs">')[1].split("<tbody>")[1].split("</tr>")[0]
    assert texts[0] in first
    assert texts[2] in first


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.builds(Row, id=st.text(max_size=3), instruction=st.none() | st.text(max_size=9)))
)
def test_any_rows_make_a_page(rows: list[Row]) -> None:
    assert page(rows).by_id["planned"] == str(len(rows))
