"""What a person reads on a page, and where its links lead."""

from html.parser import HTMLParser

CELLS = ("td", "th")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.links: list[str] = []
        self.related: dict[str, str] = {}
        self.rows: list[list[str]] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in CELLS:
            self._in_cell = True
            self.rows[-1].append("")
        if tag == "a":
            link = dict(attrs)
            self.links.append(link["href"] or "")
            self.related[link.get("rel") or ""] = self.links[-1]

    def handle_endtag(self, tag: str) -> None:
        if tag in CELLS:
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._in_cell:
            self.rows[-1][-1] += f" {data}"


def _read(html: str) -> _Page:
    page = _Page()
    page.feed(html)
    page.close()
    return page


def text_of(html: str) -> str:
    """Return a page's text, each run of white space as one space."""
    return " ".join(" ".join(_read(html).text).split())


def links_of(html: str) -> list[str]:
    """Return where a page's links lead."""
    return _read(html).links


def related_links_of(html: str) -> dict[str, str]:
    """Return where a page's links to its neighbours lead, by their relation: `next`, `prev`."""
    return _read(html).related


def rows_of(html: str) -> list[list[str]]:
    """Return the cells' texts of each row of the table, without its head."""
    return [[" ".join(cell.split()) for cell in row] for row in _read(html).rows[1:]]
