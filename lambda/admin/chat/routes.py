"""The chat's routes of the admin API; conversations are their user's alone."""

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from experiments.fields import text
from experiments.json_schema import FieldProblem
from web.aws_clients import bedrock_client
from web.documents import Problem
from web.routes import Operation, RouteTable, in_path

from admin.administrator import Administrator
from admin.answers import answer, nothing
from admin.chat.model import PATIENCE, ChatBudget, ChatModel
from admin.chat.store import ConversationStore
from admin.chat.tools import Lab
from admin.chat.turns import Chat, no_conversation
from admin.chat_documents import (
    CONTINUE,
    CONVERSATION_ID,
    DECISION,
    LONGEST_QUESTION,
    QUESTION,
    ChatOverview,
    ChatSpend,
    ChatStep,
    ConversationDocument,
    ConversationTitle,
    Decision,
    Proposal,
)
from admin.requests import IDEMPOTENCY_KEY, ROOT, InvalidRequestError, RefusalError, body_of, checked, key_of
from admin.services import services

NOT_ENABLED = "No model is configured: set chatModel in the stack's configuration, as docs/chat.md tells."

MISSING = {HTTPStatus.NOT_FOUND: Problem}
NOT_NOW = {**MISSING, HTTPStatus.CONFLICT: Problem}
CONVERSATION = {
    **in_path("conversation"),
    "description": "A new one has an id of the client's own, such as a UUID.",
    "schema": {"type": "string", "pattern": CONVERSATION_ID},
}

table = RouteTable(ROOT)


def chat() -> Chat:
    """Return the chat of the deployment that this process belongs to."""
    lab, table, dynamodb = services(), services().logs.table_name, services().logs.client
    model = os.environ.get("CHAT_MODEL", "")
    return Chat(
        store=ConversationStore(table, dynamodb),
        model=ChatModel(model, bedrock_client(PATIENCE) if model else None),
        budget=ChatBudget(table, dynamodb, lab.prices, float(os.environ.get("CHAT_MONTHLY_USD", 0))),
        lab=Lab(lab.repository, lab.logs, lab.prices),
        control=lab.control,
    )


@table.get("/chat", operation=Operation(answers={HTTPStatus.OK: ChatOverview}))
def get_chat() -> Response[str]:
    """Whether one can chat with a model, and one's own conversations."""
    found = chat().store.listed(_user().subject)
    spend = ChatSpend(chat().budget.spent(_now()), chat().budget.limit_usd)
    why_not = _reason_disabled(spend)
    return answer(
        ChatOverview(
            enabled=why_not is None,
            model=chat().model.id,
            why_not=why_not,
            conversation=found[0].id if found else None,
            spend=spend,
            conversations=tuple(
                ConversationTitle(each.id, each.title, each.updated_at) for each in found if each.updated_at
            ),
        )
    )


@table.get(
    "/chat/{conversation}",
    operation=Operation(parameters=[CONVERSATION], answers={HTTPStatus.OK: ConversationDocument}, refusals=MISSING),
)
def get_conversation(conversation: str) -> Response[str]:
    """What was said."""
    return answer(chat().document(_user().subject, _known(conversation)))


@table.delete(
    "/chat/{conversation}",
    Operation(parameters=[CONVERSATION], answers={HTTPStatus.NO_CONTENT: None}, refusals=MISSING),
)
def delete_conversation(conversation: str) -> Response[str]:
    """Forget a conversation, if there is one."""
    chat().store.delete(_user().subject, _known(conversation))
    return nothing()


@table.post(
    "/chat/{conversation}/messages",
    Operation(
        parameters=[CONVERSATION, IDEMPOTENCY_KEY],
        body=QUESTION,
        is_body_required=True,
        answers={HTTPStatus.OK: ChatStep},
        refusals=NOT_NOW,
    ),
)
def ask(conversation: str) -> Response[str]:
    """Ask the model, which takes a first step: it answers, or uses tools."""
    key, question = key_of(table.router.current_event.raw_event), _question()
    _require_enabled()
    return answer(chat().ask(_user().subject, _known(conversation), question, key, _now()))


@table.post(
    "/chat/{conversation}/continue",
    Operation(parameters=[CONVERSATION], body=CONTINUE.schema, answers={HTTPStatus.OK: ChatStep}, refusals=NOT_NOW),
)
def continue_answer(conversation: str) -> Response[str]:
    """Let the model take the next step."""
    after = checked(_body(), CONTINUE).get("after")
    _require_enabled()
    return answer(chat().proceed(_user().subject, _known(conversation), after, _now()))


@table.post(
    "/chat/{conversation}/proposals/{id}",
    Operation(
        parameters=[CONVERSATION],
        body=DECISION.schema,
        is_body_required=True,
        answers={HTTPStatus.OK: Proposal},
        refusals=NOT_NOW,
    ),
)
def decide_proposal(conversation: str, proposal: str) -> Response[str]:
    """Carry out what the model has proposed, once, or refuse it; what is decided stays so."""
    decision = Decision(checked(_body(), DECISION)["decision"])
    where = _user().subject, _known(conversation), _known(proposal)
    return answer(chat().proposals.decide(*where, decision, _user().name, _now()))


def _user() -> Administrator:
    return Administrator.of(table.router.current_event.raw_event)


def _now() -> datetime:
    return datetime.now(UTC)


def _known(name: str) -> str:
    """Return an id that there may be."""
    if not re.fullmatch(CONVERSATION_ID, name):
        raise no_conversation()
    return name


def _body() -> Any:
    return body_of(table.router.current_event.raw_event)


def _question() -> str:
    body = _body()
    said = body.get("text") if isinstance(body, Mapping) else None
    if not isinstance(said, str) or not 0 < len(said.strip()) <= LONGEST_QUESTION:
        raise InvalidRequestError([FieldProblem("/text", f"must be text of 1 to {LONGEST_QUESTION} characters")])
    return text(said.strip()) or ""


def _reason_disabled(spend: ChatSpend) -> str | None:
    if not chat().model.id:
        return NOT_ENABLED
    return chat().budget.exhausted if spend.month_usd >= spend.limit_usd else None


def _require_enabled() -> None:
    if not chat().model.id:
        raise RefusalError(HTTPStatus.CONFLICT, "The chat is not enabled", NOT_ENABLED)
