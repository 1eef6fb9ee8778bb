"""Over TLS HTTP/2 is spoken where the server offers it: many questions, one connection."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest
import trustme
from faulty import answer_of, right

from evolsynth.llm.server.patience import Times
from evolsynth.llm.server.transport import Endpoint, Limits, Transport

QUICK = Times(back_off=0.002, tick=0.01)


class Streams(asyncio.Protocol):
    """One connection of a server that speaks HTTP/2."""

    def __init__(self, server: Server) -> None:
        self.server = server
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self.spoken = h2.connection.H2Connection(config)
        self.bodies: dict[int, bytes] = {}

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.server.connections.append(transport)
        self.spoken.initiate_connection()
        self.flush()

    def flush(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(self.spoken.data_to_send())

    def data_received(self, data: bytes) -> None:
        for event in self.spoken.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                self.server.headers.append(dict(event.headers))
                self.bodies[event.stream_id] = b""
            elif isinstance(event, h2.events.DataReceived):
                self.bodies[event.stream_id] += event.data
                self.spoken.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                asyncio.get_running_loop().call_later(0.01, self.answer, event.stream_id)
        self.flush()

    def answer(self, stream: int) -> None:
        number = json.loads(self.bodies[stream])["id"]
        self.server.asked[number] = self.server.asked.get(number, 0) + 1
        if self.server.resets and self.server.asked[number] == 1:
            self.spoken.reset_stream(stream)
        else:
            body = right(number)
            self.spoken.send_headers(
                stream, [(":status", "200"), ("content-length", str(len(body)))]
            )
            self.spoken.send_data(stream, body, end_stream=True)
        self.flush()


class Server:
    """``async with`` starts it."""

    def __init__(self, folder: Path, *, resets: bool = False) -> None:
        authority = trustme.CA()
        self.trusted = str(folder / "ca.pem")
        authority.cert_pem.write_to_path(self.trusted)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.set_alpn_protocols(["h2"])
        authority.issue_cert("127.0.0.1").configure_cert(self.tls)
        self.resets = resets
        self.connections: list[Any] = []
        self.headers: list[dict[Any, Any]] = []
        self.asked: dict[int, int] = {}

    async def __aenter__(self) -> Server:
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Streams(self), "127.0.0.1", 0, ssl=self.tls)
        self.url = f"https://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for connection in self.connections:
            connection.abort()
        await asyncio.sleep(0)

    def transport(self) -> Transport:
        return Transport(
            [Endpoint(self.url)],
            key="sk-1",
            verify=self.trusted,
            limits=Limits(concurrency=20),
            _times=QUICK,
        )


@pytest.mark.parametrize("resets", [False, True])
async def test_many_questions_go_over_one_connection(tmp_path: Path, resets: bool) -> None:
    many = 12 if resets else 60
    async with Server(tmp_path, resets=resets) as server:
        transport = server.transport()
        await transport.start()
        results = await asyncio.gather(
            *(transport.post("/v1/x", {"id": n}, read=lambda d: d["answer"]) for n in range(many))
        )
        await transport.aclose()
    assert results == [answer_of(n) for n in range(many)]
    assert set(server.asked.values()) == {2 if resets else 1}
    assert len(server.connections) == 2, "the first found out what is spoken"
    assert server.headers[0]["authorization"] == "Bearer sk-1"


async def test_a_cancelled_question_leaves_the_others_alone(tmp_path: Path) -> None:
    async with Server(tmp_path) as server:
        transport = server.transport()
        await transport.start()
        await transport.post("/v1/x", {"id": 0})
        tasks = [asyncio.create_task(transport.post("/v1/x", {"id": n})) for n in range(10)]
        await asyncio.sleep(0.005)
        tasks[3].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[3], asyncio.CancelledError)
        assert all(isinstance(r, dict) for n, r in enumerate(results) if n != 3)
        assert transport.stats.in_flight == 0
        await transport.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}
