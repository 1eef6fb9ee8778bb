"""Answers that begin and end as demanded, and such as do not."""

from __future__ import annotations

from typing import Any

__all__ = ["APPLIED", "MET", "MISSED"]

Case = tuple[str, dict[str, Any], str]

_ASKED = "How do I keep basil alive?"

MET: list[Case] = [
    ("begins_with", {"text": "In short,"}, "In short, it needs water."),
    ("begins_with", {"text": "My advice:"}, "\n\nMy advice:\n\n* water"),
    ("opens_without", {"words": ["Sure", "Here is"]}, "Water it. Sure."),
    ("opens_without", {"words": ["Here is"]}, "Here island basil grows."),
    ("first_sentence_question", {}, "Why does it wilt? It thirsts."),
    ("first_sentence_question", {}, '"Does Dr. Holm know?" Nobody asked. So did I.'),
    ("ends_with", {"text": "Good luck!"}, "Water it. Good luck!"),
    ("ends_with", {"text": "Good luck!"}, '"Water it.\n\nGOOD LUCK!"\n'),
    ("ends_with_question", {}, "Water it. Or is it too late?"),
    ("ends_with_question", {}, '* one\n* "And *then?*"'),
    ("last_word", {"word": "basil"}, "Now you can keep Basil."),
    ("last_word", {"word": "well-being"}, 'It is good for your "well-being!"'),
    ("quoted", {}, '"Water it."'),
    ("quoted", {}, '"He said "water it" twice."\n'),
    ("request_first", {}, f"{_ASKED}\n\nWater it."),
    ("request_first", {}, f"\n{_ASKED.upper()} Water it."),
    ("two_versions", {}, "Water it.\n******\nTalk to it."),
    ("two_versions", {}, "One ****** Two"),
]

MISSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("begins_with", {"text": "In short,"}, "In general, it needs water.", "begins with"),
    ("begins_with", {"text": "Well"}, "Wellington is far.", "begins with"),
    ("begins_with", {"text": "In short,"}, "In short, ...", "Nothing follows"),
    ("begins_with", {"text": "In short,"}, '"In short, it needs water."', "begins with"),
    ("opens_without", {"words": ["Sure", "Here is"]}, "**Sure!** Water it.", 'begins with "Sure"'),
    ("opens_without", {"words": ["Here’s", "here's"]}, "Here’s my advice.", "begins with"),
    ("first_sentence_question", {}, "It wilts. Why?", "no question"),
    ("first_sentence_question", {}, "Why does it wilt?", "Nothing follows"),
    ("ends_with", {"text": "Good luck!"}, "Good luck! Water it.", "does not end"),
    ("ends_with", {"text": "luck."}, "What a fluck.", "does not end"),
    ("ends_with", {"text": "Good luck!"}, "Good luck!", "Nothing stands before"),
    ("ends_with", {"text": "Good luck!"}, "Water it. Good luck! 🌱", "does not end"),
    ("ends_with_question", {}, "Why? Because.", "does not end with a question"),
    ("ends_with_question", {}, "Why?\n\nP.S. I know", "does not end with a question"),
    ("last_word", {"word": "basil"}, "Basil likes water.", 'is "water"'),
    ("last_word", {"word": "basil"}, "...", 'is ""'),
    ("quoted", {}, "Water it.", "does not stand between"),
    ("quoted", {}, '"Water it," he said, "daily."', "closes before the end"),
    ("quoted", {}, '"Water it.', "does not stand between"),
    ("quoted", {}, '" . "', "nothing between"),
    ("request_first", {}, "Water it.", "does not begin"),
    ("request_first", {}, _ASKED, "No answer follows"),
    ("request_first", {}, "How should I keep basil alive? Water it.", "does not begin"),
    ("two_versions", {}, "Water it.\n***\nTalk to it.", "0 places"),
    ("two_versions", {}, "One.\n******\nTwo.\n******\nThree.", "2 places"),
    ("two_versions", {}, "Water it.\n******\nWater it!", "the same"),
    ("two_versions", {}, "Water it.\n******\n", "stands nothing"),
]

APPLIED: list[tuple[str, dict[str, Any], str, str]] = [
    ("begins_with", {"text": "In short,"}, "The pot is small.", "In short, the pot is small."),
    ("begins_with", {"text": "In short,"}, "Basil is green.", ""),  # may be a name
    ("begins_with", {"text": "In short,"}, "I like it.", ""),
    ("begins_with", {"text": "My advice:"}, "Water it.", "My advice: Water it."),
    ("begins_with", {"text": "The answer is"}, "Water.", ""),
    ("opens_without", {"words": ["Here is"]}, "Here is my advice:\n\nWater it.", "Water it."),
    ("opens_without", {"words": ["Sure"]}, "Sure! water it.", "Water it."),
    ("opens_without", {"words": ["Sure"]}, "Sure things are rare.", ""),
    ("ends_with", {"text": "Good luck!"}, "Water it.", "Water it. Good luck!"),
    ("ends_with", {"text": "Good luck!"}, "* One.\n* Two.", "* One.\n* Two.\n\nGood luck!"),
    ("ends_with", {"text": "Good luck!"}, "Water it and", ""),
    ("quoted", {}, 'Say "yes".', "\"Say 'yes'.\""),
    ("request_first", {}, "Water it.", f"{_ASKED}\n\nWater it."),
    ("two_versions", {}, "One.\n\n---\n\nTwo.", "One.\n\n******\n\nTwo."),
    ("two_versions", {}, "One.\n---\nTwo.\n---\nThree.", ""),
    ("ends_with_question", {}, "Water it.", ""),
    ("last_word", {"word": "basil"}, "Water it.", ""),
]
