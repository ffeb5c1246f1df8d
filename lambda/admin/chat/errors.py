"""Why the chat has no other answer: each says what happened and what to do next, for the page to show."""

from http import HTTPStatus


class ChatError(Exception):
    """A request that isn't answered as asked."""

    def __init__(self, status: HTTPStatus, title: str, detail: str, retry_after: int | None = None) -> None:
        super().__init__(f"{title}: {detail}")
        self.status, self.title, self.detail = status, title, detail
        self.retry_after = retry_after
        """In how many seconds the same request may succeed."""


def invalid(detail: str) -> ChatError:
    """Return that a request makes no sense."""
    return ChatError(HTTPStatus.BAD_REQUEST, "Not a request that can be answered", detail)


def no_conversation() -> ChatError:
    """Return that a user has no such conversation."""
    return ChatError(HTTPStatus.NOT_FOUND, "No such conversation", "It may have been deleted. Begin a new one.")


def refused(title: str, detail: str) -> ChatError:
    """Return that a request can't be done as things are."""
    return ChatError(HTTPStatus.CONFLICT, title, detail)


def unavailable(title: str, detail: str, retry_after: int) -> ChatError:
    """Return that the same request may succeed later."""
    return ChatError(HTTPStatus.SERVICE_UNAVAILABLE, title, detail, retry_after)
