"""All settings, which come from environment variables of the same names.

The README's table is checked against this file by a test.
"""

import os
import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from domain.errors import Invalid
from domain.store.master_key import parse

PUBLIC_URL = re.compile(r"https?://([^\s/?#@:\[\]]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?")


class Settings(Struct, frozen=True, rename="upper"):
    """Every field is one environment variable; the text beside it is its line in the README."""

    port: Annotated[int, Meta(ge=0, le=65535, description="where the product is served")] = 8000
    host: Annotated[str, Meta(description="the address it listens on")] = "127.0.0.1"
    public_url: Annotated[
        str | None,
        Meta(
            description="where browsers reach it; with https cookies are `Secure`, and HSTS is "
            "sent; none: `http://HOST:PORT`"
        ),
    ] = None
    trusted_proxy: Annotated[
        str | None,
        Meta(
            description="addresses or networks of proxies, with commas between, whose "
            "`X-Forwarded-For` and `X-Forwarded-Proto`, or else `Forwarded`, count; none: nobody's "
            "do"
        ),
    ] = None
    data_dir: Annotated[
        Path, Meta(description="Postgres, JetStream, generated secrets; survives restarts")
    ] = Path(".data")
    database_url: Annotated[
        str | None, Meta(description="a PostgreSQL elsewhere; none: an embedded one in `DATA_DIR`")
    ] = None
    nats_url: Annotated[
        str | None,
        Meta(description="a NATS with JetStream elsewhere; none: an embedded one in `DATA_DIR`"),
    ] = None
    jwt_secret: Annotated[
        str | None,
        Meta(description="signs tokens (HS256); none: a secret generated once into `DATA_DIR`"),
    ] = None
    master_key: Annotated[
        str | None,
        Meta(
            description="wraps the keys of what is personal: 32 bytes, as base64 or hex; none: a "
            "key generated once into `DATA_DIR`"
        ),
    ] = None
    jwt_jwks_url: Annotated[
        str | None,
        Meta(
            description="where the public keys of an identity provider are published; with it both "
            "of the next two"
        ),
    ] = None
    jwt_audience: Annotated[
        str | None, Meta(description="what the provider's tokens must have as `aud`")
    ] = None
    jwt_issuer: Annotated[
        str | None, Meta(description="what the provider's tokens must have as `iss`")
    ] = None
    openai_api_key: Annotated[
        str | None,
        Meta(description="none: answers are written offline, without a model"),
    ] = None
    openai_base_url: Annotated[
        str | None, Meta(description="another server that speaks the OpenAI API; none: OpenAI's")
    ] = None
    openai_model: Annotated[
        str | None, Meta(description="the model that writes answers; none: gpt-5.4-mini")
    ] = None
    openai_embedding_model: Annotated[
        str | None, Meta(description="not used yet; the model that embeds")
    ] = None
    fathom_api_key: Annotated[
        str | None, Meta(description="not used yet; none: meetings imported here are the source")
    ] = None
    fathom_api_url: Annotated[
        str | None, Meta(description="not used yet; where Fathom's API is")
    ] = None
    smtp_url: Annotated[
        str | None,
        Meta(description="not used yet; none: mails become files in `DATA_DIR/outbox`"),
    ] = None
    otel_exporter_otlp_endpoint: Annotated[
        str | None, Meta(description="where traces are sent; none: no export")
    ] = None
    rate_limit: Annotated[
        int,
        Meta(
            ge=1,
            description="requests a second that one member may send, five times that in a burst; "
            "organizers and admins get five times as much",
        ),
    ] = 200

    def __repr__(self) -> str:
        """For logs and tracebacks: hides values that may hold a secret."""
        shown = (
            f"{name}={'...' if value and name in SECRET else repr(value)}"
            for name, value in msgspec.structs.asdict(self).items()
        )
        return f"Settings({', '.join(shown)})"


SECRET = frozenset(
    {
        "database_url",
        "nats_url",
        "jwt_secret",
        "master_key",
        "openai_api_key",
        "fathom_api_key",
        "smtp_url",
        "otel_exporter_otlp_endpoint",
    }
)


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from an environment. An empty variable counts as absent.

    Raises Invalid, naming the variable, where a value cannot be what it should be.
    """
    fields = msgspec.structs.fields(Settings)
    settings = Settings(
        **{f.name: _value(f, given) for f in fields if (given := environment.get(f.encode_name))}
    )
    _check_addresses(settings)
    if settings.master_key:
        parse(settings.master_key)
    _check_provider(settings)
    _check_public_url(settings.public_url)
    _check_proxies(settings.trusted_proxy)
    return settings


def _value(field: FieldInfo, given: str) -> Any:
    """The decoded value. Raises Invalid; only numbers can be wrong."""
    try:
        return msgspec.convert(given, field.type, strict=False, dec_hook=_decode)
    except msgspec.ValidationError:
        meta = field.type.__metadata__[0]
        most = "" if meta.le is None else f" to {meta.le}"
        raise Invalid(
            f"{field.encode_name} must be a whole number from {meta.ge}{most}. "
            "Change it and start again."
        ) from None


def _check_addresses(settings: Settings) -> None:
    """Raises Invalid for a malformed URL. The libraries' own errors quote a part of the
    password."""
    try:
        name = "DATABASE_URL"
        conninfo_to_dict(settings.database_url or "")
        name = "NATS_URL"
        _ = [urlsplit(url.strip()).port for url in (settings.nats_url or "").split(",")]
    except (ProgrammingError, ValueError):
        raise Invalid(
            f"{name} is no address. A password in it must have its special characters as %XX, "
            "as in %2F for a slash. Change it and start again."
        ) from None


def _check_provider(settings: Settings) -> None:
    """Raises Invalid where an identity provider is not told whole."""
    with_it = {"JWT_AUDIENCE": settings.jwt_audience, "JWT_ISSUER": settings.jwt_issuer}
    if settings.jwt_jwks_url and (
        missing := [name for name, given in with_it.items() if not given]
    ):
        raise Invalid(
            f"JWT_JWKS_URL needs {' and '.join(missing)} as well: without, whoever has a token of "
            "the same provider for another program would be let in here. Set both to what its "
            "tokens for this program have as `aud` and `iss`, and start again."
        )
    if not settings.jwt_jwks_url and (given := [name for name, value in with_it.items() if value]):
        raise Invalid(
            f"{' and '.join(given)} cannot be used without JWT_JWKS_URL, where the provider's keys "
            "are published. Set it, and start again."
        )


def _check_public_url(given: str | None) -> None:
    """Raises Invalid for anything but a scheme, a host and perhaps a port."""
    if given and not PUBLIC_URL.fullmatch(given):
        raise Invalid(
            "PUBLIC_URL must be http:// or https://, a host, and nothing behind it but perhaps a "
            "port, as in https://conf.example. Change it and start again."
        )


def _check_proxies(given: str | None) -> None:
    """Raises Invalid for what is no address, and no network."""
    for each in (given or "127.0.0.1").split(","):
        try:
            ip_network(each.strip())
        except ValueError:
            raise Invalid(
                f"TRUSTED_PROXY must be addresses or networks, as in 127.0.0.1,10.0.0.0/8, and "
                f"{each.strip()!r} is none. Change it and start again."
            ) from None


def _decode(type_: type, value: object) -> object:
    if type_ is Path:
        return Path(str(value))
    raise TypeError(type_)
