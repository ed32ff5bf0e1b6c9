"""The public keys of an identity provider (JWT_JWKS_URL)."""

import asyncio
import time
from http.client import HTTPException
from typing import Any

import jwt

from domain.errors import Invalid, Unavailable

TIMEOUT = 3.0  # seconds for an answer
RETRY_AFTER = 2.0  # seconds until a provider that did not answer is tried again


class SigningKeys:
    """The keys, fetched when a token names one that is not known yet, one fetch at a time."""

    def __init__(self, url: str) -> None:
        try:
            self._client = jwt.PyJWKClient(url, timeout=TIMEOUT)
        except jwt.PyJWKClientError as e:
            raise Invalid(f"JWT_JWKS_URL cannot be used: {e}") from None
        self._fetching = asyncio.Lock()
        self._away_until = 0.0

    async def key(self, token: str) -> Any:
        """The key that the token names. Raises Unavailable if the provider does not answer, and
        PyJWTError for a malformed token or an unknown key."""
        kid = jwt.get_unverified_header(token).get("kid")
        async with self._fetching:
            if time.monotonic() < self._away_until:
                raise _away()
            try:
                return await asyncio.to_thread(self._find, kid)
            except Unavailable:
                self._away_until = time.monotonic() + RETRY_AFTER
                raise

    def _find(self, kid: Any) -> Any:
        try:
            self._client.get_signing_keys()
        except (jwt.PyJWTError, ValueError, OSError, HTTPException):
            raise _away() from None
        try:
            return self._client.get_signing_key(kid).key
        except jwt.PyJWKClientConnectionError:
            raise _away() from None


def _away() -> Unavailable:
    return Unavailable(
        "The keys to check the token with cannot be fetched.", retry_after=RETRY_AFTER
    )
