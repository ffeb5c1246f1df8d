"""The comment on a pull request: what `pulumi preview --json` means for the site, above the preview itself.

    python -m operations.preview_summary --stack production preview.json [--base REF] > comment.md

Everything is taken from the preview but one thing: which of a function's files changed. Pulumi's state holds the hash
of a function's archive alone, so that comes from git.
"""

import argparse
import html
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pulumi.runtime.rpc import UNKNOWN

from operations.markdown import bullets, code, code_block, codes
from operations.preview import Change, Preview, PreviewError, Step
from releasing.invalidation import EVERYTHING, changed_paths
from releasing.record import RECORD_KEY

# What GitHub answers to a longer one: "Body is too long (maximum is 65536 characters)".
# https://docs.github.com/rest/issues/comments#create-an-issue-comment
COMMENT_LIMIT = 65_536
MESSAGES_LIMIT = 4_000
SOURCE_FOLDER = "lambda"
FOLDER = code(f"{SOURCE_FOLDER}/")

FUNCTION = "aws:lambda/function:Function"
STATIC_FILE = "aws:s3/bucketObject:BucketObject"
INVALIDATION = "pulumi-python:dynamic:Invalidation"

# In the order of their weight: the engine's operation, and how it is counted.
COUNTED = {
    "replace": "**{} to replace**",
    "delete": "**{} to delete**",
    "update": "{} to update",
    "create": "{} to create",
    "same": "{} unchanged",
}
FILE_CHANGES = {
    Change.CREATED: "added",
    Change.DELETED: "**removed**",
    Change.REPLACED: "**replaced**",
    Change.UPDATED: "changed",
}
GIT_STATUS = {"A": "added", "D": "removed", "M": "changed", "T": "changed"}


@dataclass(frozen=True)
class Origin:
    """Where a preview comes from; each may be unknown, and empty then."""

    stack: str
    commit: str = ""
    log_url: str = ""
    """Where the whole preview is printed."""


@dataclass(frozen=True)
class SourceChanges:
    """The files below `lambda/` that git says differ from a base."""

    base: str
    """The base's commit, abbreviated."""
    files: dict[str, str]
    """Each file and what became of it."""

    @classmethod
    def since(cls, base: str) -> "SourceChanges":
        """Compare the working tree, which is what a preview previews, with a commit.

        Raises:
            LookupError: git doesn't know the commit, or this is no checkout; the message is git's.

        """
        commit = _git("rev-parse", "--short", "--verify", "--end-of-options", f"{base}^{{commit}}").strip()
        fields = _git("diff", "-z", "--name-status", "--no-renames", commit, "--", SOURCE_FOLDER).split("\0")
        statuses, names = fields[:-1:2], fields[1::2]
        return cls(commit, {name: GIT_STATUS.get(status, status) for status, name in zip(statuses, names, strict=True)})


def comment(text: str, origin: Origin, source: SourceChanges | None = None) -> str:
    """The comment on what `pulumi preview --json` printed; `source` is None where no base was given.

    Never longer than GitHub allows: first the preview itself is cut, and the comment says so.
    """
    head = f"{marker(origin.stack)}\n### {_title(origin)}"
    try:
        preview = Preview.parse(text)
    except PreviewError:
        return f"{head}\n\n**There is no preview: it failed before it began.** {_where(origin)}\n"
    summary = "\n\n".join([head, *_sections(preview, source)])
    return _fitted(summary, _as_reported(preview), origin)


def marker(stack: str) -> str:
    """The invisible first line by which a stack's comment is found again, to be updated."""
    return f"<!-- pulumi-preview: {html.escape(stack)} -->"


def _title(origin: Origin) -> str:
    return f"Preview of {code(origin.stack)}" + (f" at {code(origin.commit[:12])}" if origin.commit else "")


def _where(origin: Origin) -> str:
    log = f"[the workflow's log](<{origin.log_url}>)" if origin.log_url else "the workflow's log"
    return f"All that was printed is in {log}."


