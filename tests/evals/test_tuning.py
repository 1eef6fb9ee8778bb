"""``python -m evals tuning``: equal tokens, teaching, the file that is written, verdicts."""

from __future__ import annotations

import importlib.util
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from evals.__main__ import main
from evals.tuning_answers import Session
from evals.tuning_losses import Losses, losses, passages, prose
from evals.tuning_model import Recipe, batches, loss_of, read, train, write
from evals.tuning_questions import Found
from evals.tuning_rows import LONGEST, Arm, Example, budget, cut, example_of, named, read_arm
from evals.tuning_scores import difference, met
from evals.tuning_table import Result, by_demand, differences, table
from evals.verifiers import Asked, check, judgeable, read_prompts
from evolsynth.errors import InputError
from evolsynth.llm.base import Prompt, Segment
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp.model import Model
from evolsynth.rows import Message, Row


def _there(*names: str) -> bool:
    return all(importlib.util.find_spec(name) is not None for name in names)


with_torch = pytest.mark.skipif(
    not _there("torch", "transformers"), reason="needs torch and transformers (the extra embed)"
)
with_gguf = pytest.mark.skipif(
    not _there("torch", "transformers", "gguf"), reason="needs gguf (the extra tuning)"
)
with_verifiers = pytest.mark.skipif(
    not _there("if_verifiable", "nltk", "nupunkt", "langdetect"),
    reason="needs if-verifiable and nupunkt (the extra tuning)",
)


def lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def examples(seed: int, count: int, longest: int = 60) -> list[Example]:
    chance = random.Random(seed)
    made = [(chance.randint(1, 9), chance.randint(1, longest)) for _ in range(count)]
    return [Example(tuple(chance.randrange(99) for _ in range(a + b)), a) for a, b in made]


# Equal tokens -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_cut_whole_to_just_below_the_tokens(seed: int) -> None:
    some = examples(seed, 200)
    taken = cut(some, 1500, seed)
    assert 1500 - 60 < sum(one.targets for one in taken) <= 1500
    assert set(taken) <= set(some)
    assert len(taken) == len(set(map(id, taken)))


def test_a_seed_cuts_the_same_rows_and_another_seed_others() -> None:
    some = examples(1, 200)
    assert cut(some, 900, 4) == cut(some, 900, 4)
    assert cut(some, 900, 4) != cut(some, 900, 5)


def test_all_rows_are_taken_where_there_are_tokens_for_all() -> None:
    some = examples(2, 30)
    assert sorted(cut(some, sum(one.targets for one in some), 0)) == sorted(some)


def test_every_arm_gets_what_the_smallest_has_or_what_was_asked_for() -> None:
    small, large = (Arm(n, tuple(examples(i, i)), {}) for n, i in (("small", 9), ("large", 40)))
    assert budget([large, small], None) == small.targets
    assert budget([large, small], 20) == 20
    with pytest.raises(InputError, match=f"the arm 'small' has {small.targets} target tokens"):
        budget([large, small], small.targets + 1)


def test_without_a_row_that_is_short_enough_nothing_is_cut() -> None:
    with pytest.raises(InputError, match="No row has as few as 3 target tokens"):
        cut([Example((1,) * 20, 5)], 3, 0)


def test_only_rows_that_can_be_learned_are_read(smollm_file: Path, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"instruction": "Name a tree.", "response": "The oak."},
        {"instruction": "Name a river."},
        {"instruction": "Name a lake.", "response": "Cow.", "verdict": {"accepted": False}},
        {"instruction": "Tell all.", "response": "and so on " * LONGEST},
        {"instruction": "Name a bird.", "response": "The owl.", "system": "Be brief."},
        {"instruction": "Name the town.", "input": "We met in Bern.", "response": "Bern."},
        {
            "instruction": "Name a fish.",
            "response": "The eel.",
            "messages": [
                {"role": "user", "content": "Name a fish."},
                {"role": "assistant", "content": "The eel."},
                {"role": "user", "content": "Another?"},
                {"role": "assistant", "content": "The cod."},
            ],
        },
    ]
    model = Model(smollm_file)
    try:
        arm = read_arm("some", lines(tmp_path / "rows.jsonl", rows), model)
        texts = [
            b"".join(model.pieces[t] for t in one.tokens[one.prompt :]) for one in arm.examples
        ]
        prompts = [
            b"".join(model.pieces[t] for t in one.tokens[: one.prompt]) for one in arm.examples
        ]
        ends = [one.tokens[-1] in model.end_tokens for one in arm.examples]
    finally:
        model.close()
    assert arm.left_out == {"not answered": 1, "not accepted": 1, f"over {LONGEST} tokens": 1}
    assert texts == [b"The oak.", b"The owl.", b"Bern.", b"The cod."]
    assert all(ends)
    assert prompts[2].endswith(b"Name the town.\n\nWe met in Bern.\nassistant\n")
    assert prompts[3].endswith(b"The eel.\nuser\nAnother?\nassistant\n")
    assert b"helpful AI assistant" in prompts[0]
    assert prompts[1] == b"system\nBe brief.\nuser\nName a bird.\nassistant\n"


