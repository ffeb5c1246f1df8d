"""Pulumi's host of dynamic resources, `python -m sandbox.dynamic <engine address>`, made to end with the engine."""

import runpy

from sandbox.processes import end_with_parent

if __name__ == "__main__":
    end_with_parent()
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)
