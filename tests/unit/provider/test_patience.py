"""How long the provider bears with what AWS does not know everywhere yet."""

from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ClientError, WaiterError

from sandbox.provider import errors
from sandbox.provider.errors import patiently


def refusal(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetRole")


def answering(*answers: object) -> Callable[[], object]:
    """Gives one answer after the other; errors are raised."""
    left: Iterator[object] = iter(answers)

    def request() -> object:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return request


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "PROPAGATION_POLL_SECONDS", 0)
    monkeypatch.setattr(errors, "PROPAGATION_POLLS", 3)


def test_it_asks_again_until_aws_knows() -> None:
    assert patiently(answering(refusal("NoSuchEntity"), refusal("NoSuchEntity"), "role"), "NoSuchEntity") == "role"


def test_it_takes_a_waiters_refusal_for_one() -> None:
    not_yet = WaiterError("FunctionActiveV2", "not found", {"Error": {"Code": "ResourceNotFoundException"}})
    assert patiently(answering(not_yet, "function"), "ResourceNotFoundException") == "function"


@pytest.mark.parametrize("error", [refusal("AccessDenied"), refusal("InvalidParameterValueException", "no such layer")])
def test_it_takes_any_other_refusal_for_an_answer(error: ClientError) -> None:
    with pytest.raises(ClientError) as given:
        patiently(answering(error), "InvalidParameterValueException: .*cannot be assumed.*")
    assert given.value is error


def test_it_gives_up_with_aws_own_words() -> None:
    with pytest.raises(ClientError, match="NoSuchEntity"):
        patiently(answering(*[refusal("NoSuchEntity")] * 4), "NoSuchEntity")
