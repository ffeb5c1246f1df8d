"""Lambda: functions with their versions, layers, aliases, permissions."""

import json
from collections.abc import Iterable
from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.errors import patiently
from sandbox.provider.resource import Properties, Resource, superfluous_tags
from sandbox.provider.shape import AWS_DECIDES, Block, Field, Values

POLL = {"Delay": 0.25, "MaxAttempts": 1200}
X86 = ["x86_64"]
# What Lambda says of a role that IAM has only just made.
NEW_ROLE = ("InvalidParameterValueException",)
# A function's inputs that go with its code; all others but the ones below go with its configuration.
CODE_INPUTS = frozenset({"code", "sourceCodeHash", "codeSha256", "architectures"})
UNVERSIONED_INPUTS = frozenset({"tags", "reservedConcurrentExecutions", "publish", "region"})

CONFIGURATION = Block(
    fields={
        "name": Field(aws="FunctionName", required=True),
        "role": Field(aws="Role", required=True),
        "handler": Field(aws="Handler", required=True),
        "runtime": Field(aws="Runtime", required=True),
        "description": Field(aws="Description", default=""),
        "layers": Values(aws="Layers", ordered=True),
        "memorySize": Field(aws="MemorySize", default=128),
        "timeout": Field(aws="Timeout", default=3),
        "environment": Block(
            aws="Environment",
            fields={"variables": Field(aws="Variables", default={})},
            default={"variables": {}},
        ),
        "snapStart": Block(
            aws="SnapStart", fields={"applyOn": Field(aws="ApplyOn", required=True)}, default={"applyOn": "None"}
        ),
        "tracingConfig": Block(
            aws="TracingConfig", fields={"mode": Field(aws="Mode", required=True)}, default={"mode": "PassThrough"}
        ),
        "loggingConfig": Block(
            aws="LoggingConfig",
            fields={
                "logFormat": Field(aws="LogFormat", required=True),
                "logGroup": Field(aws="LogGroup", default=AWS_DECIDES),
                "applicationLogLevel": Field(aws="ApplicationLogLevel", default=AWS_DECIDES),
                "systemLogLevel": Field(aws="SystemLogLevel", default=AWS_DECIDES),
            },
            default=AWS_DECIDES,
        ),
    }
)


