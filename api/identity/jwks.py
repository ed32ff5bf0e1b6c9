"""The public keys of an identity provider (JWT_JWKS_URL).

They are fetched every few seconds, so that one that is withdrawn opens nothing any more; and at
once for a token that names a key that is not known. Where the provider does not answer, the keys
that it published last go on holding for a while: its failure is not ours.
"""

import asyncio
import hashlib
import json
import logging
import time
from http.client import HTTPException
from typing import Any

import jwt
from msgspec import Struct

from domain.errors import Invalid, Unavailable

log = logging.getLogger(__name__)

TIMEOUT = 3.0  # seconds for an answer
EVERY = 10.0  # seconds until the keys are fetched again
RETRY_AFTER = 2.0  # seconds until the provider is asked again, for a token whose key is not known
LAST = 3600.0  # seconds for which keys hold while the provider does not answer
MEMBERS = ("kid", "alg", "kty", "n", "e", "crv", "x", "y")  # that make a key what it is


class UnknownKeyError(jwt.PyJWTError):
    """The provider publishes no such key. `retry_after`: seconds, where one may be on its way."""

    def __init__(self, retry_after: float | None) -> None:
        super().__init__("unknown key")
        self.retry_after = retry_after


class SigningKey(Struct, frozen=True):
    """`fingerprint` changes with the key, also where a new one has the same id."""

    fingerprint: str
    public: Any


class SigningKeys:
    """The keys by their ids (`kid`); one fetch at a time."""

    def __init__(self, url: str) -> None:
        try:
            self._client = jwt.PyJWKClient(url, timeout=TIMEOUT, cache_jwk_set=False)
        except jwt.PyJWKClientError as e:
            raise Invalid(f"JWT_JWKS_URL cannot be used: {e}") from None
        self._keys: dict[str, SigningKey] = {}
        self._fingerprints: frozenset[str] = frozenset()
        self._fetching = asyncio.Lock()
        # Of time.monotonic()
        self._answered_at = self._asked_at = float("-inf")

    async def run(self) -> None:
        """Fetches the keys, for ever. The log has the first failure of several."""
        failed = False
        while True:
            try:
                async with self._fetching:
                    await self._fetch()
                if failed:
                    log.warning("the identity provider answers again")
                failed = False
            except Exception as e:
                if not failed:
                    log.warning("the identity provider does not answer: %s", e, exc_info=e)
                failed = True
            await asyncio.sleep(EVERY)

    async def key(self, token: str) -> SigningKey:
        """The key that the token names. Raises Unavailable if the provider does not answer,
        UnknownKeyError for a key that it does not publish, and PyJWTError for a malformed token."""
        kid = jwt.get_unverified_header(token).get("kid")
        if known := self._known(kid):
            return known
        async with self._fetching:
            if known := self._known(kid):  # fetched for another token meanwhile
                return known
            named = isinstance(kid, str) and kid != ""
            if time.monotonic() - self._asked_at >= RETRY_AFTER and (named or not self._keys):
                await self._fetch()
            if self._answered_at < self._asked_at or not self._keys:
                raise _away()
        if known := self._known(kid):
            return known
        raise UnknownKeyError(RETRY_AFTER if named else None)

    def holds(self, fingerprint: str) -> bool:
        """True while the last key set that was fetched has this key."""
        return fingerprint in self._fingerprints and self._is_recent()

    def _known(self, kid: Any) -> SigningKey | None:
        return self._keys.get(kid) if isinstance(kid, str) and self._is_recent() else None

    def _is_recent(self) -> bool:
        return time.monotonic() - self._answered_at <= LAST

    async def _fetch(self) -> None:
        """Raises Unavailable; what was known stays."""
        try:
            keys = _usable(await asyncio.to_thread(self._client.fetch_data))
        except (jwt.PyJWTError, ValueError, OSError, HTTPException):
            raise _away() from None
        finally:
            self._asked_at = time.monotonic()
        fingerprints = frozenset(key.fingerprint for key in keys.values())
        if withdrawn := len(self._fingerprints - fingerprints):
            log.warning("%s keys of the identity provider were withdrawn", withdrawn)
        self._keys, self._fingerprints = keys, fingerprints
        self._answered_at = self._asked_at


def _usable(published: dict[str, Any]) -> dict[str, SigningKey]:
    """The public keys for signatures that have an id. Raises ValueError for what is no JWK Set."""
    found = published.get("keys")
    if not isinstance(found, list):
        raise ValueError("keys")
    keys: dict[str, SigningKey] = {}
    for each in found:
        kid = each.get("kid") if isinstance(each, dict) else None
        if not (isinstance(kid, str) and kid) or each.get("use", "sig") != "sig" or kid in keys:
            continue
        try:
            public = jwt.PyJWK(each).key
        except jwt.PyJWTError:
            continue  # of a kind that is not known here
        text = json.dumps([each.get(member) for member in MEMBERS]).encode()
        keys[kid] = SigningKey(hashlib.sha256(text).hexdigest(), public)
    return keys


def _away() -> Unavailable:
    return Unavailable(
        "The keys to check the token with cannot be fetched.", retry_after=RETRY_AFTER
    )