# Teaching -----------------------------------------------------------------------------------------


def tiny() -> Any:
    """A Llama of 60,000 numbers that knows nothing."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=128,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    )
    kind: Any = LlamaForCausalLM
    return kind._from_config(config, attn_implementation="eager")


@with_torch
def test_steps_on_a_batch_lower_its_loss() -> None:
    model, some = tiny(), examples(3, 2)
    before = float(loss_of(model, some).detach())
    trained = train(model, some, Recipe(epochs=3, batch=2, rate=1e-2), 0)
    assert trained.steps == 3
    assert len(trained.losses) == 3
    assert trained.losses[0] == pytest.approx(
        before / sum(one.targets for one in some), rel=0.02
    )  # in bfloat16 where there is such, before its step
    assert float(loss_of(model, some).detach()) < 0.9 * before


@with_torch
def test_a_row_has_the_same_loss_alone_and_beside_longer_ones() -> None:
    model, some = tiny(), examples(4, 6, longest=150)
    alone = sum(float(loss_of(model, [one]).detach()) for one in some)
    assert float(loss_of(model, some).detach()) == pytest.approx(alone, rel=1e-5)


@with_torch
def test_only_the_response_is_learned() -> None:
    model = tiny()
    short, long = Example((5, 6, 7, 8), 3), Example((5, 6, 7, 8), 1)
    first, second = (float(loss_of(model, [one]).detach()) for one in (short, long))
    assert 0 < first < second


@pytest.mark.slow
@with_torch
def test_the_same_seed_teaches_the_same() -> None:
    some = examples(5, 12)
    losses_of = [train(tiny(), some, Recipe(2, 4, 1e-2), seed).losses for seed in (1, 1, 2)]
    assert losses_of[0] == losses_of[1] != losses_of[2]


def test_every_epoch_has_every_row_once() -> None:
    some = examples(6, 35)
    found = list(batches(some, 16, "0/1"))
    assert [len(batch) for batch in found] == [16, 16, 3]
    assert sorted(one for batch in found for one in batch) == sorted(some)


# The file -----------------------------------------------------------------------------------------


@pytest.mark.real
@with_gguf
async def test_what_is_written_back_untaught_is_the_same_model(
    smollm_file: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.gguf"
    model = read(smollm_file)
    write(model, smollm_file, copy)
    _same_numbers(smollm_file, copy)
    row = Row.make("What do bees make?", response="Bees make honey and wax in their hives.")
    found, marks = [], []
    for path in (smollm_file, copy):
        async with LlamaCpp(
            path, quantisation=None, slots=2, context=256, contexts=1, threads=2
        ) as llm:
            prompt = llm.template.render([Message("user", str(row.instruction))])
            end = Segment(llm.template.turn_end(), control=True)
            score = await llm.score(prompt, Prompt((Segment(str(row.response)), end)))
            found.append([one.logprob for one in score.logprobs])
            marks.append((llm.template.source, llm.template.turn_end()))
    assert marks[0] == marks[1]
    # llama.cpp rounds what goes into a product: to 8 bits for the one, to F16 for the other.
    off = [abs(one - two) for one, two in zip(*found, strict=True)]
    assert sum(off) / len(off) < 0.3
    ours = Model(copy)
    try:
        loss = float(loss_of(model, [example_of(row, ours)]).detach())
    finally:
        ours.close()
    assert loss == pytest.approx(-sum(found[1]), rel=0.01)


def _same_numbers(source: Path, copy: Path) -> None:
    """Some tensors of each kind are the source's to the last bit that F16 has."""
    import gguf

    old, new = gguf.GGUFReader(source).tensors, gguf.GGUFReader(copy).tensors
    assert [one.name for one in old] == [one.name for one in new]
    for one, two in zip(old, new, strict=True):
        if one.name.startswith(("output", "blk.0.", "blk.29.")):
            values = gguf.dequantize(one.data, one.tensor_type).astype(two.data.dtype)
            assert (values.reshape(two.data.shape) == two.data).all(), one.name