def _sections(preview: Preview, source: SourceChanges | None) -> Iterator[str]:
    if preview.errors:
        yield "**The preview failed.** What follows is what was known by then."
        yield _messages(preview.errors)
    elif not preview.changes:
        yield "**Nothing would change**: this is what was deployed last, as far as the stack's state knows."
    if preview.warnings:
        yield f"#### Warnings\n\n{_messages(preview.warnings)}"
    yield _counts(preview)
    yield from _replaced_or_deleted(preview)
    yield from _functions(preview, source)
    yield from _static_files(preview)
    yield from _invalidation(preview)
    yield from _updated_or_created(preview)


def _messages(messages: Sequence[str]) -> str:
    whole = "\n".join(messages)
    return code_block(whole if len(whole) <= MESSAGES_LIMIT else f"{whole[:MESSAGES_LIMIT]}… (cut)")


def _counts(preview: Preview) -> str:
    known = [phrase.format(preview.counts[op]) for op, phrase in COUNTED.items() if preview.counts.get(op)]
    others = [f"{count} {code(op)}" for op, count in sorted(preview.counts.items()) if op not in COUNTED and count]
    return f"Resources: {', '.join(known + others) or 'none'}."


def _replaced_or_deleted(preview: Preview) -> Iterator[str]:
    lines = [
        f"**{step.change.value}: {code(step.name)}** ({code(step.type)}){_because(step)}"
        for step in preview.changes
        if step.change in (Change.REPLACED, Change.DELETED)
    ]
    if lines:
        yield f"#### Replaced or deleted\n\n{bullets(lines, most=None)}"


def _because(step: Step) -> str:
    return f", because of {codes(step.reasons)}" if step.reasons else ""


def _functions(preview: Preview, source: SourceChanges | None) -> Iterator[str]:
    """What becomes of the code of each Lambda function, and the files that git says made the difference."""
    steps = [step for step in _of_type(preview, FUNCTION) if _has_new_code(step)]
    if steps:
        yield f"#### Code of the Lambda functions\n\n{bullets([_new_code(step) for step in steps])}"
        yield _source_files(source, is_update=any(step.old_inputs for step in steps))
    elif source and source.files and not preview.errors:
        yield (
            f"#### Code of the Lambda functions\n\nNo function's code would change, though files below {FOLDER} "
            f"differ from {code(source.base)} (says git): {codes(list(source.files))}. "
            "They are deployed already, or no part of a function's archive."
        )


def _has_new_code(step: Step) -> bool:
    after = step.new_inputs.get("codeSha256")
    return bool(after) and after != step.old_inputs.get("codeSha256")


def _new_code(step: Step) -> str:
    before, after = step.old_inputs.get("codeSha256"), code(step.new_inputs["codeSha256"])
    if not before:
        return f"{code(step.name)} is new: CodeSha256 {after}"
    return f"{code(step.name)} changed: CodeSha256 {code(before)} → {after}"


def _source_files(source: SourceChanges | None, is_update: bool) -> str:
    if source is None:
        return "Which files made the difference, the preview doesn't know; given `--base`, git is asked."
    if source.files:
        files = bullets([f"{code(name)} {change}" for name, change in source.files.items()])
        return f"Files below {FOLDER} that differ from {code(source.base)}, says git:\n\n{files}"
    consequence = "what was deployed last was not made of that commit, or was packed otherwise."
    no_difference = f"Git sees no difference below {FOLDER} from {code(source.base)}"
    return f"**{no_difference}**: {consequence}" if is_update else f"{no_difference}."


def _static_files(preview: Preview) -> Iterator[str]:
    lines = [
        f"{code(_url_path(step))} {_file_change(step, step.change)}"
        for step in _of_type(preview, STATIC_FILE)
        if step.change and _url_path(step) != f"/{RECORD_KEY}"
    ]
    if lines:
        yield f"#### Static files\n\n{bullets(lines)}"


def _url_path(step: Step) -> str:
    key = (step.new_inputs or step.old_inputs).get("key") or step.name
    return f"/{key}"


def _file_change(step: Step, change: Change) -> str:
    same_content = step.old_inputs.get("sourceHash") == step.new_inputs.get("sourceHash")
    if change is Change.UPDATED and same_content:
        return f"keeps its content, but for {codes(step.reasons) or 'its settings'}"
    return FILE_CHANGES[change]


def _invalidation(preview: Preview) -> Iterator[str]:
    lines = [_invalidated(step) for step in _of_type(preview, INVALIDATION)]
    # Of a preview that failed, it isn't known that there is none.
    if lines or (preview.changes and not preview.errors):
        yield f"#### Invalidated paths\n\n{' '.join(lines) or 'None.'}"


