"""A server that speaks the OpenAI API, and says what a test wants a model to say."""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from tests.local_server import Handler, LocalServer, serving

Json = dict[str, Any]


class Reply(NamedTuple):
    status: int
    body: bytes


Replies = Callable[[Json], Reply]


class ModelServer(LocalServer):
    """`replies` gives the reply to a request's body; what was asked, and as whom, is kept."""

    def __init__(self) -> None:
        super().__init__(Completions)
        self.url = f"{self.origin}/v1"
        self.replies: Replies = lambda asked: says("Hello.")
        self.heard: list[Json] = []
        self.keys: set[str | None] = set()


class Completions(Handler):
    server: ModelServer

    def do_POST(self) -> None:  # noqa: N802 - http.server names it so
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.keys.add(self.headers["Authorization"])
        self.server.heard.append(asked)
        right = self.path == "/v1/chat/completions"
        reply = self.server.replies(asked) if right else Reply(404, b"{}")
        self.answer(reply.status, reply.body)


def model_server() -> AbstractContextManager[ModelServer]:
    return serving(ModelServer())


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
