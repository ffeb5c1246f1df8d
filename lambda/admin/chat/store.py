"""Where conversations are kept: in the experiments table, each user's under keys of their own.

docs/data-model.md describes the items. One request at a time writes a conversation: it holds it, and what it writes is
refused once it doesn't any more. Errors of the service are the caller's to handle.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError
from experiments.aggregates import Key, Replacement
from experiments.attribute_values import item_to_attribute_values, item_to_python
from experiments.batch import write_in_batches
from experiments.fields import count, instant, iso_utc, mapping, sequence, text
from experiments.transaction import as_key, as_request, is_transaction_conflict

from admin.chat_documents import Action, Progress, Proposal, ProposalState

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

KEPT = timedelta(days=90)
"""For how long messages are kept after they were written."""
HELD = timedelta(seconds=35)
"""For how long a request holds a conversation or a proposal at most: longer than Lambda lets it run."""
LONGEST_TITLE = 60
MOST_LISTED = 100
_MESSAGE, _PROPOSAL = "MESSAGE#", "PROPOSAL#"
_ANOTHER_IS_AT_IT = {"ConditionalCheckFailedException", "TransactionConflictException"}

Content = dict[str, Any]
"""A content block as the Converse API has it."""


class TakenError(Exception):
    """Another request is at it, or has been at it since it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConverseMessage:
    """A message as the Converse API has it: a question, what the model answers, or the results of its tools."""

    number: int
    role: str
    content: Sequence[Content]
    at: datetime
    key: str = ""
    """The key that the client has given a question; empty for what is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What was said so far, oldest first."""

    id: str
    title: str = ""
    length: int = 0
    """How many messages there have been; the oldest may have expired."""
    updated_at: datetime | None = None
    held_until: int = 0
    """Until when a request holds it, in milliseconds since 1970; 0 where none does."""
    messages: tuple[ConverseMessage, ...] = ()
    proposals: tuple[Proposal, ...] = ()

    @property
    def state(self) -> Progress:
        """Whether there is a question, or results of tools, that the model hasn't answered."""
        return Progress.WORKING if self.messages and self.messages[-1].role == "user" else Progress.DONE

    @property
    def steps(self) -> int:
        """How often the model has answered since the last question."""
        return sum(message.role == "assistant" for message in self.since_question())

    def since_question(self, key: str = "") -> tuple[ConverseMessage, ...]:
        """Return the messages from the last question on, or from the one with a key; none where there is none."""
        places = [place for place, message in enumerate(self.messages) if message.key and key in ("", message.key)]
        return self.messages[places[-1] :] if places else ()

    def is_held(self, now: datetime) -> bool:
        """Tell whether a request is at it."""
        return self.held_until >= _milliseconds(now)


