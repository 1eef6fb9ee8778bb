"""Answers that meet demands on length, paragraphs and lines, and such as do not."""

from __future__ import annotations

from typing import Any

__all__ = ["APPLIED", "MET", "MISSED"]

Case = tuple[str, dict[str, Any], str]

_TWO = "Basil likes light. Water it when the soil is dry."
_THREE = "Basil likes light. Water it when the soil is dry. Turn the pot once a week."
_CODE = "Call it like this:\n\n```python\nprint('hello')\n```\n\nThat is all."
_PARTS = "Bread needs time.\n\nSo does soup.\n\nTea is quick."

#: Kind, values, an answer that meets it.
MET: list[Case] = [
    ("words_at_most", {"n": 5}, "Water the basil every day."),
    ("words_at_most", {"n": 5}, "* **Light** first\n* Water - later, please"),
    ("words_at_least", {"n": 5}, "Water the basil every day."),
    ("words_at_least", {"n": 4}, "1. Light\n2. Water, soil and air"),
    ("words_between", {"least": 5, "most": 5}, "Water the basil every day."),
    ("words_between", {"least": 2, "most": 20}, _CODE),
    ("words_about", {"n": 7, "off": 2}, "Water the basil every day."),
    ("words_about", {"n": 5, "off": 0}, "# Water the basil every day"),
    ("sentences_exactly", {"n": 2}, _TWO),
    ("sentences_exactly", {"n": 1}, "Dr. Holm pays 3.50 a loaf, e.g. at the mill in St. Ives."),
    ("sentences_exactly", {"n": 3}, "Really? Yes! Nobody at node.js v1.2 knew."),
    ("sentences_at_most", {"n": 2}, _TWO),
    ("sentences_at_most", {"n": 3}, "J. K. Holm arrived. He left."),
    ("sentences_at_least", {"n": 2}, _TWO),
    ("sentences_at_least", {"n": 2}, "A heading\n\nOne thing. Another thing"),
    ("paragraphs_exactly", {"n": 3}, _PARTS),
    ("paragraphs_exactly", {"n": 2}, "\nOne.\n \n\nTwo,\non two lines.\n"),
    ("paragraphs_divided", {"n": 2, "divider": "***"}, "One.\n***\nTwo."),
    ("paragraphs_divided", {"n": 2, "divider": "---"}, "One - or more.\n\n---\n\nTwo.\n\n---\n"),
    ("first_word_of_paragraph", {"n": 3, "nth": 2, "word": "so"}, _PARTS),
    ("first_word_of_paragraph", {"n": 2, "nth": 2, "word": "Later"}, "One.\n\n'Later, he went."),
    ("paragraph_length", {"n": 2, "least": 2}, f"{_TWO}\n\n{_TWO}"),
    ("paragraph_length", {"n": 1}, _PARTS),
    ("characters_at_most", {"n": 26}, "Water the basil every day."),
    ("characters_at_most", {"n": 3}, "  Yes \n"),
    ("one_sentence_per_line", {"least": 2}, "Basil likes light.\nWater it!"),
    ("one_sentence_per_line", {"least": 3}, "I met Dr. Holm.\n\nHe said: wait.\nWhy?"),
    ("lines_exactly", {"n": 2}, "Roses are red\n\nviolets are blue\n"),
    ("lines_exactly", {"n": 1}, "All on one line."),
]

