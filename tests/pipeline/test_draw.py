"""Pipelines drawn: what the Mermaid text and the picture say, and that the picture holds."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import ModuleType
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.cli.draw import draw_command
from evolsynth.errors import InputError
from evolsynth.methods.method import Shape
from evolsynth.pipeline import evolve, gate, group, load, magpie, merge, rename, respond
from evolsynth.pipeline.draw.draw import WIDTH, draw, fitted, svg, text_width
from evolsynth.pipeline.graph import Branches, Part, Pipeline, Step
from evolsynth.pipeline.labels import label_of
from evolsynth.store.store import StepCounts

CHAIN = load("data/seeds.jsonl") >> evolve(rounds=3) >> respond(model="big") >> gate()
FORK = magpie(n=1000) >> [respond(), respond(model="big") >> gate()] >> merge()
NASTY = '"]; end --> </title><script>alert(1)</script> %%{init: {}}%% #quot; $$x$$ \x00\ud800\u202e'


async def nothing() -> None:
    """Stands for a step's function, which no drawing calls."""


def named(kind: str, shape: Shape = "map", **options: object) -> Step:
    return Step(kind=kind, function=nothing, shape=shape, parameters=options)


def counted(pipe: Pipeline, left: Sequence[int], **more: Sequence[int]) -> list[StepCounts]:
    counts = [StepCounts(name=n.name, kind=n.step.kind) for n in pipe.nodes()]
    for name, amounts in {"left": left, **more}.items():
        for one, amount in zip(counts, amounts, strict=True):
            setattr(one, name, amount)
    return counts


# --- Mermaid -------------------------------------------------------------------------------------


def test_a_chain_as_mermaid_text() -> None:
    assert draw(CHAIN).splitlines() == [
        "flowchart LR",
        '    n0(["load<br/>data/seeds.jsonl"])',
        '    n1["evolve<br/>rounds 3"]',
        '    n2["respond<br/>model big"]',
        '    n3["gate"]',
        "    n0 --> n1",
        "    n1 --> n2",
        "    n2 --> n3",
    ]


def test_branches_as_mermaid_text_with_the_counts_of_a_run() -> None:
    counts = counted(FORK, [1000, 998, 1000, 900, 1898], failed=[0, 2, 0, 0, 0])
    counts[3].rejected = 100
    assert draw(FORK, counts=counts).splitlines()[1:] == [
        '    n0(["magpie<br/>n 1,000"])',
        '    n1["respond<br/>−2 failed"]',
        '    n2["respond_2<br/>model big"]',
        '    n3["gate<br/>−100 rejected"]',
        '    n4{{"merge"}}',
        '    n0 -->|"1,000"| n1',
        '    n0 -->|"1,000"| n2',
        '    n2 -->|"1,000"| n3',
        '    n1 -->|"998"| n4',
        '    n3 -->|"900"| n4',
        '    n4 --> n5(["1,898 accepted"])',
    ]


@given(st.text())
def test_no_text_means_anything_to_mermaid(text: str) -> None:
    line = draw(magpie(topic=text + NASTY, name="a" + text) >> gate()).splitlines()[1]
    inside = re.fullmatch(r'    n0\(\["(.*)"\]\)', line)
    assert inside
    rest = inside[1].replace("<br/>", "")
    assert re.fullmatch(r"(?:[^\W]|[ ,.\-=+/()·→−…]|#\d+;)*", rest)
    assert "#36;#36;" not in rest  # two dollars side by side begin a formula


# --- what a box says -----------------------------------------------------------------------------


def test_a_box_tells_what_the_user_gave_and_no_secret() -> None:
    step = magpie(topic="the sea", n=20000, max_tokens=64, n_turns=2, end_with_user=True)
    (node,) = Pipeline([step]).nodes()
    assert label_of(node).options == (
        "n 20,000",
        "n turns 2",
        "topic the sea",
        "end with user",
        "max tokens 64",
    )
    (node,) = Pipeline(
        [named("mine", "source", api_key="k-123", data="https://me:pw@host/rows?token=x")]
    ).nodes()
    assert label_of(node).options == ("host/rows",)


