"""Runs in LiteLLM's environment, which has the OpenAI client: one call of a model per line.

{"url": …, "key": …, "with": {…}} -> {"model": …, "usage": {…}, "cost": …}
                                   | {"status": …, "error": {"message": …, …}}
"""

import json
import sys
from typing import Any

from openai import APIStatusError, OpenAI  # type: ignore[import-not-found]


def call(request: dict[str, Any]) -> dict[str, Any]:
    with OpenAI(base_url=request["url"], api_key=request["key"], max_retries=0) as client:
        completions = client.chat.completions
        try:
            if request["with"].get("stream"):
                return streamed(completions.create(**request["with"]))
            raw = completions.with_raw_response.create(**request["with"])
        except APIStatusError as refused:
            return {"status": refused.status_code, "error": refused.body}
        answer = raw.parse()
        cost = raw.headers["x-litellm-response-cost"]
        return {"model": answer.model, "usage": answer.usage.model_dump(), "cost": cost}


def streamed(chunks: Any) -> dict[str, Any]:  # noqa: ANN401
    told: dict[str, Any] = {"cost": None}
    for chunk in chunks:
        told["model"] = chunk.model
        if chunk.usage is not None:
            told["usage"] = chunk.usage.model_dump()
    return told


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(call(json.loads(line))), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
