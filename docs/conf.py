"""The documentation site, as Sphinx builds it for ``make docs``: pages of Markdown, and docstrings.

Why Sphinx, with MyST for Markdown and Furo for the looks: of the generators that were looked at
(November 2026) it is the one that is both kept and finished. MkDocs had its last release in August
2024, its theme Material calls itself inactive, and Zensical, which is to take their place, an
alpha. Sphinx' search and Furo load nothing from anywhere, so the site works offline.

The pages stay as GitHub shows them. What only a site needs is added here: ``docs/index.md`` is the
navigation (each of its lists becomes a part of it), ``<!-- reference: MODULE -->`` becomes the
docstrings of a module's names, and a diagram in Mermaid, which would need a script of three
megabytes, boxes in rows.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import evolsynth  # noqa: E402
from evolsynth.pipeline.makers import StepMaker  # noqa: E402

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "evolsynth"
version = release = evolsynth.__version__
project_copyright = "the authors of evolsynth; Apache-2.0"

# Sources begin at the repository's root, so that links between README.md, CONTRIBUTING.md and
# docs/ lead to the same places in the site and on GitHub.
root_doc = "docs/index"
include_patterns = ["docs/*.md", "*.md", "evals/data/README.md"]
exclude_patterns = [".*", "dist", "evolsynth", "prompts", "runs", "scripts", "site", "tests"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

myst_heading_anchors = 4
smartquotes = False

default_role = "code"  # what stands in `single` quotes in docstrings
napoleon_numpy_docstring = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the texts of options say what they take
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
add_module_names = False

html_theme = "furo"
html_title = "evolsynth"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # it fetches pages, which browsers forbid where files are opened
html_show_sphinx = False
html_additional_pages = {"index": "front.html"}
templates_path = ["templates"]


# Navigation --------------------------------------------------------------------------------------


def navigation(index: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each heading of ``docs/index.md``, and (page, words) of the links that its list begins with.

    A page's name is a path without ``.md``, seen from ``docs/``.
    """
    parts = re.split(r"^## (.+)$", index, flags=re.M)[1:]
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        links = re.findall(r"^- \[([^\]]+)\]\(([^)]+)\.md\)", text, re.M)
        yield title, [(page, words) for words, page in links]


def _trees(index: str) -> str:
    lines = []
    for title, pages in navigation(index):
        entries = [f"{words} <{page}>" for page, words in pages]
        lines += ["```{toctree}", ":hidden:", f":caption: {title}", "", *entries, "```", ""]
    return "\n".join(lines)


# Reference ---------------------------------------------------------------------------------------


def reference(name: str) -> list[str]:
    """What stands for the marker of a module: directives for all names that it gives."""
    module = importlib.import_module(name)
    lines = [f".. py:currentmodule:: {name}", ""]
    for member in sorted(dir(module), key=lambda one: (one.lower(), one)):
        value = getattr(module, member)
        if module is not evolsynth and value is getattr(evolsynth, member, None):
            continue  # it has its place among those
        if isinstance(value, StepMaker):
            lines += _step(member, value)
        else:
            kind = "class" if inspect.isclass(value) else "function"
            kind = "exception" if kind == "class" and issubclass(value, Exception) else kind
            members = ["   :members:"] if kind == "class" else []
            lines += [f".. auto{kind}:: {name}.{member}", *members]
        lines.append("")
    return lines


def _step(name: str, maker: StepMaker) -> Iterator[str]:
    """A step with its options, which its function declares, but not what a run fills in."""
    told = [
        option.name if option.required else f"{option.name}={option.default!r}"
        for option in maker.options.values()
    ]
    yield f".. py:function:: {name}({', '.join(told)})"
    yield ""
    for line in maker.about.partition("\nArgs:\n")[0].splitlines():
        yield f"   {line}".rstrip()
    yield ""
    for option in maker.options.values():
        yield f"   :param {option.name}: {option.text}"


# Diagrams ----------------------------------------------------------------------------------------

_NAMED = r'(\w+)(?:\["(.*?)"\])?'
_ARROW = re.compile(rf"^\s*{_NAMED} --> {_NAMED}$", re.M)


def boxes(flowchart: str) -> str:
    """A flowchart of Mermaid as HTML: each box stands in a row below all that lead to it.

    What leads to a box is to stand above it in the text, too. A box is called by its first word.
    """
    arrows = _ARROW.findall(flowchart)
    texts: dict[str, str] = {}
    depths: dict[str, int] = {}
    for above, said, below, text in arrows:
        texts |= {name: told for name, told in ((above, said), (below, text)) if told}
        depths[below] = max(depths.get(below, 0), depths.setdefault(above, 0) + 1)
    called = {name: re.split("[ ,]", text)[0] for name, text in texts.items()}
    rows: list[list[str]] = [[] for _ in range(max(depths.values()) + 1)]
    for name, text in texts.items():
        to = ", ".join(called[below] for above, _, below, _ in arrows if above == name)
        small = f"<small>to {to}</small>" if to else ""
        rest = text.removeprefix(called[name])
        rows[depths[name]].append(f"<li><b>{called[name]}</b>{rest}{small}</li>")
    lists = [f'<ul class="row">{"".join(row)}</ul>' for row in rows]
    return f'<div class="flowchart">{"".join(lists)}</div>'


def completed(app: Sphinx, page: str, source: list[str]) -> None:
    """Put into a page's source what only the site has."""
    text = source[0]
    if page == app.config.root_doc:
        text += "\n" + _trees(text)
    text = re.sub(r"^```mermaid\n(.*?)^```$", lambda one: boxes(one[1]), text, flags=re.M | re.S)
    source[0] = re.sub(
        r"<!-- reference: (\S+) -->",
        lambda one: "\n".join(["```{eval-rst}", *reference(one[1]), "```"]),
        text,
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("source-read", completed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
