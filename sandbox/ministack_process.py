"""What the emulator's process runs, in a Python environment of its own: ministack, made to fit this project."""

import os
import re
import runpy
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_actions, lambda_runtime
from ministack.services import bedrock_runtime, cloudfront, cognito, dynamodb

WHOLE_PARTITION = re.compile(r"\S+ = :\S+")

Position = tuple[str, str, str]
"""An item's place in an index: its sort key there, then the keys that it has in the table."""


class BoundedQueries:
    """Lets a query of an index look only at what it returns, as DynamoDB does.

    ministack sorts and examines the whole partition for each page, which takes seconds where it holds a hundred
    thousand items. Here it is handed the part of the partition that the page is made of.
    """

    def __init__(self) -> None:
        self._query, self._index_members = dynamodb._query, dynamodb._index_members
        self._index_item = dynamodb._index_item
        self._request: ContextVar[Mapping[str, Any]] = ContextVar("request")
        self._writes = 0
        self._sorted: dict[tuple[str, str, str], tuple[int, Any, list[Position]]] = {}

    def install(self) -> None:
        """Put itself in the place of ministack's own functions."""
        dynamodb._query, dynamodb._index_members, dynamodb._index_item = self.query, self.index_members, self.index_item

    def query(self, request: Mapping[str, Any]) -> Any:
        """Answer a query, and let `index_members` know which one it is."""
        token = self._request.set(request)
        try:
            return self._query(request)
        finally:
            self._request.reset(token)

    def index_item(self, *arguments: Any, **named: Any) -> None:
        """Note a write, after which what was sorted is to be sorted anew."""
        self._writes += 1
        self._index_item(*arguments, **named)

    def index_members(self, table: Any) -> Any:
        """Return the keys of the items in a table's indexes, of the one that is asked only those that are returned."""
        members, request = self._index_members(table), self._request.get({})
        index, limit = request.get("IndexName"), request.get("Limit")
        if not index or not limit or not WHOLE_PARTITION.fullmatch(request.get("KeyConditionExpression", "")):
            return members
        (value,) = request["ExpressionAttributeValues"].values()
        keys = members.get(index, {}).get(value.get("S"))
        if keys is None:
            return members
        positions = self._in_order(table, index, value["S"], keys)
        page = _page(positions, _start(table, index, request), int(limit), request.get("ScanIndexForward", True))
        return {index: {value["S"]: [position[1:] for position in page]}}

    def _in_order(self, table: Any, index: str, value: str, keys: Any) -> list[Position]:
        place = table["TableName"], index, value
        writes, sorted_keys, positions = self._sorted.get(place, (-1, None, []))
        if writes != self._writes or sorted_keys is not keys:
            sort_key, items = _sort_key(table, index), table["items"]
            positions = sorted((items[pk][sk][sort_key]["S"], pk, sk) for pk, sk in keys)
            self._sorted[place] = self._writes, keys, positions
        return positions


def _sort_key(table: Any, index: str) -> str:
    return str(dynamodb._index_key_lists(dynamodb._index_def(table, index))[1][0])


def _start(table: Any, index: str, request: Mapping[str, Any]) -> Position | None:
    start = request.get("ExclusiveStartKey")
    return (start[_sort_key(table, index)]["S"], start["pk"]["S"], start["sk"]["S"]) if start else None


def _page(positions: list[Position], start: Position | None, limit: int, forward: bool) -> list[Position]:
    """Return one more than asked for, which tells whether there are more, from the start on, which ministack skips."""
    if forward:
        first = bisect_left(positions, start) if start else 0
        return positions[first : first + limit + 2]
    end = bisect_right(positions, start) if start else len(positions)
    return positions[max(0, end - limit - 2) : end]


def answer_at_once() -> None:
    """Spare functions and queries what ministack spends on them in vain: two thirds of the time that a page takes.

    It waits 50 ms for the log of a function that logs nothing, unless there is a line; an empty one isn't kept. And it
    parses a query's condition, and measures its numbers, anew for each item.
    """
    call = "result = handler_fn(event, context)"
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(call, rf"{call}; sys.stderr.write('\n')")
    for name in ("_tokenize", "_condition_syntax_error", "_number_size_bytes"):
        setattr(dynamodb, name, lru_cache(maxsize=4096)(getattr(dynamodb, name)))


