"""The language model: one call of Amazon Bedrock's Converse API, what it may cost, and why it may not answer.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from experiments.aggregates import CHAT_USER, Addition, Usage, month_of, usage_key, usage_keys
from experiments.attribute_values import item_to_python
from experiments.costs import Prices, used_up
from experiments.transaction import as_key, as_request

from admin.chat.store import Content, ConverseMessage
from admin.chat_documents import UsageDocument
from admin.requests import RefusalError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# API Gateway waits 30 seconds; what is tried again would begin anew, and cost again.
PATIENCE = Config(connect_timeout=2, read_timeout=20, retries={"total_max_attempts": 1})
LONGEST_REASON = 300
MOST_ANSWERED_TOKENS = 1200
"""About what a model writes within that time."""


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What the model says."""

    content: Sequence[Content]
    stop_reason: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class ChatModel:
    """A model by its id, or by that of an inference profile."""

    id: str
    bedrock: Any
    """botocore's client of `bedrock-runtime`."""

    def answer(
        self, system: str, tools: Sequence[Mapping[str, Any]], messages: Sequence[ConverseMessage]
    ) -> ModelAnswer:
        """Ask for the next message of a conversation.

        Raises:
            RefusalError: it gives none.
        """
        try:
            response = self.bedrock.converse(
                modelId=self.id,
                system=[{"text": system}],
                messages=[{"role": message.role, "content": message.content} for message in messages],
                toolConfig={"tools": [{"toolSpec": tool} for tool in tools]},
                inferenceConfig={"maxTokens": MOST_ANSWERED_TOKENS},
            )
        except ClientError as error:
            raise self._reason(error) from error
        except ReadTimeoutError as error:
            raise _later("The model takes too long", "Try again, or ask for less at once.", 5) from error
        except BotoCoreError as error:
            raise _later("The model can't be reached", "Try again in a minute.", 60) from error
        usage = response.get("usage", {})
        return ModelAnswer(
            content=response["output"]["message"]["content"],
            stop_reason=response.get("stopReason", ""),
            input_tokens=usage.get("inputTokens", 0),
            output_tokens=usage.get("outputTokens", 0),
        )

    def _reason(self, error: ClientError) -> RefusalError:
        """Return why Bedrock refuses, in words that help."""
        code, said = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code == "ValidationException" and any(words in said.lower() for words in ("too long", "too many", "exceed")):
            return _never("The conversation is too long for the model", "Begin a new conversation.")
        if code in ("AccessDeniedException", "ResourceNotFoundException", "ValidationException"):
            why = f": {said[:LONGEST_REASON]}" if code == "ValidationException" else ""
            return _never(
                "The model is not enabled here",
                f"Amazon Bedrock refuses {self.id} ({code}{why}). docs/chat.md tells how to enable a model.",
            )
        if code in ("ThrottlingException", "ServiceQuotaExceededException", "ModelNotReadyException"):
            return _later("The model is busy", "Amazon Bedrock throttles the chat. Try again in half a minute.", 30)
        return _later("The model can't answer", f"Amazon Bedrock has failed ({code}). Try again in a minute.", 60)


@dataclass(frozen=True, slots=True)
class ChatBudget:
    """What the chats of all users use in a month; part of what the page of costs counts."""

    table_name: str
    client: "DynamoDBClient"
    prices: Prices
    limit_usd: float

    def spent(self, now: datetime) -> float:
        """Return what the month has cost so far, in USD."""
        key = as_key(usage_key(month_of(now), CHAT_USER))
        item = self.client.get_item(TableName=self.table_name, Key=key, ConsistentRead=True).get("Item")
        return used_up([Usage.from_item(item_to_python(item))], self.prices) or 0 if item else 0

    def check(self, now: datetime) -> None:
        """See that there is something left; requests at once may all find so, and together cost a little more.

        Raises:
            RefusalError: the month's limit is reached.
        """
        if self.spent(now) >= self.limit_usd:
            raise _never("The month's limit is reached", self.exhausted)

    @property
    def exhausted(self) -> str:
        """What is said where the limit is reached."""
        return (
            f"All chats together may cost {self.limit_usd:g} USD a month. "
            "Wait for the next one, or raise chatMonthlyUsd in the stack's configuration."
        )

    def note(self, answer: ModelAnswer, now: datetime) -> UsageDocument:
        """Add what an answer has used to the usage of the month and the day, and return what it cost."""
        tokens = {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
        for key in usage_keys(now, CHAT_USER):
            self.client.update_item(**as_request(self.table_name, Addition(key, tokens))["Update"])
        usage = Usage(month=month_of(now), user=CHAT_USER, **tokens)
        return UsageDocument(**tokens, usd=used_up([usage], self.prices) or 0)


def _never(title: str, detail: str) -> RefusalError:
    return RefusalError(HTTPStatus.CONFLICT, title, detail)


def _later(title: str, detail: str, retry_after: int) -> RefusalError:
    return RefusalError(HTTPStatus.SERVICE_UNAVAILABLE, title, detail, retry_after)
