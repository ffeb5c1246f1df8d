"""What goes wrong, told in one line each."""

import re
import time
from collections.abc import Callable, Iterable
from typing import TypeVar
from urllib.parse import urlsplit

import botocore.exceptions

GONE_CODES = ("404|.*(NoSuch|NotFound|NonExistent|DoesNotExist).*",)
"""AWS's error codes for a thing that is not there, as a pattern."""
PROPAGATION_POLL_SECONDS = 0.25
PROPAGATION_POLLS = 480
# For what is in use, which may be so for good: as many minutes of AWS's, of which 60 pass in one here.
CONFLICT_POLLS = 40

Answer = TypeVar("Answer")


class ProviderError(Exception):
    """What the user should know, without a traceback."""


def patiently(request: Callable[[], Answer], *codes: str, saying: str = "", polls: int = 0) -> Answer:
    """Repeat a request while AWS refuses it, for what has just been made is not known everywhere yet.

    The official provider does the same at the same places, for two minutes and longer.

    Args:
        request: What is asked.
        codes: The error codes of such a refusal, or patterns of them.
        saying: What the error's message says then.
        polls: How often, if not as often as what is new may take.

    """
    for _ in range(polls or PROPAGATION_POLLS):
        try:
            return request()
        except (botocore.exceptions.ClientError, botocore.exceptions.WaiterError) as error:
            if not _is_one_of(codes, error) or saying not in str(error):
                raise
            time.sleep(PROPAGATION_POLL_SECONDS)
    return request()


def is_gone(error: Exception) -> bool:
    """Whether AWS said that the thing is not there."""
    return isinstance(error, botocore.exceptions.ClientError) and _is_one_of(GONE_CODES, error)


def explained(error: Exception) -> str:
    """One line on what happened; for an error of AWS, its operation, code and message."""
    match error:
        case botocore.exceptions.ClientError():
            return f"{error.operation_name}: {_code(error)}: {error.response['Error'].get('Message', '')}"
        case botocore.exceptions.EndpointConnectionError() | botocore.exceptions.ConnectionClosedError():
            return no_answer(error.kwargs["endpoint_url"])
        case ProviderError() | botocore.exceptions.BotoCoreError():
            return " ".join(str(error).split())
    return f"the sandbox's provider failed with {type(error).__name__}: {' '.join(str(error).split())}"


def no_answer(url: str) -> str:
    """One line on an endpoint at which nothing listens."""
    parts = urlsplit(url)
    return f"the embedded AWS at {parts.scheme}://{parts.netloc} does not answer: run `make sandbox`"


def _is_one_of(codes: Iterable[str], error: botocore.exceptions.ClientError | botocore.exceptions.WaiterError) -> bool:
    return any(re.fullmatch(each, _code(error)) for each in codes)


def _code(error: botocore.exceptions.ClientError | botocore.exceptions.WaiterError) -> str:
    response = error.last_response if isinstance(error, botocore.exceptions.WaiterError) else error.response
    return str(response.get("Error", {}).get("Code", ""))