def test_a_step_with_a_name_of_its_own_tells_its_kind_too() -> None:
    pipe = load([{"instruction": "a"}]) >> respond(name="answers") >> respond()
    assert [label_of(node) for node in pipe.nodes()] == [
        ("load", ("1 row",)),
        ("answers", ("respond",)),
        ("respond", ()),
    ]


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert fitted("short", 100, 12) == "short"
    cut = fitted("a text that does not go into its box", 100, 12)
    assert cut.startswith("a text")
    assert cut.endswith("…")
    assert text_width(cut, 12) <= 100


# --- the picture ---------------------------------------------------------------------------------


class Box(NamedTuple):
    name: str
    x: float
    y: float
    right: float
    bottom: float

    def covers(self, x: float, y: float, right: float, bottom: float) -> bool:
        return self.x < right and x < self.right and self.y < bottom and y < self.bottom


class Picture:
    """An SVG, read back."""

    def __init__(self, text: str) -> None:
        self.root = ElementTree.fromstring(text)
        for element in self.root.iter():
            element.tag = element.tag.removeprefix("{http://www.w3.org/2000/svg}")
        self.width, self.height = (float(self.root.attrib[n]) for n in ("width", "height"))
        self.boxes: list[Box] = []
        self.told: list[list[str]] = []  # the texts in each box
        (canvas,) = self.root.findall("g")
        for part in canvas.findall("g"):
            x, y, wide, high = (float(part[1].attrib[n]) for n in ("x", "y", "width", "height"))
            name = (part[0].text or "").split("\n")[0]
            self.boxes.append(Box(name, x, y, x + wide, y + high))
            self.told.append([t.text or "" for t in part.iter("text")])
        self.lines: list[list[tuple[float, float]]] = []
        for path in canvas.findall("path[@class='evp-line']"):
            for line in path.attrib["d"].split("M")[1:]:
                numbers = [float(n) for n in re.findall(r"-?[\d.]+", line)]
                self.lines.append(list(zip(numbers[::2], numbers[1::2], strict=True)))
        self.counts = [
            (float(t.attrib["x"]), float(t.attrib["y"]), t.text or "")
            for t in canvas.findall("text")
        ]

    def at(self, place: tuple[float, float], *, below: bool) -> list[int]:
        """The boxes whose middle of that side is here, or under an arrow's head from here."""
        x, y = place
        return [
            n
            for n, box in enumerate(self.boxes)
            if abs((box.x + box.right) / 2 - x) < 0.3
            and (abs(box.bottom - y) < 0.3 if below else abs(box.y - 4 - y) < 0.3)
        ]

    def edges(self) -> set[tuple[int, int]]:
        found = set()
        for line in self.lines:
            (source,) = self.at(line[0], below=True)
            (target,) = self.at(line[-1], below=False)
            found.add((source, target))
        assert len(found) == len(self.lines)
        return found


def test_a_chain_in_one_column_with_its_counts() -> None:
    picture = Picture(svg(CHAIN, counted(CHAIN, [500, 1467, 1464, 1204], rejected=[0, 33, 0, 260])))
    assert [box.name for box in picture.boxes] == [
        *("load", "evolve", "respond", "gate"),
        "1,204 accepted",
    ]
    assert len({(box.x, box.right) for box in picture.boxes}) == 1
    assert picture.edges() == {(0, 1), (1, 2), (2, 3), (3, 4)}
    assert [text for _, _, text in picture.counts] == ["500", "1,467", "1,464", "1,204"]
    assert picture.told[1] == ["evolve", "rounds 3", "−33 rejected"]
    assert picture.told[3] == ["gate", "−260 rejected"]


def test_without_counts_there_are_none() -> None:
    picture = Picture(svg(CHAIN))
    assert len(picture.boxes) == 4
    assert picture.counts == []


def test_branches_stand_side_by_side_and_each_gets_all_rows() -> None:
    picture = Picture(svg(FORK, counted(FORK, [1000, 998, 1000, 900, 1898])))
    first, second = picture.boxes[1], picture.boxes[2]
    assert first.y == second.y
    assert first.right < second.x
    assert picture.edges() == {(0, 1), (0, 2), (2, 3), (1, 4), (3, 4), (4, 5)}
    assert sorted(text for _, _, text in picture.counts) == sorted(
        ["1,000", "1,000", "1,000", "998", "900", "1,898"]
    )