class Function(Resource):
    """A function; with `publish`, each change of its code or configuration becomes a version."""

    tokens = ("aws:lambda/function:Function",)
    inputs = Block(
        fields={
            **CONFIGURATION.fields,
            "architectures": Values(default=X86),
            "code": Field(required=True),
            "sourceCodeHash": Field(),
            "codeSha256": Field(default=AWS_DECIDES),
            "publish": Field(default=False),
            "reservedConcurrentExecutions": Field(default=-1),
        }
    )
    identity = ("name",)
    computed = (
        "arn",
        "codeSha256",
        "invokeArn",
        "lastModified",
        "qualifiedArn",
        "qualifiedInvokeArn",
        "responseStreamingInvokeArn",
        "sourceCodeSize",
        "tagsAll",
        "version",
    )
    tagged = True

    def create(self, aws: Aws, inputs: Properties) -> str:
        request = {
            **CONFIGURATION.to_aws(inputs),
            "Architectures": inputs.get("architectures", X86),
            "Code": {"ZipFile": inputs["code"].zip_bytes()},
            "Publish": inputs.get("publish", False),
            "Tags": aws.tags(inputs),
        }
        patiently(lambda: aws.client("lambda").create_function(**request), *NEW_ROLE, saying="cannot be assumed")
        return str(inputs["name"])

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        """Wait for the function itself; a version that is published with it may be pending for minutes more."""
        aws.client("lambda").get_waiter("function_active_v2").wait(FunctionName=identifier, WaiterConfig=POLL)
        if inputs.get("reservedConcurrentExecutions", -1) >= 0:
            self._reserve(aws, identifier, inputs)

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        client = aws.client("lambda")
        response = client.get_function(FunctionName=identifier)
        function = response["Configuration"]
        arn = function["FunctionArn"]
        version = self._newest(aws, identifier)
        return {
            **CONFIGURATION.from_aws({**function, "Layers": [each["Arn"] for each in function.get("Layers", [])]}),
            "architectures": function.get("Architectures", X86),
            "reservedConcurrentExecutions": response.get("Concurrency", {}).get("ReservedConcurrentExecutions", -1),
            "arn": arn,
            "codeSha256": function["CodeSha256"],
            "invokeArn": _invoke_arn(aws, arn),
            "lastModified": function["LastModified"],
            "qualifiedArn": f"{arn}:{version}",
            "qualifiedInvokeArn": _invoke_arn(aws, f"{arn}:{version}"),
            "responseStreamingInvokeArn": _invoke_arn(aws, arn).replace(
                "/invocations", "/response-streaming-invocations"
            ),
            "sourceCodeSize": function["CodeSize"],
            "version": version,
            "tagsAll": response.get("Tags", {}),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        client = aws.client("lambda")
        if "tags" in changed:
            tags = aws.tags(inputs)
            if keys := superfluous_tags(known, tags):
                client.untag_resource(Resource=known["arn"], TagKeys=keys)
            if tags:
                client.tag_resource(Resource=known["arn"], Tags=tags)
        if changed - CODE_INPUTS - UNVERSIONED_INPUTS:
            request = CONFIGURATION.to_aws(inputs)
            patiently(lambda: client.update_function_configuration(**request), *NEW_ROLE, saying="cannot be assumed")
            self._wait_until_updated(aws, identifier)
        if changed & CODE_INPUTS:
            client.update_function_code(
                FunctionName=identifier,
                ZipFile=inputs["code"].zip_bytes(),
                Architectures=inputs.get("architectures", X86),
            )
            self._wait_until_updated(aws, identifier)
        if "reservedConcurrentExecutions" in changed:
            self._reserve(aws, identifier, inputs)
        if inputs.get("publish") and changed - (UNVERSIONED_INPUTS - {"publish"}):
            self._publish(aws, identifier)

    def taken_for_done(self, inputs: Properties) -> Properties:
        """The official provider takes back what AWS doesn't tell of (resetNonRefreshableAttributes)."""
        return {name: value for name, value in inputs.items() if name not in ("code", "sourceCodeHash")}

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        """Delete it with all its versions."""
        aws.client("lambda").delete_function(FunctionName=identifier)

    def unknown_after(self, changed: set[str], known: Properties) -> Iterable[str]:
        if not changed - UNVERSIONED_INPUTS:
            return ()
        code = ("codeSha256", "sourceCodeSize") if changed & CODE_INPUTS else ()
        version = ("qualifiedArn", "qualifiedInvokeArn", "version") if known.get("publish") else ()
        return ("lastModified", *code, *version)

    def _wait_until_updated(self, aws: Aws, name: str) -> None:
        aws.client("lambda").get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=POLL)

    def _reserve(self, aws: Aws, name: str, inputs: Properties) -> None:
        client, reserved = aws.client("lambda"), inputs.get("reservedConcurrentExecutions", -1)
        if reserved < 0:
            client.delete_function_concurrency(FunctionName=name)
        else:
            client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)

    def _publish(self, aws: Aws, name: str) -> None:
        client = aws.client("lambda")
        version = client.publish_version(FunctionName=name)["Version"]
        client.get_waiter("function_updated").wait(FunctionName=name, Qualifier=version, WaiterConfig=POLL)

    def _newest(self, aws: Aws, name: str) -> str:
        """The number of the newest version; that of a function without versions is `$LATEST`."""
        pages = aws.client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=name)
        return [str(each["Version"]) for page in pages for each in page["Versions"]][-1]


