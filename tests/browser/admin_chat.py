"""The chat of the admin API with a script in place of a model: each step uses the next tools, the last one answers."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from admin.chat_documents import (
    Action,
    ChatMessage,
    ChatOverview,
    ChatSpend,
    ChatStep,
    ConversationDocument,
    ConversationTitle,
    Progress,
    Proposal,
    ProposalState,
    Role,
    UsageDocument,
)
from admin.control import CHAT, Control
from admin.requests import RefusalError, StartRequest
from experiments.jobs.lifecycle import IllegalChangeError

from tests.browser.admin_lab import HOSTILE

START = {
    "codec": "x265",
    "clip": "game-of-life",
    "parameters": {"preset": "fast", "quality": 30},
    "name": HOSTILE,
}
STEPS = (
    (("list_experiments", "status: failed"), ("inspect_experiment", "id: hostile")),
    (("compare_experiments", "ids: [ended-1, ended-2], metric: psnr"), ("costs", "")),
    (("read_log", f"id: hostile, text: {HOSTILE}; there is no such line"), ("list_codecs", "")),
    (("propose_start", "codec: x265, clip: game-of-life, parameters: {preset: fast, quality: 30}"),),
)
"""The tools that each step uses, and what they are asked for."""
ANSWER = f"The failed one says {HOSTILE}.\nI have proposed another one."
USAGE = UsageDocument(input_tokens=1200, output_tokens=80, usd=0.0048)


@dataclass
class ScriptedChat:
    """What chats there are, by their ids."""

    why_not: str | None = None
    """Why one can't chat."""
    conversations: dict[str, ConversationDocument] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    """Where the answer to a key's question begins."""

    def answer(self, method: str, path: str, document: Mapping[str, Any], key: str, control: Control) -> object | None:
        """Answer a request for what is at a path after `/api/admin/chat`.

        Raises:
            Refusal: there is no such thing, or one can't chat.
        """
        conversation, action, proposal = (*path.strip("/").split("/"), "", "")[:3]
        routes: dict[tuple[str, str], Callable[[], object | None]] = {
            ("GET", ""): lambda: self._known(conversation) if conversation else self._overview(),
            ("DELETE", ""): lambda: self._forget(conversation),
            ("POST", "messages"): lambda: self._ask(conversation, document["text"], key),
            ("POST", "continue"): lambda: self._proceed(conversation, document.get("after")),
            ("POST", "proposals"): lambda: self._decide(conversation, proposal, document["decision"], control),
        }
        return routes[method, action]()

    def _overview(self) -> ChatOverview:
        titles = [
            ConversationTitle(one.id, one.title, one.messages[-1].at) for one in reversed(self.conversations.values())
        ]
        return ChatOverview(
            enabled=self.why_not is None,
            model="scripted",
            why_not=self.why_not,
            conversation=titles[0].id if titles else None,
            spend=ChatSpend(month_usd=USAGE.usd * len(titles), limit_usd=20),
            conversations=tuple(titles),
        )

    def _forget(self, conversation: str) -> None:
        self.conversations.pop(conversation, None)

    def _ask(self, conversation: str, text: str, key: str) -> ChatStep:
        self._refuse_where_disabled()
        new = ConversationDocument(id=conversation, title=text[:60], state=Progress.DONE, messages=())
        found = self.conversations.get(conversation, new)
        if key in self.asked:
            return _so_far(found, self.asked[key])
        if found.state is Progress.WORKING:
            raise RefusalError(HTTPStatus.CONFLICT, "The last question is still being answered", "Wait for its answer.")
        begin = self.asked[key] = _length(found)
        return self._step(_said(replace(found, state=Progress.WORKING), Role.USER, text), begin)

    def _proceed(self, conversation: str, after: int | None) -> ChatStep:
        self._refuse_where_disabled()
        found = self._known(conversation)
        length = _length(found)
        if found.state is Progress.DONE or (after is not None and after < length):
            return _so_far(found, length if after is None else after)
        return self._step(found, length)

    def _step(self, conversation: ConversationDocument, begin: int) -> ChatStep:
        """Take the next step of the script."""
        question = next(message for message in reversed(conversation.messages) if message.role is Role.USER)
        taken = (_length(conversation) - question.number) // 2
        if taken == len(STEPS):
            after = replace(_said(conversation, Role.ASSISTANT, ANSWER), state=Progress.DONE)
        else:
            after = _used(_said(conversation, Role.ASSISTANT, f"Step {taken + 1} of {len(STEPS)}:"), STEPS[taken])
        self.conversations[after.id] = after
        return replace(_so_far(after, begin), usage=USAGE)

    def _decide(self, conversation: str, proposal_id: str, decision: str, control: Control) -> Proposal:
        found = self._known(conversation)
        proposal = next((one for one in _proposals(found.messages) if one.id == proposal_id), None)
        if proposal is None:
            raise RefusalError(HTTPStatus.NOT_FOUND, "No such proposal", "Its conversation may have been deleted.")
        if proposal.state is ProposalState.OPEN:
            refused = replace(proposal, state=ProposalState.REFUSED)
            decided = _carried_out(proposal, control) if decision == "confirm" else refused
            messages = tuple(
                replace(message, proposals=(decided,)) if proposal in message.proposals else message
                for message in found.messages
            )
            self.conversations[conversation] = replace(found, messages=messages)
            return decided
        return proposal

    def _known(self, conversation: str) -> ConversationDocument:
        if conversation not in self.conversations:
            raise RefusalError(
                HTTPStatus.NOT_FOUND, "No such conversation", "It may have been deleted. Begin a new one."
            )
        return self.conversations[conversation]

    def _refuse_where_disabled(self) -> None:
        if self.why_not:
            raise RefusalError(HTTPStatus.CONFLICT, "The chat is not enabled", self.why_not)


