"""Flags: what each kind of value may be, and that nothing of an option is declared twice."""

from __future__ import annotations

import argparse
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from evolsynth.cli.flags import add_flags, flag_of, given, parsed
from evolsynth.errors import InputError
from evolsynth.llm.base import Sampling
from evolsynth.options import Count, FilePath, Share, options_of
from evolsynth.rows import Row
from evolsynth.streams import Rows


async def haiku(
    rows: Rows,
    *,
    word: str,
    syllables: Count = 17,
    share: Share = 0.5,
    title: str | None = None,
    lines: Sequence[str] = ("a", "b"),
    either: str | Sequence[str] | Mapping[str, str] | None = None,
    weights: Mapping[str, float] | None = None,
    sampling: Sampling = Sampling(),  # noqa: B008 - it cannot be changed
    season: Literal["spring", "winter"] = "winter",
    rhyme: bool = False,
    punctuate: bool = True,
    book: FilePath | None = None,
) -> AsyncGenerator[Row]:
    """Each row with a poem.

    Args:
        word: in the first line.
        syllables: of the whole.
        share: of 100% that is silence.
        punctuate: end with a full stop.
        sampling: how it is drawn.
    """
    none: tuple[Row, ...] = ()
    for row in none:
        yield row


OPTIONS = options_of(haiku)


def read(*arguments: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="poem")
    add_flags(parser, OPTIONS.values())
    return given(parser.parse_args(arguments), OPTIONS.values())


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["--word", "snow"], {"word": "snow"}),
        (["--word", "3"], {"word": "3"}),  # a text stays one
        (["--word", "null"], {"word": "null"}),
        (["--word", "[a, b]"], {"word": "[a, b]"}),
        (["--word", "a: b"], {"word": "a: b"}),
        (["--word", ""], {"word": ""}),
        (["--syllables", "5"], {"syllables": 5}),
        (["--share", "1"], {"share": 1.0}),
        (["--title", "null"], {"title": None}),
        (["--title", "Snow"], {"title": "Snow"}),
        (["--lines", "x"], {"lines": ["x"]}),
        (["--lines", "x", "--lines", "y, z"], {"lines": ["x", "y, z"]}),
        (["--lines", "[x, y]", "--lines", "z"], {"lines": ["x", "y", "z"]}),
        (["--lines", "[]"], {"lines": []}),
        (["--lines", ""], {"lines": [""]}),
        (["--either", "x"], {"either": "x"}),
        (["--either", "[x, y]"], {"either": ["x", "y"]}),
        (["--either", "{a: x}"], {"either": {"a": "x"}}),
        (["--weights", "a=2,b"], {"weights": {"a": 2.0, "b": 1.0}}),
        (["--weights", "a=2, b=0.5,"], {"weights": {"a": 2.0, "b": 0.5}}),
        (["--weights", "{a: 2}"], {"weights": {"a": 2.0}}),
        (["--weights", ""], {"weights": {}}),
        (["--sampling", "{temperature: 0}"], {"sampling": Sampling(temperature=0.0)}),
        (["--season", "spring"], {"season": "spring"}),
        (["--rhyme", "--no-punctuate"], {"rhyme": True, "punctuate": False}),
        (["--no-rhyme"], {"rhyme": False}),
        (["--book", "@home.txt"], {"book": "@home.txt"}),  # a file that is called so
        ([], {}),
    ],
)
def test_a_value_of_each_kind(arguments: list[str], value: dict[str, Any]) -> None:
    assert read(*arguments) == value


@pytest.mark.parametrize(
    ("name", "text", "flag", "value"),
    [
        ("word.txt", "snow\nand ice\n", "--word", "snow\nand ice\n"),
        ("bom.txt", "\ufeffsnow", "--word", "snow"),
        ("lines.txt", " x \n\ny: z\n", "--lines", ["x", "y: z"]),
        ("lines.yaml", "- x\n- y\n", "--lines", ["x", "y"]),
        ("either.json", '{"a": "x"}', "--either", {"a": "x"}),
        ("either", "[x, y]", "--either", ["x", "y"]),
        ("either.txt", "[x, y]\n", "--either", ["[x, y]"]),
        ("weights.yml", "a: 2\nb: 1\n", "--weights", {"a": 2.0, "b": 1.0}),
        ("sampling.yaml", "top_k: 3\n", "--sampling", Sampling(top_k=3)),
    ],
)
def test_a_value_out_of_a_file(
    tmp_path: Path, name: str, text: str, flag: str, value: object
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read(flag, f"@{tmp_path / name}") == {flag[2:]: value}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--syllables", "0"], "argument --syllables: it must be 1 or more."),
        (["--syllables", "many"], "argument --syllables: a whole number was expected"),
        (["--syllables", "1.5"], "argument --syllables: a whole number was expected"),
        (["--share", "2"], "argument --share: it must be 1.0 or less."),
        (["--season", "May"], "argument --season: invalid"),
        (["--weights", "a=much"], "argument --weights: 'much' is no number. Write a=2, say."),
        (["--weights", "{a: b}"], "argument --weights: in one of its values, a number"),
        (["--sampling", "{temprature: 1}"], "there is no 'temprature'. Did you mean 'temperature'"),
        (["--sampling", "{temperature: "], "argument --sampling: the value, line 1"),
        (["--word", "@none.txt"], "argument --word: none.txt: cannot be read"),
        (["--either", "[1]"], "Put it in quotes."),
        (["--lines", "[a, {b: c}]"], "argument --lines: "),
    ],
)
def test_what_is_no_such_value_is_told_with_its_flag(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        read(*arguments)
    told = capsys.readouterr().err
    assert said in " ".join(told.split())
    assert "Traceback" not in told


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes("Füße".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8 text"):
        parsed(f"@{tmp_path / 'x.txt'}", str)


def test_help_has_each_text_and_the_signatures_default() -> None:
    parser = argparse.ArgumentParser(prog="poem")
    add_flags(parser, OPTIONS.values())
    text = " ".join(parser.format_help().split())
    assert "--word TEXT in the first line (must be given)" in text
    assert "--syllables N of the whole (default: 17)" in text
    assert "--share X of 100% that is silence (default: 0.5)" in text
    assert "--punctuate, --no-punctuate end with a full stop (default: --punctuate)" in text
    assert "--season {spring,winter} (default: winter)" in text
    assert "--weights NAME=X,..." in text
    assert "--book FILE" in text
    assert "--sampling YAML how it is drawn" in text


def test_an_option_may_be_called_otherwise() -> None:
    parser = argparse.ArgumentParser(prog="poem")
    add_flags(parser, [OPTIONS["word"]], called={"word": "first-word"}, prefix="poem")
    add_flags(parser, [OPTIONS["word"]])
    told = parser.parse_args(["--first-word", "ice", "--word", "snow"])
    assert given(told, [OPTIONS["word"]], "poem") == {"word": "ice"}
    assert given(told, [OPTIONS["word"]]) == {"word": "snow"}
    assert (flag_of("n"), flag_of("max_tokens")) == ("-n", "--max-tokens")


def test_paths_are_given_one_by_one_as_other_texts_are() -> None:
    """What stands in a list may say of itself that it is a path: `--texts a --texts b`."""

    def reads(*, texts: Sequence[FilePath] | None = None) -> None:
        """Reads them."""

    parser = argparse.ArgumentParser()
    add_flags(parser, options_of(reads).values())
    told = parser.parse_args(["--texts", "a/b.md", "--texts", "c d"])
    assert given(told, options_of(reads).values()) == {"texts": ["a/b.md", "c d"]}
    assert dict(parser.get_default("paths")).keys() == {".texts"}
