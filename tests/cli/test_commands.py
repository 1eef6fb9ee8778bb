"""Commands made of functions: arguments, flags and help are those of signature and docstring."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any, Literal

import msgspec
import pytest

from evolsynth.cli.commands import COMMANDS, _docstring, _fill
from evolsynth.cli.main import main
from evolsynth.options import FilePath, FolderPath, Natural, mark_of, options_of

Given = Callable[..., dict[str, Any]]


def function_of(command: str) -> Callable[..., int]:
    module, _, name = COMMANDS[command].rpartition(".")
    function: Callable[..., int] = getattr(import_module(f"evolsynth.cli.{module}"), name)
    return function


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_and_what_each_of_its_options_means(command: str) -> None:
    function = function_of(command)
    assert all(option.text for option in options_of(function).values())
    module, _, name = COMMANDS[command].rpartition(".")
    assert _docstring(module, name) == inspect.getdoc(function)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_of_its_own(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    for name in options_of(function_of(command)):
        assert f"--{name.replace('_', '-')}" in said or name.upper() in said


@pytest.fixture
def given() -> Given:
    """What a function is called with that declares flags of each kind."""
    calls: list[dict[str, Any]] = []

    def command(
        data: str,
        *,
        rows: Natural,
        output: FilePath = "out.jsonl",
        method: Literal["fast", "good"] = "good",
        embedder: bool = True,
        threshold: float | None = None,
        param: tuple[str, ...] = (),
        json: Annotated[str, msgspec.Meta(extra={"alone": "-"})] | None = None,
    ) -> int:
        """Do it."""
        calls.append(locals())
        return 0

    def parse(*words: str) -> dict[str, Any]:
        parser = argparse.ArgumentParser()
        _fill(parser, command)
        options = parser.parse_args(words)
        assert options.command(options) == 0
        told = calls.pop()
        del told["calls"]
        return told

    return parse


def test_what_is_not_given_has_the_default_of_the_signature(given: Given) -> None:
    assert given("in.jsonl", "-n", "3") == {
        "data": "in.jsonl",
        "rows": 3,
        "output": "out.jsonl",
        "method": "good",
        "embedder": True,
        "threshold": None,
        "param": (),
        "json": None,
    }


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--rows", "0"], "rows", 0),
        (["-o", "-"], "output", "-"),
        (["--output", "@x"], "output", "@x"),
        (["--method", "fast"], "method", "fast"),
        (["--no-embedder"], "embedder", False),
        (["--threshold", "0.5"], "threshold", 0.5),
        (["--threshold", "1"], "threshold", 1.0),
        (["--param", "a.b=[1, 2]", "--param", "c.d=x"], "param", ("a.b=[1, 2]", "c.d=x")),
        (["--json"], "json", "-"),
        (["--json", "told.json"], "json", "told.json"),
    ],
)
def test_each_kind_of_flag(given: Given, words: list[str], name: str, value: object) -> None:
    assert given("in.jsonl", *([] if name == "rows" else ["-n", "1"]), *words)[name] == value


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-n", "1"], "required: DATA"),
        (["in.jsonl"], "required: -n/--rows"),
        (["in.jsonl", "-n", "-1"], "it must be 0 or more"),
        (["in.jsonl", "-n", "many"], "a whole number was expected"),
        (["in.jsonl", "-n", "1", "--method", "best"], "--method"),
        (["in.jsonl", "-n", "1", "--threshold", "high"], "a number or null was expected"),
    ],
)
def test_what_cannot_be_ends_with_2_and_says_why(
    given: Given, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        given(*words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_mark_of_a_type_is_found_wherever_it_stands() -> None:
    assert mark_of(FilePath | None, "path") == "FILE"
    assert mark_of(dict[str, FolderPath], "path") == "DIR"
    assert mark_of(Natural, "path") is None
    assert mark_of(str, "alone") is None
