"""A language model that says what a test tells it to, and refuses what Amazon Bedrock would refuse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

Block = dict[str, Any]
CONVERSE: Any = (
    botocore.session.get_session().get_service_model("bedrock-runtime").operation_model("Converse").input_shape
)
_numbers = count(1)


@dataclass
class ScriptedModel:
    """Stands for the client of `bedrock-runtime`."""

    script: list[Sequence[Block] | Exception | Mapping[str, Any]] = field(default_factory=list)
    """What it answers, one after the other: content, the whole answer, or an error."""
    requests: list[dict[str, Any]] = field(default_factory=list)

    def says(self, *answers: Sequence[Block] | Exception | Mapping[str, Any]) -> None:
        self.script += answers

    def converse(self, **request: Any) -> dict[str, Any]:
        validate_parameters(request, CONVERSE)
        assert_acceptable(request["messages"])
        self.requests.append(request)
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Mapping):
            return dict(answer)
        return response(answer)

    @property
    def told(self) -> list[Any]:
        """What the tools have returned, as the last request has it."""
        blocks = [block for message in self.requests[-1]["messages"] for block in message["content"]]
        return [block["toolResult"]["content"][0]["json"] for block in blocks if "toolResult" in block]


def response(content: Sequence[Block], stop_reason: str = "", tokens: tuple[int, int] = (1000, 100)) -> dict[str, Any]:
    usual = "tool_use" if any("toolUse" in block for block in content) else "end_turn"
    return {
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": stop_reason or usual,
        "usage": {"inputTokens": tokens[0], "outputTokens": tokens[1]},
    }


def text(words: str) -> list[Block]:
    return [{"text": words}]


def use(name: str, **arguments: Any) -> Block:
    return {"toolUse": {"toolUseId": f"tool-{next(_numbers)}", "name": name, "input": arguments}}


def refusal(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Converse")


def assert_acceptable(messages: Sequence[Mapping[str, Any]]) -> None:
    """Bedrock wants users and the model to take turns, no text to be blank, and each use of a tool to have a result."""
    assert [message["role"] for message in messages] == ["user", "assistant"] * (len(messages) // 2) + ["user"]
    asked: list[str] = []
    for message in messages:
        assert message["content"]
        assert all(block["text"].strip() for block in message["content"] if "text" in block)
        results = [block["toolResult"]["toolUseId"] for block in message["content"] if "toolResult" in block]
        assert results == asked
        asked = [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block]