def test_several_sources_and_branches_in_branches() -> None:
    sources = Pipeline(merge().__rrshift__([load("a.jsonl"), magpie(n=5)]).parts)
    inner = evolve() >> [respond(), respond()] >> group()
    pipe = sources >> [inner, rename({"response": "answer"})] >> merge() >> gate()
    picture = Picture(svg(pipe))
    assert picture.edges() == {(one, n.index) for n in pipe.nodes() for one in n.inputs}
    assert picture.boxes[0].y == picture.boxes[1].y


def test_a_long_chain_stays_in_one_column() -> None:
    pipe = Pipeline([magpie(n=10), *(respond(name=f"step number {n}") for n in range(11))])
    picture = Picture(svg(pipe))
    assert len({box.x for box in picture.boxes}) == 1
    assert [box.y for box in picture.boxes] == sorted({box.y for box in picture.boxes})
    assert picture.edges() == {(n, n + 1) for n in range(11)}


def test_many_branches_make_boxes_narrower_and_then_the_picture_wider() -> None:
    def fanned(ways: int) -> Picture:
        steps = [respond(name=f"a rather long name {n}") for n in range(ways)]
        return Picture(svg(magpie(n=10) >> steps >> merge()))

    few, more, many = fanned(3), fanned(8), fanned(20)
    widths = [one.boxes[0].right - one.boxes[0].x for one in (few, more, many)]
    assert widths == sorted(widths, reverse=True)
    assert few.width < more.width <= WIDTH < many.width


def test_the_picture_says_in_words_what_it_shows() -> None:
    root = Picture(svg(CHAIN.using(name="mine"), counted(CHAIN, [5, 6, 6, 4]))).root
    assert root.attrib["role"] == "img"
    assert [root[0].tag, root[0].text] == ["title", "The pipeline mine"]
    assert root[1].tag == "desc"
    assert "evolve takes rows from load; 6 go on." in (root[1].text or "")


