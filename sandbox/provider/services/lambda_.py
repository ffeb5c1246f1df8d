"""Lambda: functions with their versions, layers, aliases, permissions."""

import json
from collections.abc import Iterable
from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource
from sandbox.provider.shape import AWS_DECIDES, Block, Field, Values

INVOCATION = "arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"
# A function's inputs that go with its code; all others but the ones below go with its configuration.
CODE_INPUTS = frozenset({"code", "sourceCodeHash", "codeSha256", "architectures"})
UNVERSIONED_INPUTS = frozenset({"tags", "publish", "region"})
# What Lambda says of a role that IAM has only just made.
NEW_ROLE = ("InvalidParameterValueException: .*cannot be assumed.*",)


class Function(Resource):
    """A function; with `publish`, each change of its code or configuration becomes a version."""

    updates = "update_{}_configuration"
    found_in = "Configuration"
    inputs = {
        "name": Field(aws="FunctionName"),
        **dict.fromkeys(("role", "handler", "runtime", "code", "sourceCodeHash")),
        "description": "",
        "layers": Values(ordered=True),
        "memorySize": 128,
        "timeout": 3,
        "environment": Block({"variables": Field({})}, default={"variables": {}}),
        "snapStart": Block({"applyOn": None}, default={"applyOn": "None"}),
        "tracingConfig": Block({"mode": None}, default={"mode": "PassThrough"}),
        "loggingConfig": Block(
            {
                "logFormat": None,
                **dict.fromkeys(("logGroup", "applicationLogLevel", "systemLogLevel"), AWS_DECIDES),
            },
            default=AWS_DECIDES,
        ),
        "architectures": Values(["x86_64"]),
        "codeSha256": AWS_DECIDES,
        "publish": False,
    }
    identity = "{name}"
    outputs = {
        "arn": "Configuration.FunctionArn",
        "codeSha256": "Configuration.CodeSha256",
        "invokeArn": INVOCATION,
        "lastModified": "Configuration.LastModified",
        "version": "",
        "qualifiedArn": "{arn}:{version}",
        "qualifiedInvokeArn": INVOCATION.replace("{arn}", "{qualifiedArn}"),
        "responseStreamingInvokeArn": INVOCATION.replace("/invocations", "/response-streaming-invocations"),
        "sourceCodeSize": "Configuration.CodeSize",
    }
    tagged = True
    bears = {"creates": NEW_ROLE, "updates": NEW_ROLE}
    waits_for = "the function to be active, not for a version that is published with it"
    differs_in = "a failed update, which brings the code anew even where only publishing failed"

    def create(self, aws: Aws, inputs: Properties) -> str:
        code, tags = {"ZipFile": inputs["code"].zip_bytes()}, self.tags_at_creation(aws, inputs)
        self.call(aws, "creates", _without_code(inputs), Code=code, **tags)
        return self.identifier(aws, inputs)

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        aws.wait("lambda", "function_active_v2", FunctionName=identifier)
        super().complete(aws, identifier, inputs)

    def further(self, aws: Aws, identifier: str, state: Properties, answer: Any) -> dict[str, Any]:
        """Those of its newest version among them; of a function without versions that is `$LATEST`."""
        pages = aws.client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=identifier)
        newest = [str(each["Version"]) for page in pages for each in page["Versions"]][-1]
        return super().further(aws, identifier, {**state, "version": newest}, answer)

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        client = aws.client("lambda")
        if "tags" in changed:
            self.change_tags(aws, identifier, known, inputs)
        if changed - CODE_INPUTS - UNVERSIONED_INPUTS:
            self.call(aws, "updates", _without_code(inputs))
            aws.wait("lambda", "function_updated_v2", FunctionName=identifier)
        if changed & CODE_INPUTS:
            architectures = inputs.get("architectures", self.own.fields["architectures"].default)
            code = {"ZipFile": inputs["code"].zip_bytes(), "Architectures": architectures}
            client.update_function_code(FunctionName=identifier, **code)
            aws.wait("lambda", "function_updated_v2", FunctionName=identifier)
        if inputs.get("publish") and changed - (UNVERSIONED_INPUTS - {"publish"}):
            version = client.publish_version(FunctionName=identifier)["Version"]
            aws.wait("lambda", "function_updated", FunctionName=identifier, Qualifier=version)

    def taken_for_done(self, inputs: Properties) -> Properties:
        """The official provider takes back what AWS doesn't tell of (resetNonRefreshableAttributes)."""
        return {name: value for name, value in inputs.items() if name not in ("code", "sourceCodeHash")}

    def unknown_after(self, changed: set[str], known: Properties) -> Iterable[str]:
        if not changed - UNVERSIONED_INPUTS:
            return ()
        code = ("codeSha256", "sourceCodeSize") if changed & CODE_INPUTS else ()
        version = ("qualifiedArn", "qualifiedInvokeArn", "version") if known.get("publish") else ()
        return ("lastModified", *code, *version)


