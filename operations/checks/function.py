"""The functions: the code that Lambda holds, the version that users are led to, the configuration of both."""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.admin_api import admin_api_configuration
from components.released_function import Configuration
from components.renderer import renderer_configuration
from operations.checks.check import Check, compared
from operations.checks.differences import archive_files, different_files
from operations.checks.target import Target
from releasing.lambda_package import ARCHITECTURE, RUNTIME, LambdaPackage
from releasing.project import CouldNotLook
from releasing.proof import LIVE_ALIAS
from releasing.served import get


@dataclass(frozen=True)
class Declared:
    """A function as the program declares it."""

    package: LambdaPackage
    """Its archive, built from the source at hand."""
    name: str
    version: str
    configuration: Configuration

    @property
    def described(self) -> dict[str, Any]:
        """What Lambda says of it, in Lambda's words."""
        return {
            "Runtime": RUNTIME,
            "Architectures": [ARCHITECTURE],
            "Handler": self.configuration.handler,
            "MemorySize": self.configuration.memory_mb,
            "Timeout": self.configuration.timeout_seconds,
        }

    @property
    def variables(self) -> dict[str, Any]:
        """Its environment as Lambda has it, sorted."""
        return dict(sorted({**self.configuration.environment, "BUILD_ID": self.package.sha256}.items()))


def renderer_checks(target: Target) -> Iterator[Check]:
    """Compare the renderer with git, and what a release made of it."""
    yield from _function_checks(target, _renderer(target), "")
    yield compared("rollback", "none", _rollback(target))
    recorded = target.outputs["renderer_code_sha256"]
    yield compared("output renderer_code_sha256", target.package.sha256, recorded)


def admin_api_checks(target: Target) -> Iterator[Check]:
    """Compare the admin API with git."""
    yield from _function_checks(target, _admin_api(target), "admin API's ")


def _function_checks(target: Target, declared: Declared, whose: str) -> Iterator[Check]:
    """Compare `$LATEST`, the alias and the version behind it with git and with the stack's outputs."""
    function = target.functions.get_function_configuration(FunctionName=declared.name)
    yield from _code_checks(declared.package, f"{whose}function", function)
    yield from _configuration_checks(declared, f"{whose}function", function)

    alias = target.functions.get_alias(FunctionName=declared.name, Name=LIVE_ALIAS)
    number = alias["FunctionVersion"]
    yield compared(f"{whose}alias {LIVE_ALIAS}", f"version {declared.version}", _destination(alias))

    version = target.functions.get_function(FunctionName=declared.name, Qualifier=number)
    label = f"{whose}version {number}"
    yield from _code_checks(declared.package, label, version["Configuration"])
    yield from _configuration_checks(declared, label, version["Configuration"])
    yield _file_check(declared.package, label, version["Code"]["Location"])


def _rollback(target: Target) -> str:
    renderer = target.release["renderer"]
    if not renderer["rolled_back"]:
        return "none"
    return f"release {target.release['release']} went back to version {renderer['version']}"


def _code_checks(package: LambdaPackage, label: str, found: Mapping[str, Any]) -> Iterator[Check]:
    last_modified = f"last modified {found['LastModified']}"
    yield compared(f"{label} CodeSha256", package.sha256, found["CodeSha256"], last_modified)
    yield compared(f"{label} CodeSize", package.path.stat().st_size, found["CodeSize"])


def _configuration_checks(declared: Declared, label: str, found: Mapping[str, Any]) -> Iterator[Check]:
    for name, value in declared.described.items():
        yield compared(f"{label} {name}", value, found.get(name))
    variables = dict(sorted(found.get("Environment", {}).get("Variables", {}).items()))
    yield compared(f"{label} Environment", declared.variables, variables)


def _renderer(target: Target) -> Declared:
    outputs = target.outputs
    told = {name: outputs[name] for name in ("media_bucket", "table_name")}
    return Declared(
        package=target.package,
        name=outputs["renderer_function"],
        version=outputs["renderer_version"],
        configuration=renderer_configuration(target.settings, **told),
    )


def _admin_api(target: Target) -> Declared:
    outputs = target.outputs
    told = (
        *("admin_function", "api_id", "dead_letter_queue_url", "job_queue_url", "media_bucket", "renderer_function"),
        "table_name",
    )
    return Declared(
        package=target.admin_package,
        name=outputs["admin_function"],
        version=outputs["admin_version"],
        configuration=admin_api_configuration(target.settings, **{name: outputs[name] for name in told}),
    )


def _destination(alias: Mapping[str, Any]) -> str:
    """Where an alias leads; it may send a share of the requests to a second version."""
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    shares = [f"{weight:.0%} to version {number}" for number, weight in weights.items()]
    return ", ".join([f"version {alias['FunctionVersion']}", *shares])


def _file_check(package: LambdaPackage, label: str, location: str) -> Check:
    """Download the code that Lambda holds, and compare it file by file."""
    answer = get(location)
    if answer.status_code != 200:
        raise CouldNotLook(f"The code of {label} can't be downloaded: status {answer.status_code}.")
    git = archive_files(package.path.read_bytes())
    name, expected = f"{label} files", f"the {len(git)} files of lambda/"
    try:
        different = different_files(git, archive_files(answer.content))
    except zipfile.BadZipFile:
        return Check(name, ok=False, expected=expected, found="no zip")
    if not different:
        return Check(name, ok=True, expected=expected, found=expected)
    found = f"{len(different)} that differ: {', '.join(different)}"
    return Check(name, ok=False, expected=expected, found=found, detail="\n".join(different.values()))
