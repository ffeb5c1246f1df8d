"""The project: where it is, what it is called, and which of its stacks is the sandbox on this machine."""

from pathlib import Path

PROJECT = Path(__file__).parent.parent
PROJECT_NAME = "ai-video-codec-dashboard"
SANDBOX = "sandbox"
"""The stack on the embedded AWS, which listens here:"""
SANDBOX_HOST = "127.0.0.1"
SANDBOX_PORT = 4566


class CouldNotLook(Exception):  # noqa: N818 reads better where it is raised
    """Something is unknown, not wrong; the message says what stood in the way, and what to do."""
