"""The JSON documents of the chat, as types, like those of the public API (api/documents.py)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from experiments.json_schema import Schema, Validator

CONVERSATION_ID = r"^[A-Za-z0-9-]{1,64}$"
LONGEST_QUESTION = 4000
"""How many characters a message of a user may have."""


class Role(StrEnum):
    """Who says something."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Progress(StrEnum):
    """Whether the model has answered the last question."""

    WORKING = "working"
    DONE = "done"


class Action(StrEnum):
    """What the model may propose."""

    START = "start"
    STOP = "stop"
    RERUN = "rerun"


class ProposalState(StrEnum):
    """What has become of a proposal."""

    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class Decision(StrEnum):
    """What a person makes of a proposal."""

    CONFIRM = "confirm"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An action that the model proposes; it happens exactly as stated here, once, and only if its user confirms it."""

    id: str
    action: Action
    arguments: Mapping[str, Any]
    summary: Annotated[str, {"description": "The action in words; they are this program's, not the model's."}]
    state: ProposalState = ProposalState.OPEN
    detail: Annotated[str, {"description": "Why it failed, or what came of it."}] = ""
    experiment_id: Annotated[str | None, {"description": "The experiment that it is about, or that was started."}] = (
        None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """Something that was said, or a tool that was used; its text is plain text."""

    number: Annotated[int, {"description": "Grows within the conversation; what came together has the same."}]
    role: Role
    text: str
    at: datetime
    tool: Annotated[str | None, {"description": "Which tool was used."}] = None
    proposals: tuple[Proposal, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatSpend:
    """What the chats of all users have cost this month, and may cost, in USD."""

    month_usd: float
    limit_usd: float


@dataclass(frozen=True, slots=True)
class ConversationTitle:
    """A conversation as a list of them shows it."""

    id: str
    title: str
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOverview:
    """Whether one can chat, and one's own conversations, the latest first."""

    enabled: bool
    model: str
    why_not: Annotated[str | None, {"description": "Why one can't chat at present."}]
    conversation: Annotated[str | None, {"description": "The latest conversation."}]
    spend: ChatSpend
    conversations: tuple[ConversationTitle, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationDocument:
    """A conversation, oldest message first."""

    id: str
    title: str
    state: Progress
    messages: tuple[ChatMessage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageDocument:
    """What the model was sent and has answered in one request, in tokens and USD."""

    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatStep:
    """What a request has brought: the new messages, and whether the model has more to do."""

    state: Annotated[
        Progress,
        {"description": "While it is `working`, go on with /continue; without new messages, another request is at it."},
    ]
    messages: tuple[ChatMessage, ...]
    proposals: tuple[Proposal, ...]
    usage: UsageDocument


QUESTION: Schema = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 1, "maxLength": LONGEST_QUESTION, "pattern": r"\S"}},
    "required": ["text"],
}
CONTINUE = Validator(
    {
        "type": "object",
        "properties": {
            "after": {
                "type": "integer",
                "minimum": 0,
                "description": "The last message's number: if others have come since, they are the answer.",
            }
        },
        "additionalProperties": False,
    }
)
DECISION = Validator(
    {
        "type": "object",
        "properties": {"decision": {"type": "string", "enum": list(Decision)}},
        "required": ["decision"],
        "additionalProperties": False,
    }
)
