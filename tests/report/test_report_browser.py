"""The report in a real browser: it runs under its own policy, asks for nothing, and obeys no row.

Needs playwright and a Chromium of the system (see `evals.browser`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from open_browser import unfit

from evolsynth.pipeline import evolve, gate, magpie, merge, respond
from evolsynth.pipeline.labels import outline
from evolsynth.report.build import write_report
from evolsynth.rows import Failure, Message, Row, Verdict
from evolsynth.store.store import StepCounts

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

YES = Verdict(accepted=True)
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "<b>bold</b><a href='https://example.org/'>x</a>",
    "{{7*7}} %{x} &lt;b&gt;",
    "\"'><svg onload=alert(1)>",
    "a\u202eb",
)


class Scattered:
    """An embedder for tests: each text has a direction of its own that only depends on it."""

    name = "scattered"

    def embed(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        seeds = [int(hashlib.blake2b(t.encode(), digest_size=8).hexdigest(), 16) for t in texts]
        rows = np.stack([np.random.default_rng(seed).normal(size=8) for seed in seeds])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def ordinary_rows(asked: int = 60, evolved: int = 20) -> list[Row]:
    """Rows of all kinds that a run has; 9 or more are evolved, and fewer than are asked."""
    seeds = [Row.make(f"Question {n}?", method="magpie", verdict=YES) for n in range(asked)]
    seeds[::6] = [row.reject("too_short") for row in seeds[::6]]
    grown = [
        Row.make(
            f"{row.instruction} Use {n} words.", method="evol_instruct", round=1, parents=(row.id,)
        ).replace(verdict=YES, scores={"information_loss": n / 100})
        for n, row in enumerate(seeds[:evolved])
    ]
    turns = (Message("user", "Hello?"), Message("assistant", "Good day."))
    told = {"input": "Ada wrote it. Ben read it.", "evidence": [{"start": 0, "end": 13}], "year": 7}
    seeds[1] = seeds[1].replace(
        extra=told, response="Ada.", verdict=Verdict(accepted=True, task="fact", tier="verified")
    )
    seeds[2] = seeds[2].replace(messages=turns, instruction=None)
    lost = {"score": 0.9, "lost": [{"text": "8?", "start": 9, "end": 11, "kind": "number"}]}
    grown[8] = grown[8].reject("information_loss", information_loss=lost)
    return [*seeds, *grown]


def hostile_rows() -> list[Row]:
    rows = []
    for text in HOSTILE:
        loss = {"lost": [{"text": text[:3], "start": 0, "end": 3, "kind": text}]}
        child = Row(id=text + "2", instruction=text + " x", round=1, parents=(text,))
        told = {"input": f"{text} {text}", "title": text, "heading": text, "source": text}
        evidence: list[dict[str, object]] = [{"start": 0, "end": len(text)}]
        given: dict[str, object] = {**told, "evidence": [*evidence, {"start": text, "end": text}]}
        own = Row(id=text, instruction=text, response=text, method=text, verdict=YES, extra=given)
        rows += [
            own,
            child.reject(text, information_loss=loss).replace(extra=given),
            Row(id=text + "3", failure=Failure(step=text, error=text, message=text)),
        ]
    return rows


class Visit:
    """An open page, and everything that went wrong on it or left it."""

    def __init__(self, browser: Browser, path: Path, **options: Any) -> None:
        context = browser.new_context(offline=True, **options)
        self.requests: list[str] = []
        self.troubles: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.page.goto(path.as_uri())

    def _dialog(self, dialog: Any) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def shown_rows(self) -> int:
        return self.page.locator("#row-body tr").count()

    def chosen(self, count: str) -> bool:
        """Whether the table soon says that so many rows are chosen; typing is waited for."""
        told = "(count) => document.getElementById('row-count').textContent === count"
        self.page.wait_for_function(told, arg=count)
        return True

    def close(self) -> None:
        """Close what is open, and choose all rows again."""
        for _ in range(2):
            if self.page.locator("dialog[open]").count():
                self.page.keyboard.press("Escape")
        self.page.click("#row-clear")


@pytest.fixture(scope="module")
def ordinary(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Visit:
    path = tmp_path_factory.mktemp("ordinary") / "report.html"
    return Visit(browser, write_report(path, ordinary_rows(), embedder=Scattered()))


@pytest.fixture(scope="module")
def hostile(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Visit:
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    write_report(path, hostile_rows(), embedder=Scattered(), title=HOSTILE[1], run={"x": HOSTILE})
    return Visit(browser, path)


@pytest.fixture(scope="module")
def few(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """Rows of all kinds, few of each: axe looks at every element of a page, 8 times."""
    path = tmp_path_factory.mktemp("few") / "report.html"
    return Visit(browser, write_report(path, ordinary_rows(13, 9), embedder=Scattered()))


@pytest.fixture(scope="module")
def piped(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """A report of a long pipeline with branches and hostile names."""
    pipe = magpie(n=20_000, topic="everyday questions about cooking") >> evolve(rounds=3)
    ways = [respond(name=name, model="SmolLM2-1.7B-Instruct") for name in HOSTILE[:3]]
    pipe = pipe >> ways >> merge() >> respond(name="Wide Names With Many Letters") >> gate()
    counts = [
        StepCounts(name=node.name, kind=node.step.kind, left=1_234_567, rejected=123_456, failed=7)
        for node in pipe.nodes()
    ]
    path = tmp_path_factory.mktemp("piped") / "report.html"
    boxes = outline(pipe, counts)
    write_report(path, ordinary_rows(13, 9), embedder=None, pipeline=boxes, steps=counts)
    return Visit(browser, path)


#: What is painted on the map; read off a copy, as Chromium warns of reading a canvas often.
PIXELS = (
    "((c) => { const copy = Object.assign(document.createElement('canvas'), { width: c.width,"
    " height: c.height }); const pen = copy.getContext('2d', { willReadFrequently: true });"
    " pen.drawImage(c, 0, 0); return pen.getImageData(0, 0, c.width, c.height).data; })"
    "(document.getElementById('map-canvas'))"
)
WHERE = "(place) => document.getElementById('map-canvas').whereIs(place)"


def spot(visit: Visit, place: int) -> tuple[float, float]:
    """Where the row of that place lies in the window."""
    visit.page.locator("#map-canvas").scroll_into_view_if_needed()
    visit.page.evaluate("document.getElementById('map').scrollIntoView({behavior: 'instant'})")
    x, y = visit.page.evaluate(WHERE, place)
    return x, y


def legend(visit: Visit) -> list[str]:
    return [" ".join(t.split()) for t in visit.page.locator("#map-legend .key").all_inner_texts()]


def test_the_map_is_painted_and_its_legend_counts_every_row(ordinary: Visit) -> None:
    assert legend(ordinary) == ["accepted 69", "rejected 11"]
    colours = ordinary.page.evaluate(
        f"() => {{ const d = {PIXELS}; const found = new Set();"
        " for (let i = 0; i < d.length; i += 4) found.add(`${d[i]},${d[i + 1]},${d[i + 2]}`);"
        " return found.size; }"
    )
    assert colours > 10
    assert ordinary.page.locator("svg.histogram rect").count() > 0


def test_the_map_is_coloured_by_what_one_chooses(ordinary: Visit) -> None:
    page = ordinary.page
    found = page.locator("#map-colour option").all_inner_texts()
    assert {"Verdict", "Method", "Round", "Kind of task", "Region", "Your marks"} <= set(found)
    page.select_option("#map-colour", "method")
    assert legend(ordinary) == ["magpie 60", "evol_instruct 20"]
    page.select_option("#map-colour", "region")
    assert len(legend(ordinary)) > 1
    page.select_option("#map-colour", "score information_loss")
    scale = " ".join(page.inner_text("#map-legend").split())
    assert scale == "0 0.19 · 60 rows without it are grey"
    page.select_option("#map-colour", "verdict")


def test_a_mark_tells_its_row_and_a_click_opens_it(ordinary: Visit) -> None:
    page = ordinary.page
    where = spot(ordinary, 40)
    page.mouse.move(*where)
    page.locator("#map-tip").wait_for(state="visible")
    told = page.inner_text("#map-tip")
    assert "Question" in told
    page.mouse.click(*where)
    page.locator("#reader[open]").wait_for()
    shown = page.inner_text("#reader-body")
    assert told.splitlines()[1] in shown
    ordinary.close()


def test_the_map_is_moved_and_zoomed_by_buttons_and_keys(ordinary: Visit) -> None:
    page = ordinary.page
    before = spot(ordinary, 0), spot(ordinary, 50)
    page.click("#map-in")
    after = spot(ordinary, 0), spot(ordinary, 50)
    assert abs(after[0][0] - after[1][0]) == pytest.approx(1.4 * abs(before[0][0] - before[1][0]))
    page.focus("#map-canvas")
    page.keyboard.press("ArrowLeft")
    assert spot(ordinary, 0)[0] == pytest.approx(after[0][0] + 40)
    page.keyboard.press("Home")
    assert spot(ordinary, 0) == pytest.approx(before[0])


def test_the_lasso_chooses_rows_for_the_table_and_is_let_go(ordinary: Visit) -> None:
    page = ordinary.page
    spot(ordinary, 0)
    box = page.locator("#map-canvas").bounding_box()
    assert box
    page.click("#map-lasso")
    x, y, w, h = box["x"] + 2, box["y"] + 2, box["width"] - 4, box["height"] - 4
    page.mouse.move(x, y)
    page.mouse.down()
    for corner in ((x + w / 2, y), (x + w / 2, y + h), (x, y + h), (x, y + 5)):
        page.mouse.move(*corner)
    page.mouse.up()
    left = page.evaluate(
        "(middle) => Array.from({length: 80}, (_, i) => document.getElementById('map-canvas')"
        ".whereIs(i)).filter((spot) => spot[0] < middle).length",
        x + w / 2,
    )
    assert 0 < left < 80
    assert ordinary.chosen(f"{left} of 80")
    assert page.inner_text("#lasso-count") == f"{left} rows chosen on the map. "
    page.click("#map-clear")
    assert ordinary.chosen("80 of 80")
    page.click("#map-lasso")


def test_the_filters_narrow_the_table_and_count_what_is_left(ordinary: Visit) -> None:
    page = ordinary.page
    assert ordinary.shown_rows() == 50  # the first of 80
    page.select_option("#row-status", "rejected")
    assert ordinary.shown_rows() == 11
    assert page.inner_text("#row-count") == "11 of 80"
    page.fill("#row-text", "QUESTION 12?")
    assert ordinary.chosen("1 of 80")
    page.select_option("#row-status", "accepted")
    assert ordinary.shown_rows() == 1  # its evolution
    page.select_option("#row-method", "magpie")
    assert ordinary.shown_rows() == 0
    ordinary.close()
    page.select_option("#row-reason", "too_short")
    assert ordinary.shown_rows() == 10
    page.select_option("#row-reason", "")
    page.select_option("#row-round", "round 1")
    assert page.inner_text("#row-count") == "20 of 80"
    page.select_option("#row-round", "")
    page.click("#row-more")
    assert ordinary.shown_rows() == 80
    ordinary.close()


def test_rows_are_chosen_by_a_score_and_by_any_column(ordinary: Visit) -> None:
    page = ordinary.page
    page.select_option("#row-score", "information_loss")
    assert page.inner_text("#row-count") == "20 of 80"
    page.fill("#row-least", "0.05")
    page.fill("#row-most", "0.1")
    assert ordinary.chosen("6 of 80")
    page.click("#row-heads .is-score button")
    page.click("#row-heads .is-score button")
    assert page.locator("#row-body .is-score").first.inner_text() == "0.1"
    assert page.get_attribute("#row-heads .is-score", "aria-sort") == "descending"
    page.click("#row-heads .is-score button")
    ordinary.close()
    page.select_option("#row-column", "year")
    page.fill("#row-holds", "8")
    assert ordinary.chosen("0 of 80")
    page.fill("#row-holds", "7")
    assert ordinary.chosen("1 of 80")
    assert page.locator("#row-body .is-column").inner_text() == "7"
    ordinary.close()


def test_evolutions_come_a_few_at_a_time(ordinary: Visit) -> None:
    shown = ordinary.page.locator(".evolution:visible")
    assert shown.count() == 6
    ordinary.page.click("#evolution-more")
    assert shown.count() == 20
    ordinary.page.select_option("#evolution-show", "loses")
    assert shown.count() == 1
    assert shown.locator("mark.lost").all_inner_texts() == ["8?"]
    ordinary.page.select_option("#evolution-show", "")
    assert shown.first.locator("ins.added").all_inner_texts() == ["Use 0 words."]
    cells = ordinary.page.locator("#rounds tbody tr").last.locator("td").all_inner_texts()
    assert cells[:4] == ["20", "95.0%", "90.5%", "20"]


DIFFERENT: tuple[tuple[str, str, list[str], list[str]], ...] = (
    ("Name a river.", "Name a river.", [], []),
    ("Name 3 rivers of Peru and 3 lakes.", "Name 3 rivers of Peru and four lakes. Use a table.",
     ["3"], ["four", "Use a table."]),
    ("NAME a river", "name a lake", ["river"], ["lake"]),
    ("", "all of it", [], ["all of it"]),
    (" ".join(f"w{n}" for n in range(1500)) + " end", " ".join(f"w{n}" for n in range(1500))
     + " new words end", [], ["new words"]),
)  # fmt: skip


@pytest.mark.parametrize("case", range(len(DIFFERENT)))
def test_what_an_evolution_adds_and_changes_is_marked(
    case: int, browser: Browser, tmp_path: Path
) -> None:
    before, after, gone, fresh = DIFFERENT[case]
    told = {"instruction": {"original": before or " "}}
    row = Row.make(after, round=1, parents=("away",), provenance=told)
    visit = Visit(browser, write_report(tmp_path / "report.html", [row], embedder=None))
    shown = visit.page.locator("#evolution-list .evolution")
    assert shown.locator("mark.gone").all_text_contents() == gone
    assert shown.locator("ins").all_text_contents() == fresh
    texts = shown.locator(".text").all_text_contents()
    assert texts == [before or " ", after]
    assert visit.troubles == []


def test_a_row_is_read_in_full_by_keyboard(ordinary: Visit) -> None:
    page = ordinary.page
    page.locator("#row-body .open").first.focus()
    page.keyboard.press("k")  # there is none before
    assert page.evaluate("document.activeElement.dataset.place") == "0"
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.locator("#reader[open]").wait_for()
    assert page.inner_text("#reader-place") == "2 of 80"
    assert page.inner_text("#reader-body mark.evidence") == "Ada wrote it."
    assert "verified" in page.inner_text("#reader-title")
    page.keyboard.press("j")
    assert page.locator("#reader-body dd.turn").all_inner_texts() == ["Hello?", "Good day."]
    page.keyboard.press("k")
    page.keyboard.press("k")
    assert "too_short" in page.inner_text("#reader-body .why")
    page.keyboard.press("Escape")
    assert page.locator("#reader[open]").count() == 0
    page.wait_for_function("() => document.activeElement.dataset.place === '0'")
    page.keyboard.press("?")
    assert page.locator("#help[open]").count() == 1
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "row-text"
    page.keyboard.type("j")  # is a letter here
    assert page.input_value("#row-text") == "j"
    ordinary.close()


def test_an_address_names_a_row_and_its_family_is_a_click_away(ordinary: Visit) -> None:
    page = ordinary.page
    rows = ordinary_rows()
    page.evaluate("(id) => { location.hash = `row=${id}`; }", rows[60].id)
    page.locator("#reader[open]").wait_for()
    assert "evol_instruct, round 1" in page.inner_text("#reader-title")
    page.locator("#reader-body .lineage a").first.click()
    page.wait_for_function("() => !document.querySelector('#reader-body .evolution')")
    assert page.evaluate("location.hash") == f"#row={rows[0].id}"
    assert "evol_instruct, round 1" in page.inner_text("#reader-body .lineage")
    ordinary.close()
    page.locator("#worth a").first.click()
    page.locator("#reader[open]").wait_for()
    ordinary.close()
    page.evaluate("() => { location.hash = 'row=nobody%'; }")
    page.locator("#row-missing").wait_for(state="visible")


def test_marks_are_kept_and_exported(browser: Browser, tmp_path: Path) -> None:
    rows = ordinary_rows()
    path = write_report(tmp_path / "report.html", rows, embedder=None)
    visit = Visit(browser, path)
    page = visit.page
    page.locator("#row-body .open").first.click()
    page.keyboard.press("1")  # the first row was rejected
    page.fill("#mark-note", 'good, "really"\n')
    page.click("#reader-after")
    page.keyboard.press("2")
    page.click("#reader-after")
    page.click("#mark-keep")
    page.keyboard.press("0")
    page.keyboard.press("Escape")
    told = "1 kept, 1 dropped, 0 with a note alone; you and the gate agree on 0 of 2."
    assert page.inner_text("#mark-count") == told
    page.select_option("#row-mark", "against")
    assert page.inner_text("#row-count") == "2 of 80"
    page.goto("about:blank")
    page.goto(path.as_uri())
    assert page.text_content("#mark-count") == told
    page.click(".marking summary")
    with page.expect_download() as download:
        page.click("#mark-export")
    saved = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in saved] == [
        {"id": rows[0].id, "mark": "keep", "note": 'good, "really"\n'},
        {"id": rows[1].id, "mark": "drop"},
    ]
    page.click("#mark-forget")
    page.click("#mark-forget")
    assert page.inner_text("#mark-count") == "Nothing is marked yet."
    assert visit.troubles == []


@pytest.mark.parametrize("width", [1280, 800, 375])
def test_the_page_is_never_wider_than_the_window(
    width: int, ordinary: Visit, hostile: Visit, piped: Visit
) -> None:
    for visit in (ordinary, hostile, piped):
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.page.wait_for_function(
            "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
        visit.page.locator("#row-body .open").first.click()
        wide = "() => { const box = document.getElementById('reader').getBoundingClientRect();"
        assert visit.page.evaluate(f"{wide} return box.left >= 0 && box.right <= innerWidth; }}")
        visit.close()
    for visit in (ordinary, hostile, piped):
        visit.page.set_viewport_size({"width": 1280, "height": 900})


def test_the_map_follows_when_the_window_turns_dark(ordinary: Visit) -> None:
    painted = f"(colour) => [...{PIXELS}].slice(0, 3).join() === colour"
    ordinary.page.wait_for_function(painted, arg="255,255,255")
    ordinary.page.emulate_media(color_scheme="dark")
    ordinary.page.wait_for_function(painted, arg="20,23,27")
    ordinary.page.emulate_media(color_scheme="light")
    ordinary.page.wait_for_function(painted, arg="255,255,255")


def test_hostile_text_is_shown_and_does_nothing(hostile: Visit) -> None:
    page = hostile.page
    assert page.title() == HOSTILE[1]
    page.select_option("#map-colour", "method")
    shown = legend(hostile)
    assert "<b>bold</b><a href='https://example.org/'>x</a> 1" in shown
    assert "{{7*7}} %{x} &lt;b&gt; 1" in shown
    assert "a[U+202E]b 1" in shown
    marked = []
    for button in page.locator("#row-body .open").all():
        button.click()
        marked += page.locator("#reader-body mark.evidence").all_text_contents()
        assert page.locator("#reader img, #reader script, #reader svg").count() == 0
        page.keyboard.press("Escape")
    assert len(marked) == 2 * len(HOSTILE)
    assert {text for text in HOSTILE if "\u202e" not in text} <= set(marked)
    assert page.locator("#rows img, #rows b, #evolutions b, #overview img").count() == 0
    for place in range(0, 18, 3):
        page.mouse.move(*spot(hostile, place))
        page.locator("#map-tip").wait_for(state="visible")
        assert page.locator("#map-tip img, #map-tip a, #map-tip script").count() == 0
    page.evaluate("(id) => { location.hash = `row=${encodeURIComponent(id)}`; }", HOSTILE[1])
    page.locator("#reader[open]").wait_for()
    hostile.close()


def test_ten_thousand_rows_open_soon_and_stay_usable(browser: Browser, tmp_path: Path) -> None:
    rows = [
        Row.make(f"Question {n}: {'some words of a text ' * 40}", response="Yes. " * 40)
        for n in range(10_000)
    ]
    visit = Visit(browser, write_report(tmp_path / "report.html", rows, embedder=None))
    spent = (
        "() => new Promise((done) => new PerformanceObserver((list) => done(list.getEntries()"
        ".map((e) => e.duration))).observe({ type: 'longtask', buffered: true }))"
    )
    visit.page.fill("#row-text", "question 9999:")
    assert visit.chosen("1 of 10000")
    # how long the page holds the processor; on the clock it depends on what else runs
    assert max(visit.page.evaluate(spent)) < 20_000


def test_axe_finds_nothing(few: Visit, piped: Visit) -> None:
    """Light and dark, the page and an open row."""
    for visit in (few, piped):
        for scheme in ("light", "dark"):
            visit.page.emulate_media(color_scheme=scheme)
            for opened in (False, True):
                if opened:
                    visit.page.locator("#row-body .open").nth(1).click()
                assert unfit(visit.page) == [], (scheme, opened)
            visit.close()
        visit.page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("width", [1280, 360])
def test_no_text_of_a_step_leaves_its_box_and_no_box_covers_another(
    piped: Visit, width: int
) -> None:
    piped.page.set_viewport_size({"width": width, "height": 900})
    outside = piped.page.evaluate(
        "() => [...document.querySelectorAll('.step')].flatMap((box) =>"
        " [...box.querySelectorAll('bdi, span')].filter((text) => {"
        " const own = text.getBoundingClientRect(), frame = box.getBoundingClientRect();"
        " return own.left < frame.left || own.right > frame.right; }).map((t) => t.textContent))"
    )
    assert outside == []
    covered = piped.page.evaluate(
        "() => { const boxes = [...document.querySelectorAll('.step')]"
        ".map((box) => box.getBoundingClientRect());"
        " return boxes.filter((a, i) => boxes.some((b, j) => i < j && a.left < b.right"
        " && b.left < a.right && a.top < b.bottom && b.top < a.bottom)).length; }"
    )
    assert covered == 0
    assert piped.page.locator(".step").count() == 9
    assert piped.page.locator("#steps tbody tr").count() == 8


def test_the_boxes_follow_when_the_window_turns_dark(piped: Visit) -> None:
    painted = "(c) => getComputedStyle(document.querySelector('.step')).backgroundColor === c"
    piped.page.wait_for_function(painted, arg="rgb(246, 247, 249)")
    piped.page.emulate_media(color_scheme="dark")
    piped.page.wait_for_function(painted, arg="rgb(28, 32, 38)")
    piped.page.emulate_media(color_scheme="light")


def test_nothing_went_wrong_and_nothing_was_requested(
    ordinary: Visit, hostile: Visit, piped: Visit
) -> None:
    for visit in (ordinary, hostile, piped):
        assert visit.troubles == []
        own = [url for url in visit.requests if not url.startswith(("data:", "blob:"))]
        assert len(own) == 1
        assert own[0].startswith("file://")
