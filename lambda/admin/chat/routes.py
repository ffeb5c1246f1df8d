"""The chat's routes of the admin API; conversations are their user's alone."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from api.documents import Problem, as_json
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from experiments.fields import text

from admin.administrator import Administrator
from admin.chat.documents import LONGEST_QUESTION, ChatOverview, ChatSpend, ConversationTitle, Decision
from admin.chat.errors import ChatError, invalid, no_conversation, refused
from admin.chat.proposals import Proposals
from admin.chat.turns import Chat

PATH = "/api/admin/chat"
JSON = "application/json"
PROBLEM = "application/problem+json"
NOT_CACHED = {"Cache-Control": "no-store"}
NOT_ENABLED = "No model is configured: set chatModel in the stack's configuration, as docs/chat.md tells."

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")


class ChatRoutes:
    """Answers the requests of the chat's page; `router` is to be included in the API."""

    def __init__(self, chat: Chat, proposals: Proposals) -> None:
        self._chat = chat
        self._proposals = proposals
        self.router = Router()  # type: ignore[no-untyped-call]
        self.router.get(PATH)(self.show_overview)
        self.router.get(f"{PATH}/<conversation>")(self.show_conversation)
        self.router.delete(f"{PATH}/<conversation>")(self.delete_conversation)
        self.router.post(f"{PATH}/<conversation>/messages")(self.ask)
        self.router.post(f"{PATH}/<conversation>/continue")(self.proceed)
        self.router.post(f"{PATH}/<conversation>/proposals/<proposal>")(self.decide)
        self.router.exception_handler(ChatError)(_refusal)

    def show_overview(self) -> Response[str]:
        """Tell whether one can chat, and what about one has."""
        found = self._chat.store.listed(self._user.subject)
        spend = ChatSpend(self._chat.budget.spent(_now()), self._chat.budget.limit_usd)
        why_not = self._why_not(spend)
        return _answer(
            ChatOverview(
                enabled=why_not is None,
                model=self._chat.model.id,
                why_not=why_not,
                conversation=found[0].id if found else None,
                spend=spend,
                conversations=tuple(
                    ConversationTitle(each.id, each.title, each.updated_at) for each in found if each.updated_at
                ),
            )
        )

    def show_conversation(self, conversation: str) -> Response[str]:
        """Show what was said."""
        return _answer(self._chat.document(self._user.subject, _known(conversation)))

    def delete_conversation(self, conversation: str) -> Response[str]:
        """Forget a conversation, if there is one."""
        self._chat.store.delete(self._user.subject, _known(conversation))
        return Response(HTTPStatus.NO_CONTENT, headers=NOT_CACHED)

    def ask(self, conversation: str) -> Response[str]:
        """Take a question, and a first step towards its answer."""
        user, key = self._user.subject, self._key()
        question = self._body().get("text")
        if not isinstance(question, str) or not 0 < len(question.strip()) <= LONGEST_QUESTION:
            raise invalid(f"`text` has to be a text of 1 to {LONGEST_QUESTION} characters.")
        self._see_that_it_is_enabled()
        step = self._chat.ask(user, _known(conversation), text(question.strip()) or "", key, _now())
        return _answer(step)

    def proceed(self, conversation: str) -> Response[str]:
        """Take the next step."""
        user, after = self._user.subject, self._body().get("after")
        if after is not None and (isinstance(after, bool) or not isinstance(after, int)):
            raise invalid("`after` has to be the number of a message.")
        self._see_that_it_is_enabled()
        return _answer(self._chat.proceed(user, _known(conversation), after, _now()))

    def decide(self, conversation: str, proposal: str) -> Response[str]:
        """Carry a proposal out, or refuse it."""
        user, decision = self._user, self._body().get("decision")
        if decision not in list(Decision):
            raise invalid(f"`decision` has to be one of {', '.join(Decision)}.")
        where = user.subject, user.name, _known(conversation), _known(proposal)
        return _answer(self._proposals.decide(*where, Decision(decision), _now()))

    @property
    def _user(self) -> Administrator:
        return Administrator.of(self.router.current_event.raw_event)

    def _why_not(self, spend: ChatSpend) -> str | None:
        if not self._chat.model.id:
            return NOT_ENABLED
        return self._chat.budget.exhausted if spend.month_usd >= spend.limit_usd else None

    def _see_that_it_is_enabled(self) -> None:
        if not self._chat.model.id:
            raise refused("The chat is not enabled", NOT_ENABLED)

    def _key(self) -> str:
        key = self.router.current_event.headers.get("idempotency-key", "")
        if not _KEY.fullmatch(key):
            raise invalid("The header Idempotency-Key has to be 1 to 128 of A-Z, a-z, 0-9, _ and -.")
        return key

    def _body(self) -> Mapping[str, Any]:
        try:
            body = json.loads(self.router.current_event.decoded_body or "{}")
        except (ValueError, RecursionError):
            raise invalid("The body has to be JSON.") from None
        if not isinstance(body, dict):
            raise invalid("The body has to be a JSON object.")
        return body


def _known(name: str) -> str:
    """Return an id that there may be."""
    if not _ID.fullmatch(name):
        raise no_conversation()
    return name


def _now() -> datetime:
    return datetime.now(UTC)


def _answer(document: object) -> Response[str]:
    return Response(HTTPStatus.OK, JSON, as_json(document), NOT_CACHED)


def _refusal(error: ChatError) -> Response[str]:
    problem = Problem(status=error.status, title=error.title, detail=error.detail)
    retry = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    return Response(error.status, PROBLEM, as_json(problem), NOT_CACHED | retry)
