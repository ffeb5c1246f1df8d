"""Run in a process of its own: prints how many milliseconds it takes from the first import to the first answer.

    python -m benchmarks.first_answer function|bare ANSWERS.json

`function` is the renderer; `bare` the least that any function needs that asks DynamoDB: boto3, a client, one query.
Either way DynamoDB's answers come from memory.
"""

import json
import sys
import time
from pathlib import Path


def main() -> None:
    """Answer once, with the answers of a table, by the bodies of its requests."""
    kind, file = sys.argv[1:]
    recorded = json.loads(Path(file).read_text(encoding="utf-8"))
    answers = {body.encode(): answer.encode() for body, answer in recorded.items()}
    began = time.perf_counter()
    {"function": answer_as_function, "bare": answer_barely}[kind](answers)
    print(1000 * (time.perf_counter() - began))


def answer_as_function(answers: dict[bytes, bytes]) -> None:
    """Import the renderer, and answer with its first page."""
    from benchmarks.function import ask, load

    renderer = load()
    _remember(renderer.services().experiments._client, answers)
    ask(renderer)


def answer_barely(answers: dict[bytes, bytes]) -> None:
    """Import boto3, and make the query for the first page's experiments."""
    import boto3

    client = boto3.client("dynamodb")
    _remember(client, answers)
    (query,) = (request for request in map(json.loads, answers) if "IndexName" in request)
    assert client.query(**query)["Items"]


def _remember(client: object, answers: dict[bytes, bytes]) -> None:
    from benchmarks.recorded_table import RecordedTable

    RecordedTable(answers).stand_in_for(client)


if __name__ == "__main__":
    main()