def _said(conversation: ConversationDocument, role: Role, text: str) -> ConversationDocument:
    message = ChatMessage(number=_length(conversation) + 1, role=role, text=text, at=datetime.now(UTC))
    return replace(conversation, messages=(*conversation.messages, message))


def _used(conversation: ConversationDocument, tools: Iterable[tuple[str, str]]) -> ConversationDocument:
    """Note what tools were used; all at once, so they have one number."""
    number, at = _length(conversation) + 1, datetime.now(UTC)
    messages = (
        ChatMessage(
            number=number,
            role=Role.TOOL,
            text=text,
            at=at,
            tool=tool,
            proposals=(_proposal(f"proposal-{number}"),) if tool == "propose_start" else (),
        )
        for tool, text in tools
    )
    return replace(conversation, messages=(*conversation.messages, *messages))


def _so_far(conversation: ConversationDocument, after: int) -> ChatStep:
    messages = tuple(message for message in conversation.messages if message.number > after)
    return ChatStep(
        state=conversation.state, messages=messages, proposals=tuple(_proposals(messages)), usage=UsageDocument()
    )


def _proposals(messages: Iterable[ChatMessage]) -> Iterator[Proposal]:
    return (proposal for message in messages for proposal in message.proposals)


def _length(conversation: ConversationDocument) -> int:
    return conversation.messages[-1].number if conversation.messages else 0


def _proposal(proposal_id: str) -> Proposal:
    summary = f"Start an experiment: x265 on game-of-life, preset fast, quality 30, named “{HOSTILE}”"
    return Proposal(id=proposal_id, action=Action.START, arguments=START, summary=summary)


def _carried_out(proposal: Proposal, control: Control) -> Proposal:
    try:
        done = control.start(StartRequest.from_document(proposal.arguments), proposal.id, "ada", CHAT).experiment
    except IllegalChangeError as error:
        return replace(proposal, state=ProposalState.FAILED, detail=str(error))
    detail = f"Started {done.name} ({done.id})."
    return replace(proposal, state=ProposalState.DONE, detail=detail, experiment_id=done.id)
