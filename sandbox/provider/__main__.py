"""Starts the provider as the engine does: `python -m sandbox.provider <engine address>`.

The engine reads the port from standard output, and interrupts the provider when it is done. Where the engine was
killed, the provider sees that its parent is gone.
"""

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.processes import end_with_parent
from sandbox.provider.servicer import AwsServicer

WORKERS = 32
MAX_MESSAGE_BYTES = 400 * 1024 * 1024
"""As the engine's own."""


def main() -> None:
    """Serve until the engine ends."""
    end_with_parent()
    stopped = threading.Event()
    # The engine starts its plugins in process groups of their own, so a user's Ctrl-C does not come here.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: stopped.set())
    server = grpc.server(
        ThreadPoolExecutor(max_workers=WORKERS),
        options=[(f"grpc.max_{way}_message_length", MAX_MESSAGE_BYTES) for way in ("receive", "send")],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(AwsServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    stopped.wait()
    # Whatever AWS is still being asked, nobody waits for the answer.
    os._exit(0)


if __name__ == "__main__":
    main()
