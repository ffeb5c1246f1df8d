"""Why a deployment failed, as the engine's output tells it: whole, once, and apart from its progress."""

from sandbox.engine_output import EngineOutput, reason_of

FAILED = """\
Updating (sandbox):
 ~  aws:lambda:Function renderer updated (1s)
Diagnostics:
  pulumi:pulumi:Stack (dashboard-sandbox):
    warning: using pulumi-resource-aws from $PATH at /home/ada/bin/pulumi-resource-aws
    error: update failed
  pulumi-python:dynamic:ReleaseGate (renderer):
    error: Exception calling application: Version 2 of renderer is not released: the page check expected 200, found 500
    The last lines of its log:
      [ERROR] KeyError: 'name'
    Users still see the version before it.

Outputs:
  - url: "http://localhost"
Resources:
    1 errored
"""
REASON = """\
pulumi-python:dynamic:ReleaseGate (renderer):
  Version 2 of renderer is not released: the page check expected 200, found 500
  The last lines of its log:
    [ERROR] KeyError: 'name'
  Users still see the version before it."""


def taken(printed: str) -> tuple[EngineOutput, list[str]]:
    shown: list[str] = []
    output = EngineOutput(shown.append)
    for line in printed.splitlines():
        output.take(line)
    return output, shown


def test_the_reason_is_each_message_with_its_resource_and_nothing_else() -> None:
    output, shown = taken(FAILED)
    assert output.reason() == REASON
    assert not any("ReleaseGate" in line or "KeyError" in line for line in shown)
    assert {"Updating (sandbox):", "Outputs:", "Resources:"} <= set(shown)


def test_warnings_of_a_deployment_that_succeeds_are_shown_after_it() -> None:
    output, shown = taken(
        "Updating:\nDiagnostics:\n  aws:sqs:Queue (jobs):\n    warning: deprecated\nResources:\n    ok"
    )
    output.pass_on_diagnostics()
    assert shown[-1] == "    warning: deprecated"


def test_a_fault_of_the_program_is_told_once() -> None:
    twice = "    error: logRetentionDays: no number\n    tableName: too long"
    again = twice.replace("error: ", "error: an unhandled error occurred: ")
    output, _ = taken(f"Diagnostics:\n  pulumi:pulumi:Stack (s):\n{twice}\n{again}\n")
    assert output.reason() == "pulumi:pulumi:Stack (s):\n  logRetentionDays: no number\n  tableName: too long"


def test_without_diagnostics_the_errors_are_the_reason_and_without_errors_all_of_it() -> None:
    assert taken("Previewing:\n")[0].reason() == ""
    assert reason_of(" code: 255\n stdout: up\n stderr: error: no such stack\nerror: update failed") == "no such stack"
    assert reason_of("killed\n") == "killed"
