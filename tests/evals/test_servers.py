"""The figures of the transport: what they are made of, and the servers that they are taken on."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from evals.__main__ import main
from evals.servers import Load, Speed
from evals.servers_fake import ANSWER, served
from evolsynth.llm.server.transport import Endpoint, Limits, Transport


def test_the_shares_are_those_of_the_rounds_and_not_of_the_medians() -> None:
    speed = Speed(
        transport=[100, 300, 200],
        bare_httpx=[200, 300, 100],
        kib_a_request=1,
        added_ms_median=1,
        added_ms_p99=2,
    )
    assert speed.share == 1.0
    assert speed.rate == 200
    load = Load(
        server="s",
        fixed={1: 10, 8: 80, 16: 79},
        beside=[80, 40, 80],
        found=[76, 39, 80],
        limits=[9, 9, 9],
        refused=[0, 0, 0],
    )
    assert load.best == 8
    assert load.share == 0.975


@pytest.mark.parametrize(("slots", "refused_from"), [(2, 0), (2, 2), (-1, 0)])
def test_a_fake_server_answers_as_it_is_told(slots: int, refused_from: int) -> None:
    async def ask(url: str) -> Transport:
        transport = Transport([Endpoint(url)], limits=Limits(concurrency=4))
        await transport.start()
        posts = (transport.post("/v1/x", {"id": n}) for n in range(8))
        assert await asyncio.gather(*posts) == [json.loads(ANSWER)] * 8
        await transport.aclose()
        return transport

    with served(0.005, slots, refused_from) as url:
        transport = asyncio.run(ask(url))
    assert transport.stats.statuses[200] == 8
    assert (transport.stats.statuses[429] > 0) == (refused_from > 0)


def test_bad_options_are_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["servers", "--requests", "0"]) == 2
    assert "'0' is not a whole number from 1" in capsys.readouterr().err
    assert main(["servers", "--json", str(tmp_path)]) == 2
