"""A conversation's steps: each asks the model once, uses the tools that it asks for, and writes what came of it.

So no request outlasts API Gateway's 30 seconds, and the page shows each step as it comes. A step is written whole or
not at all, by the one request that holds the conversation: what is sent twice, or by two tabs at once, does no more.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from web.health import error_code

from admin.chat.model import ChatBudget, ChatModel, ModelAnswer
from admin.chat.proposals import PROPOSERS, Proposals
from admin.chat.store import Content, Conversation, ConversationStore, ConverseMessage, TakenError
from admin.chat.tools import LONGEST_TEXT, READERS, Lab, Result, ToolError, bounded
from admin.chat.transcript import SYSTEM, as_result, results, sent, tool_result, tool_uses
from admin.chat_documents import (
    ChatMessage,
    ChatStep,
    ConversationDocument,
    Progress,
    Proposal,
    Role,
    UsageDocument,
)
from admin.control import Control
from admin.requests import RefusalError

MOST_STEPS = 12
"""How often the model is asked for one question."""
MOST_TOOLS = 5
"""How many tools it may use in a step."""
MOST_MESSAGES = 200
"""How many messages a conversation may have, results of tools included."""


TOOLS = {**READERS, **PROPOSERS}
SPECIFICATIONS = [
    {"name": name, "description": tool.description, "inputSchema": {"json": tool.schema}}
    for name, tool in TOOLS.items()
]

# What people are told where the model has not come to its end; tools that it asks for then are not used.
_UNFINISHED = {
    "max_tokens": "The answer is too long and ends here. Ask for less, or for the rest.",
    "model_context_window_exceeded": "The conversation is too long for the model. Begin a new one.",
    "content_filtered": "Amazon Bedrock has withheld the answer.",
    "guardrail_intervened": "Amazon Bedrock has withheld the answer.",
    "malformed_model_output": "The model's answer was broken. Ask again.",
    "malformed_tool_use": "The model's answer was broken. Ask again.",
}
_TOO_MANY_STEPS = f"I have stopped after {MOST_STEPS} steps without coming to an end. Ask for less at once."


@dataclass(frozen=True, slots=True)
class Chat:
    """Conversations between users and a model."""

    store: ConversationStore
    model: ChatModel
    budget: ChatBudget
    lab: Lab
    control: Control

    @property
    def proposals(self) -> Proposals:
        """What the model proposes."""
        return Proposals(self.store, self.control)

    def ask(self, user: str, conversation_id: str, text: str, key: str, now: datetime) -> ChatStep:
        """Ask a question, which begins a conversation where there is none of that id, and take the first step.

        The same key is the same question: what has come of it is returned.

        Raises:
            RefusalError: the conversation is full, the last question is still being answered, or as by `proceed`.
        """
        found = self.store.load(user, conversation_id) or Conversation(id=conversation_id)
        if asked := found.since_question(key):
            return self._so_far(found, asked[0].number - 1)
        self.budget.check(now)
        if found.length >= MOST_MESSAGES:
            raise RefusalError(HTTPStatus.CONFLICT, "This conversation is full", "Begin a new one.")
        try:
            held = self.store.ask(user, found, text, key, now)
        except TakenError:
            return self._meanwhile(user, conversation_id, key)
        return self._step(user, held, found.length, now)

    def proceed(self, user: str, conversation_id: str, after: int | None, now: datetime) -> ChatStep:
        """Take the next step of the last question, unless it is answered, or there are messages after the one named.

        Raises:
            RefusalError: there is no such conversation, the month's limit is reached, or the model gives no answer.
        """
        found = self._load(user, conversation_id)
        if after is not None and after < found.length:
            return self._so_far(found, after)
        if found.state is Progress.DONE or found.is_held(now):
            return self._so_far(found, found.length)
        self.budget.check(now)
        try:
            held = self.store.hold(user, found, now)
        except TakenError:
            return self._so_far(self._load(user, conversation_id), found.length)
        return self._step(user, held, found.length, now)

    def document(self, user: str, conversation_id: str) -> ConversationDocument:
        """Return a conversation as its user sees it.

        Raises:
            RefusalError: the user has none of that id.
        """
        found = self._load(user, conversation_id)
        return ConversationDocument(id=found.id, title=found.title, state=found.state, messages=shown(found))

    def _load(self, user: str, conversation_id: str) -> Conversation:
        found = self.store.load(user, conversation_id)
        if found is None:
            raise no_conversation()
        return found

    def _meanwhile(self, user: str, conversation_id: str, key: str) -> ChatStep:
        """Return what another request has made of the same question."""
        found = self._load(user, conversation_id)
        if asked := found.since_question(key):
            return self._so_far(found, asked[0].number - 1)
        advice = "Wait for its answer, then ask again."
        raise RefusalError(HTTPStatus.CONFLICT, "The last question is still being answered", advice)

    def _so_far(self, conversation: Conversation, after: int) -> ChatStep:
        return _step_document(conversation, after, UsageDocument())

    def _step(self, user: str, held: Conversation, after: int, now: datetime) -> ChatStep:
        """Ask the model, use its tools and write both."""
        try:
            answer = self.model.answer(f"{SYSTEM}\n\nToday is {now:%Y-%m-%d} (UTC).", SPECIFICATIONS, sent(held))
            usage = self.budget.note(answer, now)
            messages, proposals = self._carried_out(held, answer, now)
            answered = self.store.answer(user, held, messages, proposals)
        except TakenError:
            return self._so_far(self._load(user, held.id), after)
        except Exception:
            self._release(user, held)
            raise
        return _step_document(answered, after, usage)

    def _release(self, user: str, held: Conversation) -> None:
        try:
            self.store.release(user, held)
        except TakenError:
            return

    def _carried_out(
        self, held: Conversation, answer: ModelAnswer, now: datetime
    ) -> tuple[list[ConverseMessage], list[Proposal]]:
        """Return the model's message, and where it asks for tools the one with their results; and what it proposes."""
        content = list(_readable(answer.content))
        uses = [block["toolUse"] for block in content if "toolUse" in block]
        note = _UNFINISHED.get(answer.stop_reason) or (_TOO_MANY_STEPS if uses and held.steps + 1 >= MOST_STEPS else "")
        if note or not content:
            content = [*(block for block in content if "text" in block), {"text": note or "The model says nothing."}]
            uses = []
        said = ConverseMessage(number=held.length + 1, role="assistant", content=content, at=now)
        if not uses:
            return [said], []
        found, proposals = self._use(uses)
        return [said, ConverseMessage(number=held.length + 2, role="user", content=found, at=now)], proposals

    def _use(self, uses: Sequence[Mapping[str, Any]]) -> tuple[list[Content], list[Proposal]]:
        found, proposals = [], []
        for place, use in enumerate(uses):
            try:
                if place >= MOST_TOOLS:
                    raise ToolError(f"at most {MOST_TOOLS} tools can be used at once: ask again")
                result = _used(self.lab, use)
            except ToolError as error:
                result = {"error": str(error)}
            except (ClientError, BotoCoreError) as error:
                # The model's answer is paid for; the rest of it may still do.
                result = {"error": f"the table can't be read at present ({error_code(error)})"}
            if isinstance(result, Proposal):
                proposals.append(result)
                result = as_result(result)
            found.append(tool_result(use["toolUseId"], result))
        return found, proposals


