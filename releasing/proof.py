"""The proof of a release: what users have to get, and what they get otherwise.

The deployment proves it at its end; `make verify` looks at the same again at any time.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import botocore.exceptions
import requests

from releasing.served import (
    ADMIN_HEALTH,
    REFUSED,
    Unreachable,
    get,
    shown_build,
    shown_by_file,
    shown_by_health,
    shown_by_page,
    shown_file,
    shown_to_strangers,
)

LIVE_ALIAS = "live"
AT_ONCE = 8


class NotServed(Exception):  # noqa: N818 reads better where it is raised
    """Users get something else than git says; the message names each difference."""


@dataclass(frozen=True)
class Expectation:
    """Something that users get, what it has to show, and how to look at it."""

    name: str
    expected: str
    look: Callable[[], str]

    @classmethod
    def of_url(cls, name: str, url: str, expected: str, shown: Callable[[requests.Response], str]) -> "Expectation":
        """What a URL has to answer."""
        return cls(name, expected, lambda: shown(get(url)))

    def difference(self) -> str:
        """What was found instead; empty where it is as expected."""
        try:
            found = self.look()
        except Unreachable as reason:
            found = str(reason)
        except botocore.exceptions.ClientError as error:
            found = f"{error.operation_name} failed with {error.response['Error']['Code']}"
        return "" if found == self.expected else f"{self.name}: expected {self.expected}; found {found}"


def differences(props: Mapping[str, Any], functions: Any) -> list[str]:
    """What users get otherwise than a release says, a line for each; `functions` is Lambda's client."""
    # Of the admin API nothing shows without a token what it is.
    alias = Expectation(
        f"{props['admin_function']} {LIVE_ALIAS}",
        _live(props["admin_version"], props["admin_build_id"]),
        lambda: _found_live(functions, props["admin_function"]),
    )
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(Expectation.difference, [*expectations(props), alias]))
    return [difference for difference in found if difference]


def expectations(props: Mapping[str, Any]) -> Iterator[Expectation]:
    """What URLs have to answer, for a release as `ReleaseProof` declares it."""
    url, build = Expectation.of_url, shown_build(props["build_id"])
    for way, base in (("API", props["api_url"]), ("CDN", props["site_url"])):
        yield url(f"{way} /health", f"{base}/health", build, shown_by_health)
        yield url(f"{way} /", f"{base}/", build, shown_by_page)
        yield url(f"{way} {ADMIN_HEALTH} without a token", base + ADMIN_HEALTH, REFUSED, shown_to_strangers)
    for path, sha256 in props["static_files"].items():
        yield url(f"CDN {path}", props["site_url"] + quote(path), shown_file(sha256), shown_by_file)


def _found_live(functions: Any, function: str) -> str:
    found = functions.get_function_configuration(FunctionName=function, Qualifier=LIVE_ALIAS)
    return _live(found["Version"], found["CodeSha256"])


def _live(version: str, build_id: str) -> str:
    return f"version {version}, build id {build_id}"