@with_gguf
def test_another_architecture_is_refused(tmp_path: Path) -> None:
    import gguf

    path = tmp_path / "other.gguf"
    writer = gguf.GGUFWriter(path, "qwen3")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(InputError, match="architecture qwen3 cannot be tuned"):
        read(path)


# Verdicts and figures -----------------------------------------------------------------------------


@with_verifiers
def test_demands_are_judged_as_they_stand() -> None:
    names = ["length_constraints:number_sentences", "punctuation:no_comma"]
    values: list[dict[str, Any]] = [{"num_sentences": 3, "relation": "at least"}, {}]
    three = "Dr. Lee came in. She sat down. It was late, though."
    assert check(three, names, values, prompt="") == (True, False)
    assert check(" \n", names, values, prompt="") == (False, False)


@with_verifiers
def test_values_that_are_null_are_none() -> None:
    values = {"num_bullets": 2, "keywords": None, "relation": None}
    name = "detectable_format:number_bullet_lists"
    assert check("* one\n* two", [name], [values], prompt="") == (True,)


@with_verifiers
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"instruction_id_list": ["length:nothing"]}, "line 1: there is no verifier 'length:noth"),
        ({"kwargs": []}, "line 1: 1 demands and 0 kwargs"),
        ({"kwargs": [{"bullets": 2}]}, "line 1: the verifier 'punctuation:no_comma' does not take"),
        ({"prompt": 3}, "line 1: Expected `str`"),
    ],
)
def test_a_bad_prompt_is_named_with_its_line(
    tmp_path: Path, line: dict[str, Any], words: str
) -> None:
    good = {"key": 1, "prompt": "Name a bird.", "instruction_id_list": ["punctuation:no_comma"]}
    path = lines(tmp_path / "prompts.jsonl", [{**good, "kwargs": [{}], **line}])
    with pytest.raises(InputError, match=words):
        read_prompts(path)


@with_verifiers
def test_two_prompts_of_one_key_are_refused(tmp_path: Path) -> None:
    line = {"key": 1, "prompt": "x", "instruction_id_list": ["startend:quotation"], "kwargs": [{}]}
    with pytest.raises(InputError, match="line 2: the key 1 is there twice"):
        read_prompts(lines(tmp_path / "prompts.jsonl", [line, line]))


@with_verifiers
def test_what_needs_data_that_is_not_here_is_left_out_and_told() -> None:
    ones = [
        Asked(key=name, prompt="x", instruction_id_list=(name,), kwargs=({},))
        for name in ("punctuation:no_comma", "words:start_verb")
    ]
    left, told = judgeable(ones)
    assert "punctuation:no_comma" not in told
    assert [asked.key for asked in left] == [one.key for one in ones if one.key not in told]


def test_shares_are_of_prompts_and_of_demands() -> None:
    found = met([[(True, True), (False,), (True, False)]])
    assert found.shares == pytest.approx((1 / 3, 3 / 5))


def test_seeds_are_pooled_before_prompts_are_drawn() -> None:
    found = met([[(True,), (False,)], [(False,), (False,)]])
    assert found.whole.tolist() == [0.5, 0]
    assert found.shares == (0.25, 0.25)


def test_the_interval_of_a_paired_difference_is_that_of_its_prompts() -> None:
    # 30 prompts better, 10 worse, 160 the same: 10 points, with an error of sqrt(0.19 / 200).
    before = [(False,)] * 30 + [(True,)] * 10 + [(True,)] * 80 + [(False,)] * 80
    after = [(True,)] * 30 + [(False,)] * 10 + [(True,)] * 80 + [(False,)] * 80
    found = difference({"a": met([after]), "b": met([before])}, "a", "b")
    assert found.prompts == pytest.approx(0.1)
    assert found.prompts_95 == pytest.approx((0.1 - 0.0604, 0.1 + 0.0604), abs=0.006)
    assert found.demands == found.prompts
    assert found.demands_95 == found.prompts_95


def test_arms_that_answer_alike_differ_by_nothing() -> None:
    same = met([[(True, False), (True,), (False,)]])
    found = difference({"a": same, "b": same}, "a", "b")
    assert found.prompts_95 == found.demands_95 == (0, 0)