@dataclass(frozen=True, slots=True)
class ConversationStore:
    """The conversations in one table; a user is named by Cognito's id."""

    table_name: str
    client: "DynamoDBClient"

    def listed(self, user: str) -> list[Conversation]:
        """Return a user's conversations without what was said, the latest first."""
        found = [_conversation(item) for item in self._items(_headers(user))]
        return sorted(found, key=_last_updated, reverse=True)[:MOST_LISTED]

    def load(self, user: str, conversation_id: str) -> Conversation | None:
        """Return a conversation; None where the user has none of that id."""
        header = self._get(Key(_headers(user), conversation_id))
        if header is None:
            return None
        items = list(self._items(_contents(user, conversation_id)))
        return replace(
            _conversation(header),
            messages=tuple(_message(item) for item in items if str(item["sk"]).startswith(_MESSAGE)),
            proposals=tuple(_proposal(item) for item in items if str(item["sk"]).startswith(_PROPOSAL)),
        )

    def hold(self, user: str, conversation: Conversation, now: datetime) -> Conversation:
        """Keep other requests from a conversation until it is answered or released.

        Raises:
            TakenError: another request is at it, or has been since it was read.
        """
        until = _milliseconds(now + HELD)
        self._update(Key(_headers(user), conversation.id), {"held_until": until}, _as_read(conversation, now))
        return replace(conversation, held_until=until)

    def release(self, user: str, held: Conversation) -> None:
        """Let other requests at a conversation that is left as it is.

        Raises:
            TakenError: it isn't held any more.
        """
        self._update(Key(_headers(user), held.id), {"held_until": 0}, _held(held.held_until))

    def ask(self, user: str, conversation: Conversation, question: str, key: str, now: datetime) -> Conversation:
        """Write a question at a conversation's end, or as its beginning; returns it as it is held from then on.

        Raises:
            TakenError: another request is at it, or has been since it was read.
        """
        message = ConverseMessage(
            number=conversation.length + 1, role="user", content=[{"text": question}], at=now, key=key
        )
        asked = replace(
            conversation,
            title=conversation.title or _title(question),
            held_until=_milliseconds(now + HELD),
            messages=(*conversation.messages, message),
        )
        return self._append(user, asked, 1, (), _as_read(conversation, now) if conversation.length else _NEW)

    def answer(
        self, user: str, held: Conversation, messages: Sequence[ConverseMessage], proposals: Sequence[Proposal]
    ) -> Conversation:
        """Write what a step has brought at the end of a conversation that is held, and let others at it.

        Raises:
            TakenError: it isn't held any more.
        """
        answered = replace(
            held, held_until=0, messages=(*held.messages, *messages), proposals=(*held.proposals, *proposals)
        )
        return self._append(user, answered, len(messages), proposals, _held(held.held_until))

    def delete(self, user: str, conversation_id: str) -> None:
        """Forget a conversation, if there is one; a request that is at it can't write it any more."""
        self.client.delete_item(TableName=self.table_name, Key=as_key(Key(_headers(user), conversation_id)))
        keys = [as_key(Key(item["pk"], item["sk"])) for item in self._items(_contents(user, conversation_id))]
        # What is left undone can't be reached any more, and expires.
        write_in_batches(self.client, self.table_name, [{"DeleteRequest": {"Key": key}} for key in keys], 1)

    def proposal(self, user: str, conversation_id: str, proposal_id: str) -> Proposal | None:
        """Return a proposal of a user's conversation; None where there is none of that id."""
        item = self._get(_proposal_key(user, conversation_id, proposal_id))
        return _proposal(item) if item else None

    def hold_proposal(self, user: str, conversation_id: str, proposal: Proposal, now: datetime) -> int:
        """Keep other requests from an open proposal until it is settled; returns by what `settle` knows that.

        Raises:
            TakenError: another request is at it, or it is settled.
        """
        until = _milliseconds(now + HELD)
        still_open = Condition(
            "#state = :open AND #held_until < :now",
            {":open": ProposalState.OPEN.value, ":now": _milliseconds(now)},
            ("state",),
        )
        self._update(_proposal_key(user, conversation_id, proposal.id), {"held_until": until}, still_open)
        return until

    def settle(self, user: str, conversation_id: str, settled: Proposal, held_until: int) -> None:
        """Write what has become of a proposal that is held, and let others at it.

        Raises:
            TakenError: it isn't held any more.
        """
        changed = {
            "state": settled.state.value,
            "detail": settled.detail,
            "experiment_id": settled.experiment_id or "",
            "held_until": 0,
        }
        self._update(_proposal_key(user, conversation_id, settled.id), changed, _held(held_until))

    def _append(
        self, user: str, grown: Conversation, added: int, proposals: Sequence[Proposal], condition: "Condition"
    ) -> Conversation:
        """Write the header and the last messages of a conversation, and proposals, if its header meets a condition."""
        expiry = {"expires_at": int((grown.messages[-1].at + KEPT).timestamp())}
        grown = replace(grown, length=grown.length + added, updated_at=grown.messages[-1].at)
        contents = [
            *(_message_item(user, grown.id, message, expiry) for message in grown.messages[-added:]),
            *(_proposal_item(user, grown.id, proposal, expiry) for proposal in proposals),
        ]
        header = self._change(Key(_headers(user), grown.id), _header(grown) | expiry, condition)
        requests: Any = [{"Update": header}, *(as_request(self.table_name, item) for item in contents)]
        try:
            self.client.transact_write_items(TransactItems=requests)
        except ClientError as error:
            if is_transaction_conflict(error):
                raise TakenError from None
            raise
        return grown

    def _update(self, key: Key, changed: Mapping[str, Any], condition: "Condition") -> None:
        """Change an item that meets a condition; where it doesn't, another request is at it."""
        try:
            self.client.update_item(**self._change(key, changed, condition))
        except ClientError as error:
            if error.response["Error"]["Code"] in _ANOTHER_IS_AT_IT:
                raise TakenError from None
            raise

    def _change(self, key: Key, changed: Mapping[str, Any], condition: "Condition") -> dict[str, Any]:
        """Return the request that sets attributes of an item that meets a condition."""
        values = {f":{name}": value for name, value in changed.items()} | dict(condition.values)
        names = {f"#{name}": name for name in (*changed, *condition.names)}
        return {
            "TableName": self.table_name,
            "Key": as_key(key),
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in changed),
            "ConditionExpression": condition.expression,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": item_to_attribute_values(values),
        }

    def _get(self, key: Key) -> dict[str, Any] | None:
        item = self.client.get_item(TableName=self.table_name, Key=as_key(key), ConsistentRead=True).get("Item")
        return item_to_python(item) if item else None

    def _items(self, partition: str) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table_name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": partition}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from map(item_to_python, page["Items"])


