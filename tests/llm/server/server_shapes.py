"""What servers of each kind say, in the shapes that their documentation and sources give."""

from __future__ import annotations

from typing import Any

TEMPLATE = (
    "{% for m in messages %}"
    "{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def chat_answer(text: str | None = "The Rhine.", **message: Any) -> dict[str, Any]:
    """OpenAI's chat form."""
    finish = message.pop("finish_reason", "stop")
    logprobs = message.pop("logprobs", None)
    told = {"role": "assistant", "content": text, **message}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": told, "logprobs": logprobs, "finish_reason": finish}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
    }


def completion_answer(text: str = " is long", finish: str = "stop", **more: Any) -> dict[str, Any]:
    """OpenAI's completion form."""
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "model": "m",
        "choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": finish, **more}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    }


def models(owner: str, *names: str, **more: Any) -> dict[str, Any]:
    """What /v1/models gives."""
    data = [{"id": n, "object": "model", "owned_by": owner, **more} for n in names or ("m",)]
    return {"object": "list", "data": data}


OPENAI: dict[str, Any] = {
    "GET /v1/models": models("system", "m", "other"),
    "POST /v1/chat/completions": chat_answer(),
}

VLLM: dict[str, Any] = {
    "GET /version": {"version": "0.12.0"},
    "GET /v1/models": models("vllm", "org/m", root="org/m", max_model_len=4096),
    "POST /v1/chat/completions": chat_answer(),
    "POST /v1/completions": completion_answer(),
}


def _rendered(messages: Any) -> str:
    """The last turn is left open where it is the assistant's; earlier ones are not shown."""
    return f"<|im_start|>x\n{messages[-1]['content']}"


OLLAMA: dict[str, Any] = {
    "GET /api/version": {"version": "0.12.6"},
    "GET /v1/models": models("library", "smollm2:135m"),
    "GET /api/tags": {"models": [{"name": "smollm2:135m", "digest": "9077fe9d2ae1"}]},
    "POST /api/show": {
        "template": "{{- range .Messages }}{{ .Role }}: {{ .Content }}{{ end }}",
        "details": {"format": "gguf", "family": "llama", "quantization_level": "F16"},
        "model_info": {"general.architecture": "llama", "general.parameter_count": 134515008},
        "capabilities": ["completion"],
    },
    "POST /api/chat": lambda body: (
        {"model": "smollm2:135m", "_debug_info": {"rendered_template": _rendered(body["messages"])}}
        if body.get("_debug_render_only")
        else {
            "model": "smollm2:135m",
            "created_at": "2026-01-01T00:00:00Z",
            "message": {"role": "assistant", "content": "The Rhine."},
            "done": True,
            "done_reason": "stop",
            "total_duration": 1,
            "prompt_eval_count": 26,
            "eval_count": 4,
        }
    ),
    "POST /api/generate": {
        "model": "smollm2:135m",
        "response": " is long",
        "done": True,
        "done_reason": "length",
        "prompt_eval_count": 5,
        "eval_count": 2,
    },
}

TGI: dict[str, Any] = {
    "GET /info": {
        "model_id": "org/m",
        "model_sha": "abc",
        "max_stop_sequences": 4,
        "max_input_tokens": 1024,
        "max_total_tokens": 2048,
        "router": "text-generation-router",
        "version": "3.3.6",
    },
    "GET /v1/models": models("org/m", "org/m"),
    "POST /v1/chat/completions": chat_answer(),
    "POST /generate": {
        "generated_text": " is long",
        "details": {
            "finish_reason": "eos_token",
            "generated_tokens": 3,
            "seed": 8,
            "prefill": [],
            "tokens": [
                {"id": 7, "text": " is", "logprob": -0.5, "special": False},
                {"id": 9, "text": " long", "logprob": -1.5, "special": False},
                {"id": 2, "text": "</s>", "logprob": -0.1, "special": True},
            ],
        },
    },
}

SGLANG: dict[str, Any] = {
    "GET /get_model_info": {"model_path": "org/m", "is_generation": True},
    "GET /get_server_info": {"version": "0.5.3"},
    "GET /v1/models": models("sglang", "org/m", max_model_len=4096),
    "POST /v1/chat/completions": chat_answer(),
    "POST /v1/completions": completion_answer(),
}

LM_STUDIO: dict[str, Any] = {
    "GET /api/v0/models": {"object": "list", "data": [{"id": "m", "type": "llm"}]},
    "GET /v1/models": models("organization_owner", "m"),
    "POST /v1/chat/completions": chat_answer(),
    "POST /v1/completions": completion_answer(),
}


def _echo(body: Any) -> Any:
    """Words as tokens, each with a log-probability."""
    text, tokens, offsets, at = body["prompt"], [], [], 0
    for word in text.split(" "):
        token = word if not at else f" {word}"
        tokens.append(token)
        offsets.append(at)
        at += len(token)
    values = [None, *(-float(i) for i in range(1, len(tokens)))]
    tokens, values, offsets = [*tokens, "!"], [*values, -0.25], [*offsets, at]
    logprobs = {
        "tokens": tokens,
        "token_logprobs": values,
        "text_offset": offsets,
        "top_logprobs": [None] * len(tokens),
    }
    echoed = text + "!" if body.get("echo") else "!"
    return completion_answer(echoed, logprobs=logprobs if body.get("logprobs") else None)


ECHOING: dict[str, Any] = {
    "GET /v1/models": models("somebody", "m"),
    "POST /v1/chat/completions": chat_answer(),
    "POST /v1/completions": _echo,
}


def _shifted_echo(body: Any) -> Any:
    """As llama-cpp-python's server answers (0.3.36): a prompt's tokens have the log-probabilities
    that they would have once more behind themselves, and the one that was written has none."""
    if not body.get("echo"):
        return completion_answer(",")
    logprobs = {
        "tokens": ["Hello", " there"],
        "token_logprobs": [None, -7.645369529724121],
        "text_offset": [0, 5],
        "top_logprobs": [None, {",": -1.766963243484497, " there": -7.645369529724121}],
    }
    return completion_answer("Hello there,", logprobs=logprobs)


LLAMA_CPP_PYTHON: dict[str, Any] = ECHOING | {
    "GET /v1/models": models("me", "m"),
    "POST /v1/completions": _shifted_echo,
}
