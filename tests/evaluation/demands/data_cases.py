"""Answers that meet demands on data and code, and such as do not."""

from __future__ import annotations

from typing import Any

__all__ = ["APPLIED", "MET", "MISSED"]

Case = tuple[str, dict[str, Any], str]

_OBJECT = '{"advice": "Water it.", "reason": ["It drinks."]}'
_KEYS = ["advice", "reason"]
_RECORDS = '[{"idea": "soup", "reason": "warm"}, {"idea": "pie", "reason": "sweet"}]'
_RECORD = ["idea", "reason"]
_CSV = 'idea,reason\nsoup,"warm, quick"\npie,sweet'
_CODE = "```python\nprint('- [ ] no list')\n```"

MET: list[Case] = [
    ("json_only", {}, _OBJECT),
    ("json_only", {}, f"```json\n{_RECORDS}\n```"),
    ("json_object", {"keys": _KEYS}, f"\n{_OBJECT}\n"),
    ("json_object", {"keys": ["n"]}, '```\n{"n": 0}\n```'),
    ("json_list", {"n": 2}, '["soup", "pie"]'),
    ("json_list", {"n": 1}, '```JSON\n[\n  "ä, ö"\n]\n```'),
    ("json_records", {"keys": _RECORD, "n": 2}, _RECORDS),
    ("json_records", {"keys": ["a"], "n": 1}, '```json\n[{"a": false}]\n```'),
    ("csv", {"columns": _RECORD, "n": 2}, _CSV),
    ("csv", {"columns": ["a"], "n": 1}, "```csv\na\n1\n```"),
    ("yaml", {"keys": _KEYS}, "advice: Water it.\nreason:\n  - It drinks."),
    ("yaml", {"keys": ["a"]}, "```yaml\na: 1.5\n```"),
    ("tags", {"names": ["answer"]}, "<answer>Water it.</answer>"),
    ("tags", {"names": ["a", "b"]}, "<a>\nOne\n</a>\n\n<b>2 < 3</b>\n"),
    ("code_block", {"language": "python"}, f"So:\n\n{_CODE}\n\nThat is all."),
    ("code_block", {"language": "sql"}, "```SQL\nSELECT 1\n```"),
    ("code_only", {}, _CODE),
    ("code_only", {}, "```\nx = 1\n\ny = 2\n```\n"),
]

MISSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("json_only", {}, f"Here it is:\n{_OBJECT}", "not valid JSON"),
    ("json_only", {}, '"soup"', "no JSON object"),
    ("json_only", {}, "{}", "holds nothing"),
    ("json_only", {}, "[" * 9000, "not valid JSON"),
    ("json_only", {}, f"```yaml\n{_OBJECT}\n```", "none of JSON"),
    ("json_object", {"keys": ["advice"]}, _OBJECT, '"reason" is none'),
    ("json_object", {"keys": ["advice", "cost"]}, _OBJECT, 'under "cost"'),
    ("json_object", {"keys": ["a"]}, '{"a": ""}', 'under "a"'),
    ("json_object", {"keys": _RECORD}, _RECORDS, "no JSON object"),
    ("json_list", {"n": 3}, '["soup", "pie"]', "2 strings; 3"),
    ("json_list", {"n": 2}, '["soup", "soup"]', "twice"),
    ("json_list", {"n": 2}, '["soup", 2]', "no text"),
    ("json_list", {"n": 2}, _OBJECT, "no JSON array"),
    ("json_records", {"keys": _RECORD, "n": 3}, _RECORDS, "2 objects; 3"),
    ("json_records", {"keys": ["idea"], "n": 2}, _RECORDS, "none of the keys"),
    ("json_records", {"keys": ["idea"], "n": 1}, _OBJECT, "no JSON array"),
    ("csv", {"columns": _RECORD, "n": 3}, _CSV, "2 rows; 3"),
    ("csv", {"columns": ["idea", "cost"], "n": 2}, _CSV, "first line"),
    ("csv", {"columns": _RECORD, "n": 2}, f"{_CSV},", "does not fill"),
    ("csv", {"columns": _RECORD, "n": 2}, f'{_CSV}\n"open', "not valid CSV"),
    ("yaml", {"keys": ["advice"]}, "advice: a\nreason: b", "none of the keys"),
    ("yaml", {"keys": ["advice"]}, "advice: [a", "not valid YAML"),
    ("yaml", {"keys": ["advice"]}, "Just a text.", "no YAML with keys"),
    ("yaml", {"keys": ["day"]}, "day: 2024-13-45", "not valid YAML"),
    ("tags", {"names": ["answer"]}, "<answer>Water it.", "no <answer>"),
    ("tags", {"names": ["answer"]}, "So: <answer>Water it.</answer>", "outside"),
    ("tags", {"names": ["answer"]}, "<answer>Water it.</answer> So.", "behind the tags"),
    ("tags", {"names": ["answer"]}, "<answer> </answer>", "holds nothing"),
    ("tags", {"names": ["a", "b"]}, "<b>1</b><a>2</a>", "outside"),
    ("code_block", {"language": "python"}, "print('hello')", "no code in a fence"),
    ("code_block", {"language": "python"}, "```\nprint(1)\n```", 'says "", not "python"'),
    ("code_block", {"language": "python"}, "```python\nprint(1)", "no code in a fence"),
    ("code_only", {}, f"So:\n\n{_CODE}", "not one fence"),
    ("code_only", {}, f"{_CODE}\n{_CODE}", "not one fence"),
    ("code_only", {}, "```\n\n```", "empty"),
]

APPLIED: list[tuple[str, dict[str, Any], str, str]] = [
    ("json_only", {}, f"Here it is:\n{_OBJECT}\nEnjoy!", _OBJECT),
    ("json_only", {}, f"Sure.\n\n```json\n{_OBJECT}\n```", _OBJECT),
    ("json_only", {}, "* **soup**\n* pie", '[\n  "soup",\n  "pie"\n]'),
    ("json_only", {}, "Water it {daily}.", ""),
    (
        "json_object",
        {"keys": _KEYS},
        "Advice: Water it.\n**Reason:** It drinks.",
        '{\n  "advice": "Water it.",\n  "reason": "It drinks."\n}',
    ),
    ("json_object", {"keys": ["x"]}, f"So: {_OBJECT}", ""),
    ("json_list", {"n": 2}, "1. soup\n2. pie", '[\n  "soup",\n  "pie"\n]'),
    ("json_list", {"n": 3}, "1. soup\n2. pie", ""),
    (
        "json_records",
        {"keys": _RECORD, "n": 1},
        "* Soup: it is warm.",
        '[\n  {\n    "idea": "Soup",\n    "reason": "it is warm."\n  }\n]',
    ),
    ("csv", {"columns": _RECORD, "n": 1}, "- Soup: warm, quick", 'idea,reason\nSoup,"warm, quick"'),
    ("csv", {"columns": _RECORD, "n": 2}, f"Here:\n\n```csv\n{_CSV}\n```", _CSV),
    ("yaml", {"keys": ["a"]}, "Here:\n\n```yaml\na: 1\n```\nDone.", "a: 1"),
    ("tags", {"names": ["answer"]}, "Water it.", "<answer>\nWater it.\n</answer>"),
    ("tags", {"names": ["a", "b"]}, "Water it.", ""),
    ("code_block", {"language": "python"}, "```\nprint(1)\n```", "```python\nprint(1)\n```"),
    ("code_block", {"language": "python"}, "print(1)", ""),
    ("code_only", {}, f"So:\n\n{_CODE}\n\nIt prints.", _CODE),
]
