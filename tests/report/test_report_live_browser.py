"""The live report in a real browser: rows come by themselves, and the reader's place stays.

Needs playwright and a Chromium of the system, as the test of the report does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from open_browser import unfit

from evolsynth.cli.reports import live
from evolsynth.cli.reports.live import LivePage, port_of
from evolsynth.report.serving import PageServer
from evolsynth.rows import Row, Verdict
from evolsynth.store.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOSTILE = "</script><img src=x onerror=alert(1)> <b>Name</b> the sea"
YES = Verdict(accepted=True)
#: A page asks every 2 seconds, and every 10 where nobody answers: here ten times as often.
HASTE = """{
  const wait = window.setTimeout;
  window.setTimeout = (call, after) => wait(call, after < 2000 ? after : after / 10);
}"""


class Running:
    """A run whose rows come when the test says so, its live report, and the page that shows it."""

    def __init__(self, folder: Path, store: Store, server: PageServer, browser: Browser) -> None:
        self.folder, self.store, self.server = folder, store, server
        self.count = 0
        self.requests: list[str] = []
        self.troubles: list[str] = []
        self.page: Page = browser.new_context().new_page()
        self.page.set_default_timeout(60_000)
        self.page.add_init_script(HASTE)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def come(self, *texts: str, **more: object) -> None:
        for text in texts:
            row = Row.make(text, key=str(self.count), method="magpie").replace(verdict=YES, **more)
            self.store.put_row(self.count, row, step=None)
            self.count += 1
        self.store.flush()

    def planned(self, count: int) -> None:
        """Wait until the page counts so many rows, by itself."""
        told = "(n) => document.getElementById('planned').textContent === n"
        self.page.wait_for_function(told, arg=str(count))


@contextmanager
def served(folder: Path, port: int = 0) -> Iterator[PageServer]:
    with PageServer(LivePage(str(folder), lambda: None), port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def running(tmp_path: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(live, "_LEAST", 0.0)
    with Store.open(tmp_path) as store:
        store.flush()
        with served(tmp_path) as server:
            shown = Running(tmp_path, store, server, browser)
            yield shown
            shown.page.context.close()


def test_rows_come_by_themselves_and_the_place_stays(running: Running) -> None:
    page = running.page
    running.come(*(f"Name river {n} of Peru." for n in range(70)))
    page.goto(running.server.address)
    assert page.inner_text("#row-count") == "70 of 70"
    page.fill("#row-text", "river")
    page.click("#row-heads .is-text button")
    page.wait_for_timeout(300)  # typing is waited for
    page.click("#row-more")
    place = page.locator("#row-body .open").nth(60)
    place.scroll_into_view_if_needed()
    place.focus()
    top, text = (
        page.evaluate("document.activeElement.getBoundingClientRect().top"),
        place.inner_text(),
    )

    # rows of other kinds make the page above longer; one belongs before the row that has the focus
    grown = Row.make("Name river 1 of Peru.", key="1", method="magpie").id
    running.come("Also a river", scores={"length": 0.5})
    running.come("Name river 11 of Peru, its lakes.", round=1, parents=(grown,))
    running.come("A lake", HOSTILE)
    running.planned(74)
    page.wait_for_function("() => document.getElementById('row-count').textContent === '72 of 74'")
    assert page.locator("#row-body tr").count() == 72
    assert page.get_attribute("#row-heads .is-text", "aria-sort") == "ascending"
    assert page.evaluate("document.activeElement.textContent") == text
    # at most one row lower: the one that came before it
    moved = page.evaluate("document.activeElement.getBoundingClientRect().top") - top
    assert abs(moved) < 100
    assert page.locator("#evolution-list .evolution").count() == 1
    assert page.locator("#score-table tbody tr").count() == 1
    assert page.locator("#row-round option").all_inner_texts() == [
        "any", "round 0 (73)", "round 1 (1)",
    ]  # fmt: skip

    page.fill("#row-text", "the sea")
    page.wait_for_function("() => document.querySelectorAll('#row-body tr').length === 1")
    assert HOSTILE in page.inner_text("#row-body")
    assert page.locator("#rows img, #overview img, #rows b").count() == 0
    assert running.troubles == []
    assert {url.split("/")[2] for url in running.requests if not url.startswith("data:")} == {
        f"127.0.0.1:{running.server.server_port}"
    }


def test_axe_finds_nothing_on_a_live_page(running: Running) -> None:
    running.come("Name a lake.", HOSTILE)
    running.page.goto(running.server.address)
    assert unfit(running.page) == []


def test_an_open_row_and_marks_survive_and_the_end_is_told(running: Running) -> None:
    page = running.page
    running.come(*(f"Name lake {n}." for n in range(4)))
    page.goto(running.server.address)
    page.locator("#row-body .open").nth(1).click()
    page.keyboard.press("2")
    page.focus("#mark-note")
    page.keyboard.type("not ")
    running.come("Name lake 5.")
    page.wait_for_function("() => document.getElementById('reader-place').textContent === '2 of 5'")
    page.keyboard.type("good")  # where it stopped
    assert page.input_value("#mark-note") == "not good"
    assert page.evaluate("location.hash").startswith("#row=")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.click("#live-pause")
    assert "Paused" in page.inner_text("#live")
    running.come("Name lake 6.")
    page.wait_for_timeout(700)  # three times what it asks after
    assert page.inner_text("#planned") == "5"
    page.click("#live-pause")
    running.planned(6)
    assert page.text_content("#mark-count") == (
        "0 kept, 1 dropped, 0 with a note alone; you and the gate agree on 0 of 1."
    )
    page.reload()
    assert (page.text_content("#mark-count") or "").startswith("0 kept, 1 dropped")
    assert "is running" in page.inner_text("#live-told")
    running.store.close("finished")
    page.wait_for_function(
        "() => document.getElementById('live-told').textContent.includes('it ended after')"
    )
    assert running.troubles == []
    running.server.page = lambda _: None
    running.server.shutdown()
    running.server.server_close()
    page.wait_for_function(
        "() => document.getElementById('live-when').textContent.includes('the last state')"
    )
    assert page.inner_text("#planned") == "6"


def test_marks_are_there_again_when_the_command_is_given_again(
    browser: Browser, tmp_path: Path
) -> None:
    with Store.open(tmp_path) as store:
        for number in range(3):
            store.put_row(number, Row.make(f"Name lake {number}.").replace(verdict=YES), step=None)
    page, port = browser.new_context().new_page(), port_of(str(tmp_path))
    with served(tmp_path, port) as server:
        page.goto(server.address)
        page.locator("#row-body .open").nth(1).click()
        page.keyboard.press("2")
        first = server.address
    with served(tmp_path, port) as server:
        assert server.address != first  # its token is another
        page.goto(server.address)
        assert (page.text_content("#mark-count") or "").startswith("0 kept, 1 dropped")
    page.context.close()
