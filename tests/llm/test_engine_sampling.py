"""What shapes an answer token by token: bans, grammars, stops, least length, log-probabilities."""

from __future__ import annotations

import asyncio
import json
import math

import numpy as np
import pytest

from evolsynth.errors import InputError, RequestError
from evolsynth.llm.base import Completion, Prompt, Request, Sampling, Segment
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp.sampler import Sampler, log_probability
from evolsynth.rows import Message

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]

GREEDY = Sampling(temperature=0)
JSON = r"""
root ::= "{" ws "\"city\": " string ", " ws "\"people\": " number "}"
string ::= "\"" [A-Z] [a-z]{2,12} "\""
number ::= [1-9] [0-9]{2,6}
ws ::= " "?
"""


async def ask(llm: LlamaCpp, text: str, **fields: object) -> Completion:
    given = {"prompt": Prompt.of(text), "seed": 1, "max_tokens": 24, "sampling": GREEDY, **fields}
    return await llm.complete(Request(**given))  # type: ignore[arg-type]


# Banned strings ----------------------------------------------------------------------------------


async def test_a_banned_string_never_appears_and_the_way_up_to_it_stays(smollm: LlamaCpp) -> None:
    free = await ask(smollm, "The capital of France is")
    words = free.text.split()
    place = next(i for i, w in enumerate(words) if i > 3 and free.text.find(w) > 15 and len(w) > 3)
    other = await ask(smollm, "The capital of France is", banned=(words[place],))
    assert words[place] not in other.text
    assert other.text.split()[:place] == words[:place]
    assert other.tokens > place


async def test_a_ban_takes_back_the_word_that_led_to_it(smollm: LlamaCpp) -> None:
    """Forbidding only the last token of a phrase would leave its beginning behind."""
    free = await ask(smollm, "one two three four")
    phrase = free.text[: free.text.index(" ", 12)]  # several tokens, from the very first
    other = await ask(smollm, "one two three four", banned=(phrase,), logprobs=True)
    assert phrase not in other.text
    assert other.tokens == len(other.logprobs)
    spelled = b"".join(t.piece for t in other.logprobs).decode()
    assert other.text == spelled


async def test_bans_that_leave_next_to_nothing_still_end(smollm: LlamaCpp) -> None:
    """No vowels: hundreds of rewinds at first, then token by token."""
    done = await ask(smollm, "Once upon a time", banned=tuple("aeiouy"), max_tokens=6)
    assert not set(done.text) & set("aeiouy")


async def test_what_is_banned_counts_over_the_border_of_a_forced_prefix(smollm: LlamaCpp) -> None:
    free = await ask(smollm, "The sky is", prefix=" blue")
    word = free.text[:10]
    other = await ask(smollm, "The sky is", prefix=" blue", banned=(word,))
    assert other.text.startswith(" blue")
    assert word not in other.text


async def test_a_ban_within_the_prefix_or_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="part of the prefix"):
        Request(prompt=Prompt.of("a"), seed=1, prefix="very blue", banned=("blue",))
    with pytest.raises(InputError, match="empty"):
        Request(prompt=Prompt.of("a"), seed=1, banned=("",))


# Grammars ----------------------------------------------------------------------------------------


async def test_an_answer_keeps_to_its_grammar(smollm: LlamaCpp) -> None:
    """Sampled, not greedy, and more than one: each must be JSON of the asked form."""
    fields = {"grammar": JSON, "max_tokens": 60, "sampling": Sampling()}
    lot = (ask(smollm, "A city as JSON: ", seed=s, **fields) for s in range(6))
    done = await asyncio.gather(*lot)
    assert {c.finish_reason for c in done} == {"stop"}
    for city in (json.loads(c.text) for c in done):
        assert set(city) == {"city", "people"}
        assert city["people"] >= 100
    assert len({c.text for c in done}) > 1


async def test_a_grammar_and_a_ban_hold_together(smollm: LlamaCpp) -> None:
    grammar = 'root ::= "yes" | "no" | "maybe"'
    done = await ask(smollm, "Is it so?", grammar=grammar, banned=("yes", "no"))
    assert done.text == "maybe"
    assert done.finish_reason == "stop"


async def test_where_grammar_and_bans_leave_nothing_the_answer_ends(smollm: LlamaCpp) -> None:
    done = await ask(smollm, "Is it so?", grammar='root ::= "yes"', banned=("yes",))
    assert "yes" not in done.text
    assert done.finish_reason == "stop"


