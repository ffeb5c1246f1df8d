"""Messages of the queue: what is none of this project's names no experiment."""

import pytest
from experiments.jobs.queue import JobMessage, JobQueue


class Sqs:
    def __init__(self, *bodies: str) -> None:
        self.bodies = list(bodies)

    def send_message(self, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803
        self.bodies.append(MessageBody)

    def receive_message(self, **_: object) -> dict[str, object]:
        if not self.bodies:
            return {}
        return {"Messages": [{"Body": self.bodies.pop(0), "ReceiptHandle": "r1"}]}


def test_what_is_sent_is_received() -> None:
    queue = JobQueue("url", Sqs())
    queue.send("e1")
    assert queue.receive(5, 60) == JobMessage("e1", "r1")
    assert queue.receive(5, 60) is None


@pytest.mark.parametrize("body", ["", "e1", "[]", "17", '{"experiment": "e1"}'])
def test_a_message_of_somebody_else_names_no_experiment(body: str) -> None:
    assert JobQueue("url", Sqs(body)).receive(5, 60) == JobMessage("", "r1")
