"""An event with its organizer and a member. And a second API process on the same stores, which
asks an identity provider for keys and counts requests strictly."""

import json
from collections.abc import Iterator

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.local_server import Handler, LocalServer, serving
from tests.product import Product

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
AUDIENCE, ISSUER = "https://rapport.example", "https://id.example/"
RATE = 2  # requests a second


class Provider(LocalServer):
    """Publishes the keys above, as long as `keys` holds them."""

    def __init__(self) -> None:
        super().__init__(Jwks)
        self.url = f"{self.origin}/jwks.json"
        self.published = b""


class Jwks(Handler):
    server: Provider

    def do_GET(self) -> None:  # noqa: N802 - http.server names it so
        self.answer(200, self.server.published)


def public_keys() -> bytes:
    one = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key()))
    two = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC.public_key()))
    keys = [one | {"kid": "rsa", "use": "sig"}, two | {"kid": "ec", "use": "sig"}]
    return json.dumps({"keys": keys}).encode()


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    with serving(Provider()) as server:
        server.published = public_keys()
        yield server


@pytest.fixture(scope="session")
def strict(
    product: Product, provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    home = tmp_path_factory.mktemp("strict")
    of_provider = {"JWT_AUDIENCE": AUDIENCE, "JWT_ISSUER": ISSUER, "JWT_JWKS_URL": provider.url}
    with product.another_api(home, **of_provider, RATE_LIMIT=str(RATE)) as other:
        yield other


@pytest.fixture
def event_id(product: Product) -> str:
    return product.event()


@pytest.fixture
def organizer(product: Product, event_id: str) -> Iterator[httpx.Client]:
    with product.client("eve", f"event:{event_id}:organizer") as eve:
        yield eve


@pytest.fixture
def ada(product: Product, event_id: str) -> Iterator[httpx.Client]:
    with product.member(event_id, "ada") as ada:
        yield ada
