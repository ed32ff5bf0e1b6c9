"""Tokens of our own making: for links to sign in with, and for whoever operates this."""

import time
from collections.abc import Iterable

import jwt


def sign(secret: str, sub: str, scopes: Iterable[str], seconds: float, **claims: str) -> str:
    now = int(time.time())
    payload = {"sub": sub, "scope": " ".join(scopes), "iat": now, "exp": now + int(seconds)}
    return jwt.encode(payload | claims, secret, algorithm="HS256")


def sign_in_link(address: str, token: str, to: str) -> str:
    """The token travels in the fragment, which is in no log and in no referrer."""
    return f"{address}/sign-in#token={token}&to={to}"