def no_conversation() -> RefusalError:
    """Return that a user has no such conversation."""
    return RefusalError(HTTPStatus.NOT_FOUND, "No such conversation", "It may have been deleted. Begin a new one.")


def _used(lab: Lab, use: Mapping[str, Any]) -> Result | Proposal:
    tool = TOOLS.get(use["name"])
    if tool is None:
        raise ToolError(f"there is no such tool; there are {', '.join(TOOLS)}")
    result = tool.use(lab, tool.checked(use["input"]))
    return result if isinstance(result, Proposal) else bounded(result)


def _readable(content: Iterable[Content]) -> Iterable[Content]:
    """Yield what can be kept and sent again: texts that aren't blank, and tools asked for with an object."""
    for block in content:
        if str(block.get("text", "")).strip():
            yield {"text": block["text"]}
        elif "toolUse" in block:
            use = block["toolUse"]
            given = use.get("input")
            yield {"toolUse": {**use, "input": given if isinstance(given, dict) else {"broken": json.dumps(given)}}}


def _step_document(conversation: Conversation, after: int, usage: UsageDocument) -> ChatStep:
    messages = tuple(message for message in shown(conversation) if message.number > after)
    return ChatStep(
        state=conversation.state,
        messages=messages,
        proposals=tuple(proposal for message in messages for proposal in message.proposals),
        usage=usage,
    )


def shown(conversation: Conversation) -> tuple[ChatMessage, ...]:
    """Return what was said as its user sees it: results of tools in a line each."""
    proposals = {proposal.id: proposal for proposal in conversation.proposals}
    uses: dict[str, Mapping[str, Any]] = {}
    said = []
    for message in conversation.messages:
        role = Role.ASSISTANT if message.role == "assistant" else Role.USER
        text = "\n\n".join(block["text"] for block in message.content if "text" in block)
        if text:
            said.append(ChatMessage(number=message.number, role=role, text=text, at=message.at))
        uses |= {use["toolUseId"]: use for use in tool_uses(message)}
        for use_id, result in results(message):
            use, proposal = uses.get(use_id, {}), proposals.get(str(result.get("proposal", "")))
            said.append(
                ChatMessage(
                    number=message.number,
                    role=Role.TOOL,
                    text=_in_a_line(use, result),
                    at=message.at,
                    tool=use.get("name"),
                    proposals=(proposal,) if proposal else (),
                )
            )
    return tuple(said)


def _in_a_line(use: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """Say what a tool was asked for, and what went wrong."""
    asked = ", ".join(f"{name}: {_written(value)}" for name, value in use.get("input", {}).items())
    return "; ".join(filter(None, (asked, str(result.get("error", "")))))[:LONGEST_TEXT]


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