class Condition(NamedTuple):
    """What an item has to be for a change of it; the names of the attributes that are changed need no mention."""

    expression: str
    values: Mapping[str, Any] = {}
    names: Sequence[str] = ()


_NEW = Condition("attribute_not_exists(pk)")


def _held(until: int) -> Condition:
    return Condition("#held_until = :held", {":held": until})


def _as_read(conversation: Conversation, now: datetime) -> Condition:
    """Return the condition that a conversation has not grown, and nobody is at it."""
    values = {":read": conversation.length, ":now": _milliseconds(now)}
    return Condition("#length = :read AND #held_until < :now", values, ("length",))


def _headers(user: str) -> str:
    return f"CHAT#{user}"


def _contents(user: str, conversation_id: str) -> str:
    return f"CHAT#{user}#{conversation_id}"


def _proposal_key(user: str, conversation_id: str, proposal_id: str) -> Key:
    return Key(_contents(user, conversation_id), f"{_PROPOSAL}{proposal_id}")


def _header(conversation: Conversation) -> dict[str, Any]:
    return {
        "title": conversation.title,
        "length": conversation.length,
        "updated_at": iso_utc(conversation.updated_at) if conversation.updated_at else "",
        "held_until": conversation.held_until,
    }


def _conversation(item: Mapping[str, Any]) -> Conversation:
    return Conversation(
        id=str(item["sk"]),
        title=text(item.get("title")) or "",
        length=count(item.get("length")) or 0,
        updated_at=instant(item.get("updated_at")),
        held_until=count(item.get("held_until")) or 0,
    )


def _message_item(user: str, conversation_id: str, message: ConverseMessage, expiry: dict[str, int]) -> Replacement:
    # As JSON: what a model sends holds numbers and empty values that attributes would change.
    content = json.dumps(message.content, ensure_ascii=False)
    attributes = {"role": message.role, "content": content, "at": iso_utc(message.at), "key": message.key}
    return Replacement(Key(_contents(user, conversation_id), f"{_MESSAGE}{message.number:08}"), attributes | expiry)


def _message(item: Mapping[str, Any]) -> ConverseMessage:
    return ConverseMessage(
        number=count(str(item["sk"]).removeprefix(_MESSAGE)) or 0,
        role=text(item.get("role")) or "",
        content=sequence(item.get("content")),
        at=instant(item.get("at")) or datetime.fromtimestamp(0, UTC),
        key=text(item.get("key")) or "",
    )


def _proposal_item(user: str, conversation_id: str, proposal: Proposal, expiry: dict[str, int]) -> Replacement:
    attributes = {
        "action": proposal.action.value,
        "arguments": json.dumps(proposal.arguments, ensure_ascii=False),
        "summary": proposal.summary,
        "state": proposal.state.value,
        "detail": proposal.detail,
        "experiment_id": proposal.experiment_id or "",
        "held_until": 0,
    }
    return Replacement(_proposal_key(user, conversation_id, proposal.id), attributes | expiry)


def _proposal(item: Mapping[str, Any]) -> Proposal:
    return Proposal(
        id=str(item["sk"]).removeprefix(_PROPOSAL),
        action=Action(item["action"]),
        arguments=mapping(item.get("arguments")),
        summary=text(item.get("summary")) or "",
        state=ProposalState(item["state"]),
        detail=text(item.get("detail")) or "",
        experiment_id=text(item.get("experiment_id")),
    )


def _title(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1].rstrip() + "…"


def _last_updated(conversation: Conversation) -> float:
    return conversation.updated_at.timestamp() if conversation.updated_at else 0


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
