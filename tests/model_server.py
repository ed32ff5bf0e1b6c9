"""A server that speaks the OpenAI API, and says what a test wants a model to say."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

Json = dict[str, Any]


class Reply(NamedTuple):
    status: int
    body: bytes


Replies = Callable[[Json], Reply]


class ModelServer(ThreadingHTTPServer):
    """`replies` gives the reply to a request's body; what was asked, and as whom, is kept."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Completions)
        self.replies: Replies = lambda asked: says("Hello.")
        self.heard: list[Json] = []
        self.keys: set[str | None] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Completions(BaseHTTPRequestHandler):
    server: ModelServer

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.keys.add(self.headers["Authorization"])
        self.server.heard.append(asked)
        right = self.path == "/v1/chat/completions"
        reply = self.server.replies(asked) if right else Reply(404, b"{}")
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))  # how soon it ends
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def says(text: str | None) -> Reply:
    return _message({"role": "assistant", "content": text})


def calls(*arguments: str, name: str = "event_sessions") -> Reply:
    """A reply that calls the tool, once with each of these arguments."""
    tool_calls = [
        {"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": given}}
        for i, given in enumerate(arguments)
    ]
    return _message({"role": "assistant", "content": None, "tool_calls": tool_calls})


def _message(message: Json) -> Reply:
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    body = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m"}
    return Reply(200, json.dumps(body | {"choices": [choice]}).encode())


def told(asked: Json) -> list[Json]:
    """The results of the tool that the model has got so far."""
    return [json.loads(m["content"]) for m in asked["messages"] if m["role"] == "tool"]


def in_turn(replies: Sequence[Reply]) -> Replies:
    """Each once, the last for ever."""
    left = [*replies]
    return lambda asked: left.pop(0) if len(left) > 1 else left[0]
