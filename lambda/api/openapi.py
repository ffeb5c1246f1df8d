"""The API's OpenAPI description, generated from the types of its documents and of its query.

Powertools would generate one with pydantic, whose import and models take several times as long as those of the whole
function; what is described here needs only the types, and only when somebody asks for it.
"""

from functools import cache

from listing_query import ListingQuery

from api.documents import CostDocument, ExperimentList, Problem, PublishedExperiment
from api.schemas import Schema, Schemas, hints_of, query_parameter


@cache
def description(version: str) -> Schema:
    """Return the document of `/api/openapi.json` for a version of the function."""
    # Imported only here, as no page needs it.
    from admin.description import SECURITY, admin_paths

    schemas = Schemas()
    listing = [query_parameter(name, hint, schemas) for name, hint in hints_of(ListingQuery).items()]
    one = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    problem = {"application/problem+json": {"schema": schemas.of(Problem)}}
    page = _text("text/html")
    paths = {
        "/api/experiments": _read(
            "listExperiments", "Experiments, newest first.", listing, _json(ExperimentList, schemas), problem
        ),
        "/api/experiments/{id}": _read(
            "getExperiment", "One experiment.", [one], _json(PublishedExperiment, schemas), problem
        ),
        "/api/costs": _read("getCosts", "What the lab spends.", [], _json(CostDocument, schemas), problem),
        "/experiments.csv": _read(
            "getTable", "The same page of experiments as a table.", listing, _text("text/csv"), page
        ),
        "/feed.atom": _read(
            "getFeed", "The experiments that have finished lately.", [], _text("application/atom+xml"), page
        ),
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AI Video Codec Lab",
            "version": version,
            "description": "Experiments with video codecs: for everybody to read, with an ETag; under `/api/admin` for "
            "administrators to run, with an access token.",
        },
        # Relative to this document, wherever it is served.
        "servers": [{"url": ".."}],
        "paths": paths | admin_paths(schemas),
        "components": {"schemas": schemas.named, "securitySchemes": SECURITY},
    }


def _read(operation: str, summary: str, parameters: list[Schema], content: Schema, refusal: Schema) -> Schema:
    answers = {
        "200": {"description": summary, "content": content},
        "304": {"description": "As before: the ETag is one of If-None-Match."},
        "default": {"description": "Why there is no other answer.", "content": refusal},
    }
    return {"get": {"operationId": operation, "summary": summary, "parameters": parameters, "responses": answers}}


def _json(record: type, schemas: Schemas) -> Schema:
    return {"application/json": {"schema": schemas.of(record)}}


def _text(media_type: str) -> Schema:
    return {media_type: {"schema": {"type": "string"}}}