class LayerVersion(Resource):
    """A version of a layer; nothing of it can be changed."""

    creates = "publish_{}"
    id_at = "LayerVersionArn"
    inputs = {
        **dict.fromkeys(("layerName", "code", "sourceCodeHash")),
        **dict.fromkeys(("compatibleRuntimes", "compatibleArchitectures"), Values()),
        "description": "",
    }
    replaced_by = frozenset(inputs)
    outputs = {
        "arn": "LayerVersionArn",
        "layerArn": "LayerArn",
        "version": "Version",
        "codeSha256": "Content.CodeSha256",
        "sourceCodeSize": "Content.CodeSize",
        "createdDate": "CreatedDate",
    }

    def create(self, aws: Aws, inputs: Properties) -> str:
        return str(self.call(aws, "creates", inputs, Content={"ZipFile": inputs["code"].zip_bytes()})[self.id_at])

    def address(self, aws: Aws, which: str, identifier: str, known: Properties) -> dict[str, Any]:
        if which == "creates":
            return {}
        _, name, version = identifier.rsplit(":", 2)
        return {"LayerName": name, "VersionNumber": int(version)}

    def further(self, aws: Aws, identifier: str, state: Properties, answer: Any) -> dict[str, Any]:
        outputs = super().further(aws, identifier, state, answer)
        return {**outputs, "version": str(outputs["version"]), "layerName": identifier.rsplit(":", 2)[1]}


class Alias(Resource):
    """A name for one of a function's versions."""

    id_at = "AliasArn"
    inputs = {"name": None, "functionName": None, "functionVersion": None, "description": ""}
    import_ids = ("{functionName}/{name}",)
    replaced_by = frozenset({"functionName", "name"})
    outputs = {"arn": "AliasArn", "invokeArn": INVOCATION}
    differs_in = "its import, there by ARN, too"

    def identifier(self, aws: Aws, inputs: Properties) -> str:
        """The ARN of an alias is known once it is there."""
        return str(inputs.get("arn", ""))


class Permission(Resource):
    """A statement of a function's policy; nothing of it can be changed."""

    creates, reads, deletes = "add_{}", "get_policy", "remove_{}"
    inputs = {
        "function": Field(aws="FunctionName"),
        **dict.fromkeys(("statementId", "action", "principal", "sourceArn", "qualifier")),
    }
    identity = "{statementId}"
    import_ids = ("{function}:{qualifier}/{statementId}", "{function}/{statementId}")
    replaced_by = frozenset(inputs)
    named_by = "statementId"
    bears = {"creates": ("ResourceNotFoundException",)}
    differs_in = "a statement that is there already: refused at once, there after five minutes"

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        address = self.address(aws, "reads", identifier, known)
        policy = json.loads(aws.client("lambda").get_policy(**address)["Policy"])
        statement = next((each for each in policy["Statement"] if each["Sid"] == identifier), None)
        if statement is None:
            return None
        principal, conditions = statement["Principal"], statement.get("Condition", {})
        return {
            "statementId": identifier,
            "action": statement["Action"],
            "function": known["function"],
            "principal": principal if isinstance(principal, str) else next(iter(principal.values())),
            "sourceArn": next((each["AWS:SourceArn"] for each in conditions.values() if "AWS:SourceArn" in each), None),
            "qualifier": known.get("qualifier"),
        }


def _without_code(inputs: Properties) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if name != "code"}
