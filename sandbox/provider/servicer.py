"""Pulumi's provider protocol over gRPC, for the resource types that the service modules hold.

https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto
"""

import secrets
from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import ResourceProviderServicer, plugin_pb2, provider_pb2, status_pb2

from releasing.aws_connection import GONE_CODES
from sandbox.provider import registry
from sandbox.provider.emulator import Aws, Emulator
from sandbox.provider.errors import ProviderError, explained, patiently
from sandbox.provider.resource import Resource
from sandbox.provider.wire import UNKNOWN, marshal, unmarshal

VERSION = "7.51.1"
"""The pulumi-aws whose types are served."""

Request = Any
Context = Any


class AwsServicer(ResourceProviderServicer):
    """Serves the engine's calls, many at a time."""

    def __init__(self) -> None:
        self._emulator: Emulator | None = None

    # The provider itself.

    def Handshake(self, request: Request, context: Context) -> Any:  # noqa: N802 the protocol's name, as all below
        """Say what of the protocol is spoken here."""
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Request, context: Context) -> Any:  # noqa: N802
        """Say which version this is."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: Request, context: Context) -> Any:  # noqa: N802
        """Take the config as it is; Configure looks at it."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Request, context: Context) -> Any:  # noqa: N802
        """Never replace a provider, and with it all that it has made, for a change of its config."""
        changed = request.old_inputs != request.news
        diff = provider_pb2.DiffResponse
        return diff(changes=diff.DIFF_SOME if changed else diff.DIFF_NONE)

    def Configure(self, request: Request, context: Context) -> Any:  # noqa: N802
        """Connect to the embedded AWS, and to nothing else."""
        with _reported(context):
            self._emulator = Emulator(unmarshal(request.args))
            self._emulator.expect_answer()
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Cancel(self, request: Request, context: Context) -> Empty:  # noqa: N802
        """Let what is under way come to its end; the engine waits for it."""
        return Empty()

    def Invoke(self, request: Request, context: Context) -> Any:  # noqa: N802
        """Call one of pulumi-aws's functions."""
        with _reported(context, request.tok):
            function, known_arguments = registry.function(request.tok)
            arguments = unmarshal(request.args)
            if unknown := sorted(arguments.keys() - known_arguments):
                raise ProviderError(
                    f"{unknown[0]} is not known to the sandbox's provider: add it to sandbox/provider/services/index.py"
                )
            result = function(self._aws(arguments))
        # `return` is a keyword of Python.
        fields: dict[str, Any] = {"return": marshal(result)}
        return provider_pb2.InvokeResponse(**fields)

    # Resources.

    def Check(self, request: Request, context: Context) -> Any:  # noqa: N802
        """Find what the program can't ask for, and make up a name where it gives none."""
        with _reported(context, _who(request.urn)):
            resource, inputs = _resource(request.urn), unmarshal(request.news)
            if resource.lacks_name(inputs):
                logical_name = request.urn.rsplit("::", 1)[-1]
                made_up = unmarshal(request.olds).get(resource.named_by) or f"{logical_name}-{secrets.token_hex(4)[1:]}"
                inputs = {**inputs, resource.named_by: made_up}
            problems = list(resource.problems(inputs))
        failures = [provider_pb2.CheckFailure(property=path, reason=reason) for path, reason in problems]
        return provider_pb2.CheckResponse(inputs=marshal(inputs), failures=failures)

    def Diff(self, request: Request, context: Context) -> Any:  # noqa: N802
        """Tell what is to be changed, and whether that takes a new thing."""
        with _reported(context, _who(request.urn)):
            resource, old, new = _resource(request.urn), unmarshal(request.old_inputs), unmarshal(request.news)
            known = unmarshal(request.olds)
            changed = resource.changes(self._aws(new), old, known, new)
        return _diff_response(resource, old, new, changed)

    def Create(self, request: Request, context: Context) -> Any:  # noqa: N802
        """Create; what fails once AWS has given an id leaves the thing in the stack, as unfinished."""
        with _reported(context, _who(request.urn)) as told:
            resource, inputs = _resource(request.urn), unmarshal(request.properties)
            if request.preview:
                unknown = {name: UNKNOWN for name in resource.computed if name not in inputs}
                return provider_pb2.CreateResponse(properties=marshal({**inputs, **unknown}))
            aws = self._aws(inputs)
            identifier = resource.create(aws, inputs)
            told.unfinished = identifier, inputs
            patiently(lambda: resource.complete(aws, identifier, inputs), GONE_CODES)
            state = _present(patiently(lambda: resource.new_state(aws, identifier, inputs), GONE_CODES))
        return provider_pb2.CreateResponse(id=identifier, properties=marshal(state))

    def Read(self, request: Request, context: Context) -> Any:  # noqa: N802
        """Tell how the thing is now, by its import id where nothing is known of it yet; an empty id if it is gone."""
        with _reported(context, _who(request.urn)):
            resource, inputs = _resource(request.urn), unmarshal(request.inputs)
            known, identifier = unmarshal(request.properties), request.id
            aws = self._aws(known)
            if not known:
                known = resource.imported(aws, request.id)
                identifier = known.pop("id", "")
            state = resource.state(aws, identifier or resource.identifier(aws, known), known)
            if state is None:
                return provider_pb2.ReadResponse()
            identifier = identifier or resource.identifier(aws, {**known, **state})
            refreshed = resource.refreshed_inputs(inputs, state)
        return provider_pb2.ReadResponse(id=identifier, properties=marshal(state), inputs=marshal(refreshed))

    def Update(self, request: Request, context: Context) -> Any:  # noqa: N802
        """Bring the thing to the inputs; where that fails half way, the stack takes it for done all the same."""
        with _reported(context, _who(request.urn)) as told:
            resource, inputs = _resource(request.urn), unmarshal(request.news)
            known, old_inputs = unmarshal(request.olds), unmarshal(request.old_inputs)
            aws = self._aws(inputs)
            changed = resource.changes(aws, old_inputs, known, inputs)
            if request.preview:
                return provider_pb2.UpdateResponse(properties=marshal(_foreseen(resource, known, inputs, changed)))
            told.unfinished = request.id, {**known, **resource.taken_for_done(inputs), "tagsAll": aws.tags(inputs)}
            resource.update(aws, request.id, known, inputs, changed)
            state = _present(resource.state(aws, request.id, inputs))
        return provider_pb2.UpdateResponse(properties=marshal(state))

    def Delete(self, request: Request, context: Context) -> Empty:  # noqa: N802
        """Delete the thing, if it is there."""
        with _reported(context, _who(request.urn)):
            known = unmarshal(request.properties)
            _resource(request.urn).destroy(self._aws(known), request.id, known)
        return Empty()

    def _aws(self, properties: Mapping[str, Any]) -> Aws:
        if self._emulator is None:
            raise ProviderError("the engine has not configured the provider")
        region = properties.get("region")
        return Aws(self._emulator, None if region is UNKNOWN else region)


