"""DynamoDB answered from memory, so that a function is measured with all that it does except the network.

A request is still built, signed and sent by botocore, and its answer parsed; in place of the HTTP exchange botocore is
handed the bytes with which a table has answered the same request before. This uses botocore's event `before-send`:
https://docs.aws.amazon.com/botocore/latest/topics/events.html
"""

import json
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session

OK = 200
HEADERS: Any = {"Content-Type": "application/x-amz-json-1.0"}


class RecordedTable:
    """Asks a table for what it wasn't asked yet, and repeats its answers from then on."""

    def __init__(self, answers: Mapping[bytes, bytes] | None = None) -> None:
        """Begin with answers that were recorded before, by the requests' bodies."""
        self.answers = dict(answers or {})
        self._session = URLLib3Session()
        self._changeable: dict[bytes, Any] = {}
        self._changes = 0

    def stand_in_for(self, client: Any) -> None:
        """Answer the requests of a DynamoDB client."""
        client.meta.events.register("before-send.dynamodb", self._answer)

    def change(self, count: int = 1) -> None:
        """Let so many of the listed experiments have been written anew and dearer, one after the other in turn."""
        self._changeable = self._changeable or {body: json.loads(self.answers[body]) for body in self._listings()}
        items = [(body, item) for body, answer in self._changeable.items() for item in answer["Items"]]
        changed = set()
        for self._changes in range(self._changes + 1, self._changes + 1 + count):  # noqa: B020 it goes on from there
            body, item = items[self._changes % len(items)]
            item["cost_usd"] = {"N": str(self._changes / 1000)}
            item["updated_at"] = {"S": f"2030-01-01T00:00:00.{self._changes:06}Z"}
            changed.add(body)
        for body in changed:
            self.answers[body] = json.dumps(self._changeable[body]).encode()

    def _listings(self) -> Iterator[bytes]:
        return (body for body in self.answers if "IndexName" in json.loads(body))

    def _answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        body = request.body
        assert isinstance(body, bytes)
        if body not in self.answers:
            response = self._session.send(request)
            assert response.status_code == OK, response.text
            self.answers[body] = response.content
        return AWSResponse(request.url, OK, HEADERS, _Body(self.answers[body]))


class _Body(BytesIO):
    """An answer's body as botocore reads it of a connection."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()
