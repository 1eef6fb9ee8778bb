"""``python -m evals importance``: what it sees of the real model, its file, its table."""

from __future__ import annotations

import ctypes
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from evals import importance as module
from evals import quality
from evals.__main__ import main
from evals.importance import Conversation, GGMLTensor, collect, converse, make, save_importance
from evals.quality import ANSWERS, RECIPES, Quality, compare, read_answers, table
from evolsynth.errors import EngineError, InputError
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp.files import find_model, requantised, sha256_of
from evolsynth.llm.llamacpp.model import Model
from evolsynth.llm.llamacpp.outline import Outline, read_outline
from evolsynth.llm.llamacpp.quantise import (
    QUANTISATIONS,
    importance_of,
    load_importance,
)

pytestmark = pytest.mark.real

SOURCE = find_model("SmolLM2-135M-Instruct")[0]
OUTLINE = read_outline(SOURCE)
TEXTS = [tuple(range(1000, 1040)), tuple(range(2000, 2007)), (17,)]


@pytest.fixture(scope="module", autouse=True)
def short_work() -> Iterator[None]:
    """Answers of a few words and one round of timing are as good for what is asserted here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_ANSWER", 16)
        patch.setattr(quality, "_ROUNDS", 1)
        yield


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    loaded = Model(requantised(SOURCE, sha256_of(SOURCE), "Q8_0"))
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def found(model: Model) -> dict[str, NDArray[np.float32]]:
    return collect(model, OUTLINE, TEXTS)


class Program(NamedTuple):
    """What a run of the program wrote, and what it said."""

    made: Path
    figures: Path
    said: str


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The whole program, once, on one conversation and one answer."""
    folder = tmp_path_factory.mktemp("importance")
    answers, made, figures = (folder / name for name in ("a.jsonl", "made.npz", "figures.json"))
    answers.write_text('{"instruction": "Say hello.", "response": "Hello!"}\n', encoding="utf-8")
    given = ["-n", "1", "--seed", "2", "--only", "as-given,Q4_0_I"]
    given += ["-o", str(made), "--answers", str(answers), "--json", str(figures)]
    said = io.StringIO()
    with redirect_stdout(said):
        assert main(["importance", *given]) == 0
    return Program(made, figures, said.getvalue())


def norm(name: str) -> NDArray[np.float32]:
    """A normalisation's weights, from the file itself."""
    tensor = next(t for t in OUTLINE.tensors if t.name == name)
    with SOURCE.open("rb") as file:
        file.seek(OUTLINE.start + tensor.offset)
        return np.frombuffer(file.read(tensor.bytes), dtype=np.float32)


# What is seen -------------------------------------------------------------------------------------


def test_every_matrix_is_seen_and_has_its_width(found: dict[str, NDArray[np.float32]]) -> None:
    assert {name: len(values) for name, values in found.items()} == {
        t.name: t.shape[0] for t in OUTLINE.tensors if len(t.shape) == 2
    }
    assert all(np.isfinite(v).all() and (v >= 0).all() and v.sum() > 0 for v in found.values())


@pytest.mark.parametrize(
    ("matrix", "normalisation"),
    [
        ("blk.0.attn_q.weight", "blk.0.attn_norm.weight"),
        ("blk.17.attn_v.weight", "blk.17.attn_norm.weight"),
        ("blk.29.ffn_gate.weight", "blk.29.ffn_norm.weight"),
        ("token_embd.weight", "output_norm.weight"),
    ],
)
def test_inputs_are_what_the_layer_before_gives(
    found: dict[str, NDArray[np.float32]], matrix: str, normalisation: str
) -> None:
    """A normalised row has a mean square of 1 before the normalisation's weights, so the means
    over rows, divided by those weights' squares, have a mean of 1."""
    weights = norm(normalisation).astype(np.float64)
    used = np.abs(weights) > 1e-6
    assert np.mean(found[matrix][used] / weights[used] ** 2) == pytest.approx(1, abs=2e-3)


def test_q_k_and_v_have_the_same_inputs(found: dict[str, NDArray[np.float32]]) -> None:
    q, k, v = (found[f"blk.3.attn_{which}.weight"] for which in "qkv")
    assert (q == k).all()
    assert (q == v).all()


def test_texts_are_weighed_by_their_tokens(
    model: Model, found: dict[str, NDArray[np.float32]]
) -> None:
    alone = [collect(model, OUTLINE, [text]) for text in TEXTS]
    lengths = [len(text) for text in TEXTS]
    for name in ("blk.0.attn_q.weight", "blk.12.ffn_down.weight"):
        expected = np.average([each[name] for each in alone], axis=0, weights=lengths)
        np.testing.assert_allclose(found[name], expected, rtol=1e-5)


def test_a_build_that_shows_nothing_of_a_matrix_is_told(model: Model) -> None:
    more = (*OUTLINE.tensors, OUTLINE.tensors[0]._replace(name="blk.99.x.weight", shape=(1, 1)))
    with pytest.raises(EngineError, match=r"no product with blk\.99\.x\.weight \(1 in all\)"):
        collect(model, Outline("", more, 0), TEXTS[-1:])


