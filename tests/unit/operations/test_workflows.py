"""GitHub's workflows: what they may do, what they run, and who gets credentials."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from operations.preview_summary import marker
from sandbox.engine import VERSION

ROOT = Path(__file__).parent.parent.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))

READ = {"contents": "read"}
# Every job's permissions, whole: what isn't granted here is granted nowhere.
PERMISSIONS = {
    ("test", "test"): READ,
    ("pull-request", "test"): READ,
    ("pull-request", "preview"): {**READ, "id-token": "write", "pull-requests": "write"},
    ("deploy", "test"): READ,
    ("deploy", "deploy"): {**READ, "id-token": "write"},
    ("deploy", "verify"): {**READ, "id-token": "write"},
    ("verify", "delivery"): {**READ, "id-token": "write"},
    ("verify", "verify"): {**READ, "id-token": "write", "issues": "write"},
}
SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"
OWNERS = {"actions", "aws-actions", "pulumi"}


def workflow(name: str) -> dict[str, Any]:
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def triggers(name: str) -> dict[str, Any]:
    """What starts a workflow; YAML reads the key `on` as true."""
    declared: Any = {str(key): value for key, value in workflow(name).items()}["True"]
    return dict(declared)


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for file in WORKFLOWS:
        for name, job in workflow(file.stem)["jobs"].items():
            yield file.stem, name, job


def steps() -> Iterator[dict[str, Any]]:
    for _, _, job in jobs():
        yield from job.get("steps", [])
    for file in ACTIONS:
        yield from yaml.safe_load(file.read_text(encoding="utf-8"))["runs"]["steps"]


def step(workflow_name: str, job: str, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]]
    found = [each for each in workflow(workflow_name)["jobs"][job]["steps"] if each.get("name") == name]
    (only,) = found
    return only


def commands(workflow_name: str, job: str) -> str:
    return "\n".join(each.get("run", "") for each in workflow(workflow_name)["jobs"][job]["steps"])


def test_every_job_has_just_the_permissions_it_needs() -> None:
    assert {(file, name): job.get("permissions") for file, name, job in jobs()} == PERMISSIONS
    for file in WORKFLOWS:
        assert workflow(file.stem)["permissions"] == {}


def test_pull_requests_run_with_their_own_rights_never_with_the_repositorys() -> None:
    for file in WORKFLOWS:
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & triggers(file.stem).keys()


def test_forks_get_the_tests_and_no_credentials() -> None:
    assert "pull_request" in triggers("pull-request")
    assert "if" not in workflow("pull-request")["jobs"]["test"]
    for file, name, job in jobs():
        if "pull_request" in triggers(file) and "write" in job["permissions"].values():
            assert job["if"] == SAME_REPOSITORY, name


def test_no_secret_is_kept_or_printed() -> None:
    """Credentials come by OIDC alone; what a job may print, it was never given."""
    for file in [*WORKFLOWS, *ACTIONS]:
        text = file.read_text(encoding="utf-8")
        assert "secrets." not in text, file.name
        assert not re.search(r"secrets: *inherit|aws-secret-access-key|PULUMI_ACCESS_TOKEN|PASSPHRASE", text), file.name
        assert not re.search(r"(echo|printf|cat)\b.*(TOKEN|AWS_SECRET|AWS_SESSION)|\bset -x|printenv", text), file.name


def test_checkouts_leave_no_token_behind() -> None:
    checkouts = [each for each in steps() if each.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(each["with"]["persist-credentials"] is False for each in checkouts)


def test_scripts_take_values_of_others_making_as_variables_not_as_code() -> None:
    for each in steps():
        assert "${{" not in each.get("run", ""), each["run"]


def test_actions_are_their_makers_own_and_pinned_to_a_release() -> None:
    """By commit hash, with the release beside it; tags can be moved."""
    pinned = re.compile(r"uses: (?P<owner>[\w-]+)/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    for file in [*WORKFLOWS, *ACTIONS]:
        for line in file.read_text(encoding="utf-8").splitlines():
            if "uses:" in line and "uses: ./" not in line:
                found = pinned.fullmatch(line.strip().removeprefix("- "))
                assert found, f"{file.name}: {line.strip()}"
                assert found["owner"] in OWNERS


def test_pulumis_version_is_that_of_the_sandbox() -> None:
    (install,) = [each for each in steps() if each.get("uses", "").startswith("pulumi/actions@")]
    assert install["with"]["pulumi-version"] == VERSION
    assert "command" not in install["with"]


def test_no_job_runs_for_hours() -> None:
    for file, name, job in jobs():
        assert "uses" in job or job["timeout-minutes"] <= 60, f"{file}: {name}"


def test_pull_requests_and_deployments_run_every_test() -> None:
    assert "make test" in commands("test", "test")
    for file in ("pull-request", "deploy"):
        assert workflow(file)["jobs"]["test"]["uses"] == "./.github/workflows/test.yml"


def test_caches_are_keyed_by_the_lock_files_and_never_feed_a_job_with_credentials() -> None:
    caches = [(job, each) for _, _, job in jobs() for each in job.get("steps", []) if "cache@" in each.get("uses", "")]
    for job, cache in caches:
        assert {"uv.lock", "lambda/requirements.txt"} <= set(re.findall(r"'([^']+)'", cache["with"]["key"]))
        assert "restore-keys" not in cache["with"]
        assert "id-token" not in job["permissions"]
    assert caches


def test_main_is_tested_then_deployed_then_verified_one_push_at_a_time() -> None:
    deploy = workflow("deploy")
    assert triggers("deploy").keys() == {"push", "workflow_dispatch"}
    assert triggers("deploy")["push"] == {"branches": ["main"]}
    assert deploy["concurrency"] == {"group": "deploy-production", "cancel-in-progress": False}
    assert deploy["jobs"]["deploy"]["needs"] == "test"
    assert deploy["jobs"]["deploy"]["environment"] == "production"
    assert deploy["jobs"]["verify"]["needs"] == "deploy"
    assert "pulumi up --stack production --yes" in commands("deploy", "deploy")
    assert "make verify STACK=production" in commands("deploy", "verify")


def test_roles_that_write_are_for_one_job_each() -> None:
    writing = {("deploy", "deploy"): "AWS_DEPLOY_ROLE_ARN", ("verify", "delivery"): "AWS_USAGE_ROLE_ARN"}
    for file, name, job in jobs():
        roles = [
            each["with"]["role"] for each in job.get("steps", []) if each.get("uses") == "./.github/actions/sign-in"
        ]
        assert all(writing.get((file, name), "AWS_READ_ROLE_ARN") in role for role in roles)
        assert bool(roles) == ("id-token" in job["permissions"])


def test_production_is_verified_daily_and_by_hand() -> None:
    (schedule,) = triggers("verify")["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", schedule["cron"])
    assert "workflow_dispatch" in triggers("verify")
    assert "make verify STACK=production" in commands("verify", "verify")


def test_what_the_cdn_delivers_is_noted_daily() -> None:
    assert "make delivery STACK=production" in commands("verify", "delivery")


def test_every_script_is_one_that_bash_reads() -> None:
    for each in steps():
        if "run" in each:
            check = subprocess.run(["bash", "-n"], input=each["run"], capture_output=True, text=True, check=False)
            assert check.returncode == 0, check.stderr


@dataclass(frozen=True)
class Runner:
    """Runs a step's script as GitHub does, with commands that stand in for the real ones."""

    folder: Path

    def stand_in(self, command: str, script: str) -> None:
        """Put a command of that name on PATH; it also notes what it was called with."""
        file = self.folder / "bin" / command
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'#!/bin/bash\necho "{command} $*" >> "{self.folder}/calls"\n{script}\n')
        file.chmod(0o755)

    def run(self, script: str, **variables: str) -> int:
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "GITHUB_OUTPUT": str(self.folder / "output"), **variables}
        return subprocess.run(["bash", "-e", "-c", script], cwd=self.folder, env=environment, check=False).returncode

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.mark.parametrize(
    ("found", "last_call"),
    [
        ("", "gh api --silent --method POST repos/o/r/issues/7/comments --field body=@comment.md"),
        ("11\n12", "gh api --silent --method PATCH repos/o/r/issues/comments/11 --field body=@comment.md"),
    ],
)
def test_a_pull_request_gets_one_comment_that_is_updated(runner: Runner, found: str, last_call: str) -> None:
    comment = step("pull-request", "preview", "Comment")
    assert marker("production") in comment["run"]
    runner.stand_in("gh", f'[[ "$*" == *--paginate* ]] && echo "{found}" || true')
    assert runner.run(comment["run"], REPOSITORY="o/r", PULL_REQUEST="7") == 0
    assert "repos/o/r/issues/7/comments" in runner.calls[0]
    assert runner.calls[1:] == [last_call]