async def test_characters_of_several_bytes_pass_a_grammar_whole(smollm: LlamaCpp) -> None:
    done = await ask(smollm, "Snow:", grammar='root ::= "❄" "雪" "ß"')
    assert done.text == "❄雪ß"


@pytest.mark.parametrize(
    "grammar", ["root ::= unknown", "nothing like a grammar", 'word ::= "a"', "root ::= root"]
)
async def test_a_grammar_that_cannot_be_used_is_refused_before_it_enters(
    smollm: LlamaCpp, grammar: str
) -> None:
    with pytest.raises(RequestError, match="The grammar cannot be used"):
        await ask(smollm, "x", grammar=grammar)


async def test_an_empty_grammar_is_refused() -> None:
    with pytest.raises(InputError, match="grammar is empty"):
        Request(prompt=Prompt.of("a"), seed=1, grammar=" \n")


# Ends --------------------------------------------------------------------------------------------


async def test_min_tokens_holds_the_end_of_turn_back(smollm: LlamaCpp) -> None:
    prompt = smollm.template.render([Message("user", "Say only: yes")])
    fields = {"prompt": prompt, "seed": 1, "sampling": GREEDY, "max_tokens": 40}
    short = await smollm.complete(Request(**fields))  # type: ignore[arg-type]
    longer = await smollm.complete(Request(**fields, min_tokens=40))  # type: ignore[arg-type]
    assert short.tokens < 40
    assert short.finish_reason == "stop"
    assert (longer.tokens, longer.finish_reason) == (40, "length")
    assert longer.text.startswith(short.text)


async def test_min_tokens_above_max_tokens_is_refused() -> None:
    with pytest.raises(InputError, match="min_tokens is 9"):
        Request(prompt=Prompt.of("a"), seed=1, max_tokens=8, min_tokens=9)


async def test_a_stop_that_names_a_control_token_stops_at_that_token(smollm: LlamaCpp) -> None:
    """Its text is never generated, so only the token's number can be looked for."""
    grammar = 'root ::= "a" "b"'
    model = smollm._running()
    name, number = next((n, t) for n, t in model.control_tokens.items() if "repo" in n)
    assert number not in model.end_tokens
    assert model.pieces[number] == b""
    slot_ends = await _ends_of(smollm, Request(prompt=Prompt.of("x"), seed=1, stop=(name,)))
    assert number in slot_ends
    done = await ask(smollm, "x", grammar=grammar, stop=(name,))
    assert done.text == "ab"


async def _ends_of(llm: LlamaCpp, request: Request) -> set[int]:
    from evolsynth.llm.llamacpp.jobs import Generation, Slot

    model = llm._running()
    job = Generation(model.tokenise(request.raw), request)
    slot = Slot(job, model, np.zeros(model.vocabulary_size, dtype=np.float32))
    slot.close()
    return set(slot._ends)


# Log-probabilities -------------------------------------------------------------------------------


async def test_logprobs_come_one_for_each_token_and_are_the_models_own(smollm: LlamaCpp) -> None:
    """Temperature and filters must not change them."""
    done = await ask(smollm, "One, two, three,", logprobs=True, max_tokens=8)
    assert len(done.logprobs) == done.tokens == 8
    assert b"".join(t.piece for t in done.logprobs).decode() == done.text
    assert all(-10 < t.logprob < 0 for t in done.logprobs)
    narrow = Sampling(temperature=0.01, top_k=1, top_p=0.5)  # draws the likeliest, as greedy does
    assert await _logprobs(smollm, narrow) == done.logprobs
    assert not (await ask(smollm, "One, two, three,")).logprobs


async def _logprobs(llm: LlamaCpp, sampling: Sampling) -> object:
    done = await ask(llm, "One, two, three,", logprobs=True, max_tokens=8, sampling=sampling)
    return done.logprobs


async def test_a_score_agrees_with_the_logprobs_of_the_same_text_generated(
    smollm: LlamaCpp,
) -> None:
    """The same numbers up to rounding: one is computed a token at a time, the other at once."""
    done = await ask(smollm, "The old man and", logprobs=True, max_tokens=12)
    score = await smollm.score(Prompt.of("The old man and"), done.text)
    assert [t.token for t in score.logprobs] == [t.token for t in done.logprobs]
    for scored, generated in zip(score.logprobs, done.logprobs, strict=True):
        assert scored.logprob == pytest.approx(generated.logprob, abs=0.15)
    assert score.total == pytest.approx(sum(t.logprob for t in score.logprobs))
    assert score.perplexity == pytest.approx(math.exp(-score.mean))


