"""The renderer's function: the code that Lambda holds, the version that users are led to, the configuration of both."""

import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from components.lambda_package import ARCHITECTURE, RUNTIME
from components.renderer import HANDLER, LIVE_ALIAS
from components.served import get
from operations.checks.check import Check, CouldNotLook, compared
from operations.checks.differences import archive_files, different_files
from operations.checks.target import Target


def function_checks(target: Target) -> Iterator[Check]:
    """Compare `$LATEST`, the alias and the version behind it with git and with the stack's outputs."""
    name = target.outputs["renderer_function"]
    function = target.functions.get_function_configuration(FunctionName=name)
    yield from _code_checks(target, "function", function)
    yield from _configuration_checks(target, "function", function)

    alias = target.functions.get_alias(FunctionName=name, Name=LIVE_ALIAS)
    number = alias["FunctionVersion"]
    yield compared(f"alias {LIVE_ALIAS}", f"version {target.outputs['renderer_version']}", _destination(alias))

    version = target.functions.get_function(FunctionName=name, Qualifier=number)
    label = f"version {number}"
    yield from _code_checks(target, label, version["Configuration"])
    yield from _configuration_checks(target, label, version["Configuration"])
    yield _file_check(target, label, version["Code"]["Location"])

    yield compared("rollback", "none", _rollback(target))
    recorded = target.outputs["renderer_code_sha256"]
    yield compared("output renderer_code_sha256", target.package.sha256, recorded)


def _rollback(target: Target) -> str:
    renderer = target.release["renderer"]
    if not renderer["rolled_back"]:
        return "none"
    return f"release {target.release['release']} went back to version {renderer['version']}"


def _code_checks(target: Target, label: str, found: Mapping[str, Any]) -> Iterator[Check]:
    last_modified = f"last modified {found['LastModified']}"
    yield compared(f"{label} CodeSha256", target.package.sha256, found["CodeSha256"], last_modified)
    yield compared(f"{label} CodeSize", target.package.path.stat().st_size, found["CodeSize"])


def _configuration_checks(target: Target, label: str, found: Mapping[str, Any]) -> Iterator[Check]:
    settings = target.settings
    yield compared(f"{label} Runtime", RUNTIME, found.get("Runtime"))
    yield compared(f"{label} Architectures", [ARCHITECTURE], found.get("Architectures"))
    yield compared(f"{label} Handler", HANDLER, found.get("Handler"))
    yield compared(f"{label} MemorySize", settings.renderer_memory_mb, found.get("MemorySize"))
    yield compared(f"{label} Timeout", settings.renderer_timeout_seconds, found.get("Timeout"))
    variables = dict(sorted(found.get("Environment", {}).get("Variables", {}).items()))
    yield compared(f"{label} Environment", _environment(target), variables)


def _environment(target: Target) -> dict[str, str]:
    return {
        "BUILD_ID": target.package.sha256,
        "MEDIA_BUCKET": target.outputs["media_bucket"],
        "PRICES": target.settings.prices,
        "SITE_URL": target.settings.public_url,
        "STACK": target.settings.stack,
        "TABLE_NAME": target.outputs["table_name"],
    }


def _destination(alias: Mapping[str, Any]) -> str:
    """Where an alias leads; it may send a share of the requests to a second version."""
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    shares = [f"{weight:.0%} to version {number}" for number, weight in weights.items()]
    return ", ".join([f"version {alias['FunctionVersion']}", *shares])


def _file_check(target: Target, label: str, location: str) -> Check:
    """Download the code that Lambda holds, and compare it file by file."""
    answer = get(location)
    if answer.status_code != 200:
        raise CouldNotLook(f"The code of {label} can't be downloaded: status {answer.status_code}.")
    git = archive_files(target.package.path.read_bytes())
    name, expected = f"{label} files", f"the {len(git)} files of lambda/"
    try:
        different = different_files(git, archive_files(answer.content))
    except zipfile.BadZipFile:
        return Check(name, ok=False, expected=expected, found="no zip")
    if not different:
        return Check(name, ok=True, expected=expected, found=expected)
    found = f"{len(different)} that differ: {', '.join(different)}"
    return Check(name, ok=False, expected=expected, found=found, detail="\n".join(different.values()))
