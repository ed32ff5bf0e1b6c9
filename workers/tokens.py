"""Tokens that are signed here: for links to sign in with, and for operators."""

import re
import time
from collections.abc import Iterable, Sequence

import jwt

from domain.errors import Invalid

ID = r"[A-Za-z0-9_.-]{1,128}"
SCOPE = (
    rf"admin|metrics|engagement|event:{ID}:(organizer|member|speaker:{ID})"
    rf"|client:{ID}:(admin|creator)"
)


def check(sub: str, scopes: Sequence[str]) -> None:
    """Raises Invalid for a malformed id or scope, whose token would be valid and open nothing."""
    if not re.fullmatch(ID, sub):
        raise Invalid(
            f"{sub!r} cannot be whose token it is: an id is 1 to 128 of A-Z a-z 0-9 _ - and dot, "
            "as in SUB=ada."
        )
    for scope in scopes or ("",):
        if not re.fullmatch(SCOPE, scope):
            raise Invalid(
                f"{scope!r} is no scope. Scopes are admin, event:EVENT:organizer, "
                "event:EVENT:member and the like, as in SCOPE='event:evt_1:member'."
            )


def sign(secret: str, sub: str, scopes: Iterable[str], seconds: float, **claims: str) -> str:
    now = int(time.time())
    payload = {"sub": sub, "scope": " ".join(scopes), "iat": now, "exp": now + int(seconds)}
    return jwt.encode(payload | claims, secret, algorithm="HS256")


def sign_in_link(address: str, token: str, to: str) -> str:
    """The token travels in the fragment, which is in no log and in no referrer."""
    return f"{address.rstrip('/')}/sign-in#token={token}&to={to}"