class LayerVersion(Resource):
    """A version of a layer; nothing of it can be changed."""

    tokens = ("aws:lambda/layerVersion:LayerVersion",)
    inputs = Block(
        fields={
            "layerName": Field(required=True),
            "code": Field(required=True),
            "sourceCodeHash": Field(),
            "compatibleRuntimes": Values(),
            "compatibleArchitectures": Values(),
            "description": Field(default=""),
            "skipDestroy": Field(default=False),
        }
    )
    replace_on = frozenset(inputs.fields) - {"skipDestroy"}
    computed = ("arn", "codeSha256", "createdDate", "layerArn", "sourceCodeSize", "version")

    def create(self, aws: Aws, inputs: Properties) -> str:
        response = aws.client("lambda").publish_layer_version(
            LayerName=inputs["layerName"],
            Description=inputs.get("description", ""),
            Content={"ZipFile": inputs["code"].zip_bytes()},
            CompatibleRuntimes=inputs.get("compatibleRuntimes", []),
            CompatibleArchitectures=inputs.get("compatibleArchitectures", []),
        )
        return str(response["LayerVersionArn"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        layer_arn, name, version = _layer_parts(identifier)
        layer = aws.client("lambda").get_layer_version(LayerName=name, VersionNumber=int(version))
        return {
            "layerName": name,
            "compatibleRuntimes": layer.get("CompatibleRuntimes", []),
            "compatibleArchitectures": layer.get("CompatibleArchitectures", []),
            "description": layer.get("Description", ""),
            "arn": identifier,
            "layerArn": layer_arn,
            "version": version,
            "codeSha256": layer["Content"]["CodeSha256"],
            "sourceCodeSize": layer["Content"]["CodeSize"],
            "createdDate": layer["CreatedDate"],
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        """What can be changed, AWS knows nothing of."""

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        if not known.get("skipDestroy"):
            _, name, version = _layer_parts(identifier)
            aws.client("lambda").delete_layer_version(LayerName=name, VersionNumber=int(version))


class Alias(Resource):
    """A name for one of a function's versions."""

    tokens = ("aws:lambda/alias:Alias",)
    _alias = Block(
        fields={
            "name": Field(aws="Name", required=True),
            "functionVersion": Field(aws="FunctionVersion", required=True),
            "description": Field(aws="Description", default=""),
        }
    )
    inputs = Block(fields={**_alias.fields, "functionName": Field(required=True)})
    identity = ("functionName", "name")
    imported_as = "(?P<functionName>[^/]+)/(?P<name>.+)"
    computed = ("arn", "invokeArn")

    def create(self, aws: Aws, inputs: Properties) -> str:
        response = aws.client("lambda").create_alias(FunctionName=inputs["functionName"], **self._alias.to_aws(inputs))
        return str(response["AliasArn"])

    def identifier(self, inputs: Properties) -> str:
        """The ARN of an alias is known once it is there."""
        return str(inputs.get("arn", ""))

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        alias = aws.client("lambda").get_alias(FunctionName=known["functionName"], Name=known["name"])
        arn = alias["AliasArn"]
        return {
            **self._alias.from_aws(alias),
            "functionName": known["functionName"],
            "arn": arn,
            "invokeArn": _invoke_arn(aws, arn),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        aws.client("lambda").update_alias(FunctionName=inputs["functionName"], **self._alias.to_aws(inputs))

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("lambda").delete_alias(FunctionName=known["functionName"], Name=known["name"])


class Permission(Resource):
    """A statement of a function's policy; nothing of it can be changed."""

    tokens = ("aws:lambda/permission:Permission",)
    inputs = Block(
        fields={
            "statementId": Field(required=True),
            "action": Field(required=True),
            "function": Field(required=True),
            "principal": Field(required=True),
            "sourceArn": Field(),
            "qualifier": Field(),
        }
    )
    replace_on = frozenset(inputs.fields)
    named_by = "statementId"
    imported_as = "(?P<function>[^:/]+)(?::(?P<qualifier>[^/]+))?/(?P<statementId>.+)"

    def identifier(self, inputs: Properties) -> str:
        return str(inputs["statementId"])

    def create(self, aws: Aws, inputs: Properties) -> str:
        source = inputs.get("sourceArn")
        aws.client("lambda").add_permission(
            **_function_of(inputs),
            StatementId=inputs["statementId"],
            Action=inputs["action"],
            Principal=inputs["principal"],
            **({"SourceArn": source} if source else {}),
        )
        return str(inputs["statementId"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        policy = json.loads(aws.client("lambda").get_policy(**_function_of(known))["Policy"])
        statement = next((each for each in policy["Statement"] if each["Sid"] == identifier), None)
        if statement is None:
            return None
        principal, conditions = statement["Principal"], statement.get("Condition", {})
        return {
            "statementId": identifier,
            "action": statement["Action"],
            "function": known["function"],
            "principal": principal if isinstance(principal, str) else next(iter(principal.values())),
            "sourceArn": _condition(conditions, "AWS:SourceArn"),
            "qualifier": known.get("qualifier"),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        """There is nothing that can be changed."""

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("lambda").remove_permission(**_function_of(known), StatementId=identifier)


def _layer_parts(version_arn: str) -> tuple[str, str, str]:
    """The layer's ARN, its name and the number of the version."""
    layer_arn, version = version_arn.rsplit(":", 1)
    return layer_arn, layer_arn.rsplit(":", 1)[1], version


def _invoke_arn(aws: Aws, function_arn: str) -> str:
    return f"arn:aws:apigateway:{aws.region}:lambda:path/2015-03-31/functions/{function_arn}/invocations"


def _function_of(permission: Properties) -> dict[str, Any]:
    qualifier = permission.get("qualifier")
    return {"FunctionName": permission["function"], **({"Qualifier": qualifier} if qualifier else {})}


def _condition(conditions: Properties, key: str) -> str | None:
    for values in conditions.values():
        if key in values:
            return str(values[key])
    return None
