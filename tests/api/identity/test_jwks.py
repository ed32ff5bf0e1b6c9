"""Keys of an identity provider that answers, or does not."""

import asyncio
import time

import jwt
import pytest

from api.identity import jwks
from api.identity.jwks import SigningKeys
from domain.errors import Invalid, Unavailable
from tests.api.conftest import RSA, Provider, public_keys
from tests.local_server import serving

TOKEN = jwt.encode({"sub": "ada"}, RSA, algorithm="RS256", headers={"kid": "rsa"})


def test_provider_that_does_not_say_is_unavailable_until_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jwks, "RETRY_AFTER", 0.0)
    provider = Provider()
    keys = SigningKeys(provider.url)

    async def ask() -> None:
        for answer in (b"<html>Be right back</html>", b"[]", b'{"keys": []}', b"null"):
            provider.published = answer
            with pytest.raises(Unavailable):
                await keys.key(TOKEN)
        provider.published = public_keys()
        assert jwt.decode(TOKEN, await keys.key(TOKEN), algorithms=["RS256"]) == {"sub": "ada"}

    with serving(provider):
        asyncio.run(ask())


def test_provider_that_is_away_is_not_asked_by_everyone() -> None:
    provider = Provider()
    provider.server_close()
    keys = SigningKeys(provider.url)

    async def ask() -> list[BaseException | object]:
        return await asyncio.gather(*(keys.key(TOKEN) for _ in range(200)), return_exceptions=True)

    began = time.monotonic()
    assert {type(answer) for answer in asyncio.run(ask())} == {Unavailable}
    assert time.monotonic() - began < jwks.TIMEOUT


@pytest.mark.parametrize("url", ["file:///etc/passwd", "data:,{}", "nonsense", ""])
def test_address_that_is_not_http_is_refused_at_start(url: str) -> None:
    with pytest.raises(Invalid, match="JWT_JWKS_URL cannot be used"):
        SigningKeys(url)
