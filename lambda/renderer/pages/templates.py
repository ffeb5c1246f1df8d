"""The page templates, each compiled when it is first shown."""

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


def render(template: str, /, **context: object) -> str:
    """Return the text that a template, by its file's name, makes of its context; Jinja keeps what it has compiled."""
    return _ENVIRONMENT.get_template(template).render(context)


def compile_all() -> None:
    """Compile them now, also those that others extend or import."""
    for name in _ENVIRONMENT.list_templates():
        _ENVIRONMENT.get_template(name)
