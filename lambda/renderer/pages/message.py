"""The page that says why there is nothing else to show."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from web.release import RunningRelease

from renderer.pages.templates import render


@dataclass(frozen=True, slots=True)
class Message:
    """What a visitor is told: what happened, and what to do next."""

    status: HTTPStatus
    title: str
    advice: str
    links: Sequence[tuple[str, str]] = ()
    """Where to look instead: labels, and links relative to the site's root."""


NO_SUCH_PAGE = Message(HTTPStatus.NOT_FOUND, "There is no such page", "The link may be old, or mistyped.")
NO_SUCH_EXPERIMENT = Message(
    HTTPStatus.NOT_FOUND, "There is no such experiment", "It may have been deleted, or the link is mistyped."
)
NO_VIDEO = Message(
    HTTPStatus.NOT_FOUND,
    "This experiment has no video",
    "Only an experiment that has succeeded has one; look at its status in the list.",
)
NO_REFERENCE = Message(
    HTTPStatus.NOT_FOUND,
    "This experiment has no reference video",
    "Only an experiment that has succeeded has one; look at its status in the list.",
)
NO_DECODER = Message(
    HTTPStatus.NOT_FOUND,
    "This experiment has no decoder",
    "Only an experiment that has succeeded has one; look at its status in the list.",
)
BROKEN_CURSOR = Message(
    HTTPStatus.BAD_REQUEST,
    "This link leads nowhere",
    "Its place in the list can't be read. Start again with the newest experiments.",
)
NOT_TWO_TO_SIX = Message(
    HTTPStatus.BAD_REQUEST,
    "This can't be compared",
    "A comparison takes two to six different experiments: tick them in the list, or name their ids as in "
    "/compare?ids=one,another",
)
READING_ONLY = Message(
    HTTPStatus.METHOD_NOT_ALLOWED, "This can't be done here", "The public pages can be read, and nothing else."
)
NOT_AVAILABLE_NOW = Message(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The experiments can't be reached right now",
    "Nothing is lost. Try again in a minute.",
)
UNEXPECTED = Message(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "Something went wrong on our side",
    "Try again in a minute. If it stays like this, tell us the reference below.",
)


def bad_query(advice: str) -> Message:
    """Return what is said of a query with a value that makes no sense; the advice names those that do."""
    return Message(HTTPStatus.BAD_REQUEST, "This view doesn't exist", advice)


def no_such_clip(links: Iterable[tuple[str, str]]) -> Message:
    """Return what is said where a clip has no curves; links lead to those of the clips that have."""
    return Message(
        HTTPStatus.NOT_FOUND,
        "There are no curves of this clip",
        "Nothing has been measured on it, or the link is mistyped.",
        list(links),
    )


def render_message(message: Message, release: RunningRelease, root: str, reference: str = "") -> str:
    """Return the page of a message.

    Args:
        message: What the page says.
        release: The build that says it, for the footer.
        root: The relative link to the site's root.
        reference: What to look for in the log, where that helps.

    """
    return render("message.html", message=message, release=release, root=root, reference=reference)
