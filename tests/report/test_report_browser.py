"""The report in a real browser: it runs under its own policy, asks for nothing, and obeys no row.

Needs playwright and a Chromium of the system (EVOLSYNTH_CHROMIUM may name one); Playwright's own
downloads are not used.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from evolsynth.pipeline import evolve, gate, magpie, merge, respond
from evolsynth.pipeline.labels import outline
from evolsynth.report.build import write_report
from evolsynth.rows import Failure, Row, Verdict
from evolsynth.store.store import StepCounts

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = os.environ.get("EVOLSYNTH_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
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


def ordinary_rows() -> list[Row]:
    seeds = [Row.make(f"Question {n}?", method="magpie", verdict=YES) for n in range(60)]
    seeds[::6] = [row.reject("too_short") for row in seeds[::6]]
    grown = [
        Row.make(
            f"{row.instruction} Use {n} words.", method="evol_instruct", round=1, parents=(row.id,)
        ).replace(verdict=YES)
        for n, row in enumerate(seeds[:20])
    ]
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip(
        "playwright.sync_api",
        reason="THE REPORT WAS NOT TRIED IN A BROWSER: pip install playwright",
    )
    if CHROMIUM is None:
        pytest.skip("THE REPORT WAS NOT TRIED IN A BROWSER: no Chromium found; install chromium")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


class Visit:
    """An open page, and everything that went wrong on it or left it."""

    def __init__(self, browser: Browser, path: Path, **options: Any) -> None:
        context = browser.new_context(offline=True, **options)
        self.requests: list[str] = []
        self.troubles: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.page.goto(path.as_uri())

    def _dialog(self, dialog: Any) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def shown_rows(self) -> int:
        return self.page.locator("#row-table tbody tr:visible").count()


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
    write_report(path, ordinary_rows(), embedder=None, pipeline=boxes, steps=counts)
    return Visit(browser, path)


def test_every_row_is_a_mark_on_the_map(ordinary: Visit) -> None:
    assert ordinary.page.locator("#plot-map .scatterlayer .point").count() == 80
    assert ordinary.page.locator("#plot-nearest .barlayer .point").count() > 0


def test_the_filters_narrow_the_table_and_count_what_is_left(ordinary: Visit) -> None:
    page = ordinary.page
    assert ordinary.shown_rows() == 50  # the first of 80
    page.select_option("#row-status", "rejected")
    assert ordinary.shown_rows() == 10
    assert page.inner_text("#row-count") == "10 of 80"
    page.fill("#row-text", "QUESTION 12?")
    assert ordinary.shown_rows() == 1
    page.select_option("#row-status", "accepted")
    assert ordinary.shown_rows() == 1  # its evolution
    page.select_option("#row-method", "magpie")
    assert ordinary.shown_rows() == 0
    for name in ("status", "method"):
        page.select_option(f"#row-{name}", "")
    page.fill("#row-text", "")
    page.select_option("#row-reason", "too_short")
    assert ordinary.shown_rows() == 10
    page.select_option("#row-reason", "")
    page.click("#row-more")
    assert ordinary.shown_rows() == 80


def test_evolutions_come_a_few_at_a_time(ordinary: Visit) -> None:
    shown = ordinary.page.locator(".evolution:visible")
    assert shown.count() == 6
    ordinary.page.click("#evolution-more")
    assert shown.count() == 20
    ordinary.page.select_option("#evolution-show", "rejected")
    assert shown.count() == 0


def test_a_row_opens_by_keyboard(ordinary: Visit) -> None:
    summary = ordinary.page.locator("#row-table summary").first
    summary.focus()
    summary.press("Enter")
    assert ordinary.page.locator("#row-table details[open] dl").first.is_visible()


def test_a_click_on_a_mark_finds_its_row(ordinary: Visit) -> None:
    page = ordinary.page
    page.evaluate(
        "() => { const map = document.getElementById('plot-map');"
        " map.emit('plotly_click', { points: [{ customdata: map.data[1].customdata[3] }] }); }"
    )
    wanted = page.evaluate("document.getElementById('plot-map').data[1].customdata[3]")
    found = page.locator("#row-table tbody tr:visible")
    assert wanted in found.first.inner_text()
    assert page.locator("#row-table tr:visible details[open]").count() >= 1
    page.fill("#row-text", "")


def test_there_is_no_button_that_would_send_the_data_away(ordinary: Visit) -> None:
    titles = ordinary.page.locator(".modebar-btn").evaluate_all(
        "buttons => buttons.map((b) => b.dataset.title || b.dataset.attr || '')"
    )
    assert titles
    assert not [title for title in titles if "hare" in title or "loud" in title]


@pytest.mark.parametrize("width", [1280, 800, 400])
def test_the_page_is_never_wider_than_the_window(
    width: int, ordinary: Visit, hostile: Visit, piped: Visit
) -> None:
    for visit in (ordinary, hostile, piped):
        visit.page.set_viewport_size({"width": width, "height": 900})
        # plotly redraws a moment after the window has changed; this waits, or fails in time
        visit.page.wait_for_function(
            "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )


def test_the_map_follows_when_the_window_turns_dark(ordinary: Visit) -> None:
    painted = "(c) => document.getElementById('plot-map').layout.paper_bgcolor === c"
    ordinary.page.wait_for_function(painted, arg="#ffffff")
    ordinary.page.emulate_media(color_scheme="dark")
    ordinary.page.wait_for_function(painted, arg="#14171b")
    ordinary.page.emulate_media(color_scheme="light")


def test_hostile_text_is_shown_and_does_nothing(hostile: Visit) -> None:
    page = hostile.page
    assert page.title() == HOSTILE[1]
    assert page.locator("#plot-map .scatterlayer .point").count() == 12
    assert page.locator("#plot-map .legend a, #rows img, #rows b, #evolutions b").count() == 0
    legend = page.locator("#plot-map .legendtext").all_text_contents()
    assert "accepted · <b>bold</b><a href='https://example.org…" in legend
    assert "accepted · {{7*7}} %{x} &lt;b&gt;" in legend
    assert "accepted · a[U+202E]b" in legend
    marked = page.locator("#rows mark.evidence").all_text_contents()
    assert len(marked) == 2 * len(HOSTILE)
    assert {text for text in HOSTILE if "\u202e" not in text} <= set(marked)


def test_hovering_shows_hostile_text_as_text(hostile: Visit) -> None:
    page = hostile.page
    for number in range(12):
        page.evaluate(
            "(n) => { const map = document.getElementById('plot-map'); const all = map.data"
            ".flatMap((t, curveNumber) => t.mode === 'markers'"
            " ? t.x.map((_, pointNumber) => ({ curveNumber, pointNumber })) : []);"
            " Plotly.Fx.hover(map, [all[n]]); }",
            number,
        )
        label = page.locator("#plot-map .hoverlayer .hovertext").first
        label.wait_for(state="attached")
        assert label.locator("a, img, script").count() == 0


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
