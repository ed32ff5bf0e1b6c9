"""Authentication by JWT, as Bearer header or cookie, and the rate limit."""

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
CACHE_SIZE = 20_000  # verified tokens, and as many buckets of the rate limit
BURST = 5  # a bucket holds the requests of so many seconds
STAFF_FACTOR = 5  # times the rate of a member, for organizers and admins
NEVER = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Identity:
    """Verifies tokens and counts requests. Verified tokens are cached until they expire."""

    def __init__(self, settings: Settings, secret: str | None) -> None:
        self._secret = secret
        self._jwks = SigningKeys(settings.jwt_jwks_url) if settings.jwt_jwks_url else None
        self._verified: OrderedDict[str, Principal] = OrderedDict()
        self._rate = settings.rate_limit
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def authenticate(self, request: Request) -> Principal:
        """The principal of a request, which is counted. Raises Unauthorized, TooMany, and Forbidden
        if another site's page sends our cookie with a change."""
        token = _bearer(request.single("Authorization"))
        if token is None:
            token = request.cookies.get(COOKIE)
            if token and request.method not in SAFE:
                check_origin(request)
        if not token:
            raise Unauthorized("Send a token as `Authorization: Bearer ...`.")
        principal = await self.verify(token)
        self.count(principal)
        return principal

    async def verify(self, token: str) -> Principal:
        known = self._verified.get(token)
        if known and known.expires_at > time.time():
            return known
        try:
            principal = _principal(await self._claims(token))
        except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError) as e:
            raise Unauthorized(_reason(e)) from None
        _cache(self._verified, token, principal)
        return principal

    async def _claims(self, token: str) -> dict[str, Any]:
        """Each kind of key has algorithms of its own, so that a public key is never taken for a
        secret."""
        if jwt.get_unverified_header(token).get("alg") == "HS256" and self._secret:
            return _decode(token, self._secret, ["HS256"])
        if self._jwks is None:
            raise jwt.InvalidAlgorithmError
        key = await self._jwks.key(token)
        return _decode(token, key, ["RS256", "PS256", "ES256", "EdDSA"])

    def count(self, principal: Principal) -> None:
        """Takes a token of the principal's bucket, which fills at the rate. Raises TooMany."""
        staff = any(s == "admin" or s.endswith(":organizer") for s in principal.scopes)
        rate = self._rate * (STAFF_FACTOR if staff else 1)
        now = time.monotonic()
        tokens, at = self._buckets.get(principal.sub, (rate * BURST, now))
        tokens = min(rate * BURST, tokens + (now - at) * rate)
        if tokens < 1:
            raise TooMany(f"At most {rate} requests a second.", retry_after=(1 - tokens) / rate)
        _cache(self._buckets, principal.sub, (tokens - 1, now))


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
    " ".join(scopes).encode()  # raises for a lone surrogate
    return Principal(sub, frozenset(scopes), _moment(claims.get("exp")), _name(claims.get("name")))


def _name(claim: Any) -> str | None:
    """A name that pages can show; None where the token has none."""
    try:
        return msgspec.convert(claim.encode().decode(), Name)
    except (AttributeError, UnicodeEncodeError, msgspec.ValidationError):
        return None


def _moment(exp: Any) -> float:
    """Seconds since 1970, infinite for a time after the year 9999."""
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
    """Raises Forbidden for a request that a page of another site makes. Browsers send Origin with
    every change, and Sec-Fetch-Site with every request."""
    origin = request.headers.get("origin")
    foreign = origin is not None and _host(origin) != request.headers.get("host")
    if foreign or request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        raise Forbidden("Another page may not do this in your name.")


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _reason(error: Exception) -> str:
    match error:
        case jwt.ExpiredSignatureError():
            return "The token has expired."
        case jwt.InvalidSignatureError():
            return "The token's signature does not hold."
        case jwt.InvalidAlgorithmError():
            return "The token is not signed in a way that is accepted here."
    return "The token cannot be read."


def _cache(cache: OrderedDict[str, Any], key: str, value: Any) -> None:
    cache[key] = value
    cache.move_to_end(key)
    if len(cache) > CACHE_SIZE:
        cache.popitem(last=False)
