"""Authentication by JWT, as Bearer header or cookie, and the rate limit."""

import re
import time
from collections import OrderedDict
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

import jwt
import msgspec
from jwt.types import Options
from litestar.datastructures import Address

from api.http.fields import ID, Name
from api.http.origin import check_origin, is_secure
from api.http.principal import LEEWAY, Principal
from api.http.problems import InvalidToken
from api.http.request import Request
from api.identity.jwks import SigningKeys, UnknownKeyError
from domain.errors import TooMany, Unauthorized
from workers.settings import Settings

COOKIE = "session"
HOST_COOKIE = f"__Host-{COOKIE}"  # its name where there is TLS: no other host can have set it
CACHE_SIZE = 20_000  # verified tokens, and as many buckets of the rate limit
BURST = 5  # a bucket holds the requests of so many seconds
STAFF_FACTOR = 5  # times the rate of a member, for organizers and admins
NEVER = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SENT = {  # where a token is in the bytes of a header
    b"authorization": re.compile(rb"bearer +(\S+)", re.IGNORECASE),
    b"cookie": re.compile(rf"(?:^|;) *(?:{HOST_COOKIE}|{COOKIE})=([^; ]+)".encode()),
}


class Identity:
    """Verifies tokens and counts requests. Verified tokens are cached until they expire, or the key
    that they are signed with is withdrawn."""

    def __init__(self, settings: Settings, secret: str | None) -> None:
        self._secret = secret
        self._jwks = SigningKeys(settings.jwt_jwks_url) if settings.jwt_jwks_url else None
        self._audience, self._issuer = settings.jwt_audience, settings.jwt_issuer
        self._verified: OrderedDict[str, Principal] = OrderedDict()
        self._rate = settings.rate_limit
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def run(self) -> None:
        """Keeps the identity provider's keys as they are published, for ever."""
        if self._jwks:
            await self._jwks.run()

    async def authenticate(self, request: Request) -> Principal:
        """The principal of a request, which is counted. Raises Unauthorized, TooMany, and Forbidden
        if another site's page sends our cookie with a change."""
        token = _bearer(request.single("Authorization"))
        if token is None:
            token = _cookie(request)
            if token and request.method not in SAFE:
                check_origin(request)
        if not token:
            raise Unauthorized("Send a token as `Authorization: Bearer ...`.")
        principal = await self.verify(token)
        self.count(principal)
        return principal

    def is_stranger(self, scope: Any) -> bool:
        """True for a request, by its ASGI scope, that comes without a token that was verified here
        before, or from somebody who has no more requests at the moment. Nothing is decided by that
        but who waits: others are let in first."""
        for name, value in scope["headers"]:
            found = SENT[name].search(value) if name in SENT else None
            known = self._verified.get(found[1].decode("latin-1")) if found else None
            if known and self.holds(known):
                return self._left(known.sub, self._rate_of(known))[0] < 1
        return True

    async def verify(self, token: str) -> Principal:
        """The principal of a token. Raises InvalidToken, saying why; and Unavailable where the
        identity provider is needed and does not answer."""
        known = self._verified.get(token)
        if known and self.holds(known):
            return known
        try:
            principal = await self._principal(token)
        except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError) as e:
            raise InvalidToken(_reason(e), getattr(e, "retry_after", None)) from None
        _cache(self._verified, token, principal)
        return principal

    def holds(self, principal: Principal) -> bool:
        """True until a verified token expires, or its signing key is withdrawn."""
        if principal.holds_until <= time.time():
            return False
        key = principal.signed_with
        return key is None or (self._jwks is not None and self._jwks.holds(key))

    async def _principal(self, token: str) -> Principal:
        """Each kind of key has algorithms of its own, so that a public key is never taken for a
        secret."""
        if jwt.get_unverified_header(token).get("alg") == "HS256" and self._secret:
            options: Options = {"require": ["sub"], "verify_aud": False}
            claims = jwt.decode(token, self._secret, ["HS256"], options, leeway=LEEWAY)
            return _principal(claims)
        if self._jwks is None:
            raise jwt.InvalidAlgorithmError
        key = await self._jwks.key(token)
        claims = jwt.decode(
            token,
            key.public,
            ["RS256", "PS256", "ES256", "EdDSA"],
            {"require": ["sub", "exp", "aud", "iss"]},
            audience=self._audience,
            issuer=self._issuer,
            leeway=LEEWAY,
        )
        return _principal(claims, key.fingerprint)

    def count(self, principal: Principal) -> None:
        """Takes a token of the principal's bucket, which fills at the rate. Raises TooMany."""
        self._take(principal.sub, self._rate_of(principal))

    def count_link(self, request: Request, digest: str) -> None:
        """Counts a request without a token, which has a secret link: by its address, so that nobody
        tries many, and by the link, which may be in many hands. Raises TooMany."""
        self._take(_place(request.client), self._rate)
        self._take(f"link:{digest}", self._rate)

    def _rate_of(self, principal: Principal) -> int:
        staff = any(s == "admin" or s.endswith(":organizer") for s in principal.scopes)
        return self._rate * (STAFF_FACTOR if staff else 1)

    def _left(self, whose: str, rate: int) -> tuple[float, float]:
        """The tokens in a bucket, and now."""
        now = time.monotonic()
        tokens, at = self._buckets.get(whose, (rate * BURST, now))
        return min(rate * BURST, tokens + (now - at) * rate), now

    def _take(self, whose: str, rate: int) -> None:
        """One token of a bucket. No member's id has a colon, as those of others have."""
        tokens, now = self._left(whose, rate)
        if tokens < 1:
            raise TooMany(f"At most {rate} requests a second.", retry_after=(1 - tokens) / rate)
        _cache(self._buckets, whose, (tokens - 1, now))