def test_a_listing_that_fails_adds_no_second_comment(runner: Runner) -> None:
    runner.stand_in("gh", "exit 1")
    assert runner.run(step("pull-request", "preview", "Comment")["run"], REPOSITORY="o/r", PULL_REQUEST="7") != 0
    assert len(runner.calls) == 1


@pytest.mark.parametrize("found", ["", "5"])
def test_drift_opens_an_issue_or_comments_on_the_open_one(runner: Runner, found: str) -> None:
    report = step("verify", "verify", "Report the drift")
    assert report["if"] == "steps.verify.outputs.code == '1'"
    runner.stand_in("gh", f'[[ "$*" == *--paginate* ]] && echo "{found}" || true')
    assert runner.run(report["run"], GH_REPO="o/r", TITLE="drifted") == 0
    opened, commented = (
        "gh issue create --title drifted --body-file issue.md",
        "gh issue comment 5 --body-file issue.md",
    )
    assert runner.calls[1:] == [commented if found else opened]


@pytest.mark.parametrize("code", [0, 1, 2])
def test_the_verification_hands_its_code_on_whatever_it_is(runner: Runner, code: int) -> None:
    runner.stand_in("make", f"echo verified; exit {2 if code else 0}")
    python = runner.folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/bash\necho issue\nexit {code}\n")
    python.chmod(0o755)
    assert runner.run(step("verify", "verify", "Verify")["run"], LOG_URL="https://log") == 0
    assert (runner.folder / "output").read_text() == f"code={code}\n"
    assert (runner.folder / "verify.txt").read_text() == "verified\n"
    assert (runner.folder / "issue.md").read_text() == "issue\n"
