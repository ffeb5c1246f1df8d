"""What users get: what a release has to show, and the content of each file that the CDN serves."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from components.static_site import site_files
from operations.checks.check import Check
from operations.checks.differences import difference
from operations.checks.target import Target
from releasing.lambda_package import hex_sha256
from releasing.proof import AT_ONCE, expectations
from releasing.record import RECORD_KEY, as_json
from releasing.served import get


def served_checks(target: Target) -> Iterator[Check]:
    """Compare the builds that answer, and the files that are served, with git's."""
    files = {key: file.read_bytes() for key, file in site_files(target.static_files)}
    files |= {**target.configuration, RECORD_KEY: as_json(target.release).encode()}
    site_url = target.outputs["dashboard_url"].rstrip("/")
    content = {
        "api_url": target.outputs["api_url"].rstrip("/"),
        "site_url": site_url,
        "build_id": target.package.sha256,
        "static_files": {f"/{key}": hex_sha256(file) for key, file in files.items()},
    }
    by_name = {f"CDN /{key}": (key, file) for key, file in files.items()}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for expectation, found in pool.map(lambda each: (each, each.look()), expectations(content)):
            ok, detail = found == expectation.expected, ""
            if not ok and expectation.name in by_name:
                key, file = by_name[expectation.name]
                detail = difference(key, file, get(f"{site_url}/{quote(key)}").content)
            yield Check(expectation.name, ok, expectation.expected, found, detail)