def test_it_loads_nothing_and_has_a_dark_side() -> None:
    text = svg(FORK).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|url\(|href|@import|<image|<script|<foreignObject| on\w+=", text)
    assert "prefers-color-scheme: dark" in text
    assert " style=" not in text


def test_nasty_names_are_text_and_stay_in_their_boxes() -> None:
    pipe = magpie(topic=NASTY, name=NASTY) >> respond(name="名" * 50) >> gate(name="w" * 400)
    picture = Picture(svg(pipe.using(name=NASTY)))
    assert picture.width <= WIDTH
    assert {element.tag for element in picture.root.iter()} == {
        *("svg", "title", "desc", "style", "rect", "g", "path", "text"),
    }
    assert "[U+0000]" in (picture.root[0].text or "") + picture.boxes[0].name
    assert all(len(told[0]) < 40 for told in picture.told)


names = st.text(max_size=30) | st.sampled_from(["respond", NASTY, "w" * 90, "群" * 40])


@st.composite
def steps(draw: st.DrawFn, shape: Shape) -> Step:
    options = draw(st.dictionaries(names, st.integers() | names | st.booleans(), max_size=4))
    return Step(kind=draw(names), function=nothing, shape=shape, parameters=options)


@st.composite
def chains(draw: st.DrawFn, depth: int, *, source: bool, closed: bool = True) -> list[Part]:
    """Parts that may stand in a row; not closed, the last may be branches."""
    parts: list[Part] = []
    length = draw(st.integers(1, 4 if depth < 2 else 9))
    while len(parts) < length:
        first = source and not parts
        if depth and draw(st.booleans()):
            ways = draw(
                st.lists(chains(depth - 1, source=first, closed=False), min_size=1, max_size=4)
            )
            parts.append(Branches(tuple(map(Pipeline, ways))))
            if not closed and len(parts) >= length and draw(st.booleans()):
                break
            parts.append(draw(steps("join")))
        else:
            parts.append(
                draw(steps("source" if first else draw(st.sampled_from(("map", "expand")))))
            )
    return parts


@settings(deadline=None, max_examples=60)
@given(chains(2, source=True), st.none() | st.integers())
def test_any_pipeline_makes_a_picture_that_holds(parts: list[Part], seed: int | None) -> None:
    pipe = Pipeline(parts)
    nodes = pipe.nodes()
    counts = None
    if seed is not None:
        random = Random(seed)
        amounts = [[random.choice((0, 7, 1204, 3_000_000)) for _ in nodes] for _ in range(4)]
        left, rejected, failed, running = amounts
        counts = counted(pipe, left, rejected=rejected, failed=failed, running=running)
    picture = Picture(svg(pipe, counts))
    assert len(picture.boxes) == len(nodes) + (counts is not None)
    assert picture.width <= WIDTH or picture.boxes[0].right - picture.boxes[0].x < 100
    for box in picture.boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.right <= picture.width - 20.0 + 0.1
        assert box.bottom <= picture.height - 20.0 + 0.1
    for one, other in itertools.combinations(picture.boxes, 2):
        assert not one.covers(other.x, other.y, other.right, other.bottom), (one, other)
    expected = {(before, node.index) for node in nodes for before in node.inputs}
    if counts is not None:
        expected.add((len(nodes) - 1, len(nodes)))
    assert picture.edges() == expected
    for line in picture.lines:  # none runs through a box
        for (x, y), (right, bottom) in itertools.pairwise(line):
            left_x, top = min(x, right) + 0.1, min(y, bottom) + 0.1
            reach = max(x, right) - 0.1, max(y, bottom) - 0.1
            assert not any(b.covers(left_x, top, *reach) for b in picture.boxes)
    for (x, y, text), (x2, y2, text2) in itertools.combinations(picture.counts, 2):
        apart = (text_width(text, 12) + text_width(text2, 12)) / 2
        assert abs(y - y2) >= 12 or abs(x - x2) >= apart, (text, text2)
    for x, y, text in picture.counts:
        half = text_width(text, 12) / 2
        assert not any(b.covers(x - half, y - 10, x + half, y) for b in picture.boxes)
    for told, box in zip(picture.told, picture.boxes, strict=True):
        assert all(text_width(text, 12) <= box.right - box.x for text in told)


# --- files and the command -----------------------------------------------------------------------


def test_the_suffix_says_what_is_written(tmp_path: Path) -> None:
    text = draw(CHAIN)
    for name in ("new/pipe.svg", "pipe.mmd", "pipe.md"):
        assert draw(CHAIN, tmp_path / name) == text
    assert (tmp_path / "new" / "pipe.svg").read_text("utf-8") == svg(CHAIN)
    assert (tmp_path / "pipe.mmd").read_text("utf-8") == text
    assert (tmp_path / "pipe.md").read_text("utf-8") == f"```mermaid\n{text}```\n"
    assert CHAIN.draw(str(tmp_path / "same.SVG")) == text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new", "pipe.md", "pipe.mmd", "same.SVG"]


def test_another_suffix_and_a_place_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"pipe\.png: a pipeline is drawn into .* \.svg"):
        draw(CHAIN, tmp_path / "pipe.png")
    (tmp_path / "taken.svg").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        draw(CHAIN, tmp_path / "taken.svg")
    assert [p.name for p in tmp_path.iterdir()] == ["taken.svg"]


def test_a_pipeline_that_does_not_fit_together_is_not_drawn() -> None:
    with pytest.raises(InputError, match="stands first"):
        svg(respond() >> gate())


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch) -> str:
    """Stands for a pipeline's file."""
    config = ModuleType("evolsynth.pipeline.yaml.load")
    config.load_pipeline = {"pipe.yaml": CHAIN}.__getitem__  # type: ignore[attr-defined]
    config.set_parameters = lambda pipe, given: pipe.using(name=(*given, "pipe")[0])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "evolsynth.pipeline.yaml.load", config)
    return "pipe.yaml"


def test_the_command_prints_mermaid_text(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert draw_command(spec) == 0
    assert draw_command(spec, output="-") == 0
    assert capsys.readouterr().out == draw(CHAIN) * 2


def test_the_command_writes_a_picture(
    spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "pipe.svg"
    assert draw_command(spec, output=str(target), param=["other"]) == 0
    assert "The pipeline other" in target.read_text("utf-8")
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", f"Drawn: {target}\n")


def test_the_command_looks_at_the_suffix_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.svg"):
        draw_command("nowhere.yaml", output=str(tmp_path / "pipe.png"))
