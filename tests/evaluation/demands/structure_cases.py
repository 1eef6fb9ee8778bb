"""Answers that meet demands on titles, headings, sections, labels and parts, and such as do not."""

from __future__ import annotations

from typing import Any

__all__ = ["APPLIED", "MET", "MISSED"]

Case = tuple[str, dict[str, Any], str]

_HEADED = "## What to Do\n\nWater it.\n\n## What to Avoid:\nDraughts."
_NAMES = ["What to Do", "What to Avoid"]
_SECTIONS = "Section 1\nWater it.\n\n**Section 2: Light**\nTurn it."
_FORM = "Advice: Water it.\n**Reason:**\nIt drinks."
_LETTER = "Dear [name],\n\nthe heating in [street and number] is broken since [date].\n\nYours"

MET: list[Case] = [
    ("title", {}, "<<Basil>>\n\nWater it."),
    ("title", {"form": "{{title}}"}, "Title: {{ Basil in Winter }}\nWater it."),
    ("title", {"form": "[[title]]"}, "[[2 Ways]] Water it, or do not."),
    ("headings", {"names": _NAMES}, _HEADED),
    ("headings", {"names": ["A"]}, "Before it all.\n\n# **a**\n\n- one"),
    ("headings_exactly", {"n": 2}, _HEADED),
    ("headings_exactly", {"n": 1}, "### 1. #tags\n\nThey help. #so #they #say"),
    ("sections_exactly", {"n": 2}, _SECTIONS),
    ("sections_exactly", {"n": 1, "word": "PART"}, "# PART 1: one\n\nThis. Part 2 is no line."),
    ("key_values", {"keys": ["Advice", "Reason"]}, _FORM),
    ("key_values", {"keys": ["Answer"]}, "Answer: 42"),
    ("summary_line", {"label": "Summary"}, "Water it.\n\nSummary: basil needs water."),
    ("summary_line", {"label": "In short"}, "Water it.\n**In short:** basil needs water.\n"),
    ("postscript", {}, "Water it.\n\nP.S. Turn the pot, too."),
    ("postscript", {"marker": "P.P.S."}, "Water it.\nP.S. Turn it.\n**P.P.S.** Talk to it."),
    ("postscript", {}, "Water it.\n\nP. S.\nTurn the pot."),
    ("placeholders", {"n": 3}, _LETTER),
    ("placeholders", {"n": 1}, "Dear [Dr. Holm's name], hello."),
    ("two_parts", {}, "One.\n\n---\n\nTwo."),
    ("two_parts", {"divider": "* * *"}, "One.\n* * *\n\nTwo.\n\nThree."),
    ("italic_thesis", {}, "<i>Uniforms help a little.</i> They save time."),
    ("italic_thesis", {}, "\n<em>They do not help.</em>\n\nFirst, they cost."),
]

MISSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("title", {}, "# Basil\n\nWater it.", "no title"),
    ("title", {}, "<<>> <<  >> Water it.", "no title"),
    ("title", {}, "<<Title>>\n\nWater it.", "is no title"),
    ("title", {"form": "[[title]]"}, "<<Basil>>\n\nWater it.", "no title in [[]]"),
    ("headings", {"names": ["What to Do", "Why"]}, _HEADED, 'no heading "Why"'),
    ("headings", {"names": _NAMES[::-1]}, _HEADED, "another order"),
    ("headings", {"names": ["A", "B"]}, "# A\n# B\ntext", 'nothing below "A"'),
    ("headings_exactly", {"n": 3}, _HEADED, "2 headings; 3"),
    ("headings_exactly", {"n": 1}, "**Bold**\n\nis no heading", "0 headings"),
    ("headings_exactly", {"n": 1}, "Text.\n\n# End", "nothing below"),
    ("sections_exactly", {"n": 3}, _SECTIONS, "2 lines"),
    ("sections_exactly", {"n": 2}, _SECTIONS.replace("2", "3"), "in place 2"),
    ("sections_exactly", {"n": 2}, "Section 1\nSection 2\nText.", "nothing below"),
    ("sections_exactly", {"n": 2, "word": "SECTION"}, _SECTIONS, "0 lines"),
    ("key_values", {"keys": ["Reason", "Advice"]}, _FORM, 'begins with "Advice:"'),
    ("key_values", {"keys": ["Advice"]}, f"Here it is.\n{_FORM}", "stands before"),
    ("key_values", {"keys": ["Advice", "Reason"]}, "Advice:\nReason: none", "Nothing is said"),
    ("summary_line", {"label": "Summary"}, "Water it.", "but one line"),
    ("summary_line", {"label": "Summary"}, "Summary: it drinks water.\nBye.", "does not begin"),
    ("summary_line", {"label": "Summary"}, "Water it.\nSummary: water", "hardly anything"),
    ("postscript", {}, "Water it. P.S. Turn it.", "No line behind the first"),
    ("postscript", {}, "P.S. Turn it.", "No line behind the first"),
    ("postscript", {}, "Water it.\n\nP.S.", "Nothing is said"),
    ("postscript", {"marker": "P.P.S."}, "Water it.\nP.S. Turn it.", "No line"),
    ("postscript", {}, "Hi.\nP.S. one\ntwo\nthree\nfour\nfive", "Too much"),
    ("placeholders", {"n": 4}, _LETTER, "3 placeholders; at least 4"),
    ("placeholders", {"n": 1}, "See [1], [ ], [x] and [this page](https://example.org).", "0"),
    ("two_parts", {}, "One. --- Two.", "0 lines"),
    ("two_parts", {}, "One.\n---\nTwo.\n---\nThree.", "2 lines"),
    ("two_parts", {}, "One.\n---\n", "stands nothing"),
    ("italic_thesis", {}, "I say: <i>Uniforms help a little.</i> So.", "does not begin"),
    ("italic_thesis", {}, "<i>Yes.</i> They save time.", "no sentence"),
    ("italic_thesis", {}, "<i>Uniforms help a little.</i>", "stands nothing"),
]

APPLIED: list[tuple[str, dict[str, Any], str, str]] = [
    ("title", {}, "Water it.", "<<How to Keep Basil Alive>>\n\nWater it."),
    ("title", {}, "# My Basil\n\nWater it.", "<<My Basil>>\n\nWater it."),
    ("title", {"form": "==title=="}, "Title: Basil\nWater it.", "==Basil==\n\nWater it."),
    (
        "headings",
        {"names": _NAMES},
        "**What to do:**\n\nWater it.\n\nWhat to Avoid\nDraughts.",
        "## What to Do\n\nWater it.\n\n## What to Avoid\nDraughts.",
    ),
    ("headings", {"names": _NAMES}, "Water it. No draughts.", ""),
    ("headings_exactly", {"n": 1}, "**Water**\n\nDaily.", "## Water\n\nDaily."),
    (
        "headings_exactly",
        {"n": 2},
        "1. **Light**: it grows.\n2. Water: it drinks.",
        "## Light\n\nit grows.\n\n## Water\n\nit drinks.",
    ),
    (
        "summary_line",
        {"label": "Summary"},
        "Water it. Turn it. Overall, basil needs care.",
        "Water it. Turn it.\n\nSummary: Basil needs care.",
    ),
    ("summary_line", {"label": "Summary"}, "Water it. Basil needs care.", ""),
    (
        "sections_exactly",
        {"n": 2},
        "Water it. Turn it.",
        "Section 1\nWater it.\n\nSection 2\nTurn it.",
    ),
    (
        "sections_exactly",
        {"n": 2},
        _HEADED,
        "## Section 1: What to Do\n\nWater it.\n\n## Section 2: What to Avoid:\nDraughts.",
    ),
    ("two_parts", {"divider": "==="}, "Water it. Turn it.", "Water it.\n\n===\n\nTurn it."),
    ("two_parts", {}, "* Water it.\n* Turn it.", ""),
    (
        "italic_thesis",
        {},
        "Uniforms help a little. They save time.",
        "<i>Uniforms help a little.</i> They save time.",
    ),
    ("postscript", {}, "Water it.", ""),
    ("placeholders", {"n": 1}, "Dear Ann, hello.", ""),
]
