"""The list of releases, and the way back to one of them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from operations import releases
from operations.releases import UnknownRelease, print_releases, recorded_releases, version_of
from releasing.project import CouldNotLook


def record(number: int, version: str, **changed: Any) -> dict[str, Any]:
    return {
        "release": f"r{number}",
        "released_at": "2026-11-24T06:12:56Z",
        "released_by": "user/ada",
        "commit": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "dirty": False,
        "renderer": {"version": version, "build_id": "x", "rolled_back": False},
        "static_files": {},
        "invalidated": ["/admin.html", "/experiments/*"],
        **changed,
    }


RELEASES = [record(9, "4"), record(8, "7", dirty=True), record(7, "6", commit="", invalidated=[])]


@pytest.mark.parametrize(("wanted", "version"), [("r8", "7"), ("r9", "4"), ("8", "8"), ("123", "123")])
def test_a_release_leads_to_its_version_and_a_version_to_itself(wanted: str, version: str) -> None:
    assert version_of(wanted, RELEASES) == version


@pytest.mark.parametrize("wanted", ["", "r1", "r10", "latest", "-1", "r8; rm", "٣r"])
def test_anything_else_is_told_with_what_there_is(wanted: str) -> None:
    with pytest.raises(UnknownRelease, match=r"no release on record \(r7 to r9\)"):
        version_of(wanted, RELEASES)


def test_each_release_is_a_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    print_releases(RELEASES, "production")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(RELEASES)
    assert "r9       2026-11-24 06:12 " in lines[1]
    assert "9f86d081884c " in lines[1]
    assert "9f86d081884c-dirty" in lines[2]
    assert "unknown" in lines[3]
    assert "nothing" in lines[3]


def test_a_stack_without_releases_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_releases([], "production")
    assert capsys.readouterr().out == "Nothing has been released on production yet.\n"


def test_a_missing_permission_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Denying:
        def query(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "Query")

    monkeypatch.setattr(releases, "configuration", lambda *_: {})
    monkeypatch.setattr(releases, "outputs_of", lambda *_: {"table_name": "experiments"})
    monkeypatch.setattr(releases, "connected", lambda *_: Denying())
    with pytest.raises(CouldNotLook, match="experiments can't be read: AccessDeniedException; it takes dynamodb:Query"):
        recorded_releases("production", 0)
