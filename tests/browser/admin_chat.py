"""The chat of the admin API with a script in place of a model: each step uses the next tool, the last one answers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from admin.control import CHAT, Control
from admin.requests import Refusal, StartRequest
from experiments.jobs import IllegalChangeError
from experiments.model import iso_utc

from tests.browser.admin_lab import HOSTILE

Document = dict[str, Any]

START = {"codec": "x265", "clip": "game-of-life", "parameters": {"preset": "fast", "quality": 30}}
STEPS = (
    (("list_experiments", "status: failed"), ("inspect_experiment", "id: hostile")),
    (("compare_experiments", "ids: [ended-1, ended-2], metric: psnr"), ("costs", "")),
    (("read_log", f"id: hostile, text: {HOSTILE}; there is no such line"), ("list_codecs", "")),
    (("propose_start", "codec: x265, clip: game-of-life, parameters: {preset: fast, quality: 30}"),),
)
"""The tools that each step uses, and what they are asked for."""
ANSWER = f"The failed one says {HOSTILE}.\nI have proposed another one."
USAGE = {"input_tokens": 1200, "output_tokens": 80, "usd": 0.0048}


@dataclass
class ScriptedChat:
    """What chats there are; a conversation is its document."""

    why_not: str | None = None
    """Why one can't chat."""
    conversations: dict[str, Document] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    """Where the answer to a key's question begins."""

    def answer(
        self, method: str, path: str, document: Mapping[str, Any], key: str, control: Control
    ) -> Document | None:
        """Answer a request for what is at a path after `/api/admin/chat`.

        Raises:
            Refusal: there is no such thing, or one can't chat.
        """
        conversation, action, proposal = (*path.strip("/").split("/"), "", "")[:3]
        routes: dict[tuple[str, str], Callable[[], Document | None]] = {
            ("GET", ""): lambda: self._known(conversation) if conversation else self._overview(),
            ("DELETE", ""): lambda: self._forget(conversation),
            ("POST", "messages"): lambda: self._ask(conversation, document["text"], key),
            ("POST", "continue"): lambda: self._proceed(conversation, document.get("after")),
            ("POST", "proposals"): lambda: self._decide(conversation, proposal, document["decision"], control),
        }
        return routes[method, action]()

    def _overview(self) -> Document:
        titles = [
            {"id": one["id"], "title": one["title"], "updated_at": one["messages"][-1]["at"]}
            for one in reversed(self.conversations.values())
        ]
        return {
            "enabled": self.why_not is None,
            "model": "scripted",
            "why_not": self.why_not,
            "conversation": titles[0]["id"] if titles else None,
            "spend": {"month_usd": 0.0048 * len(titles), "limit_usd": 20},
            "conversations": titles,
        }

    def _forget(self, conversation: str) -> None:
        self.conversations.pop(conversation, None)

    def _ask(self, conversation: str, text: str, key: str) -> Document:
        self._refuse_where_disabled()
        found = self.conversations.setdefault(
            conversation, {"id": conversation, "title": text[:60], "state": "done", "messages": []}
        )
        if key in self.asked:
            return _so_far(found, self.asked[key])
        if found["state"] == "working":
            raise Refusal(HTTPStatus.CONFLICT, "The last question is still being answered", "Wait for its answer.")
        begin = self.asked[key] = _length(found)
        found["state"] = "working"
        _say(found, "user", text)
        return _step(found, begin)

    def _proceed(self, conversation: str, after: int | None) -> Document:
        self._refuse_where_disabled()
        found = self._known(conversation)
        length = _length(found)
        if found["state"] == "done" or (after is not None and after < length):
            return _so_far(found, length if after is None else after)
        return _step(found, length)

    def _decide(self, conversation: str, proposal_id: str, decision: str, control: Control) -> Document:
        proposals = [one for message in self._known(conversation)["messages"] for one in message["proposals"]]
        proposal: Document | None = next((one for one in proposals if one["id"] == proposal_id), None)
        if proposal is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "No such proposal", "Its conversation may have been deleted.")
        if proposal["state"] == "open":
            proposal.update(_carried_out(proposal, control) if decision == "confirm" else {"state": "refused"})
        return proposal

    def _known(self, conversation: str) -> Document:
        if conversation not in self.conversations:
            raise Refusal(HTTPStatus.NOT_FOUND, "No such conversation", "It may have been deleted. Begin a new one.")
        return self.conversations[conversation]

    def _refuse_where_disabled(self) -> None:
        if self.why_not:
            raise Refusal(HTTPStatus.CONFLICT, "The chat is not enabled", self.why_not)


def _step(conversation: Document, begin: int) -> Document:
    """Take the next step of the script."""
    messages = conversation["messages"]
    question = next(message for message in reversed(messages) if message["role"] == "user")
    taken = (_length(conversation) - question["number"]) // 2
    if taken == len(STEPS):
        _say(conversation, "assistant", ANSWER)
        conversation["state"] = "done"
    else:
        _say(conversation, "assistant", f"Step {taken + 1} of {len(STEPS)}:")
        _use(conversation, STEPS[taken])
    return _so_far(conversation, begin) | {"usage": USAGE}


def _say(conversation: Document, role: str, text: str) -> None:
    conversation["messages"].append(_message(_length(conversation) + 1, role, text))


def _use(conversation: Document, tools: Iterable[tuple[str, str]]) -> None:
    """Note what tools were used; all at once, so they have one number."""
    number = _length(conversation) + 1
    for tool, text in tools:
        proposals = [_proposal(f"proposal-{number}")] if tool == "propose_start" else []
        conversation["messages"].append(_message(number, "tool", text) | {"tool": tool, "proposals": proposals})


def _message(number: int, role: str, text: str) -> Document:
    at = iso_utc(datetime.now(UTC))
    return {"number": number, "role": role, "text": text, "at": at, "tool": None, "proposals": []}


def _so_far(conversation: Document, after: int) -> Document:
    messages = [message for message in conversation["messages"] if message["number"] > after]
    return {
        "state": conversation["state"],
        "messages": messages,
        "proposals": [proposal for message in messages for proposal in message["proposals"]],
        "usage": {"input_tokens": 0, "output_tokens": 0, "usd": 0},
    }


def _length(conversation: Document) -> Any:
    return conversation["messages"][-1]["number"] if conversation["messages"] else 0


def _proposal(proposal_id: str) -> Document:
    return {
        "id": proposal_id,
        "action": "start",
        "arguments": START,
        "summary": f"Start an experiment: x265 on game-of-life, preset fast, quality 30, named “{HOSTILE}”",
        "state": "open",
        "detail": "",
        "experiment_id": None,
    }


def _carried_out(proposal: Document, control: Control) -> Document:
    try:
        started = control.start(StartRequest.from_document(proposal["arguments"]), proposal["id"], "ada", CHAT)
    except IllegalChangeError as error:
        return {"state": "failed", "detail": str(error)}
    done = started.experiment
    return {"state": "done", "detail": f"Started {done.name} ({done.id}).", "experiment_id": done.id}
