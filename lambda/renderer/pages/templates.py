"""The page templates, each compiled when it is first shown."""

import os
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)

# The site's own address, with a slash at the end, for what needs absolute links; empty where it is not configured.
_ENVIRONMENT.globals["site_url"] = os.environ.get("SITE_URL", "")


class Template(NamedTuple):
    """A template by its file's name; Jinja keeps what it has compiled."""

    name: str

    def render(self, **context: object) -> str:
        """Return the text that it makes of its context."""
        return _ENVIRONMENT.get_template(self.name).render(context)


OVERVIEW = Template("overview.html")
FILTERS = Template("filters.html")
ROW = Template("row.html")
RATE_DISTORTION = Template("rate_distortion.html")
CURVES = Template("curves.html")
EXPERIMENT = Template("experiment.html")
COMPARE = Template("compare.html")
COSTS = Template("costs.html")
LAST_GOOD = Template("last_good.html")
MESSAGE = Template("message.html")
FEED = Template("feed.xml")


def compile_all() -> None:
    """Compile them now, also those that others extend or import."""
    for name in _ENVIRONMENT.list_templates():
        _ENVIRONMENT.get_template(name)
