"""The documentation site: all pages are in its navigation, all links lead somewhere, it is built
without a warning, and nothing in it is loaded from outside."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

import evolsynth
from evolsynth.pipeline.steps import STEPS

ROOT = Path(__file__).resolve().parent.parent
INDEX = ROOT / "docs" / "index.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
PAGES.append(ROOT / "evals" / "data" / "README.md")


@pytest.fixture(scope="module")
def conf() -> ModuleType:
    """docs/conf.py, which needs no Sphinx to be imported."""
    spec = importlib.util.spec_from_file_location("site_conf", ROOT / "docs" / "conf.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Pages and links ----------------------------------------------------------------------------------


def test_every_page_is_in_the_navigation_once(conf: ModuleType) -> None:
    listed = [
        (INDEX.parent / f"{page}.md").resolve()
        for _, pages in conf.navigation(INDEX.read_text(encoding="utf-8"))
        for page, _ in pages
    ]
    assert sorted(listed) == sorted(page for page in PAGES if page != INDEX)


def test_the_navigation_has_the_words_of_the_index(conf: ModuleType) -> None:
    text = (
        "# A\n\n[b](b.md)\n\n## How to\n\n- [Tune it](tune.md): slowly\n- [Far](../FAR.md)\n- c\n"
    )
    assert list(conf.navigation(text)) == [
        ("How to", [("tune", "Tune it"), ("../FAR", "Far")]),
    ]


def tokens(text: str) -> Iterator[Token]:
    """All tokens of a page, also those within lines."""
    for token in MarkdownIt().enable("table").parse(text):
        yield token
        yield from token.children or ()


def links(text: str) -> list[str]:
    """What a page's links and pictures lead to, but for addresses of other sites."""
    found = [token.attrGet("href") or token.attrGet("src") for token in tokens(text)]
    return [str(one) for one in found if one and not urlsplit(str(one)).scheme]


def anchors(text: str) -> set[str]:
    """Names of a page's headings, as GitHub makes them."""
    parsed = MarkdownIt().parse(text)
    said = [b.content for a, b in pairwise(parsed) if a.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in said}


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    found = []
    for link in links(page.read_text(encoding="utf-8")):
        to = urlsplit(link)
        target = (page.parent / unquote(to.path)).resolve() if to.path else page
        if not target.exists() or (
            to.fragment and to.fragment not in anchors(target.read_text(encoding="utf-8"))
        ):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# B\n\n## What `is` it?\n", encoding="utf-8")
    page = tmp_path / "a.md"
    page.write_text(
        "[1](b.md#what-is-it) [2](b.md#what) [3](c.md) [4](https://example.org/x)\n\n"
        "| a |\n|---|\n| [5](d.md) |\n\n`[6](e.md)` ![7](f.png) [8](#none)\n",
        encoding="utf-8",
    )
    assert broken(page) == ["b.md#what", "c.md", "d.md", "f.png", "#none"]


def test_there_are_links_at_all() -> None:
    assert sum(len(links(page.read_text(encoding="utf-8"))) for page in PAGES) > 150


# What only the site has ---------------------------------------------------------------------------


def test_the_reference_has_every_name_and_every_step(conf: ModuleType) -> None:
    text = "\n".join([*conf.reference("evolsynth"), *conf.reference("evolsynth.pipeline")])
    for name in evolsynth.__all__:
        assert re.search(rf"^\.\. auto\w+:: evolsynth\.{name}$", text, re.M), name
    for name, maker in STEPS.items():
        assert re.search(rf"^\.\. py:function:: {name}\(", text, re.M), name
        assert all(f"   :param {option}: " in text for option in maker.options)
    marked = re.findall(r"<!-- reference: (\S+) -->", (ROOT / "docs/reference.md").read_text())
    assert marked == ["evolsynth", "evolsynth.pipeline"]


def test_a_diagram_becomes_boxes_each_below_those_that_lead_to_it(conf: ModuleType) -> None:
    drawn = conf.boxes(
        'flowchart TB\n  a["top/ it"] --> b["mid/"]\n  a --> c["low, x"]\n  b --> c\n'
    )
    rows = re.findall(r"<ul.*?</ul>", drawn)
    assert [re.findall(r"<b>(.*?)</b>", row) for row in rows] == [["top/"], ["mid/"], ["low"]]
    assert "to mid/, low" in rows[0]


# The site as it is built --------------------------------------------------------------------------


class Built(HTMLParser):
    """What a built page loads, what it links to, and the names in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        held = {name: value or "" for name, value in attrs}
        self.names.add(held.get("id", ""))
        self.loads += [held[name] for name in ("src", "srcset", "data", "poster") if name in held]
        if "href" in held:
            (self.links if tag == "a" else self.loads).append(held["href"])
        self.loads += re.findall(r"url\(['\"]?([^'\")]+)", held.get("style", ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    for package in ("sphinx", "furo", "myst_parser"):
        pytest.importorskip(package, reason="the extra `docs` is not installed (`make docs`)")
    line = re.search(r"^SPHINX = (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert line is not None
    folder = tmp_path_factory.mktemp("site")
    words = shlex.split(line[1])
    words[words.index("-d") + 1] = str(folder / "doctrees")
    words[-1] = str(folder / "html")
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder / "html"


@pytest.fixture(scope="module")
def built(site: Path) -> dict[Path, Built]:
    """All pages of the site."""
    return {path: Built(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_nothing_is_loaded_from_outside(site: Path, built: dict[Path, Built]) -> None:
    loads = {(path.name, one) for path, page in built.items() for one in page.loads}
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        loads |= {(sheet.name, one) for one in re.findall(r"url\(['\"]?([^'\")]+)", text)}
        assert "@import" not in text
    assert len(loads) > 50
    assert {one for one in loads if urlsplit(one[1]).netloc} == set()
    assert {urlsplit(one).scheme for _, one in loads} <= {"", "data"}


def test_all_links_within_the_site_lead_somewhere(site: Path, built: dict[Path, Built]) -> None:
    lost = []
    for path, page in built.items():
        for link in page.links:
            to = urlsplit(link)
            if to.scheme or to.netloc:
                continue
            target = (path.parent / unquote(to.path)).resolve() if to.path else path
            if not target.exists() or (to.fragment and to.fragment not in built[target].names):
                lost.append((str(path.relative_to(site)), link))
    assert lost == []


def test_it_has_every_page_a_way_in_and_a_search(site: Path, built: dict[Path, Built]) -> None:
    for page in PAGES:
        assert (site / page.relative_to(ROOT)).with_suffix(".html") in built
    assert 'url=docs/index.html"' in (site / "index.html").read_text(encoding="utf-8")
    found = (site / "searchindex.js").read_text(encoding="utf-8")
    assert '"docs/magpie"' in found
    assert '"tutori"' in found or '"tutorial"' in found
    reference = (site / "docs" / "reference.html").read_text(encoding="utf-8")
    assert 'id="evolsynth.pipeline.magpie"' in reference
    assert "<!-- reference" not in reference
