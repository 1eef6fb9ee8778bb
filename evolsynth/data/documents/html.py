"""HTML as Markdown, without what stands on a page for finding other pages."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from evolsynth.data.documents.document import Document, document, lacking
from evolsynth.errors import InputError

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

__all__ = ["page", "page_of"]

#: No text, or none of the page's own.
_OUT = (
    "script, style, noscript, template, iframe, object, svg, math, canvas, audio, video, img, "
    "form, button, select, dialog, nav, aside, footer, menu, head, "
    "[hidden], [aria-hidden=true], [role=navigation], [role=banner], [role=contentinfo], "
    "[role=search], [role=complementary], [role=menu], [role=dialog], [role=alert]"
)
#: Names of classes and ids, whole or between hyphens, of such parts on pages without better marks.
_DEBRIS = re.compile(
    r"(?:^|[-_])(?:nav|navbar|navigation|menu|breadcrumbs?|sidebar|footer|cookies?|consent|banner"
    r"|toc|share|sharing|social|related|pagination|pager|skip|skiplink|newsletter|advert"
    r"|advertisement|ads|comments|headerlink)(?:$|[-_])",
    re.I,
)
_MAIN = ("main", "[role=main]", "article", "#content", "#main")
_MOST_BYTES = 1 << 24  # of a page: it takes some thirty times as much while it is read
_SPACES = re.compile(r"\n{3,}")
_LINKED = 0.7  # of a list's characters stand in links: it leads elsewhere


@document("html", "htm")
def page(data: bytes) -> Document:
    """The text of a page in HTML."""
    if len(data) > _MOST_BYTES:
        raise InputError(
            f"{len(data) >> 20} MB are too much for one page (at most {_MOST_BYTES >> 20}). "
            "Cut it into several files."
        )
    try:
        from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning
    except ImportError:
        raise lacking("beautifulsoup4") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # XHTML is meant
        soup = BeautifulSoup(data, "lxml", from_encoding=_encoding(data))
    if soup.contains_replacement_characters:
        raise InputError("not UTF-8 text. Save the file as UTF-8.")
    _empty_head(soup)
    return page_of(soup)


#: What may stand in the head of a page.
_OF_HEAD = frozenset({"title", "meta", "link", "base", "style", "script", "noscript", "template"})


def _empty_head(soup: BeautifulSoup) -> None:
    """Take out of the head what belongs to the body: where a page leaves out the tags of both, as
    it may, the parser takes a tag that it does not know ("main") for a part of the head."""
    if soup.head is None:
        return
    strays = [tag for tag in soup.head.find_all(True, recursive=False) if tag.name not in _OF_HEAD]
    for tag in strays:
        soup.head.insert_before(tag.extract())


_DEEPEST = 250  # of tags in one another; browsers stop at 512


def _refuse_depth(soup: BeautifulSoup) -> None:
    """See that tags are not nested so deeply that who walks through them has no more stack."""
    depths = {id(soup): 0}
    for tag in soup.find_all(True):
        depths[id(tag)] = depths[id(tag.parent)] + 1
        if depths[id(tag)] > _DEEPEST:
            raise InputError("nested too deeply to be read. Simplify it.")


def _encoding(data: bytes) -> str | None:
    """UTF-8 where it is that; else what the page says of itself is left to the parser."""
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return "utf-8"


def page_of(soup: BeautifulSoup) -> Document:
    """The text of a parsed page, which is changed for it, under its title."""
    _refuse_depth(soup)
    named = soup.title.get_text(" ", strip=True) if soup.title else ""
    for tag in soup.select(_OUT):
        tag.decompose()
    root = _root(soup)
    for header in root.select("header"):
        if header.find(["h1", "h2"]) is None:
            header.decompose()
    for tag in root.find_all(True):
        if not tag.decomposed and (_is_debris(tag) or _leads_elsewhere(tag)):
            tag.decompose()
    for table in root.find_all("table"):
        if not table.decomposed and not _has_head(table):
            _as_list(soup, table)
    heads = [h.get_text(" ", strip=True) for h in root.find_all("h1")]
    title = heads[0] if len(heads) == 1 and heads[0] else named
    convert: Any = _converter()(
        heading_style="ATX", bullets="-", strip=["a"], escape_misc=False, table_infer_header=True
    )
    lines = (line.rstrip() for line in convert.convert_soup(root).split("\n"))
    return Document(_SPACES.sub("\n\n", "\n".join(lines)).strip() + "\n", " ".join(title.split()))


#: What no cell of a table of facts has, and the characters that such a table has at most.
_OWN_PARTS, _LAID_OUT = ["table", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "pre"], 10_000
_FIGURE = re.compile(r"\d")


def _has_head(table: Tag) -> bool:
    """Whether the first row of a table names its columns: it is marked as a head, or in bold, or
    has no figures where the rows below it have some."""
    rows = [row.find_all(["td", "th"]) for row in table.find_all("tr")]
    rows = [row for row in rows if row]
    if len(rows) < 2 or table.find(_OWN_PARTS) is not None or len(table.get_text()) > _LAID_OUT:
        return True  # there is nothing to tell it by, or it only lays out the page
    if table.find("thead") is not None or all(
        cell.name == "th" or cell.find(["b", "strong"]) is not None for cell in rows[0]
    ):
        return True
    said = [[cell.get_text(" ", strip=True) for cell in row] for row in rows]
    return any(
        not _FIGURE.search(name)
        and all(len(row) > at and _FIGURE.search(row[at]) for row in said[1:])
        for at, name in enumerate(said[0])
        if at
    )


def _as_list(soup: BeautifulSoup, table: Tag) -> None:
    """Put a list in the place of a table without a head: "Height: 40 metres", and so on."""
    items = soup.new_tag("ul")
    for row in table.find_all("tr"):
        cells = [" ".join(cell.get_text(" ").split()) for cell in row.find_all(["td", "th"])]
        first, *others = [cell for cell in cells if cell] or [""]
        if first:
            item = soup.new_tag("li")
            item.string = f"{first}: {', '.join(others)}" if others else first
            items.append(item)
    table.replace_with(items)


def _converter() -> Any:
    """What writes Markdown, with code in a fence that is longer than those in the code."""
    try:
        from markdownify import MarkdownConverter
    except ImportError:
        raise lacking("markdownify") from None

    class Converter(MarkdownConverter):  # type: ignore[misc,unused-ignore] # it has no types
        def convert_pre(self, el: Tag, text: str, parent_tags: object) -> str:
            code = el.get_text().strip("\n")
            longest = max((len(run) for run in re.findall("`+", code)), default=0)
            fence = "`" * max(3, longest + 1)
            return f"\n\n{fence}\n{code}\n{fence}\n\n" if code.strip() else ""

    return Converter


def _root(soup: BeautifulSoup) -> Tag:
    """What holds the text: where the page marks it, that."""
    whole: Tag = soup.body or soup
    size = len(whole.get_text(" ", strip=True))
    for selector in _MAIN:
        found = whole.select(selector)
        if len(found) == 1 and len(found[0].get_text(" ", strip=True)) > size // 4:
            return found[0]
    return whole


def _is_debris(tag: Tag) -> bool:
    """Whether its class or id says that it is no text of the page's own."""
    if tag.name in ("body", "main", "article", "h1", "h2", "h3", "p", "table"):
        return False
    named = [*(tag.get_attribute_list("class")), *tag.get_attribute_list("id")]
    return any(_DEBRIS.search(name) for name in named if isinstance(name, str))


def _leads_elsewhere(tag: Tag) -> bool:
    """Whether it is a list, or a line, of links, as menus are."""
    if tag.name not in ("ul", "ol", "p", "div", "td", "header", "table") or tag.find(["h1", "h2"]):
        return False
    links = tag.find_all("a", href=True)
    if len(links) < (3 if tag.name in ("ul", "ol") else 4):
        return False
    linked = sum(len(link.get_text("", strip=True)) for link in links)
    return linked > _LINKED * len(tag.get_text("", strip=True))