class _reported:  # noqa: N801 reads as a statement
    """Ends a call with one line for the user where anything goes wrong in it."""

    def __init__(self, context: Context, who: str = "") -> None:
        self._context = context
        self._prefix = f"{who}: " if who else ""
        self.unfinished: tuple[str, Mapping[str, Any]] | None = None
        """The id and the outputs of what is there although the call fails."""

    def __enter__(self) -> "_reported":
        return self

    def __exit__(self, _type: Any, error: BaseException | None, _traceback: Any) -> None:
        if isinstance(error, Exception):
            message = f"{self._prefix}{explained(error)}"
            if self.unfinished:
                self._context.set_trailing_metadata(_details(message, *self.unfinished))
            self._context.abort(grpc.StatusCode.UNKNOWN, message)


def _details(message: str, identifier: str, outputs: Mapping[str, Any]) -> tuple[tuple[str, bytes]]:
    """What makes the engine keep a thing in the stack's state although it is not what it should be."""
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
    failed = provider_pb2.ErrorResourceInitFailed(id=identifier, properties=marshal(outputs), reasons=[message])
    status.details.add().Pack(failed)
    return (("grpc-status-details-bin", status.SerializeToString()),)


def _resource(urn: str) -> Resource:
    return registry.resource(urn.split("::")[2].rsplit("$", 1)[-1])


def _who(urn: str) -> str:
    token, name = urn.split("::")[2].rsplit("$", 1)[-1], urn.split("::", 3)[3]
    return f"{token} {name}"


def _present(state: dict[str, Any] | None) -> dict[str, Any]:
    if state is None:
        raise ProviderError("is gone right after it was written; is someone else deleting in this sandbox?")
    return state


def _foreseen(
    resource: Resource, known: Mapping[str, Any], inputs: Mapping[str, Any], changed: set[str]
) -> dict[str, Any]:
    """The outputs that an update will lead to, as far as they can be known."""
    stay = {name: value for name, value in known.items() if name not in changed}
    unknown = {name: UNKNOWN for name in resource.unknown_after(changed, {**known, **inputs}) if name not in inputs}
    return {**stay, **inputs, **unknown, **({"tagsAll": UNKNOWN} if "tags" in changed else {})}


def _diff_response(resource: Resource, old: Mapping[str, Any], new: Mapping[str, Any], changed: set[str]) -> Any:
    diff, kinds = provider_pb2.DiffResponse, provider_pb2.PropertyDiff
    replaces = resource.replaces(changed)

    def kind(name: str) -> Any:
        what = "UPDATE" if name in old and name in new else "ADD" if name in new else "DELETE"
        return kinds(kind=getattr(kinds, f"{what}_REPLACE" if name in replaces else what), inputDiff=True)

    return diff(
        changes=diff.DIFF_SOME if changed else diff.DIFF_NONE,
        diffs=sorted(changed),
        replaces=sorted(replaces),
        deleteBeforeReplace=bool(replaces) and resource.goes_first(new),
        detailedDiff={name: kind(name) for name in sorted(changed)},
        hasDetailedDiff=True,
    )
