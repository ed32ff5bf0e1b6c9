"""Reads from `Forwarded` (RFC 7239) of a trusted proxy who asks, and whether over TLS.

uvicorn reads X-Forwarded-For and -Proto. Where one of these comes, `Forwarded` says nothing: most
proxies that add them pass on what a client sent as `Forwarded`, as they do with any header.
"""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from api.http.protocol import say

X_FORWARDED = (b"x-forwarded-for", b"x-forwarded-proto")
# Section 4. Many leave out the quotes that an address with a port, or of IPv6, must have.
PAIR = re.compile(
    r"""[ \t]*([\w!#$%&'*+.^`|~-]+)=([\w!#$%&'*+.^`|~:\[\]-]+|"(?:[^"\\]|\\.)*")[ \t]*"""
)
ESCAPED = re.compile(r"\\(.)")
NODE = re.compile(r"\[([^\]]+)\](?::\w*)?|([^:]+)(?::\w*)?")  # section 6
UNKNOWN = "unknown"


class Forwarded:
    """Sets the client and the scheme of a scope. `trusted`: addresses and networks of proxies, with
    commas between. Answers 400 where what a trusted one passes on is malformed: nobody knows then
    which part of it is the proxy's own."""

    def __init__(self, app: Any, trusted: str) -> None:
        self.app = app
        self._trusted = [ip_network(each.strip()) for each in trusted.split(",")]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["client"] and self._is_trusted(scope["client"][0]):
            names = {name for name, _ in scope["headers"]}
            if b"forwarded" in names and names.isdisjoint(X_FORWARDED):
                try:
                    self._follow(scope)
                except ValueError:
                    await say(send, 400, "The Forwarded header of this request is malformed.")
                    return
        await self.app(scope, receive, send)

    def _follow(self, scope: Any) -> None:
        """Each proxy adds an element at the end, of whom it was asked by and how. What is in front
        of the first one that no trusted proxy has added may be anybody's invention."""
        given = [value for name, value in scope["headers"] if name == b"forwarded"]
        for element in reversed(list(elements(b", ".join(given).decode("latin-1")))):
            asked_by = address(element.get("for", UNKNOWN))
            scope["client"] = (asked_by, 0)
            if (scheme := element.get("proto", "").lower()) in ("http", "https"):
                scope["scheme"] = scheme
            if not self._is_trusted(asked_by):
                return

    def _is_trusted(self, host: str) -> bool:
        try:
            return any(ip_address(host) in network for network in self._trusted)
        except ValueError:
            return False


def elements(text: str) -> Iterator[Mapping[str, str]]:
    """The elements of a Forwarded header, their names in lower case. Raises ValueError."""
    element: dict[str, str] = {}
    at = 0
    while True:
        if pair := PAIR.match(text, at):
            name, value = pair[1].lower(), pair[2]
            if name in element:
                raise ValueError(f"{name} comes twice")
            element[name] = ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value
            at = pair.end()
        elif text[at:].lstrip(" \t")[:1] not in ("", ",", ";"):
            raise ValueError(f"no pair at {at}")
        else:
            at = len(text) - len(text[at:].lstrip(" \t"))
        if text[at : at + 1] != ";":
            if text[at : at + 1] not in ("", ","):
                raise ValueError(f"no end of a pair at {at}")
            if element:
                yield element
            if at >= len(text):
                return
            element = {}
        at += 1


def address(node: str) -> str:
    """The address of a node, without its port; or its name, where it has no address."""
    found = NODE.fullmatch(node)
    return (found[1] or found[2]) if found else UNKNOWN
