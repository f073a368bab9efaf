"""A small web on this machine."""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Web:
    """Files by path, and what is wrong with each.

    Args:
        address: `http://127.0.0.1:port`.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.files: dict[str, bytes] = {}
        self.failures: dict[str, int] = {}  # so many answers are 503
        self.torn: dict[str, int] = {}  # so many answers end in the middle
        self.asked: Counter[str] = Counter()
        self.ranges: list[str] = []
        self.cookies: dict[str, str] = {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: Web

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_HEAD(self) -> None:
        self._head()

    def do_GET(self) -> None:
        self.web.asked[self.path] += 1
        self.web.cookies[self.path] = self.headers.get("Cookie", "")
        rest = self._head()
        if rest is None:
            self.web.failures[self.path] = self.web.failures.get(self.path, 0) - 1
        elif self.web.torn.get(self.path, 0) > 0:
            self.web.torn[self.path] -= 1
            self.wfile.write(rest[: len(rest) // 2])
            self.close_connection = True
        else:
            self.wfile.write(rest)

    def _head(self) -> bytes | None:
        """Answers all but the content; gives what is asked of it, None where there is nothing to give."""
        content = self.web.files.get(self.path)
        if content is None or self.web.failures.get(self.path, 0) > 0:
            self.send_error(404 if content is None else 503)
            return None
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        self.web.ranges += [self.path] * bool(asked)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Type", "video/mp4" if self.path.endswith(".mp4") else "text/plain")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content) - first))
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        return content[first:]


@contextmanager
def small_web() -> Iterator[Web]:
    """Serves until the block ends."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    web = handler.web = Web(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()


class Server:
    """One file, whatever is asked for.

    Args:
        url: of its only file.
        asked: how often it was asked for.
        content: what it gives.
    """

    def __init__(self, content: bytes) -> None:
        self.content, self.asked = content, 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked += 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(server.content)))
                self.end_headers()
                self.wfile.write(server.content)

            def log_message(self, *_arguments: object) -> None:
                """Keeps quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/file"


@contextmanager
def one_file(content: bytes) -> Iterator[Server]:
    """Gives a file until the block ends."""
    made = Server(content)
    thread = threading.Thread(target=made.http.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        made.http.shutdown()
        thread.join()
        made.http.server_close()