def _invalidated(step: Step) -> str:
    if step.change is Change.DELETED:
        return "None, now or later: the stack would no longer invalidate anything."
    if step.change is not Change.UPDATED:
        if step.new_inputs.get("distribution_id") == UNKNOWN:
            return "None: a new CDN holds nothing yet."
        return f"{code(EVERYTHING)}, as the CDN was there before, and nobody knows what it holds."
    try:
        paths = changed_paths(step.old_outputs, step.new_inputs)
    except KeyError as missing:
        return f"Not known: what was deployed last has no {code(str(missing))} to compare with."
    if not paths:
        return "No further ones; an invalidation that an earlier deployment began is waited for."
    return codes(paths)


def _updated_or_created(preview: Preview) -> Iterator[str]:
    lines = [
        f"{step.change.value}: {code(step.name)} ({code(step.type)}){_because(step)}"
        for step in preview.changes
        if step.change in (Change.UPDATED, Change.CREATED) and step.type not in (STATIC_FILE, INVALIDATION)
    ]
    if lines:
        yield f"#### Updated or created\n\n{bullets(lines)}"


def _of_type(preview: Preview, type_: str) -> Iterable[Step]:
    return (step for step in preview.changes if step.type == type_)


def _as_reported(preview: Preview) -> str:
    """The engine's own report on what changes, less dependencies, outputs and the program's stack traces."""
    kept = ("op", "urn", "diffReasons", "replaceReasons", "detailedDiff")
    steps = [
        {
            **{key: step.recorded[key] for key in kept if step.recorded.get(key)},
            **{state: {"inputs": step.recorded[state].get("inputs")} for state in _states(step)},
        }
        for step in preview.changes
    ]
    return json.dumps({"steps": steps, "changeSummary": preview.counts}, indent=2, ensure_ascii=False)


def _states(step: Step) -> list[str]:
    return [state for state in ("oldState", "newState") if step.recorded.get(state)]


def _fitted(summary: str, reported: str, origin: Origin) -> str:
    """Summary and report, of which as much is shown as there is room for."""
    label = "The preview itself: inputs before and after"
    whole = _with_details(summary, label, code_block(reported, "json"))
    if len(whole) <= COMMENT_LIMIT:
        return whole
    label += f"; cut, of its {len(reported):,} characters the first ones are shown"
    note = f"**Cut here, for want of room.** {_where(origin)}"
    fence = len(code_block(reported, "json")) - len(reported)
    shown = _whole_lines(reported, COMMENT_LIMIT - len(_with_details(summary, label, note)) - fence - len("\n\n"))
    if shown:
        return _with_details(summary, label, code_block(shown, "json"), note)
    return f"{_whole_lines(summary, COMMENT_LIMIT - len(note) - 3)}\n\n{note}\n"


def _with_details(summary: str, label: str, *content: str) -> str:
    return "\n\n".join([summary, f"<details>\n<summary>{label}</summary>", *content, "</details>\n"])


def _whole_lines(text: str, room: int) -> str:
    """As many lines as there is room for."""
    return text if len(text) <= room else text[: max(room, 0)].rpartition("\n")[0]


def _git(*arguments: str) -> str:
    result = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if result.returncode:
        raise LookupError(result.stderr.strip())
    return result.stdout


def main() -> int:
    """Print the comment; exit code 2 where it can't be made, with the reason."""
    arguments = _parse_arguments()
    origin = Origin(arguments.stack, arguments.commit, arguments.log_url)
    try:
        text = arguments.preview.read_text(encoding="utf-8")
        source = SourceChanges.since(arguments.base) if arguments.base else None
    except (OSError, LookupError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(comment(text, origin, source))
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m operations.preview_summary", description=__doc__)
    parser.add_argument("preview", type=Path, help="the file that holds what pulumi preview --json printed")
    parser.add_argument("--stack", required=True, help="the stack's name")
    parser.add_argument("--base", default="", help="the commit that changed files are told from, by git")
    parser.add_argument("--commit", default="", help="the commit that was previewed, to be named")
    parser.add_argument("--log-url", default="", help="where the whole preview is printed, to be linked")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
