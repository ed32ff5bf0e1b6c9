"""Authentication by JWT, as Bearer header or cookie, and the rate limit (SPEC, H: Identity)."""

import re
import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import jwt
import msgspec
from litestar import Request as LitestarRequest

from api.http.fields import ID, Name
from api.http.principal import Principal
from api.http.request import Request
from api.identity.jwks import SigningKeys
from domain.errors import Forbidden, TooMany, Unauthorized
from workers.settings import Settings

COOKIE = "session"
REMEMBERED = 20_000  # tokens that were verified, and principals whose requests are counted
BURST = 5  # seconds' worth of requests that may come at once
STAFF = 5  # times as many requests as a member
NEVER = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Identity:
    """Verifies tokens and counts requests. Verified tokens are remembered until they expire."""

    def __init__(self, settings: Settings, secret: str | None) -> None:
        self._secret = secret
        self._jwks = SigningKeys(settings.jwt_jwks_url) if settings.jwt_jwks_url else None
        self._known: OrderedDict[str, Principal] = OrderedDict()
        self._rate = settings.rate_limit
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def of(self, request: Request) -> Principal:
        """Raises Unauthorized, TooMany, and Forbidden for a change that a foreign page asks for
        with our cookie."""
        token = _bearer(request.single("Authorization"))
        if token is None:
            token = request.cookies.get(COOKIE)
            if token and request.method not in SAFE:
                check_origin(request)
        if not token:
            raise Unauthorized("Send a token as `Authorization: Bearer ...`.")
        principal = await self.verified(token)
        self.count(principal)
        return principal

    async def verified(self, token: str) -> Principal:
        known = self._known.get(token)
        if known and known.expires_at > time.time():
            return known
        try:
            principal = _principal(await self._claims(token))
        except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError) as e:
            raise Unauthorized(_why(e)) from None
        _remember(self._known, token, principal)
        return principal

    async def _claims(self, token: str) -> dict[str, Any]:
        """Each kind of key has its own algorithms, so that none is taken for another."""
        if jwt.get_unverified_header(token).get("alg") == "HS256" and self._secret:
            return _decode(token, self._secret, ["HS256"])
        if self._jwks is None:
            raise jwt.InvalidAlgorithmError
        key = await self._jwks.key(token)
        return _decode(token, key, ["RS256", "PS256", "ES256", "EdDSA"])

    def count(self, principal: Principal) -> None:
        """A bucket a principal, filled at the rate, that holds a burst. Raises TooMany."""
        staff = any(s == "admin" or s.endswith(":organizer") for s in principal.scopes)
        rate = self._rate * (STAFF if staff else 1)
        now = time.monotonic()
        tokens, at = self._buckets.get(principal.sub, (rate * BURST, now))
        tokens = min(rate * BURST, tokens + (now - at) * rate)
        if tokens < 1:
            raise TooMany(f"At most {rate} requests a second.", retry_after=(1 - tokens) / rate)
        _remember(self._buckets, principal.sub, (tokens - 1, now))


def _decode(token: str, key: Any, algorithms: list[str]) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=algorithms, options={"require": ["sub"], "verify_aud": False}
    )
    return claims


def _principal(claims: dict[str, Any]) -> Principal:
    sub, scope = claims["sub"], claims.get("scope", "")
    scopes = scope.split() if isinstance(scope, str) else scope
    if not (isinstance(sub, str) and re.match(ID, sub)):
        raise ValueError("sub")
    if not (isinstance(scopes, list) and all(isinstance(s, str) for s in scopes)):
        raise ValueError("scope")
    " ".join(scopes).encode()  # raises where there is half a character
    return Principal(sub, frozenset(scopes), _moment(claims.get("exp")), _name(claims.get("name")))


def _name(claim: Any) -> str | None:
    """A name that pages can show; None where the token has none."""
    try:
        return msgspec.convert(claim.encode().decode(), Name)
    except (AttributeError, UnicodeEncodeError, msgspec.ValidationError):
        return None


def _moment(exp: Any) -> float:
    """Whatever is beyond the calendar never comes."""
    seconds = float("inf") if exp is None else float(exp)
    return seconds if seconds < NEVER else float("inf")


def _bearer(header: str | None) -> str | None:
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("The Authorization header must be `Bearer` and a token.")
    return token.strip()


def check_origin(request: LitestarRequest[Any, Any, Any]) -> None:
    """Browsers send Origin with every change, and Sec-Fetch-Site with everything."""
    origin = request.headers.get("origin")
    foreign = origin is not None and _host(origin) != request.headers.get("host")
    if foreign or request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        raise Forbidden("Another page may not do this in your name.")


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _why(error: Exception) -> str:
    match error:
        case jwt.ExpiredSignatureError():
            return "The token has expired."
        case jwt.InvalidSignatureError():
            return "The token's signature does not hold."
        case jwt.InvalidAlgorithmError():
            return "The token is not signed in a way that is accepted here."
    return "The token cannot be read."


def _remember(memory: OrderedDict[str, Any], key: str, value: Any) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
