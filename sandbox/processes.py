"""Whether a recorded process still is the one that was meant: ids are used again, and the dead linger as zombies."""

import subprocess


def is_alive(pid: int, program: str = "") -> bool:
    """Whether the process runs, and its command line names the program."""
    process = subprocess.run(
        ["ps", "-ww", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    found = process.stdout.strip()
    return bool(found) and program in found and not found.startswith("Z")
