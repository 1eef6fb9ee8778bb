"""llama.cpp's own server in a process: ``python llama_server_process.py MODEL SLOTS CONTEXT``.

It prints its address and serves until its standard input ends. The library (xllamacpp) holds a
build of llama.cpp of its own, which cannot share a process with ours.
"""

from __future__ import annotations

import sys

import xllamacpp


def main() -> None:
    """Serve the model."""
    model, slots, context = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_parallel = slots
    params.n_ctx = context * slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_gpu_layers = 0
    params.port = 0
    server = xllamacpp.Server(params)
    sys.stdout.write(f"ADDRESS {server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
