"""Answers that meet demands on lists, tables and emphasis, and such as do not."""

from __future__ import annotations

from typing import Any

__all__ = ["APPLIED", "MET", "MISSED"]

Case = tuple[str, dict[str, Any], str]

_TWO = "Pack these:\n\n* Bread for all\n* Cheese, e.g. brie"
_HYPHENS = "- Bread\n- Cheese\n  - soft\n  - hard"
_NUMBERED = "1. Bread.\n2) Cheese.\n   It keeps.\n\n3. Apples."
_NESTED = "* Food\n  - bread\n  - cheese\n* Drink\n  - tea\n  - water"
_TERMS = "Here are some:\n\n1. **Light**: it grows.\n2. Water - it drinks.\n3. Soil: it stands."
_TABLE = "| Tip | Why |\n| --- | :---: |\n| Water it | It drinks |\n| Turn it | It bends |"
_FIRST = "A picnic needs little. Pack it the day before.\n\n"

MET: list[Case] = [
    ("bullets_exactly", {"n": 2}, _TWO),
    ("bullets_exactly", {"n": 4}, _HYPHENS),
    (
        "bullets_exactly",
        {"n": 2},
        "* **Bread** is **good**\n\n  It fills.\n\n- Tea\n\nBye.",
    ),
    ("bullets_between", {"least": 2, "most": 3}, _TWO),
    ("bullets_between", {"least": 1, "most": 4}, _HYPHENS),
    ("numbered_exactly", {"n": 3}, _NUMBERED),
    ("numbered_exactly", {"n": 1}, "So it goes:\n\n1. Dig in 2024.\n   - deep"),
    ("bullet_mark", {"mark": "→", "least": 2}, "My list\n→ bread\n→ cheese"),
    ("bullet_mark", {"mark": "-", "least": 4}, _HYPHENS),
    ("checklist", {"n": 2}, "- [ ] Dig\n- [ ] Sow"),
    ("checklist", {"n": 1}, "Today:\n\n* [ ] Dig deep"),
    ("nested_bullets", {"n": 2, "sub": 2}, _NESTED),
    ("nested_bullets", {"n": 1, "sub": 1}, "My plan:\n\n* Food\n\n    - bread"),
    ("list_order", {"order": "alphabetically", "least": 2}, "* **Apples**\n* Bread\n* cheese"),
    ("list_order", {"order": "from shortest to longest", "least": 3}, "1. Tea\n2. Bread\n3. A pie"),
    ("list_order", {"order": "from longest to shortest", "least": 2}, "- Bread\n  - z\n- Tea"),
    ("bold_beginnings", {"least": 2}, "* **Light** helps.\n* **Clean water:** daily."),
    ("bold_beginnings", {"least": 1}, "1. **Bread**\n   - any"),
    ("item_length", {"n": 3, "least": 2}, "* one two three\n* one"),
    (
        "item_length",
        {"n": 2, "least": 3},
        "Here is a line before it:\n\n1. a\n2. b\n3. c d",
    ),
    ("comma_list", {"n": 3}, "bread, soft cheese, apples"),
    ("comma_list", {"n": 2}, "Rye, wheat.\n"),
    ("no_list", {}, "Bring bread, cheese and 2 apples - no more.\n\nThen go."),
    ("no_list", {}, "**Bread** is *good*."),
    ("sentences_then_bullets", {"least": 2}, f"{_FIRST}* Bread\n* Cheese"),
    ("sentences_then_bullets", {"least": 3}, f"{_FIRST}* a\n* b\n* c\n"),
    ("table", {"columns": ["Tip", "Why"]}, _TABLE),
    ("table", {"columns": ["tip", "why"]}, f"Some tips:\n\n{_TABLE}\n\nGood luck."),
    ("table_rows", {"columns": ["Tip", "Why"], "n": 2}, _TABLE),
    ("table_rows", {"columns": ["A", "B"], "n": 1}, "**A** | B\n---|---\n1 | 2 \\| 3"),
    ("highlighted", {"n": 2}, "Give it *light* and **much water** daily."),
    ("highlighted", {"n": 1}, "* a point with *one thing*"),
    ("bold_words", {"n": 2}, "Give it **light** and **water**."),
    ("bold_words", {"n": 1}, "* **Light**: it grows."),
]

MISSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("bullets_exactly", {"n": 3}, _TWO, "2 points; 3"),
    ("bullets_exactly", {"n": 1}, _TWO, "2 points; 1"),
    ("bullets_exactly", {"n": 2}, "* Bread\n*\n", "empty"),
    ("bullets_exactly", {"n": 2}, "• Bread\n• Cheese", 'marked with "•"'),
    ("bullets_exactly", {"n": 2}, f"{_TWO}\n\n---\n\nEnjoy.", "looks like a point"),
    ("bullets_exactly", {"n": 2}, f"*Note*: eat.\n\n{_TWO}", "looks like a point"),
    ("bullets_exactly", {"n": 2}, "1. Bread\n2. Cheese", "0 points"),
    ("bullets_between", {"least": 3, "most": 4}, _TWO, "3 to 4"),
    ("bullets_between", {"least": 1, "most": 3}, _HYPHENS, "4 points"),
    ("numbered_exactly", {"n": 2}, _NUMBERED, "3 points; 2"),
    ("numbered_exactly", {"n": 2}, "1. Bread\n1. Cheese", "Point 2 has the number 1"),
    ("numbered_exactly", {"n": 2}, _TWO, "0 points"),
    ("bullet_mark", {"mark": "→"}, "→ bread\n- cheese\n→ tea", "another mark"),
    ("bullet_mark", {"mark": "→", "least": 3}, "→ bread\n→ tea", "2 points of at least 3"),
    ("checklist", {"n": 2}, "- [ ] Dig\n- Sow", "no box"),
    ("checklist", {"n": 2}, "- [ ] Dig", "1 point;"),
    ("nested_bullets", {"n": 2, "sub": 1}, _NESTED, "2 points below it, not 1"),
    ("nested_bullets", {"n": 3, "sub": 2}, _NESTED, "2 points; 3"),
    ("nested_bullets", {"n": 2, "sub": 2}, _NESTED.replace("tea", "*tea*"), "elsewhere"),
    ("nested_bullets", {"n": 2, "sub": 2}, f"- zero\n{_NESTED}", "before the first"),
    ("list_order", {"order": "alphabetically", "least": 2}, "* Bread\n* apples", "not sorted"),
    ("list_order", {"order": "from shortest to longest"}, "* a\n* b", "2 points; at least 3"),
    ("bold_beginnings", {"least": 2}, "* **Light** helps.\n* Water **daily**.", "in bold"),
    ("bold_beginnings", {"least": 2}, "* **Light** helps.", "at least 2"),
    ("item_length", {"n": 3, "least": 2}, "* one two three four\n* one", "4 words"),
    ("item_length", {"n": 3, "least": 2}, "* one", "at least 2"),
    ("comma_list", {"n": 3}, "bread, cheese", "2 things"),
    ("comma_list", {"n": 2}, "bread,\ncheese", "one line"),
    ("comma_list", {"n": 3}, "bread,, cheese", "nothing between"),
    ("comma_list", {"n": 2}, "I like these. They are bread, cheese", "more than a thing"),
    ("no_list", {}, _TWO, "holds a list"),
    ("no_list", {}, _NUMBERED, "holds a list"),
    ("sentences_then_bullets", {"least": 2}, "Pack it.\n\n* Bread\n* Cheese", "1 sentences"),
    ("sentences_then_bullets", {"least": 2}, f"{_FIRST}* Bread\n* Tea\n\nBye.", "something else"),
    ("sentences_then_bullets", {"least": 2}, f"{_FIRST}* Bread", "at least 2"),
    ("sentences_then_bullets", {"least": 2}, f"{_FIRST}* Bread\n\n* Tea", "Blank lines"),
    ("sentences_then_bullets", {"least": 1}, f"{_FIRST}More.\n\n* Bread", "than a paragraph"),
    ("table", {"columns": ["Tip", "Cost"]}, _TABLE, "columns are Tip, Why"),
    ("table", {"columns": ["Tip", "Why"]}, "Tip: water it. Why: it drinks.", "no table"),
    ("table", {"columns": ["Tip", "Why"]}, "\n".join(_TABLE.split("\n")[:2]), "no rows"),
    ("table_rows", {"columns": ["Tip", "Why"], "n": 3}, _TABLE, "2 rows; 3"),
    ("table_rows", {"columns": ["Tip", "Why"], "n": 3}, f"{_TABLE}\n| a |", "1 cells"),
    ("table_rows", {"columns": ["Tip", "Why"], "n": 3}, f"{_TABLE}\n| a | |", "empty"),
    ("table_rows", {"columns": ["Tip", "Why"], "n": 2}, f"{_TABLE}\n\n{_TABLE}", "more than one"),
    ("highlighted", {"n": 2}, "Give it *light* and ** ** water.", "1 parts"),
    ("highlighted", {"n": 1}, "* a point\n* 5 * 3 = 15\n* another *", "0 parts"),
    ("bold_words", {"n": 2}, "Give it **light** and *water*.", "1 words"),
    (
        "bold_words",
        {"n": 1},
        "**This whole sentence is in bold, and so it counts for nothing.**",
        "0",
    ),
]

