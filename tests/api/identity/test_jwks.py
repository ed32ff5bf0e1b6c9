"""Keys of an identity provider that answers, or does not."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import msgspec
import pytest

from api.http.problems import InvalidToken
from api.identity import jwks
from api.identity.jwks import SigningKeys
from api.identity.tokens import Identity
from api.live.reader import Reader
from api.stream import FeedResponse
from domain.errors import Invalid, Unavailable
from tests.api.conftest import AUDIENCE, EC, ISSUER, RSA, Provider, public_keys
from tests.local_server import serving
from tests.waiting import eventually
from workers.background import background
from workers.settings import Settings

TOKEN = jwt.encode({"sub": "ada"}, RSA, algorithm="RS256", headers={"kid": "rsa"})
CLAIMS = {"sub": "ada", "aud": AUDIENCE, "iss": ISSUER, "exp": int(time.time()) + 100_000}


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
        key = await keys.key(TOKEN)
        assert jwt.decode(TOKEN, key.public, algorithms=["RS256"]) == {"sub": "ada"}

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


# Keys that are withdrawn
@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setattr(jwks, "EVERY", 0.02)
    monkeypatch.setattr(jwks, "RETRY_AFTER", 0.0)
    with serving(Provider()) as server:
        server.published = public_keys()
        yield server


@asynccontextmanager
async def identifying(provider: Provider) -> AsyncIterator[Identity]:
    settings = Settings(jwt_jwks_url=provider.url, jwt_audience=AUDIENCE, jwt_issuer=ISSUER)
    identity = Identity(settings, None)
    async with background(identity.run()):
        yield identity


def token(of: str, kid: str | None = None) -> str:
    key, algorithm = {"rsa": (RSA, "RS256"), "ec": (EC, "ES256")}[of]
    return jwt.encode(CLAIMS, key, algorithm=algorithm, headers={"kid": kid or of})


def without(kid: str) -> bytes:
    keys = msgspec.json.decode(public_keys())["keys"]
    return msgspec.json.encode({"keys": [key for key in keys if key["kid"] != kid]})


def test_token_holds_no_longer_once_its_key_is_withdrawn(provider: Provider) -> None:
    async def story() -> None:
        async with identifying(provider) as identity:
            withdrawn, kept = [await identity.verify(token(kid)) for kid in ("rsa", "ec")]
            provider.published = without("rsa")
            await eventually(lambda: not identity.holds(withdrawn))
            assert identity.holds(kept)
            with pytest.raises(InvalidToken, match="a key that its provider does not publish"):
                await identity.verify(token("rsa"))
            provider.published = b'{"keys": []}'
            await eventually(lambda: not identity.holds(kept))
            with pytest.raises(Unavailable):
                await identity.verify(token("ec"))

    asyncio.run(story())


def test_key_that_is_another_under_the_same_id_does_not_let_in(provider: Provider) -> None:
    async def story() -> None:
        async with identifying(provider) as identity:
            before = await identity.verify(token("rsa"))
            (another,) = msgspec.json.decode(without("rsa"))["keys"]
            provider.published = msgspec.json.encode({"keys": [another | {"kid": "rsa"}]})
            await eventually(lambda: not identity.holds(before))
            with pytest.raises(InvalidToken):
                await identity.verify(token("rsa"))

    asyncio.run(story())


def test_keys_hold_while_the_provider_is_away_but_not_for_ever(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with identifying(provider) as identity:
            known = await identity.verify(token("rsa"))
            provider.published = b"<html>Be right back</html>"
            with pytest.raises(Unavailable):  # whose key may be a new one
                await identity.verify(token("rsa", kid="new"))
            assert (await identity.verify(token("ec"))).sub == "ada"
            monkeypatch.setattr(jwks, "LAST", 0.0)
            assert not identity.holds(known)
            with pytest.raises(Unavailable):
                await identity.verify(token("rsa"))

    asyncio.run(story())


def test_open_stream_ends_once_its_key_is_withdrawn(provider: Provider) -> None:
    class Nobody:
        left = False

        def retry(self) -> bytes:
            return b""

        def leave(self, _: Reader) -> None:
            self.left = True

    async def story() -> None:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        async with identifying(provider) as identity:
            principal = await identity.verify(token("rsa"))
            live: Any = Nobody()
            reader = Reader(("evt_1", "ada"), [0, 0], 0, principal.holds_until, None)
            reader.missed = False
            feed = FeedResponse(live, reader, lambda: identity.holds(principal))
            serving_it = asyncio.create_task(feed.to_asgi_response()({}, None, send))
            await eventually(lambda: len(sent) == 2)
            provider.published = without("rsa")
            await eventually(lambda: not identity.holds(principal))
            reader.offer(0, 5, b"event: SECRET\n\n", [5, 5])
            await serving_it
            assert live.left
            assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
            assert not any(b"SECRET" in message.get("body", b"") for message in sent)

    asyncio.run(story())


@pytest.mark.parametrize("url", ["file:///etc/passwd", "data:,{}", "nonsense", ""])
def test_address_that_is_not_http_is_refused_at_start(url: str) -> None:
    with pytest.raises(Invalid, match="JWT_JWKS_URL cannot be used"):
        SigningKeys(url)
