"""What goes wrong, told in one line each."""

import re
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import botocore.exceptions

PROPAGATION_POLL_SECONDS = 0.25
PROPAGATION_POLLS = 480
# For what is in use, which may be so for good.
CONFLICT_POLLS = 80

Answer = TypeVar("Answer")


class ProviderError(Exception):
    """What the user should know, without a traceback."""


def patiently(request: Callable[[], Answer], *codes: str, polls: int = 0) -> Answer:
    """Repeat a request while AWS refuses it, for what has just been made is not known everywhere yet.

    The official provider does the same at the same places, for two minutes and longer.

    Args:
        request: What is asked.
        codes: Patterns of such a refusal's error code, or of `code: message`.
        polls: How often, if not as often as what is new may take.

    """
    for _ in range(polls or PROPAGATION_POLLS):
        try:
            return request()
        except (botocore.exceptions.ClientError, botocore.exceptions.WaiterError) as error:
            if not _is_one_of(codes, error):
                raise
            time.sleep(PROPAGATION_POLL_SECONDS)
    return request()


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


def _is_one_of(codes: Iterable[str], error: Any) -> bool:
    code, message = _code(error), str(error)
    return any(re.fullmatch(each, f"{code}: {message}" if ": " in each else code, re.DOTALL) for each in codes)


def _code(error: Any) -> str:
    response = error.last_response if isinstance(error, botocore.exceptions.WaiterError) else error.response
    return str(response.get("Error", {}).get("Code", ""))
