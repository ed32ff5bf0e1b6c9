"""The key from outside, with which keys of persons are wrapped (AES-KW, RFC 3394) before they reach
the database: who has the database, or a copy of it, and not this key opens nothing.

A wrapped key is 8 bytes longer than a plain one: by that they are told apart. For AES it is no key
at all, so a version that knows nothing of wrapping refuses it: it takes nothing that is sealed for
erased, and seals nothing with it.
"""

import base64
import binascii
import hashlib
import hmac
import os

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)

from domain.errors import Invalid, Unavailable

NAME = "MASTER_KEY"
KEY_SIZE = 32  # bytes, of master keys and of those of persons: AES-256
CHECKED = b"rapport: which master key wraps"
CHECK_SIZE = 16  # bytes


class MasterKeys:
    """One or, while it is changed, several. A check value tells one from another, and nothing of
    it: the database has that of the key in use."""

    def __init__(self, *keys: bytes) -> None:
        """The first is the one to be used where none is yet."""
        self._keys = {_check_value(key): key for key in keys}
        self.check_value = next(iter(self._keys))

    def require(self, check_value: bytes | None) -> bytes:
        """The check value of the key to wrap with. Raises Unavailable where it is not ours."""
        if check_value is None:
            return self.check_value
        if check_value not in self._keys:
            raise _another()
        return check_value

    def wrap(self, key: bytes, check_value: bytes) -> bytes:
        return aes_key_wrap(self._keys[check_value], key)

    def unwrap(self, stored: bytes) -> bytes:
        """The plain key, whether it was stored so or wrapped. Raises Unavailable where none of ours
        opens it."""
        if not is_wrapped(stored):
            return stored
        for key in self._keys.values():
            try:
                return aes_key_unwrap(key, stored)
            except InvalidUnwrap:
                continue
        raise _another()


def parse(text: str) -> MasterKeys:
    """Keys with commas between them. Raises Invalid, which quotes nothing of them."""
    return MasterKeys(*(_decode(part.strip()) for part in text.split(",")))


def generated() -> str:
    return base64.b64encode(os.urandom(KEY_SIZE)).decode()


_in_use: list[MasterKeys] = []  # one at most


def use(keys: MasterKeys) -> None:
    """For all of this process."""
    _in_use[:] = [keys]


def in_use() -> MasterKeys:
    """Those that this process was told to use, or else that its environment has."""
    if not _in_use:
        if not (given := os.environ.get(NAME)):
            raise Unavailable(f"This process has no {NAME}: it can open no key of a person.")
        use(parse(given))
    return _in_use[0]


def unwrapped(stored: bytes) -> bytes:
    return in_use().unwrap(stored) if is_wrapped(stored) else stored


def opened(stored: bytes) -> bytes:
    """The plain key; one that this process has no master key for stays as it is stored, and what is
    sealed with that cannot be read (`is_wrapped`). Raises Unavailable in a process that has none at
    all."""
    if not is_wrapped(stored):
        return stored
    keys = in_use()
    try:
        return keys.unwrap(stored)
    except Unavailable:
        return stored


def is_wrapped(key: bytes) -> bool:
    return len(key) != KEY_SIZE


def _decode(text: str) -> bytes:
    """64 digits are hex: as base64 they would be 48 bytes."""
    try:
        if len(text) == 2 * KEY_SIZE:
            return bytes.fromhex(text)
        standard = text.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
        key = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        if len(key) == KEY_SIZE:
            return key
    except (ValueError, binascii.Error):
        pass
    raise Invalid(
        f"{NAME} must be {KEY_SIZE} random bytes, as base64 or as {2 * KEY_SIZE} hex digits: "
        "`openssl rand -base64 32` makes one. Change it and start again."
    )


def _check_value(key: bytes) -> bytes:
    return hmac.new(key, CHECKED, hashlib.sha256).digest()[:CHECK_SIZE]


def _another() -> Unavailable:
    return Unavailable(
        f"Keys of persons here are wrapped with another {NAME} than this process has. Give it the "
        "one that all others have; without it nobody can read what is personal."
    )
