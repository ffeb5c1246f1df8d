"""The comment on a pull request, made from recorded previews.

`recordings/` holds what `pulumi preview --json` of engine 3.250.0 printed for the sandbox's stack after edits of the
project: as it was, but without the configuration, stack traces, most resources that stay the same, and the states of
resource types that the comment does not look into.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from operations.preview_summary import COMMENT_LIMIT, Origin, SourceChanges, comment, marker

RECORDINGS = Path(__file__).parent / "recordings"
ROOT = Path(__file__).parent.parent.parent.parent
SANDBOX = Origin("sandbox", commit="0123456789abcdef", log_url="https://github.com/o/r/actions/runs/1")
SOURCE = SourceChanges("abc1234", {"lambda/index_ssr.py": "changed", "lambda/new.py": "added"})


def recording(name: str) -> str:
    return (RECORDINGS / f"{name}.json").read_text(encoding="utf-8")


def edited(name: str, **changes: Any) -> str:
    return json.dumps({**json.loads(recording(name)), **changes})


def static_file(key: str, **inputs: str) -> dict[str, Any]:
    urn = f"urn:pulumi:sandbox::ai-video-codec-dashboard::aws:s3/bucketObject:BucketObject::{key}"
    return {"op": "create", "urn": urn, "newState": {"inputs": {"key": key, **inputs}}, "detailedDiff": None}


def invalidation_step() -> dict[str, Any]:
    """What a changed renderer does to the invalidation."""
    steps: list[dict[str, Any]] = json.loads(recording("renderer-changed"))["steps"]
    (step,) = [step for step in steps if "Invalidation::" in step["urn"]]
    return step


def section(text: str, title: str) -> str:
    """What stands below a heading."""
    assert f"#### {title}\n" in text, text
    return text.partition(f"#### {title}\n")[2].partition("\n####")[0].partition("<details>")[0].strip()


def test_the_comment_begins_with_the_marker_by_which_it_is_found_again() -> None:
    text = comment(recording("nothing-changed"), SANDBOX)
    assert text.startswith("<!-- pulumi-preview: sandbox -->\n### Preview of `sandbox` at `0123456789ab`\n")


def test_nothing_to_change_is_said_in_so_many_words() -> None:
    text = comment(recording("nothing-changed"), SANDBOX)
    assert "**Nothing would change**" in text
    assert "Resources: 39 unchanged." in text
    assert "Invalidated" not in text


def test_a_changed_renderer_shows_its_hashes_its_files_and_the_rendered_paths() -> None:
    text = comment(recording("renderer-changed"), SANDBOX, SOURCE)
    functions = section(text, "Code of the Lambda functions")
    assert "`renderer` changed: CodeSha256 `IViuO+fM" in functions
    assert "differ from `abc1234`, says git:\n\n- `lambda/index_ssr.py` changed\n- `lambda/new.py` added" in functions
    assert section(text, "Invalidated paths") == "`/`, `/experiments/*`, `/health`"
    assert "updated: `live` (`aws:lambda/alias:Alias`)" in section(text, "Updated or created")
    assert "Resources: 3 to update, 36 unchanged." in text


def test_without_a_base_the_comment_says_that_the_files_are_not_known() -> None:
    text = comment(recording("renderer-changed"), SANDBOX)
    assert "the preview doesn't know" in section(text, "Code of the Lambda functions")


def test_code_that_differs_though_git_sees_no_change_is_an_alarm() -> None:
    text = comment(recording("renderer-changed"), SANDBOX, SourceChanges("abc1234", {}))
    assert "**Git sees no difference below `lambda/` from `abc1234`**" in text


def test_changed_source_that_changes_no_function_is_explained() -> None:
    text = comment(recording("nothing-changed"), SANDBOX, SOURCE)
    assert "No function's code would change, though files below `lambda/` differ from `abc1234`" in text


def test_a_change_of_the_functions_settings_is_no_change_of_its_code() -> None:
    text = comment(recording("table-replaced"), SANDBOX)
    assert "Code of the Lambda functions" not in text
    assert "updated: `renderer` (`aws:lambda/function:Function`), because of `environment`" in text


def test_static_files_are_listed_as_changed_added_and_removed() -> None:
    text = comment(recording("static-files-changed"), SANDBOX)
    files = section(text, "Static files")
    assert files == "- `/added.txt` added\n- `/admin.html` changed\n- `/favicon.svg` **removed**"
    assert section(text, "Invalidated paths") == "`/added.txt`, `/admin.html`, `/favicon.svg`"
    assert "Code of the Lambda functions" not in text


def test_the_record_that_a_release_writes_is_none_of_gits_files() -> None:
    steps = [*json.loads(recording("static-files-changed"))["steps"], static_file("release.json")]
    text = comment(edited("static-files-changed", steps=steps), SANDBOX)
    assert "release.json" not in section(text, "Static files")
    assert "release.json" not in section(text, "Invalidated paths")


def test_a_build_that_is_known_after_the_gate_alone_is_another_one() -> None:
    steps = json.loads(recording("renderer-changed"))["steps"]
    (invalidation,) = (step for step in steps if step["op"] == "update" and "Invalidation" in step["urn"])
    invalidation["newState"]["inputs"]["rendered_by"] = UNKNOWN
    text = comment(edited("renderer-changed", steps=steps), SANDBOX)
    assert section(text, "Invalidated paths") == "`/`, `/experiments/*`, `/health`"


def test_both_kinds_are_one_invalidation() -> None:
    text = comment(recording("renderer-and-static-files-changed"), SANDBOX, SOURCE)
    paths = ("/added.txt", "/admin.html", "/favicon.svg", "/", "/experiments/*", "/health")
    assert section(text, "Invalidated paths") == ", ".join(f"`{path}`" for path in paths)


def test_many_files_are_one_wildcard() -> None:
    text = comment(recording("many-files-added"), SANDBOX)
    assert section(text, "Static files").count("added") == 20
    assert section(text, "Invalidated paths") == "`/*`"


def test_a_first_deployment_invalidates_nothing() -> None:
    text = comment(recording("first-deployment"), SANDBOX, SOURCE)
    assert "Resources: 39 to create." in text
    assert "`renderer` is new" in section(text, "Code of the Lambda functions")
    assert section(text, "Invalidated paths") == "None: a new CDN holds nothing yet."
    unchanged = comment(recording("first-deployment"), SANDBOX, SourceChanges("abc1234", {}))
    assert "was deployed last" not in unchanged


def test_a_cdn_that_was_there_before_its_invalidation_forgets_everything() -> None:
    text = comment(edited("renderer-changed", steps=[{**invalidation_step(), "op": "create"}]), SANDBOX)
    assert section(text, "Invalidated paths").startswith("`/*`, as the CDN was there before")


def test_a_build_that_only_the_deployment_will_tell_invalidates_the_rendered_paths() -> None:
    step = invalidation_step()
    step["newState"]["inputs"]["rendered_by"] = UNKNOWN
    text = comment(edited("renderer-changed", steps=[step]), SANDBOX)
    assert section(text, "Invalidated paths") == "`/`, `/experiments/*`, `/health`"


def test_paths_that_found_no_room_are_shown_again() -> None:
    step = invalidation_step()
    step["oldState"]["outputs"] |= {"status": "Pending", "paths": ["/admin.html"]}
    step["newState"]["inputs"] = step["oldState"]["inputs"]
    text = comment(edited("renderer-changed", steps=[step]), SANDBOX)
    assert section(text, "Invalidated paths") == "`/admin.html`"


def test_what_is_replaced_is_bold_with_its_reason() -> None:
    text = comment(recording("table-replaced"), SANDBOX)
    assert "Resources: **1 to replace**, 5 to update, 33 unchanged." in text
    replaced = section(text, "Replaced or deleted")
    assert replaced == "- **replaced: `experiments`** (`aws:dynamodb/table:Table`), because of `name`"


def test_what_is_deleted_is_bold() -> None:
    text = comment(recording("invalidation-removed"), SANDBOX)
    assert "Resources: **2 to delete**, 37 unchanged." in text
    deleted = section(text, "Replaced or deleted")
    assert "- **deleted: `ai-video-codec-dashboard-sandbox-content`** (`pulumi-python:dynamic:Invalidation`)" in deleted


def test_every_deleted_resource_is_named_however_many_there_are() -> None:
    steps = [{**static_file(f"page-{number}.html"), "op": "delete"} for number in range(200)]
    deleted = section(comment(edited("nothing-changed", steps=steps), SANDBOX), "Replaced or deleted")
    assert all(f"**deleted: `page-{number}.html`**" in deleted for number in range(200))


def test_a_replacement_in_several_steps_is_one() -> None:
    (replaced,) = [step for step in json.loads(recording("table-replaced"))["steps"] if step["op"] == "replace"]
    steps = [{**replaced, "op": op} for op in ("create-replacement", "replace", "delete-replaced")]
    text = comment(edited("table-replaced", steps=steps), SANDBOX)
    assert text.count("**replaced: `experiments`**") == 1


def test_a_file_whose_settings_alone_change_keeps_its_content() -> None:
    (step,) = [step for step in json.loads(recording("static-files-changed"))["steps"] if "admin.html" in step["urn"]]
    step["newState"]["inputs"]["sourceHash"] = step["oldState"]["inputs"]["sourceHash"]
    step["diffReasons"] = ["cacheControl"]
    text = comment(edited("static-files-changed", steps=[step]), SANDBOX)
    assert section(text, "Static files") == "- `/admin.html` keeps its content, but for `cacheControl`"


def test_an_invalidation_left_in_progress_is_waited_for() -> None:
    step = invalidation_step()
    step["newState"]["inputs"] = step["oldState"]["inputs"]
    text = comment(edited("renderer-changed", steps=[step]), SANDBOX)
    assert "an earlier deployment began is waited for" in section(text, "Invalidated paths")


def test_a_state_of_another_shape_is_no_crash() -> None:
    step = invalidation_step()
    step["oldState"]["outputs"] = {}
    text = comment(edited("renderer-changed", steps=[step]), SANDBOX)
    assert "Not known" in section(text, "Invalidated paths")


def test_a_failed_preview_says_so_first_and_why() -> None:
    text = comment(recording("program-failed"), SANDBOX)
    assert "**The preview failed.**" in text.partition("Resources:")[0]
    assert "error: the program is broken" in text
    assert "Nothing would change" not in text


def test_a_failed_preview_claims_nothing_that_it_did_not_get_to_know() -> None:
    failed = json.loads(recording("program-failed"))["diagnostics"]
    for text in (recording("program-failed"), edited("table-replaced", diagnostics=failed)):
        shown = comment(text, SANDBOX, SOURCE)
        assert "No function's code would change" not in shown
        assert "Invalidated paths" not in shown


def test_warnings_are_shown() -> None:
    warning = {"message": "warning: the stack has pending operations", "severity": "warning"}
    text = comment(edited("nothing-changed", diagnostics=[warning]), SANDBOX)
    assert "the stack has pending operations" in section(text, "Warnings")


@pytest.mark.parametrize("printed", ["", "error: no credentials", "[]", "{}", "3", '{"steps": [{"urn": "x"}]}', "null"])
def test_what_is_no_preview_is_a_comment_that_says_so_and_where_to_look(printed: str) -> None:
    text = comment(printed, SANDBOX)
    assert text.startswith(marker("sandbox"))
    assert "**There is no preview: it failed before it began.**" in text
    assert "[the workflow's log](<https://github.com/o/r/actions/runs/1>)" in text


def test_the_preview_itself_is_folded_below_the_summary() -> None:
    text = comment(recording("table-replaced"), SANDBOX)
    summary, _, details = text.partition("<details>")
    assert "other-experiments" not in summary
    assert '"name": "other-experiments"' in details
    reported = json.loads(details.partition("```json\n")[2].partition("\n```")[0])
    assert {step["op"] for step in reported["steps"]} == {"replace", "update"}
    assert details.endswith("\n</details>\n")


@pytest.mark.parametrize("name_length", [10, 1000])
@pytest.mark.parametrize("op", ["create", "delete"])
def test_a_comment_is_never_longer_than_github_allows_and_says_where_it_is_cut(name_length: int, op: str) -> None:
    steps = [{**static_file(f"{'x' * name_length}-{number}.html"), "op": op} for number in range(1000)]
    text = comment(edited("nothing-changed", steps=steps), SANDBOX)
    assert len(text) <= COMMENT_LIMIT
    assert "**Cut here, for want of room.** All that was printed is in [the workflow's log]" in text
    assert text.count("<details>") == text.count("</details>")


def test_a_cut_preview_is_used_up_to_the_limit_and_its_fence_is_closed() -> None:
    steps = [static_file(f"page-{number}.html", contentType="`" * 50) for number in range(1000)]
    text = comment(edited("nothing-changed", steps=steps), SANDBOX)
    assert COMMENT_LIMIT - 1000 < len(text) <= COMMENT_LIMIT
    assert f"\n{'`' * 51}\n" in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<img src=x>.html", "`/<img src=x>.html` added"),
        ("a`b.html", "``/a`b.html`` added"),
        ("a|b*c*_d_.html", "`/a|b*c*_d_.html` added"),
        ("@everyone #1.html", "`/@everyone #1.html` added"),
        ("a\n\n# b.html", "`/a\\n\\n# b.html` added"),
    ],
)
def test_names_are_shown_as_they_are_and_format_nothing(name: str, shown: str) -> None:
    text = comment(edited("nothing-changed", steps=[static_file(name)]), SANDBOX)
    assert section(text, "Static files") == f"- {shown}"


def test_a_stack_name_does_not_end_its_marker() -> None:
    assert marker("x --> y").count("-->") == 1


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git checkout whose working tree differs from its only commit."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "lambda"
    folder.mkdir()
    for name in ("kept.py", "changed.py", "gone.py"):
        (folder / name).write_text("before\n")
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *command], check=True)
    (folder / "changed.py").write_text("after\n")
    (folder / "gone.py").unlink()
    (folder / "grün.py").write_text("new\n")
    (tmp_path / "elsewhere.py").write_text("new\n")
    subprocess.run(["git", "add", "."], check=True)
    return tmp_path


def test_git_says_which_source_files_changed(checkout: Path) -> None:
    source = SourceChanges.since("HEAD")
    assert source.files == {"lambda/changed.py": "changed", "lambda/gone.py": "removed", "lambda/grün.py": "added"}
    assert len(source.base) >= 7


def test_an_unknown_base_is_an_error_in_one_line(checkout: Path) -> None:
    preview = RECORDINGS / "renderer-changed.json"
    result = run_command("--stack", "sandbox", str(preview), "--base", "no-such-commit", folder=checkout)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_the_command_prints_the_comment(checkout: Path) -> None:
    preview = RECORDINGS / "renderer-changed.json"
    result = run_command("--stack", "sandbox", str(preview), "--base", "HEAD", folder=checkout)
    assert result.returncode == 0, result.stderr
    assert result.stdout == comment(recording("renderer-changed"), Origin("sandbox"), SourceChanges.since("HEAD"))


def run_command(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "operations.preview_summary", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
