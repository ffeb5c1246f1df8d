"""Whatever the program declares can be found in AWS again after a deployment that was killed."""

from collections.abc import Callable

import pytest

from releasing.left_behind import LOOKS
from tests.components.conftest import Program


@pytest.mark.parametrize("stack", ["production", "sandbox"])
def test_each_type_of_the_program_can_be_looked_for(run_program: Callable[..., Program], stack: str) -> None:
    zone = {"hostedZoneId": "Z0123456789"} if stack == "production" else {}
    program = run_program(stack, gpuHostsMaximum=2, **zone)
    declared = {resource.typ for resource in program.resources if resource.typ.startswith("aws:")}
    assert declared - LOOKS.keys() == set(), "add how to find it to releasing/left_behind.py"
