"""The pipeline in the report, and the table of its steps."""

from __future__ import annotations

import re

from evolsynth.pipeline import gate, magpie, merge, respond
from evolsynth.pipeline.labels import outline
from evolsynth.report.build import build_report
from evolsynth.rows import Row
from evolsynth.store.store import StepCounts

PIPE = magpie(n=1300) >> respond(name="<b>answers</b>") >> gate()
STEPS = [
    StepCounts(name="magpie", kind="magpie", made=1300, left=1263, rejected=37, tokens=40_000),
    StepCounts(
        name="<b>answers</b>", kind="respond", came=1263, left=1261, failed=2, tokens=90_000,
        asked=1000, found=263,
    ),
    StepCounts(name="gate", kind="gate", came=1261, left=1204, rejected=57),
]  # fmt: skip


def table(page: str) -> list[list[str]]:
    found = re.search(r'<table class="figures" id="steps">(.*?)</table>', page, re.DOTALL)
    assert found
    rows = re.findall(r"<tr>(.*?)</tr>", found[1], re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[re.sub("</?bdi>", "", cell) for cell in row] for row in cells]


def shown(page: str) -> list[str]:
    """The texts of the boxes and between them, in order."""
    found = re.search(r'<ol class="chain">.*?</section>', page, re.DOTALL)
    assert found
    text = re.sub(r"<[^>]*>", "\n", found[0].partition("<p ")[0])
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_the_pipeline_stands_near_the_top_with_its_counts() -> None:
    picture = outline(PIPE, STEPS)
    page = build_report([Row.make("a")], embedder=None, pipeline=picture, steps=STEPS)
    assert shown(page) == [
        *("magpie", "n 1,300", "−37 rejected", "1,263"),
        *("&lt;b&gt;answers&lt;/b&gt;", "respond", "−2 failed", "1,261"),
        *("gate", "−57 rejected", "1,204", "1,204 accepted"),
    ]
    assert page.index('id="overview"') < page.index('id="pipeline"') < page.index('id="rows"')
    assert '<a href="#pipeline">Pipeline</a>' in page
    assert "<b>answers" not in page


def test_branches_are_chains_in_a_chain() -> None:
    pipe = magpie(n=5) >> [respond(), respond(model="big") >> [gate(), gate()] >> merge()]
    page = build_report([Row.make("a")], embedder=None, pipeline=outline(pipe >> merge()))
    assert page.count('<ol class="chain">') == 5
    assert shown(page) == [
        *("magpie", "n 5", "respond", "respond_2", "model big"),
        *("gate", "gate_2", "merge", "merge_2"),
    ]


def test_the_table_has_a_row_for_each_step_and_their_sum() -> None:
    page = build_report([Row.make("a")], embedder=None, steps=STEPS)
    head, *rows = table(page)
    assert head[:4] == ["Step", "Rows in", "Made", "Went on"]
    name = "&lt;b&gt;answers&lt;/b&gt;"
    assert rows == [
        ["magpie", "–", "1,300", "1,263", "37", "–", "40,000", "–", "–"],
        [name, "1,263", "–", "1,261", "–", "2", "90,000", "1,000", "263"],
        ["gate", "1,261", "–", "1,204", "57", "–", "–", "–", "–"],
        ["all", "", "1,300", "", "94", "2", "130,000", "1,000", "263"],
    ]


def test_data_without_a_pipeline_have_no_such_section() -> None:
    assert 'id="pipeline"' not in build_report([Row.make("a")], embedder=None)
