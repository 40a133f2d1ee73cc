"""An HTTP server on loopback that answers as well, or as badly, as a test wants."""

import contextlib
import email.utils
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["_Handler"], None]


@dataclass
class Server:
    """What is answered and what was asked.

    Attributes:
        address: `http://host:port`.
        answers: the answers each path gives, one after another; the last one again and again.
        requests: path with query, and headers, of every request so far.
    """

    address: str
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def asked(self, path: str) -> list[Mapping[str, str]]:
        """Headers of the requests for a path."""
        return [headers for asked, headers in self.requests if asked.split("?")[0] == path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: Server

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        self.asked.requests.append((self.path, dict(self.headers)))
        answers = self.asked.answers.get(path, [status(404)])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer(self)

    def send(self, code: int, body: bytes, **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def serve() -> Iterator[Server]:
    class Handler(_Handler):
        pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Handler.asked = Server(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        http.shutdown()
        http.server_close()
        thread.join()


def status(code: int, **headers: str) -> Answer:
    return lambda handler: handler.send(code, b"", **headers)


def answer_json(value: object) -> Answer:
    return lambda handler: handler.send(200, json.dumps(value).encode())


def text(body: bytes) -> Answer:
    return lambda handler: handler.send(200, body)


def unsized(body: bytes) -> Answer:
    """A body whose end is the end of the connection, as HTTP/1.0 has it."""

    def answer(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return answer


def file(
    body: bytes,
    *,
    etag: str | None = '"1"',
    modified: float | None = None,
    ranges: bool = True,
    heed_if_range: bool = True,
    length: int | None = None,
    stall: bool = False,
) -> Answer:
    """A file.

    Args:
        ranges: whether ranges are served.
        heed_if_range: whether If-Range is; some servers don't look at it.
        length: bytes sent before the connection breaks off; None sends all.
        stall: keep the connection open instead of breaking it off.
    """
    marks = {"ETag": etag} if etag else {}
    if modified is not None:
        marks["Last-Modified"] = email.utils.formatdate(modified, usegmt=True)

    def answer(handler: _Handler) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        condition = handler.headers.get("If-Range")
        unchanged = not heed_if_range or condition in (None, *marks.values())
        start = int(asked[1]) if asked and ranges and unchanged else 0
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        handler.send_header("Content-Length", str(len(body) - start))
        for name, value in marks.items():
            handler.send_header(name, value)
        handler.end_headers()
        end = len(body) if length is None else start + length
        handler.wfile.write(body[start:end])
        if end < len(body):
            handler.wfile.flush()
            if stall:
                handler.asked.closing.wait()
            handler.close_connection = True

    return answer
