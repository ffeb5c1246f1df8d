"""The page templates, compiled at import, so that SnapStart's snapshot of the function already holds them."""

import os
from pathlib import Path

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

# What others extend or import would else be compiled with the first page.
for _name in ("layout.html", "chart.html", "choices.html", "progress.html"):
    _ENVIRONMENT.get_template(_name)

OVERVIEW = _ENVIRONMENT.get_template("overview.html")
ROW = _ENVIRONMENT.get_template("row.html")
CURVES = _ENVIRONMENT.get_template("curves.html")
RATE_DISTORTION = _ENVIRONMENT.get_template("rate_distortion.html")
EXPERIMENT = _ENVIRONMENT.get_template("experiment.html")
COMPARE = _ENVIRONMENT.get_template("compare.html")
COSTS = _ENVIRONMENT.get_template("costs.html")
LAST_GOOD = _ENVIRONMENT.get_template("last_good.html")
MESSAGE = _ENVIRONMENT.get_template("message.html")
FEED = _ENVIRONMENT.get_template("feed.xml")
