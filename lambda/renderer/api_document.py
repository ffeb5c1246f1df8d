"""The API's OpenAPI document, which is made of both functions' routes when the archive is packaged (description/)."""

import json
from functools import cache
from pathlib import Path

from web.documents import as_json

FILE = Path(__file__).parent / "openapi.json"


@cache
def api_document(version: str) -> str:
    """Return the document's JSON text for a version of the function."""
    document = json.loads(FILE.read_text(encoding="utf-8"))
    document["info"]["version"] = version
    return as_json(document)