APPLIED: list[tuple[str, dict[str, Any], str, str]] = [
    ("bullets_exactly", {"n": 2}, "1. Bread\n2. Cheese", "* Bread\n* Cheese"),
    ("bullets_exactly", {"n": 2}, "Take:\nBread\nCheese", "Take:\n\n* Bread\n* Cheese"),
    ("bullets_exactly", {"n": 2}, "Eat bread. Drink tea.", "* Eat bread.\n* Drink tea."),
    ("bullets_exactly", {"n": 2}, "• a\n• b\n• c", "* a\n* b"),  # no word says how many there are
    ("bullets_exactly", {"n": 2}, "Take 3 things:\n\n• a\n• b\n• c", ""),
    ("bullets_exactly", {"n": 1}, "• a\n• b\n• c", ""),
    ("bullets_exactly", {"n": 3}, "Eat bread. Drink tea.", ""),
    ("bullets_between", {"least": 2, "most": 4}, "1. a\n2. b\n3. c", "* a\n* b\n* c"),
    (
        "numbered_exactly",
        {"n": 2},
        "- a\n  - under it\n- b\n\nBye.",
        "1. a\n  - under it\n2. b\n\nBye.",
    ),
    ("bullet_mark", {"mark": "+", "least": 2}, "So:\n* a\n* b", "So:\n\n+ a\n+ b"),
    ("checklist", {"n": 2}, "1. Dig\n2. Sow", "- [ ] Dig\n- [ ] Sow"),
    (
        "nested_bullets",
        {"n": 1, "sub": 2},
        "1. **Food**\n   * bread\n   * tea",
        "* Food\n  - bread\n  - tea",
    ),
    ("list_order", {"order": "alphabetically", "least": 2}, "1. tea\n2. Bread", "1. Bread\n2. tea"),
    (
        "bold_beginnings",
        {"least": 3},
        _TERMS,
        _TERMS.replace("Water -", "**Water** -").replace("Soil:", "**Soil**:"),
    ),
    ("comma_list", {"n": 2}, "* Bread.\n* Tea", "Bread, Tea"),
    ("comma_list", {"n": 2}, "* Bread, fresh\n* Tea", ""),
    ("no_list", {}, "So:\n* It is big.\n* It is red.", "So:\n\nIt is big. It is red."),
    ("no_list", {}, "* bread\n* tea", ""),
    (
        "sentences_then_bullets",
        {"least": 2},
        "Pack it. Then go.\n\n- Bread\n- Tea",
        "Pack it. Then go.\n\n* Bread\n* Tea",
    ),
    (
        "table",
        {"columns": ["Tip", "Why"]},
        "* **Light**: it grows.\n* Water: it drinks.",
        "| Tip | Why |\n| --- | --- |\n| Light | it grows. |\n| Water | it drinks. |",
    ),
    ("table_rows", {"columns": ["Tip", "Why"], "n": 2}, "* Light: it grows.\n* Water.", ""),
    ("item_length", {"n": 1, "least": 1}, "* one two", ""),
    (
        "highlighted",
        {"n": 2},
        "Basil needs water. It stays alive with light.",
        "*Basil* needs water. It stays *alive* with light.",
    ),
    ("highlighted", {"n": 3}, "Basil needs water. It stays alive.", ""),
    ("bold_words", {"n": 2}, "Basil stays alive.", ""),  # one in each sentence
    ("bold_words", {"n": 1}, "*Basil* stays. Keep it alive.", ""),  # marks stand there already
    ("bold_words", {"n": 1}, "A snow-basil, no; alive, yes.", "A snow-basil, no; **alive**, yes."),
]
