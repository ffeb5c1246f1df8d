"""CloudFront's API for invalidations, as far as its answers matter: over HTTP, so that botocore is the real one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INVALIDATION = """<Invalidation xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Id>I1</Id>
<Status>Completed</Status><CreateTime>2026-11-24T00:00:00Z</CreateTime></Invalidation>"""
ERROR = """<ErrorResponse xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/">
<Error><Type>Sender</Type><Code>{}</Code><Message>Slow down</Message></Error></ErrorResponse>"""


class FakeCloudFront(ThreadingHTTPServer):
    """Answers the first requests with errors, and all others with a completed invalidation."""

    errors: list[tuple[int, str]]
    """Status and code of the errors that are still to come."""
    created: list[bytes]
    """The batches that it was asked to invalidate, refused ones included."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeCloudFront

    def do_GET(self) -> None:
        self._answer(200, INVALIDATION)

    def do_POST(self) -> None:
        self.server.created.append(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.errors:
            status, code = self.server.errors.pop(0)
            self._answer(status, ERROR.format(code))
        else:
            self._answer(201, INVALIDATION)

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def fake_cloudfront(*errors: tuple[int, str]) -> Iterator[FakeCloudFront]:
    """Serve on a free port."""
    server = FakeCloudFront(("127.0.0.1", 0), _Handler)
    server.errors, server.created = list(errors), []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
