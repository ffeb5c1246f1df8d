"""The chat's routes of the admin API; conversations are their user's alone."""

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aws_clients import bedrock_client
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from experiments.fields import text
from experiments.json_schema import FieldProblem

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
    ChatOverview,
    ChatSpend,
    ConversationTitle,
    Decision,
)
from admin.requests import InvalidRequest, Refusal, body_of, checked, key_of
from admin.services import services

NOT_ENABLED = "No model is configured: set chatModel in the stack's configuration, as docs/chat.md tells."

router = Router()  # type: ignore[no-untyped-call]


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


@router.get("/chat")
def show_chat() -> Response[str]:
    """Tell whether one can chat, and what about one has."""
    found = chat().store.listed(_user().subject)
    spend = ChatSpend(chat().budget.spent(_now()), chat().budget.limit_usd)
    why_not = _why_not(spend)
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


@router.get("/chat/<conversation>")
def show_conversation(conversation: str) -> Response[str]:
    """Show what was said."""
    return answer(chat().document(_user().subject, _known(conversation)))


@router.delete("/chat/<conversation>")
def delete_conversation(conversation: str) -> Response[str]:
    """Forget a conversation, if there is one."""
    chat().store.delete(_user().subject, _known(conversation))
    return nothing()


@router.post("/chat/<conversation>/messages")
def ask(conversation: str) -> Response[str]:
    """Take a question, and a first step towards its answer."""
    key, question = key_of(router.current_event.raw_event), _question()
    _see_that_it_is_enabled()
    return answer(chat().ask(_user().subject, _known(conversation), question, key, _now()))


@router.post("/chat/<conversation>/continue")
def proceed(conversation: str) -> Response[str]:
    """Take the next step."""
    after = checked(_body(), CONTINUE).get("after")
    _see_that_it_is_enabled()
    return answer(chat().proceed(_user().subject, _known(conversation), after, _now()))


@router.post("/chat/<conversation>/proposals/<proposal>")
def decide(conversation: str, proposal: str) -> Response[str]:
    """Carry a proposal out, or refuse it."""
    decision = Decision(checked(_body(), DECISION)["decision"])
    where = _user().subject, _known(conversation), _known(proposal)
    return answer(chat().proposals.decide(*where, decision, _user().name, _now()))


def _user() -> Administrator:
    return Administrator.of(router.current_event.raw_event)


def _now() -> datetime:
    return datetime.now(UTC)


def _known(name: str) -> str:
    """Return an id that there may be."""
    if not re.fullmatch(CONVERSATION_ID, name):
        raise no_conversation()
    return name


def _body() -> Any:
    return body_of(router.current_event.raw_event)


def _question() -> str:
    body = _body()
    said = body.get("text") if isinstance(body, Mapping) else None
    if not isinstance(said, str) or not 0 < len(said.strip()) <= LONGEST_QUESTION:
        raise InvalidRequest([FieldProblem("/text", f"must be text of 1 to {LONGEST_QUESTION} characters")])
    return text(said.strip()) or ""


def _why_not(spend: ChatSpend) -> str | None:
    if not chat().model.id:
        return NOT_ENABLED
    return chat().budget.exhausted if spend.month_usd >= spend.limit_usd else None


def _see_that_it_is_enabled() -> None:
    if not chat().model.id:
        raise Refusal(HTTPStatus.CONFLICT, "The chat is not enabled", NOT_ENABLED)
