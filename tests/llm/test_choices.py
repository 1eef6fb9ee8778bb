"""`Request.choices`: the model chooses one of some texts."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.errors import InputError
from evolsynth.llm.base import Completion, Prompt, Request, Sampling
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp.sampler import Choices

WARM = Sampling(temperature=1.5)


class Letters:
    """Stands in for a model whose tokens are single letters, and some pairs of them."""

    pieces = (b"", b"a", b"b", b"c", b"ab", b"bc", b"\xe2", b"\x9d", b"\x84")
    end_tokens = frozenset({0})
    tokens_of = {piece: (token,) for token, piece in enumerate(pieces) if piece}  # noqa: RUF012
    longest_piece = 2


def choices(*texts: str) -> Choices:
    return Choices(Letters(), texts)  # type: ignore[arg-type]


def walk(chosen: Choices, *tokens: int) -> Choices:
    for token in tokens:
        chosen.accept(token)
    return chosen


def test_each_text_may_be_begun_with_every_token_that_it_begins_with() -> None:
    assert choices("abc", "c").next_tokens().tolist() == [1, 3, 4]


def test_what_was_drawn_leaves_the_texts_that_begin_with_it() -> None:
    left = walk(choices("abc", "aca", "b"), 1)
    assert left.next_tokens().tolist() == [2, 3, 5]
    assert left.rest is None


def test_the_rest_is_known_as_soon_as_one_text_is_left() -> None:
    assert walk(choices("abc", "aca"), 1, 2).rest == b"c"
    assert walk(choices("abc", "aca"), 4).rest == b"c"


def test_where_a_text_goes_on_from_another_the_answer_may_also_end() -> None:
    left = walk(choices("a", "ab"), 1)
    assert left.rest is None
    assert left.next_tokens().tolist() == [0, 2]


def test_the_same_text_twice_is_one() -> None:
    assert choices("ab", "ab").rest == b"ab"


def test_characters_of_several_bytes_are_gone_through_byte_by_byte() -> None:
    assert walk(choices("❄", "a"), 6).rest == b"\x9d\x84"


@given(st.lists(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=5), st.data())
def test_whatever_is_drawn_gives_one_of_the_texts(texts: list[str], data: st.DataObject) -> None:
    chosen, written = choices(*texts), b""
    while chosen.rest is None:
        token = data.draw(st.sampled_from(chosen.next_tokens().tolist()))
        if token in Letters.end_tokens:
            break
        chosen.accept(token)
        written += Letters.pieces[token]
    assert (written + (chosen.rest or b"")).decode() in texts


@pytest.mark.parametrize(
    "fields",
    [{"choices": ("",)}, {"grammar": 'root ::= "a"'}, {"banned": ("x",)}, {"min_tokens": 1}],
)
def test_choices_that_say_nothing_or_two_things_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(InputError, match="choices"):
        Request(**{"prompt": Prompt.of("a"), "seed": 1, "choices": ("a", "b"), **fields})  # type: ignore[arg-type]


# On the model ------------------------------------------------------------------------------------

SEAS = (" the Mediterranean.", " the Baltic.", " the Mediterranean and the Baltic.")


async def ask(llm: LlamaCpp, *texts: str, **fields: object) -> Completion:
    prompt = Prompt.of("Q: Which sea lies north of Africa?\nA:")
    made = {"prompt": prompt, "seed": 1, "max_tokens": 24, "choices": texts, **fields}
    return await llm.complete(Request(**made))  # type: ignore[arg-type]


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="session")
async def test_the_answer_is_one_of_the_texts_and_what_is_clear_is_not_computed(
    smollm: LlamaCpp,
) -> None:
    long = " the Mediterranean, which lies between Africa and Europe."
    done = await ask(smollm, long, SEAS[1], sampling=Sampling(temperature=0))
    assert done.text == long
    assert done.finish_reason == "stop"
    assert 0 < done.tokens < len(smollm._running().tokenise_continuation(long)) / 2


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="session")
async def test_all_texts_can_be_drawn_and_the_seed_says_which(smollm: LlamaCpp) -> None:
    async def drawn() -> list[str]:
        asked = (ask(smollm, *SEAS, seed=seed, sampling=WARM) for seed in range(40))
        return [done.text for done in await asyncio.gather(*asked)]

    first = await drawn()
    assert first == await drawn()
    assert set(Counter(first)) == set(SEAS)


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="session")
async def test_one_text_alone_is_given_without_a_draw(smollm: LlamaCpp) -> None:
    done = await ask(smollm, " it", prefix="So")
    assert (done.text, done.tokens, done.finish_reason) == ("So it", 0, "stop")


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="session")
async def test_a_stop_string_cuts_the_chosen_text_and_too_few_tokens_end_it(
    smollm: LlamaCpp,
) -> None:
    cut = await ask(smollm, " one\ntwo", stop=("\n",))
    assert cut.text == " one"
    short = await ask(smollm, " the Baltic", " the Balearic", max_tokens=1)
    assert short.text == " the"
    assert short.finish_reason == "length"
