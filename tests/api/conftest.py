"""An event with its organizer and a member. And a second API process on the same stores, which
asks an identity provider for keys and counts requests strictly."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.product import Product

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
RATE = 2  # requests a second


class Provider(ThreadingHTTPServer):
    """Publishes the keys above, as long as `keys` holds them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Jwks)
        self.published = b""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/jwks.json"


class Jwks(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.published)

    def log_message(self, *_: Any) -> None:
        pass


def public_keys() -> bytes:
    one = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key()))
    two = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC.public_key()))
    keys = [one | {"kid": "rsa", "use": "sig"}, two | {"kid": "ec", "use": "sig"}]
    return json.dumps({"keys": keys}).encode()


@contextmanager
def served(server: Provider) -> Iterator[Provider]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    with served(Provider()) as server:
        server.published = public_keys()
        yield server


@pytest.fixture(scope="session")
def strict(
    product: Product, provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    other = Product(
        product.database_url,
        product.nats_url,
        tmp_path_factory.mktemp("strict"),
        JWT_JWKS_URL=provider.url,
        RATE_LIMIT=str(RATE),
    )
    other.start_api()
    yield other
    other.stop_api()


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
