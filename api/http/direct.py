"""Requests from programs on this machine, which an operator runs: they may see without a token what
is otherwise for the scope `metrics`.

A proxy on this machine asks from loopback too, for anybody. It is known by the headers that proxies
add, by the Host that it passes on (as is a page whose own name leads here), or by HTTP/1.0, which
nginx speaks unless it is told otherwise. One that gives itself away by nothing cannot be told from
a program of the operator's.
"""

import re
from ipaddress import IPv6Address, ip_address
from typing import Any

FORWARDING = (
    b"forwarded",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-real-ip",
    b"via",
)


def is_direct(scope: Any) -> bool:
    """True where the peer of this ASGI scope has a loopback address, and is no proxy."""
    client = scope.get("client")
    if not client or not is_loopback(client[0]):
        return False
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    if scope["http_version"] == "1.0" or not all(map(_is_here, hosts)):
        return False
    return not any(name.lower() in FORWARDING for name, _ in scope["headers"])


def _is_here(host: str) -> bool:
    """True for a Host header that names this machine: localhost or a loopback address."""
    name = re.sub(r":\d*$", "", host)
    return name.lower() == "localhost" or is_loopback(name.strip("[]"))


def is_loopback(host: str) -> bool:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