class WholeSessions:
    """Lets users of Cognito stay signed in as what they are, and sign out, as on AWS.

    A refreshed token of ministack's lacks the user's groups, and tokens can't be revoked but by the API:
    https://docs.aws.amazon.com/cognito/latest/developerguide/revocation-endpoint.html
    """

    def __init__(self) -> None:
        self._token, self._answer = cognito._fake_token, app._handle_cognito_body_request

    def install(self) -> None:
        """Put itself in the place of ministack's own functions."""
        cognito._fake_token, app._handle_cognito_body_request = self.token, self.answer

    def token(self, sub: str, pool_id: str, *arguments: Any, **named: Any) -> str:
        """Make a token that names its user's groups."""
        user = cognito._get_pool_unscoped(pool_id)["_users"].get(named.get("username"), {})
        return str(self._token(sub, pool_id, *arguments, **{"groups": user.get("_groups"), **named}))

    async def answer(self, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        """Answer a form that is posted to the user pool."""
        if (method, path) != ("POST", "/oauth2/revoke"):
            return await self._answer(method, path, headers, body, query)
        form = parse_qs(body.decode(errors="replace"))
        cognito._revoke_token({"Token": form.get("token", [""])[0]})
        return 200, {}, b""


class Distributions:
    """Gives a distribution all the paths of its host names, and its host names to nothing else.

    ministack answers some paths, such as `/health` and `/oauth2/token`, on every host name itself; and where there is
    no distribution of that name, with AWS's API.
    """

    def __init__(self) -> None:
        self._before_body, self._after_body = app._handle_pre_body_request, app._handle_post_body_shortcuts
        self._by_host, self._to_origin = app._handle_special_data_plane_request, cloudfront._origin_request_headers

    def install(self) -> None:
        """Put itself in the place of ministack's own functions."""
        app._handle_pre_body_request, app._handle_post_body_shortcuts = self.before_body, self.after_body
        app._handle_special_data_plane_request, cloudfront._origin_request_headers = self.by_host, self.to_origin

    async def before_body(self, method: str, path: str, headers: Any, *request: Any) -> Any:
        """Answer what takes no body."""
        return None if _label(headers) else await self._before_body(method, path, headers, *request)

    async def after_body(self, method: str, path: str, headers: Any, *request: Any) -> Any:
        """Answer what ministack does on every host name."""
        return None if _label(headers) else await self._after_body(method, path, headers, *request)

    async def by_host(
        self, method: str, path: str, headers: Any, body: bytes, query: Any, request_id: str, **raw: Any
    ) -> Any:
        """Answer what is for a certain host name."""
        if not _label(headers):
            return await self._by_host(method, path, headers, body, query, request_id, **raw)
        host, uri, client = headers["host"], raw["raw_path"] or path, raw["client_ip"]
        viewer = host, path, uri, raw["raw_query_string"], method, headers, body, query, client
        return await app._handle_cloudfront_dataplane_request(*viewer) or (404, {}, b"There is no such distribution.\n")

    def to_origin(self, origin: Any, headers: Any, *viewer: Any) -> Any:
        """Make the headers for an origin; it is addressed with its port: RFC 9110, section 7.2."""
        host = {"host": f"{origin['domain_name']}:{origin['http_port']}"}
        return self._to_origin(origin, {**host, **headers}, *viewer)


def _label(headers: Any) -> Any:
    return app._parse_cloudfront_dataplane_host(headers.get("host", ""))


def isolate(label_of: Callable[[str], str | None]) -> None:
    """Let nothing in but programs on this machine, and browsers at the sandbox's own site."""
    app.app = _beside("isolation.py")["Isolation"](app.app, int(app._resolve_port()), label_of)


def converse_with_stand_in() -> None:
    """Let Bedrock's Converse API answer with a stand-in for a model, as ministack's own one uses no tools.

    It takes the permission bedrock:InvokeModel, as on AWS; ministack knows it by the operation's own name:
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
    """
    bedrock_runtime._proxy_openai_chat_message = _beside("stand_in_model.py")["openai_message"]
    match = iam_actions._match_rest_action
    iam_actions._match_rest_action = lambda *request: {"Converse": "InvokeModel"}.get(name := match(*request), name)


def be_unkind(folder: Path) -> None:
    """Let it be as slow and as moody as AWS, by the manners that are set in a folder."""
    manners, ministack = _beside("manners.py"), _beside("ministack_manners.py")
    file = ministack["MannersFile"](folder, manners["FILE"], manners["Manners"].read)
    ministack["Unkind"](file).install()


def _beside(name: str) -> dict[str, Any]:
    """Run a file that lies beside this one, which is on no module search path."""
    return runpy.run_path(str(Path(__file__).with_name(name)))


if __name__ == "__main__":
    # It notes its own id, so that it is found again even where the one that starts it is killed just then.
    record, build = sys.argv[1:]
    del sys.argv[1:]
    Path(record).write_text(f"{os.getpid()} {build}", encoding="utf-8")
    BoundedQueries().install()
    Distributions().install()
    WholeSessions().install()
    _beside("ministack_echoes.py")["install"]()
    answer_at_once()
    converse_with_stand_in()
    aliases = _beside("cdn_aliases.py")["Aliases"]()
    aliases.install()
    be_unkind(Path.cwd())
    isolate(aliases.label)
    app.main()
