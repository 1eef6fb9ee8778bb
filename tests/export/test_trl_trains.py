"""TRL's own trainers read what is exported, unchanged, and take steps on it: SmolLM2's
architecture with tiny random weights, on the processor.

They are skipped where trl is not installed; `test_export_formats.py` holds what it reads.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evolsynth.cli.main import main
from evolsynth.rows import Message, Row, Verdict, write_rows

trl = pytest.importorskip("trl", reason="trl is not installed")
pytest.importorskip("torch")

from datasets import load_dataset  # noqa: E402
from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: E402

#: ChatML, with SmolLM2's own system turn.
TEMPLATE = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI "
    "assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
GOOD = Verdict(accepted=True)
TALK = (
    Message("user", "Name a lake."),
    Message("assistant", "Lake Como."),
    Message("user", "Where is it?"),
    Message("assistant", "In Italy."),
)
ROWS = [
    Row.make("Name a river.", response="The Volga.", verdict=GOOD, system="Be brief."),
    Row.make("Translate it.", response="Der Dom.", verdict=GOOD, extra={"input": "the cathedral"}),
    Row.make("Name a lake.", response="Lake Como.", verdict=GOOD, messages=TALK),
    Row.make("Name a hill.", response="Arthur's Seat.", verdict=GOOD),
]
PAIRS = [
    row.replace(extra={**row.extra, "chosen": row.response, "rejected": "I would rather not."})
    for row in ROWS
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import PreTrainedTokenizerFast  # takes seconds: not while tests are collected

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {sign: place for place, sign in enumerate(SPECIAL + alphabet)}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(SPECIAL)
    whole = PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    whole.chat_template = TEMPLATE
    return whole


@pytest.fixture
def model(tokenizer: Any) -> Any:
    """SmolLM2-135M's configuration but for its sizes."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=36,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=9,
            num_key_value_heads=3,
            max_position_embeddings=8192,
            rope_theta=100_000.0,
            rms_norm_eps=1e-5,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


@pytest.fixture
def exported(tmp_path: Path) -> Callable[[str, list[Row]], Any]:
    def data(name: str, rows: list[Row]) -> Any:
        write_rows(tmp_path / "accepted.jsonl", rows)
        file = tmp_path / f"{name}.jsonl"
        assert main(["export", str(tmp_path), "--format", name, "-o", str(file)]) == 0
        return load_dataset(
            "json", data_files=str(file), split="train", cache_dir=str(tmp_path / "cache")
        )

    return data


def settings(tmp_path: Path, **more: Any) -> dict[str, Any]:
    return {
        "output_dir": str(tmp_path / "out"),
        "max_steps": 2,
        "per_device_train_batch_size": 2,
        "report_to": [],
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_steps": 1,
        **more,
    }


def steps(trainer: Any) -> list[float]:
    """The losses of the training steps."""
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.parametrize(
    "name",
    [
        "messages",
        pytest.param("prompt-completion", marks=pytest.mark.slow),
        pytest.param("sharegpt", marks=pytest.mark.slow),
    ],
)
def test_sft_trains(name: str, exported: Any, model: Any, tokenizer: Any, tmp_path: Path) -> None:
    data = exported(name, ROWS)
    arguments = trl.SFTConfig(**settings(tmp_path, max_length=256))
    trainer = trl.SFTTrainer(
        model=model, args=arguments, train_dataset=data, processing_class=tokenizer
    )
    seen = tokenizer.decode(trainer.train_dataset[1]["input_ids"])
    if name != "sharegpt":  # TRL keeps its names of roles
        assert "<|im_start|>user\nTranslate it.\n\nthe cathedral<|im_end|>" in seen
    assert "Der Dom.<|im_end|>" in seen
    assert all(loss > 0 for loss in steps(trainer))


@pytest.mark.slow
def test_accepted_rows_themselves_train(model: Any, tokenizer: Any, tmp_path: Path) -> None:
    """`messages` of whole rows are full, so `accepted.jsonl` can be given as it is."""
    write_rows(tmp_path / "accepted.jsonl", ROWS)
    data = load_dataset(
        "json", data_files=str(tmp_path / "accepted.jsonl"), split="train",
        cache_dir=str(tmp_path / "cache"),
    )  # fmt: skip
    arguments = trl.SFTConfig(**settings(tmp_path, max_length=256))
    trainer = trl.SFTTrainer(
        model=model, args=arguments, train_dataset=data, processing_class=tokenizer
    )
    assert len(steps(trainer)) == 2


def test_dpo_trains(exported: Any, model: Any, tokenizer: Any, tmp_path: Path) -> None:
    arguments = trl.DPOConfig(**settings(tmp_path, max_length=256))
    trainer = trl.DPOTrainer(
        model=model,
        ref_model=copy.deepcopy(model),
        args=arguments,
        train_dataset=exported("dpo", PAIRS),
        processing_class=tokenizer,
    )
    losses = steps(trainer)
    assert len(losses) == 2
    assert losses[0] == pytest.approx(0.693, abs=0.01), "both models are one at first"


@pytest.mark.slow
def test_kto_trains(exported: Any, model: Any, tokenizer: Any, tmp_path: Path) -> None:
    data = exported("kto", PAIRS)
    assert data.num_rows == 8
    arguments = trl.KTOConfig(**settings(tmp_path, max_length=256))
    trainer = trl.KTOTrainer(
        model=model,
        ref_model=copy.deepcopy(model),
        args=arguments,
        train_dataset=data,
        processing_class=tokenizer,
    )
    assert len(steps(trainer)) == 2


@pytest.mark.slow
def test_grpo_trains_and_rewards_are_given_the_answers(
    exported: Any, model: Any, tokenizer: Any, tmp_path: Path
) -> None:
    given: list[str] = []

    def reward(completions: list[Any], answer: list[str], **_: Any) -> list[float]:
        given.extend(answer)
        return [float(len(one[0]["content"])) for one in completions]

    arguments = trl.GRPOConfig(
        **settings(tmp_path, max_steps=1, num_generations=2, max_completion_length=4)
    )
    trainer = trl.GRPOTrainer(
        model=model,
        args=arguments,
        train_dataset=exported("grpo", ROWS),
        processing_class=tokenizer,
        reward_funcs=[reward],
    )
    trainer.train()
    assert set(given) <= {row.response for row in ROWS}
    assert given


@pytest.mark.slow
def test_the_code_of_the_page_trains(
    model: Any, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/trl.md as it stands, on a model in a folder in the place of the hub's."""
    monkeypatch.chdir(tmp_path)
    model.save_pretrained("tiny")
    tokenizer.save_pretrained("tiny")
    Path("rows").mkdir()
    rows = [
        row.replace(id=f"{n}", instruction=f"{row.instruction} ({n})")
        for n, row in enumerate(ROWS * 3)
        if not row.messages
    ]
    write_rows("rows/accepted.jsonl", rows)
    split = ["--split", "train=0.7,validation=0.3"]
    assert main(["export", "rows", "--format", "messages", "-o", "data", *split]) == 0
    write_rows("pairs-rows.jsonl", PAIRS)
    assert main(["export", "pairs-rows.jsonl", "--format", "dpo", "-o", "pairs.jsonl"]) == 0
    page = (Path(__file__).parents[2] / "docs" / "trl.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", page, re.S):
        code = code.replace("HuggingFaceTB/SmolLM2-135M-Instruct", "tiny")
        code = re.sub(r'(output_dir="\w+")', r"\1, use_cpu=True, bf16=False, report_to=[]", code)
        exec(code, names)
    assert Path("trained/model.safetensors").is_file()
    assert names["trainer"].state.global_step > 0