async def test_a_likely_text_scores_higher_than_an_unlikely_one(smollm: LlamaCpp) -> None:
    prompt = Prompt.of("The capital of France is")
    paris, cheese = await asyncio.gather(
        smollm.score(prompt, " Paris."), smollm.score(prompt, " cheese.")
    )
    assert paris.total > cheese.total + 3


async def test_a_long_text_is_scored_as_the_sum_of_its_parts(smollm: LlamaCpp) -> None:
    """More tokens than are taken at once: none may be left out or counted twice."""
    text = " and then the rain came down on the hills" * 18
    score = await smollm.score(Prompt.of("It was late"), text)
    assert b"".join(t.piece for t in score.logprobs).decode() == text
    assert len(score.logprobs) > 130
    first = await smollm.score(Prompt.of("It was late"), text[:41])
    assert score.logprobs[0] == first.logprobs[0]


async def test_control_tokens_can_be_scored(smollm: LlamaCpp) -> None:
    prompt = smollm.template.render([Message("user", "Say yes.")])
    end = Prompt((Segment("Yes."), Segment("<|im_end|>", control=True)))
    score = await smollm.score(prompt, end)
    assert score.logprobs[-1].token in smollm._running().end_tokens
    assert score.logprobs[-1].piece == b""


async def test_many_scores_of_one_prompt_read_it_once(smollm: LlamaCpp) -> None:
    prompt = Prompt.of("Of all the rivers that I know, the longest one must be", shared="")
    texts = [f" the {name}." for name in ("Nile", "Amazon", "Rhine", "Danube", "Volga", "Ob")]
    before = smollm.usage
    await asyncio.gather(*(smollm.score(prompt, text) for text in texts))
    after = smollm.usage
    assert after.forks - before.forks == len(texts) - 1
    assert after.requests - before.requests == len(texts)


@pytest.mark.parametrize(
    ("prompt", "continuation", "message"),
    [
        ("a", "", "continuation is empty"),
        ("", "a", "prompt is empty"),
        ("a", "word " * 600, "continuation 6"),
    ],
)
async def test_what_cannot_be_scored_is_refused(
    smollm: LlamaCpp, prompt: str, continuation: str, message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        await smollm.score(Prompt.of(prompt), continuation)


# The sampler by itself ---------------------------------------------------------------------------


def logits(size: int = 1000) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.random.default_rng(7).normal(0, 4, size).astype(np.float32)


@pytest.mark.parametrize("sampling", [GREEDY, Sampling(top_k=3), Sampling(top_k=0)])
async def test_forbidden_tokens_are_not_drawn_and_the_logits_are_as_before(
    sampling: Sampling,
) -> None:
    row = logits()
    before = row.copy()
    best = set(np.argsort(row)[-5:].tolist())
    sampler = Sampler(sampling, 1, len(row))
    drawn = {sampler.draw(row, best) for _ in range(20)}
    sampler.close()
    assert not drawn & best
    assert np.array_equal(row, before)


@pytest.mark.parametrize("sampling", [GREEDY, Sampling(), Sampling(top_k=0)])
async def test_with_everything_forbidden_nothing_is_drawn(sampling: Sampling) -> None:
    sampler = Sampler(sampling, 1, 50)
    assert sampler.draw(logits(50), range(50)) is None
    sampler.close()


async def test_the_preselection_draws_what_the_whole_vocabulary_would() -> None:
    """The k best are found exactly, however far below the best they lie."""
    for scale in (0.01, 1.0, 40.0):
        row = (logits(5000) * scale).astype(np.float32)
        sampler = Sampler(Sampling(top_k=20), 3, len(row))
        best = set(np.argsort(row)[-20:].tolist())
        assert all(sampler.draw(row) in best for _ in range(50))
        assert best <= set(sampler._best(row).tolist())
        sampler.close()


async def test_log_probability_is_the_log_of_the_softmax() -> None:
    row = logits().astype(np.float64)
    softmax = np.exp(row) / np.exp(row).sum()
    for token in (0, 500, 999):
        expected = math.log(softmax[token])
        assert log_probability(row.astype(np.float32), token) == pytest.approx(expected, abs=1e-4)
