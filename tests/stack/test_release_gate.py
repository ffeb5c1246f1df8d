"""Broken builds on the real engine: the release gate stops each, and whoever looks at the site never sees it."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.project_copy import ProjectCopy

RENDERER = "lambda/index_ssr.py"
FEWEST_REQUESTS = 2000


@dataclass
class Visitor:
    """Someone who reloads the page through the CDN without a pause, and what they have seen."""

    project: ProjectCopy
    url: str
    builds: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    requests: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Reload until told to stop."""
        while not self._stopped.is_set():
            self._look()

    def wait_for(self, requests: int) -> None:
        """Let it be looked at so many times at least."""
        while self.requests < requests and not self._stopped.is_set():
            self._stopped.wait(0.05)

    def stop(self) -> None:
        """Let them go on their way."""
        self._stopped.set()

    def _look(self) -> None:
        try:
            page = self.project.get(self.url)
            text, status = page.text, page.status_code
        except OSError as error:
            text, status = str(error), 0
        builds = set(re.findall(r"[A-Za-z0-9+/]{43}=", text))
        self.requests += 1
        self.builds |= builds
        if status != 200 or len(builds) != 1 or not text.rstrip().endswith("</html>"):
            self.failures.append(f"{status}: {text[:200]}")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectCopy]:
    project = ProjectCopy.make(tmp_path_factory.mktemp("gate") / "project")
    project.run("up")
    yield project
    project.close()


@pytest.fixture(scope="module")
def visitor(project: ProjectCopy) -> Iterator[Visitor]:
    visitor = Visitor(project, project.outputs()["dashboard_url"])
    thread = threading.Thread(target=visitor.watch)
    thread.start()
    yield visitor
    visitor.stop()
    thread.join()


def _syntax_error(project: ProjectCopy) -> None:
    _append(project, RENDERER, "def broken(:\n")


def _import_error(project: ProjectCopy) -> None:
    _append(project, RENDERER, "import no_such_module\n")


def _missing_dependency(project: ProjectCopy) -> None:
    requirements = project.folder / "lambda" / "requirements.txt"
    entries = re.split(r"\n(?=\S)", requirements.read_text())
    requirements.write_text("\n".join(entry for entry in entries if not entry.startswith("jinja2==")))


def _template_error(project: ProjectCopy) -> None:
    _append(project, "lambda/renderer/templates/layout.html", "{{ no_such_field }}\n")


def _answer_500(project: ProjectCopy) -> None:
    _append(project, RENDERER, "def handler(event, context):\n    return {'statusCode': 500, 'body': 'broken'}\n")


def _time_out(project: ProjectCopy) -> None:
    project.configure(rendererTimeoutSeconds=1)
    _append(project, RENDERER, "import time\n\ndef handler(event, context):\n    time.sleep(20)\n")


def _previous_build_id(project: ProjectCopy) -> None:
    build = project.outputs()["renderer_code_sha256"]
    _append(project, RENDERER, f"services().release = type(services().release)({build!r}, '12', 'sandbox')\n")


def _missing_permission(project: ProjectCopy) -> None:
    project.edit("components/renderer.py", '["dynamodb:GetItem", "dynamodb:Query"]', '["dynamodb:GetItem"]')


@pytest.mark.parametrize(
    ("break_it", "check", "reason"),
    [
        (_syntax_error, "start", "SyntaxError|syntax"),
        (_import_error, "start", "no_such_module"),
        (_missing_dependency, "start", "jinja2"),
        (_template_error, "page", "no_such_field"),
        (_answer_500, "health", "status 500"),
        (_time_out, "health", "timed out"),
        (_previous_build_id, "health", "build id"),
        (_missing_permission, "health", "AccessDenied"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else None,
)
def test_a_broken_build_is_stopped_and_the_next_good_one_is_released(
    project: ProjectCopy, visitor: Visitor, break_it: Callable[[ProjectCopy], None], check: str, reason: str
) -> None:
    good = _sources(project)
    before = project.outputs()
    seen = visitor.builds.copy()

    break_it(project)
    message = project.fail("up")

    assert f"the {check} check expected" in message
    assert re.search(reason, message), message
    _expect_the_reason_at_the_end(message)
    assert "Traceback" not in message.split("The last lines of its log")[0]
    assert project.outputs()["renderer_version"] == before["renderer_version"]

    for name, content in good.items():
        (project.folder / name).write_bytes(content)
    _append(project, RENDERER, f"MENDED_AFTER = {break_it.__name__!r}\n")
    project.run("up")

    outputs = project.outputs()
    visitor.wait_for(visitor.requests + 10)
    assert visitor.failures == []
    assert visitor.builds <= seen | {before["renderer_code_sha256"], outputs["renderer_code_sha256"]}
    assert outputs["renderer_code_sha256"] in project.get(outputs["dashboard_url"]).text


def test_nobody_saw_a_failure_in_all_that_time(visitor: Visitor) -> None:
    visitor.wait_for(FEWEST_REQUESTS)
    assert visitor.requests >= FEWEST_REQUESTS
    assert visitor.failures == []


def _expect_the_reason_at_the_end(message: str) -> None:
    """Whole, once, with what to do; what came before it is the progress."""
    progress, _, end = message.rpartition("\nerror: ")
    assert "check expected" in end
    assert "check expected" not in progress
    assert "Outputs:" not in message
    assert end.rstrip().splitlines()[-1] == "Mend that, then deploy again: it goes on from here."


def _append(project: ProjectCopy, name: str, text: str) -> None:
    with (project.folder / name).open("a", encoding="utf-8") as file:
        file.write(f"\n{text}")


def _sources(project: ProjectCopy) -> dict[str, bytes]:
    names = ("Pulumi.sandbox.yaml", RENDERER, "lambda/requirements.txt", "lambda/renderer/templates/layout.html")
    return {name: (project.folder / name).read_bytes() for name in (*names, "components/renderer.py")}
