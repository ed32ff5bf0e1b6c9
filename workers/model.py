"""A language model elsewhere, spoken to as OpenAI's API is: one question, answered with a tool.

Whoever asks must have an answer of their own for when it fails.
"""

import asyncio
import importlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct

from workers import telemetry
from workers.settings import Settings

log = logging.getLogger(__name__)

WRITER = "gpt-5.4-mini"  # where none is named
PATIENCE = 30.0  # seconds for a question, with everything that is messages for it
ROUNDS = 4  # replies for a question; the last one must be an answer
CALLS = 8  # of the tool in one reply
AT_ONCE = 8  # questions that wait for the model, one of each asker; who comes then does not wait
LONGEST = 8_000  # characters of an answer

Json = dict[str, Any]


class Failed(Exception):  # noqa: N818 - a sentence that those who asked can read
    """Why there is no answer, in words that may be shown."""


class Tool(Struct, frozen=True):
    """`call` takes the arguments as the model wrote them, and raises ValueError for wrong ones."""

    name: str
    description: str
    parameters: Json
    call: Callable[[str], bytes]


# The parts of a reply that are read. Strict: servers that imitate OpenAI's answer many things.
class Function(Struct, frozen=True):
    name: str
    arguments: str


class Call(Struct, frozen=True):
    id: str
    function: Function


class Message(Struct, frozen=True):
    content: str | None = None
    tool_calls: list[Call] | None = None


class Choice(Struct, frozen=True):
    message: Message


class Reply(Struct, frozen=True):
    choices: list[Choice]


class Model:
    """A client of a language model; false where there is no key for one."""

    def __init__(self, settings: Settings, patience: float = PATIENCE) -> None:
        self.name = settings.openai_model or WRITER
        self.counts: Counter[str] = Counter()
        self._key = settings.openai_api_key
        self._url = settings.openai_base_url
        self._patience = patience
        self._client: Any = None
        self._askers: set[str] = set()

    def __bool__(self) -> bool:
        return self._key is not None

    async def answer(self, asker: str, instructions: str, question: str, tool: Tool) -> str:
        """The model's answer to `question`. Raises Failed, also where it did not call the tool
        first."""
        try:
            text = await self._admitted(asker, self._answer, instructions, question, tool)
        except Failed:
            self.counts["failures"] += 1
            raise
        self.counts["answers"] += 1
        return text

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _admitted(self, asker: str, ask: Callable[..., Awaitable[str]], *about: Any) -> str:
        """Admits one question of each asker and AT_ONCE in all. Raises Failed for more: nobody
        waits for others."""
        if asker in self._askers:
            raise Failed("The model has another question of yours to answer.")
        if len(self._askers) >= AT_ONCE:
            raise Failed("The model is busy with other questions.")
        self._askers.add(asker)
        try:
            with telemetry.span("model"):
                async with asyncio.timeout(self._patience):
                    return await ask(*about)
        except TimeoutError:
            raise Failed("The model did not answer in time.") from None
        finally:
            self._askers.remove(asker)

    async def _answer(self, instructions: str, question: str, tool: Tool) -> str:
        messages: list[Json] = [
            {"role": "system", "content": instructions},
            {"role": "user", "content": question},
        ]
        for choice in ("required", *["auto"] * (ROUNDS - 2), "none"):
            message = await self._reply(messages, tool, choice)
            if not message.tool_calls:
                return _text(message, called=len(messages) > 2)
            messages.append(_assistant_message(message))
            messages += (_call_tool(call, tool) for call in message.tool_calls)
        raise Failed("The model came to no answer.")

    async def _reply(self, messages: list[Json], tool: Tool, choice: str) -> Message:
        try:
            raw = await self._send(messages, tool, choice)
            message = msgspec.json.decode(raw, type=Reply).choices[0].message
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError):
            raise Failed("What the model's server messages is no answer.") from None
        if len(message.tool_calls or ()) > CALLS:
            raise Failed("The model wanted too much at once.")
        return message

    async def _send(self, messages: list[Json], tool: Tool, choice: str) -> bytes:
        """Sends the request once, without retries: the caller has an answer of its own where it
        fails."""
        openai = await asyncio.to_thread(importlib.import_module, "openai")  # takes a second, once
        try:
            self._client = self._client or openai.AsyncOpenAI(
                api_key=self._key, base_url=self._url, timeout=self._patience, max_retries=0
            )
            raw = await self._client.chat.completions.with_raw_response.create(
                model=self.name, messages=messages, tools=[_tool_schema(tool)], tool_choice=choice
            )
            return bytes(raw.content)
        except openai.APITimeoutError:
            raise TimeoutError from None
        except openai.APIStatusError as e:
            raise Failed(f"The model's server answered {e.status_code}.") from None
        except Exception as e:  # a key that is no header, an address that is none, no network
            log.warning("the model could not be asked: %s", type(e).__name__)
            raise Failed("The model could not be reached.") from None


def _tool_schema(tool: Tool) -> Json:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return {"type": "function", "function": function}


def _assistant_message(message: Message) -> Json:
    calls = [
        {"id": call.id, "type": "function", "function": msgspec.to_builtins(call.function)}
        for call in message.tool_calls or ()
    ]
    return {"role": "assistant", "content": message.content, "tool_calls": calls}


def _call_tool(call: Call, tool: Tool) -> Json:
    """The result of a tool call. An error goes to the model as well, which may call again."""
    try:
        if call.function.name != tool.name:
            raise ValueError(f"There is no tool of this name, only {tool.name}.")
        content = tool.call(call.function.arguments).decode()
    except ValueError as e:
        content = msgspec.json.encode({"error": str(e)}).decode()
    return {"role": "tool", "tool_call_id": call.id, "content": content}


def _text(message: Message, called: bool) -> str:
    text = (message.content or "").strip()
    if not called:
        raise Failed("The model answered without having looked.")
    if not text:
        raise Failed("The model had nothing to say.")
    return text[:LONGEST]