def test_a_failure_while_looking_comes_out(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("not as expected")

    monkeypatch.setattr(module._Squares, "_add", fail)
    with pytest.raises(ValueError, match="not as expected"):
        collect(model, OUTLINE, TEXTS[-1:])


def test_the_struct_is_as_large_as_ggmls() -> None:
    from llama_cpp._ggml import libggml

    libggml.ggml_tensor_overhead.restype = ctypes.c_size_t
    object_header = 32  # sizeof(struct ggml_object), which the overhead includes
    assert ctypes.sizeof(GGMLTensor) == libggml.ggml_tensor_overhead() - object_header


# What is read -------------------------------------------------------------------------------------


async def test_conversations_are_the_models_own_and_repeat(smollm: LlamaCpp) -> None:
    one, two = await converse(smollm, n=3, seed=3), await converse(smollm, n=3, seed=3)
    assert one == two
    assert 2 <= len(one) <= 3
    assert all(c.instruction and c.answer for c in one)
    text = str(one[0].prompt(smollm.template))
    assert text.index(one[0].instruction) < text.index(one[0].answer)
    assert text.endswith("<|im_end|>")


async def test_text_of_a_conversation_gives_no_control_tokens(smollm: LlamaCpp) -> None:
    strange = Conversation("a", "b<|im_end|>").prompt(smollm.template)
    assert [s.text for s in strange.segments if not s.control] == ["a", "b<|im_end|>"]


@pytest.mark.slow
async def test_the_same_seed_gives_the_same_file(tmp_path: Path, program: Program) -> None:
    """Made in this process, and by the program before."""
    save_importance(tmp_path / "two.npz", await make(SOURCE, n=1, seed=2))
    assert program.made.read_bytes() == (tmp_path / "two.npz").read_bytes()
    held = load_importance(program.made)
    assert held.model == OUTLINE.name
    assert held.source == sha256_of(SOURCE)
    assert held.settings["seed"] == 2


# What it buys -------------------------------------------------------------------------------------


def test_our_answers_can_be_read() -> None:
    answers = read_answers(ANSWERS)
    assert len(answers) == len({a.instruction for a in answers}) == 60
    assert all(len(a.response) > 20 for a in answers)


def test_other_names_of_fields_and_inputs_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"instruction": "Add.", "input": "1, 2", "output": "3", "more": 1}\n\n'
        '{"instruction": "Greet.", "response": " Hi! "}\n',
        encoding="utf-8",
    )
    assert read_answers(path) == (("Add.\n\n1, 2", "3"), ("Greet.", "Hi!"))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no answers in it"),
        (b'{"instruction": "a", "response": "b"}\n{', "line 2"),
        (b'{"response": "b"}', "line 1.*instruction"),
        (b'{"instruction": "a", "response": " "}', "line 1: the response is empty"),
        (b'{"instruction": "\xff", "response": "b"}', "line 1"),
        (None, "cannot be read"),
    ],
)
def test_answers_that_cannot_be_used_are_told(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "a.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.jsonl.*{complaint}"):
        read_answers(path)


@pytest.mark.slow
def test_importance_buys_back_most_of_what_4_bits_lose() -> None:
    """On a third of our answers, which have no part in the importance."""
    answers = read_answers(ANSWERS)[::3]
    importance = importance_of(SOURCE, QUANTISATIONS["Q4_0_I"])
    found = compare(SOURCE, importance, answers, ("Q8_0", "Q4_0", "Q4_0_I"))
    fine, coarse, ours = (each.perplexity for each in found)
    assert fine < ours < coarse
    assert coarse - ours > 0.5 * (coarse - fine)
    assert all(each.rate > 0 and each.tokens == found[0].tokens for each in found)
    assert found[2].bytes < 0.7 * found[0].bytes


def test_the_table_has_a_line_for_each() -> None:
    names = ("as-given", "Q4_0", "Q4_0_I")
    rates = (50.0, 100.0, 97.0)
    lines = table(
        [
            Quality(name=n, bytes=91_726_912, tokens=9, perplexity=12.5, rate=r)
            for n, r in zip(names, rates, strict=True)
        ]
    ).splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(names)
    assert lines[3].split() == ["Q4_0_I", "92", "12.500", "97", "0.97"]
    assert set(names) <= set(RECIPES)


@pytest.mark.slow
def test_the_program_writes_the_file_and_the_figures(program: Program) -> None:
    assert "made.npz" in program.said
    assert "\nas-given " in program.said
    assert "\nQ4_0_I " in program.said
    assert load_importance(program.made).settings["conversations"] == 1
    held = json.loads(program.figures.read_text(encoding="utf-8"))
    assert [each["name"] for each in held["quantisations"]] == ["as-given", "Q4_0_I"]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["--only", "Q3"], "'Q3' is unknown; there are as-given, F16"),
        (["-n", "0"], "'0' is not a whole number from 1"),
        (["-o", "/nowhere/x.npz"], "there is no such folder"),
        (["--answers", "/nowhere/a.jsonl"], "cannot be read"),
        (["--json", "."], "that is a folder"),
    ],
)
def test_bad_options_are_told_before_anything_is_made(
    given: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["importance", *given]) == 2
    assert complaint in capsys.readouterr().err
