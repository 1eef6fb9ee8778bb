"""``python -m evals report``: the report of many rows in a browser.

Rows by our grammar (`gate_rows`) are written to a file, ``evolsynth report`` makes the page of it
in a process of its own, and Chromium opens that. Each time is taken in the page and ends when the
frame that shows what was asked for has been made: from the beginning of the navigation until rows
stand in the table, and from an act until the table, or the row, is another. A search waits 120 ms
by design, for more to be typed, which counts here.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import msgspec

from evals.browser import chromium
from evals.gate_rows import planted
from evals.machine import describe
from evals.options import add_json, check_place, positive, save, told_on
from evolsynth.errors import EvolsynthError
from evolsynth.rows import Row

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["ACTS", "Opened", "add_options", "opened", "run", "write_page"]

_SOON = """
const look = () => requestAnimationFrame(document.querySelector("#row-body tr")
  ? () => { window.firstRows = performance.now(); } : look);
look();
"""
#: Milliseconds from an act until its frame. What an act changes is watched from before it.
_ACT = """
async ({ what, of, to }) => {
  const byId = (name) => document.getElementById(name);
  const frame = () => new Promise((then) => requestAnimationFrame(() => setTimeout(then, 0)));
  const shown = byId(what === "open" ? "reader-body" : "row-count"); // both are written each time
  const changed = new Promise((then) => {
    const watch = new MutationObserver(() => { watch.disconnect(); then(); });
    watch.observe(shown, { childList: true });
  });
  const field = byId(of);
  const acts = {
    search: () => { field.value = to; field.dispatchEvent(new Event("input")); },
    filter: () => {
      field.value = to || [...field.options].at(-1).value;
      field.dispatchEvent(new Event("change"));
    },
    sort: () => document.querySelector(`#row-heads .is-${of} button`).click(),
    open: () => [...document.querySelectorAll("#row-body button.open")].slice(0, to).at(-1).click(),
    more: () => byId("row-more").click(),
  };
  const began = performance.now();
  acts[what]();
  await changed;
  await frame();
  const took = performance.now() - began;
  if (what === "open") byId("reader").close();
  await frame();
  return took;
}
"""
#: What is done on the page, one after the other, by the name under which it is told.
ACTS: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("first search", {"what": "search", "of": "row-text", "to": "bread ovens"}),
    ("search", {"what": "search", "of": "row-text", "to": "tram lines"}),
    ("search", {"what": "search", "of": "row-text", "to": ""}),
    ("filter", {"what": "filter", "of": "row-status", "to": ""}),
    ("sort", {"what": "sort", "of": "text"}),
    ("sort", {"what": "sort", "of": "kind"}),
    ("open a row", {"what": "open", "to": 4}),
    ("show more", {"what": "more"}),
)


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A page as a person meets it.

    ``seconds`` are those of making it, ``megabytes`` its size. ``first_rows`` are milliseconds of
    each time that it was opened, ``acts`` medians of milliseconds by name, ``troubles`` what the
    browser's console said.
    """

    rows: int
    told: str
    seconds: float
    megabytes: float
    first_rows: Sequence[float]
    acts: Mapping[str, float]
    troubles: Sequence[str]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--rows",
        type=positive,
        nargs="+",
        default=[10_000, 100_000],
        metavar="N",
        help="how many, once or several times (default: 10000 100000)",
    )
    parser.add_argument(
        "--characters", type=positive, metavar="N", help="answers of so many (default: some 250)"
    )
    parser.add_argument(
        "--times", type=positive, default=5, metavar="N", help="it is opened (default: 5)"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print; the exit status: 1 if the browser had something to complain of."""
    check_place(options.json)
    machine, told = describe(), told_on(options.json)
    found = []
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        print(f"{machine.cpu}, Chromium {browser.version}", file=told)
        for n in options.rows:
            page, seconds = write_page(Path(folder), n, characters=options.characters)
            one = opened(browser, page, rows=n, seconds=seconds, times=options.times)
            found.append(one)
            print(_lines(one), file=told, flush=True)
    made = {"machine": msgspec.to_builtins(machine), "opened": msgspec.to_builtins(found)}
    save(options.json, made)
    return 1 if any(one.troubles for one in found) else 0


def write_page(folder: Path, n: int, *, characters: int | None = None) -> tuple[Path, float]:
    """The report on ``n`` rows, and the seconds that the command took.

    Raises:
        EvolsynthError: the command failed.
    """
    data, page = folder / "rows.jsonl", folder / f"{n}.html"
    with data.open("w", encoding="utf-8") as file:
        file.writelines(f"{row.to_json()}\n" for row in _rows(n, characters))
    command = [sys.executable, "-m", "evolsynth", "report", str(data), "-o", str(page)]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise EvolsynthError(f"`evolsynth report` failed: {done.stderr}")
    return page, time.perf_counter() - began


def _rows(n: int, characters: int | None) -> Iterator[Row]:
    said, draw = [""], random.Random(1)  # noqa: S311 - the same each time
    for one in planted(n, seed=1):
        row = one.row
        if characters is not None:
            said = [*said[-400:], row.response or ""]
            text = ""
            while len(text) < characters:
                text += f"{row.instruction} {draw.choice(said)} "
            row = row.replace(response=text[:characters])
        yield row


def opened(
    browser: Browser, path: Path, *, rows: int, seconds: float = 0.0, times: int = 5
) -> Opened:
    """Open a page so many times, each in a profile of its own; do all `ACTS` as often in the last.

    Args:
        rows: those that the report was given.
        seconds: that making the page took.
    """
    first, troubles = list[float](), list[str]()
    for last in (False,) * (times - 1) + (True,):
        context = browser.new_context(offline=True)
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.add_init_script(_SOON)
        page.goto(path.as_uri())
        page.wait_for_function("() => window.firstRows")
        first.append(page.evaluate("() => window.firstRows"))
        if last:
            told = page.inner_text("#row-count")
            acts = _acts(page, times)
        context.close()
    return Opened(
        rows=rows,
        told=told,
        seconds=round(seconds, 1),
        megabytes=round(path.stat().st_size / 1e6, 1),
        first_rows=[round(one) for one in first],
        acts=acts,
        troubles=troubles,
    )


def _acts(page: Page, times: int) -> dict[str, float]:
    took: dict[str, list[float]] = {name: [] for name, _ in ACTS}
    for number in range(times):
        for name, act in ACTS:
            if number == 0 or not name.startswith("first"):
                took[name].append(page.evaluate(_ACT, {"of": "", "to": "", **act}))
        page.click("#row-clear")
    return {name: round(median(each)) for name, each in took.items()}


def _lines(one: Opened) -> str:
    acts = ", ".join(f"{name} {value:.0f}" for name, value in one.acts.items())
    times = ", ".join(f"{value:.0f}" for value in sorted(one.first_rows))
    return "\n".join([
        f"\n{one.rows:,} rows: made in {one.seconds:.0f} s, a page of {one.megabytes} MB, which "
        f"lists {one.told}",
        f"  first rows after {median(one.first_rows):.0f} ms (median of {times})",
        f"  ms: {acts}",
        *(f"  THE BROWSER SAYS: {trouble}" for trouble in one.troubles),
    ])  # fmt: skip