def _cookie(request: Request) -> str | None:
    """The token in a cookie. Any host of the domain, and whoever answers for one of them without
    TLS, can set `session` for us too, and so have a browser act as somebody else; nobody but us can
    set `__Host-session`. So where there is TLS, one that says `session` counts while nothing speaks
    against it: we have set no cookie, and no second one came. Raises Unauthorized otherwise."""
    if HOST_COOKIE in request.cookies:
        return request.cookies[HOST_COOKIE]
    token = request.cookies.get(COOKIE)
    if token and is_secure(request) and len(_named(request, COOKIE)) > 1:
        raise Unauthorized(
            f"Two cookies called `{COOKIE}` came, and one of them is not ours. Sign in again."
        )
    return token


def _named(request: Request, name: str) -> list[str]:
    """The values of all cookies of this name: browsers send one for each host and path that set
    it."""
    pairs = (
        pair.strip()
        for header in request.headers.getall("cookie", [])
        for pair in header.split(";")
    )
    return [value for key, _, value in (pair.partition("=") for pair in pairs) if key == name]


def _principal(claims: dict[str, Any], signed_with: str | None = None) -> Principal:
    sub, scope = claims["sub"], claims.get("scope", "")
    scopes = scope.split() if isinstance(scope, str) else scope
    if not (isinstance(sub, str) and re.match(ID, sub)):
        raise ValueError("sub")
    if not (isinstance(scopes, list) and all(isinstance(s, str) for s in scopes)):
        raise ValueError("scope")
    " ".join(scopes).encode()  # raises for a lone surrogate
    expires_at, name = _moment(claims.get("exp")), _name(claims.get("name"))
    return Principal(sub, frozenset(scopes), expires_at, name, signed_with)


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


def _place(client: Address | None) -> str:
    """The bucket of an address: one of IPv6 has all those of its network (/64)."""
    host = client.host if client else ""
    with suppress(ValueError):
        if (known := ip_address(host)).version == 6:
            host = str(ip_network((known, 64), strict=False))
    return f"address:{host}"


def _bearer(header: str | None) -> str | None:
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("The Authorization header must be `Bearer` and a token.")
    return token.strip()


def _reason(error: Exception) -> str:
    match error:
        case jwt.ExpiredSignatureError():
            return "The token has expired."
        case jwt.ImmatureSignatureError():
            return "The token is not valid yet."
        case UnknownKeyError():
            return "The token is signed with a key that its provider does not publish."
        case jwt.InvalidAudienceError():
            return "The token is for another audience."
        case jwt.InvalidIssuerError():
            return "The token is of another issuer."
        case jwt.MissingRequiredClaimError(claim=claim):
            return f"The token has no `{claim}`."
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
