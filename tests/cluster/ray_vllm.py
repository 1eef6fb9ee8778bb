"""In the place of ``vllm``: serve NAME --host HOST --port PORT, in the shapes of its pages."""

from __future__ import annotations

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def main() -> None:
    """Answer until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("serve", choices=["serve"])
    parser.add_argument("model")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    told = parser.parse_args()
    model = {"id": told.model, "object": "model", "owned_by": "vllm", "root": told.model}
    message = {"role": "assistant", "content": "Bees share their work, and each has a task."}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
    answer = {"id": "c", "model": told.model, "choices": [choice], "usage": usage}
    known: dict[str, Any] = {
        "/health": {},
        "/version": {"version": "0.12.0"},
        "/v1/models": {"object": "list", "data": [model]},
        "/v1/chat/completions": answer,
    }

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = known.get(self.path)
            body = json.dumps(said).encode()
            self.send_response(404 if said is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    ThreadingHTTPServer((told.host, told.port), Answers).serve_forever()


if __name__ == "__main__":
    main()
