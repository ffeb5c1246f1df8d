"""The pages as they were last shown, for when the table doesn't answer: better an old one that says so than none."""

from collections import OrderedDict
from datetime import datetime

from renderer import presentation
from renderer.pages.templates import render

MOST_PAGES = 64
# Where the layout begins what a page says.
_CONTENT = '<main class="page-width" id="content">'


class LastGoodPages:
    """The pages that this instance of the function has shown last, by their path and query string."""

    def __init__(self) -> None:
        self._pages: OrderedDict[str, tuple[str, datetime]] = OrderedDict()

    def keep(self, address: str, html: str, now: datetime) -> None:
        """Keep a page in the place of an older one, and, where they get too many, of the one shown longest ago."""
        self._pages[address] = html, now
        self._pages.move_to_end(address)
        if len(self._pages) > MOST_PAGES:
            self._pages.popitem(last=False)

    def marked(self, address: str, now: datetime) -> str | None:
        """Return a page with its age on top; None where it was not shown yet."""
        html, shown = self._pages.get(address, ("", now))
        notice = render("last_good.html", age=presentation.age(shown, now), shown=presentation.timestamp(shown))
        return html.replace(_CONTENT, f"{_CONTENT}\n{notice}", 1) or None
