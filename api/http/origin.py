"""The origin of a request: our own pages or others', over TLS or not.

An origin is a scheme, a host and a port (RFC 6454). However it is spelled, it is the same one:
`https://Conf.Example:443` is `https://conf.example`.
"""

import re
from ipaddress import ip_address
from typing import Any

from litestar import Request
from msgspec import Struct

from domain.errors import Forbidden

PORTS = {"http": 80, "https": 443}
ORIGIN = re.compile(r"(https?)://(.+)", re.IGNORECASE)
AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\s\[\]:/?#@]+)(?::([0-9]{0,5}))?", re.IGNORECASE)

AnyRequest = Request[Any, Any, Any]


class Origin(Struct, frozen=True):
    scheme: str
    host: str
    port: int


def origin(text: str) -> Origin | None:
    """None for what is no origin over HTTP: `null`, or with a path."""
    found = ORIGIN.fullmatch(text)
    return of_host(found[2], found[1].lower()) if found else None


def of_host(host: str, scheme: str) -> Origin | None:
    """The origin of what a Host header names; None where that is malformed."""
    found = AUTHORITY.fullmatch(host)
    if found is None:
        return None
    name = found[1].lower().removesuffix(".")
    if name.startswith("["):
        try:
            name = f"[{ip_address(name[1:-1]).compressed}]"
        except ValueError:
            return None
    return Origin(scheme, name, int(found[2] or PORTS[scheme]))


def check_origin(request: AnyRequest) -> None:
    """Raises Forbidden for a request that a page of another site makes. Browsers send Origin with
    every change, and Sec-Fetch-Site with every request."""
    given = request.headers.getall("origin", [])
    foreign = bool(given) and (len(given) > 1 or not _is_own(request, given[0]))
    if foreign or request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        raise Forbidden("Another page may not do this in your name.")


def is_secure(request: AnyRequest) -> bool:
    """True where the browser speaks TLS, by PUBLIC_URL, by a trusted proxy, or by the Origin."""
    if over_tls(request.scope) or _is_public_over_tls(request):
        return True
    given = origin(request.headers.get("origin", ""))
    return given is not None and given.scheme == "https"


def over_tls(scope: Any) -> bool:
    """True where a trusted proxy forwarded https: uvicorn then sets the scheme of the scope."""
    return bool(scope["scheme"] == "https")


def _is_own(request: AnyRequest, text: str) -> bool:
    """By PUBLIC_URL, also where a proxy does not pass the Host on, or by the Host. Where we know
    that there is TLS, a page without it is another site's."""
    given = origin(text)
    if given is None:
        return False
    public = _public(request)
    if given == public:
        return True
    if given != of_host(request.headers.get("host", ""), given.scheme):
        return False
    asked = of_host(request.headers.get("host", ""), "https")
    return given.scheme == "https" or not (over_tls(request.scope) or asked == public)


def _public(request: AnyRequest) -> Origin | None:
    given: Origin | None = request.app.state.get("public")
    return given


def _is_public_over_tls(request: AnyRequest) -> bool:
    public = _public(request)
    return public is not None and public.scheme == "https"