#: Kind, values, an answer that misses it, and words of the reason.
MISSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("words_at_most", {"n": 4}, "Water the basil every day.", "5 words; at most 4"),
    ("words_at_most", {"n": 3}, "A well-known, far-off place", "4 to 6 words"),
    ("words_at_most", {"n": 2}, "It's so", "2 to 3 words"),
    ("words_at_least", {"n": 6}, "Water the basil every day.", "at least 6"),
    ("words_at_least", {"n": 5}, "* one - two - three *", "3 words"),
    ("words_between", {"least": 6, "most": 9}, "Water the basil every day.", "6 to 9"),
    ("words_between", {"least": 1, "most": 4}, "Water the basil every day.", "1 to 4"),
    ("words_about", {"n": 9, "off": 3}, "Water the basil every day.", "6 to 12"),
    ("words_about", {"n": 2, "off": 2}, "Water the basil every day.", "0 to 4"),
    ("sentences_exactly", {"n": 2}, _THREE, "3 sentences; 2"),
    ("sentences_exactly", {"n": 2}, "Some basil\n\nIt likes light. Do water it.", "2 to 3"),
    ("sentences_exactly", {"n": 1}, "Bring jam, tea, etc. Then we eat.", "1 to 2"),
    ("sentences_at_most", {"n": 2}, _THREE, "at most 2"),
    ("sentences_at_most", {"n": 2}, "1. Dig.\n2. Sow.", "2 to 4"),
    ("sentences_at_least", {"n": 3}, _TWO, "at least 3"),
    ("sentences_at_least", {"n": 3}, "* light\n* water\n* soil", "1 to 3"),
    ("paragraphs_exactly", {"n": 2}, _PARTS, "3 paragraphs; 2"),
    ("paragraphs_exactly", {"n": 2}, "One.\nTwo.", "1 paragraph"),
    ("paragraphs_divided", {"n": 3}, "One.\n***\nTwo.", "makes 2"),
    ("paragraphs_divided", {"n": 2}, "One ***bold*** thing.\n***\nTwo.", "elsewhere"),
    ("paragraphs_divided", {"n": 2}, "One.\n***\n\n***\nTwo.", "nothing between"),
    ("first_word_of_paragraph", {"n": 3, "nth": 2, "word": "tea"}, _PARTS, '"So"'),
    ("first_word_of_paragraph", {"n": 2, "nth": 1, "word": "bread"}, _PARTS, "3 paragraphs"),
    ("first_word_of_paragraph", {"n": 2, "nth": 1, "word": "a"}, "A.\n\n\n\nB.", "blank line"),
    ("first_word_of_paragraph", {"n": 2, "nth": 1, "word": "a"}, "A.\n \nB.", "not empty"),
    ("first_word_of_paragraph", {"n": 1, "nth": 2, "word": "a"}, "A.", "not empty"),
    ("paragraph_length", {"n": 2, "least": 2}, f"{_THREE}\n\n{_TWO}", "3 sentences"),
    ("paragraph_length", {"n": 3, "least": 2}, _THREE, "1 paragraph"),
    ("characters_at_most", {"n": 25}, "Water the basil every day.", "26 characters"),
    ("characters_at_most", {"n": 4}, "🌱🌱🌱🌱🌱", "5 characters"),
    ("one_sentence_per_line", {"least": 2}, f"{_TWO}\nTurn it.", "2 sentences"),
    ("one_sentence_per_line", {"least": 3}, "Basil likes light.\nWater it!", "2 of at least 3"),
    ("lines_exactly", {"n": 2}, "One\nTwo\nThree", "3 lines; 2"),
    ("lines_exactly", {"n": 2}, "All on one line.", "1 line;"),
]

#: Kind, values, an answer, and what is made of it; "" where nothing can be.
APPLIED: list[tuple[str, dict[str, Any], str, str]] = [
    ("words_at_most", {"n": 10}, _THREE, _TWO),
    ("words_at_most", {"n": 4}, _THREE, ""),  # less than half would be left
    ("words_at_most", {"n": 5}, "* light for it\n* water for it", ""),  # lists are not cut
    ("words_between", {"least": 8, "most": 12}, _THREE, _TWO),
    ("words_about", {"n": 10, "off": 2}, _THREE, _TWO),
    ("sentences_exactly", {"n": 2}, _THREE, _TWO),
    ("sentences_exactly", {"n": 4}, _THREE, ""),
    ("sentences_at_most", {"n": 2}, _THREE, _TWO),
    ("characters_at_most", {"n": 55}, _THREE, _TWO),
    ("paragraphs_exactly", {"n": 2}, _TWO, _TWO.replace(". W", ".\n\nW")),
    ("paragraphs_exactly", {"n": 2}, _PARTS, "Bread needs time.\n\nSo does soup. Tea is quick."),
    ("paragraphs_exactly", {"n": 4}, _TWO, ""),
    ("paragraphs_divided", {"n": 2}, _TWO, _TWO.replace(". W", ".\n\n***\n\nW")),
    ("paragraph_length", {"n": 1, "least": 2}, _TWO, _TWO.replace(". W", ".\n\nW")),
    ("one_sentence_per_line", {"least": 2}, _TWO, _TWO.replace(". W", ".\nW")),
    ("lines_exactly", {"n": 2}, _TWO, _TWO.replace(". W", ".\nW")),
    ("lines_exactly", {"n": 2}, _THREE, ""),
    ("words_at_least", {"n": 50}, _TWO, ""),
]