def test_every_arm_is_compared_with_the_untrained_and_with_every_other() -> None:
    made = [
        Result(
            arm=arm,
            seed=seed,
            answer_seconds=1.0,
            prompts=0.5,
            demands=0.5,
            questions=Found(f1=0.25, holds=0.5),
            losses=Losses(
                answers=2.0, answer_tokens=9, text=3.0 + 0.03 * bool(seed), text_tokens=9
            ),
            verdicts=((True,), (False,)),
        )
        for arm, seed in (("untrained", None), ("a", 0), ("b", 0), ("a", 1), ("b", 1))
    ]
    found = differences(made)
    pairs = [(one.arm, one.other) for one in found]
    assert pairs == [("a", "untrained"), ("b", "untrained"), ("b", "a")]
    told = table(made, found)
    assert "2 prompts, 2 demands" in told
    assert told.count(" mean") == 2
    assert "text +0.5%" in told
    assert "b - a: prompts +0.0 points (95%: +0.0 to +0.0)" in told
    names = ("length", "title")
    asked = [
        Asked(key=name, prompt=name, instruction_id_list=(name,), kwargs=({},)) for name in names
    ]
    assert by_demand(asked, made) == {
        "length": {"untrained": (1, 1), "a": (2, 2), "b": (2, 2)},
        "title": {"untrained": (0, 1), "a": (0, 2), "b": (0, 2)},
    }


# Texts and answers --------------------------------------------------------------------------------


def test_the_projects_own_text_is_prose_without_code_and_tables() -> None:
    found = passages(prose())
    assert len(found) > 10
    assert not any(
        line.startswith(("|", "```", "- ", "#")) for t in found for line in t.split("\n")
    )


def test_a_text_of_a_few_words_is_refused() -> None:
    with pytest.raises(InputError, match="has not even 16 words"):
        passages("Too little to measure.\n\nReally.")


@pytest.mark.real
async def test_a_known_text_is_likelier_than_a_shuffled_one(smollm: LlamaCpp) -> None:
    from evals.quality import Answer

    text = "The sun rises in the east and sets in the west, and so the day begins in the east."
    words = text.split()
    random.Random(0).shuffle(words)
    asked = [Answer("What colour is grass?", "Grass is green.")]
    plain, shuffled = [await losses(smollm, asked, [one]) for one in (text, " ".join(words))]
    assert plain.text < shuffled.text
    assert plain.answers == pytest.approx(shuffled.answers, abs=1e-3)


@pytest.mark.slow
@pytest.mark.real
async def test_answers_that_are_kept_are_not_asked_for_again(
    smollm_file: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "answers.jsonl"
    asked = [
        Asked(key=n, prompt=f"Name {n + 2} birds.", instruction_id_list=("x",), kwargs=({},))
        for n in range(3)
    ]
    session = Session(smollm_file, kept, 8)
    answers = await session.answers(asked)
    assert all(answers)
    assert session.seconds > 0
    first, second, third = kept.read_text(encoding="utf-8").splitlines()
    changed = {**json.loads(first), "response": "kept"}
    kept.write_text(f"{json.dumps(changed)}\n{second}\n{third[:20]}", encoding="utf-8")
    told: list[int] = []
    assert await session.answers(asked, tell=told.append) == ["kept", *answers[1:]]
    assert told == [3]  # only the one whose line was cut
    other = [Asked(key=0, prompt="Name a fish.", instruction_id_list=("x",), kwargs=({},))]
    assert (await session.answers(other))[0] != "kept"


# The command --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arms", "words"),
    [
        (["rows.jsonl"], "--arm rows.jsonl: give NAME=FILE"),
        (["a b=rows.jsonl"], "give NAME=FILE"),
        (["untrained=rows.jsonl"], "there is an arm 'untrained' already"),
        (["a=nowhere.jsonl"], "there is no such file"),
    ],
)
def test_an_arm_is_a_name_and_a_file(arms: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        named(arms)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: --prompts"),
        (["--prompts", "x", "--rate", "2"], "'2' is not a number between 0 and 1"),
        (["--prompts", "x", "--arm", "a=nowhere"], "there is no such file"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tuning", *arguments]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1


def test_an_arm_without_rows_is_refused(smollm_file: Path, tmp_path: Path) -> None:
    path = lines(tmp_path / "rows.jsonl", [{"instruction": "Name a river."}])
    model = Model(smollm_file)
    try:
        with pytest.raises(InputError, match=r"no rows to learn in it \(1 not answered\)"):
            read_arm("some", path, model)
    finally:
        model.close()
