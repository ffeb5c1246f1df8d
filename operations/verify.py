"""Whether what is deployed is what git says: `make verify`.

    python -m operations.verify --stack production [--outputs FILE|-] [--json]

It only reads; the read role in docs/ci.md has the permissions that it takes. Given the stack's outputs as JSON, it
needs no Pulumi CLI. The exit code is 0 where all agrees, 1 where something differs, 2 where it could not look.
"""

import argparse
import io
import sys

from operations.checks.check import Findings
from operations.checks.report import as_json, print_report
from operations.stack import answered, ask_for_outputs, configuration, expect_emulator, read_outputs
from releasing.project import SANDBOX, SANDBOX_PORT, CouldNotLook


def main() -> int:
    """Verify a stack, print what was found, and return the exit code."""
    arguments = _parse_arguments()
    # What a page or a file holds may not be in the terminal's encoding.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        findings = verify(arguments.stack, arguments.port, arguments.outputs)
    except CouldNotLook as obstacle:
        findings = Findings([], [str(obstacle)])
    if arguments.json:
        sys.stdout.write(as_json(findings))
    else:
        print_report(findings, arguments.stack)
    sys.stdout.flush()
    for reason in findings.obstacles:
        sys.stderr.write(f"error: could not look: {reason}\n")
    return findings.outcome


def verify(stack: str, port: int, outputs_file: str | None) -> Findings:
    """Look at a stack, by the outputs in a file or else by those that Pulumi has.

    Raises:
        CouldNotLook: at nothing at all.

    """
    config = configuration(stack, port)
    if stack == SANDBOX:
        expect_emulator(port)
    asked = None if outputs_file else ask_for_outputs(stack, port)
    # Only here: Pulumi's AWS SDK takes its time to import, and meanwhile the engine looks up the outputs.
    from operations.checks.look import look
    from operations.checks.target import Target

    outputs = answered(asked) if asked else read_outputs(str(outputs_file))
    return look(Target.of(config, stack, outputs))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m operations.verify", description=__doc__.partition("\n")[0])
    parser.add_argument("--stack", default=SANDBOX, help="the stack's name (default: %(default)s)")
    parser.add_argument("--outputs", metavar="FILE", help="the stack's outputs as JSON; - for standard input")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument("--port", type=int, default=SANDBOX_PORT, help="the embedded AWS's port (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
