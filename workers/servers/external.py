"""External servers, those that DATABASE_URL and NATS_URL name: checked before anything starts.

No message contains a password.
"""

import asyncio
import os
from contextlib import suppress

import psycopg
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from domain.errors import Unavailable
from workers.settings import Settings

TIMEOUT = 5  # seconds for each server


def require(settings: Settings) -> None:
    """Raises Unavailable where a server that is named cannot be used."""
    if settings.database_url:
        _require_database(settings.database_url)
    if settings.nats_url:
        _require_nats(settings.nats_url)


def why_no_database(error: psycopg.OperationalError) -> Unavailable:
    """Says what to do. Takes the first line of `error` only: in the others libpq guesses."""
    words = str(error).strip().partition("\n")[0].removeprefix("connection failed: ")
    refusal = words.partition("FATAL:")[2].strip()
    if refusal:
        return Unavailable(f"The database refuses this: {refusal}. Correct DATABASE_URL.")
    return Unavailable(f"The database does not answer: {words}. Start it, or correct DATABASE_URL.")


def _require_database(url: str) -> None:
    given = {"connect_timeout": str(TIMEOUT)} | conninfo_to_dict(url)
    try:
        psycopg.connect(make_conninfo("", **given)).close()
    except psycopg.OperationalError as e:
        raise why_no_database(e) from None


def _require_nats(url: str) -> None:
    """Raises Unavailable where none of the addresses, parted by commas, can be used."""
    reasons = []
    for address in url.split(","):
        reason = asyncio.run(_why_not(address.strip()))
        if reason is None:
            return
        reasons.append(reason)
    raise Unavailable(f"{'; '.join(reasons)}. Start it, or correct NATS_URL.")


async def _why_not(address: str) -> str | None:
    place = address.rpartition("@")[2].rpartition("/")[2]
    client = Client()
    try:
        async with asyncio.timeout(TIMEOUT):
            await client.connect(address, allow_reconnect=False, error_cb=_raise)
            await client.jetstream().account_info()
    except TimeoutError:
        return f"NATS does not answer at {place}: it takes too long"
    except OSError as e:
        return f"NATS does not answer at {place}: {_reason(e)}"
    except JetStreamError:
        return f"NATS at {place} has no JetStream"
    except NatsError as e:
        return f"NATS at {place} refuses this: {str(e).removeprefix('nats: ')}"
    finally:
        if not client.is_closed:
            with suppress(OSError):  # of a server that has hung up
                await client.close()
    return None


async def _raise(error: Exception) -> None:
    """The client reports errors here, and would otherwise connect again and again."""
    raise error


def _reason(error: OSError) -> str:
    """The system's words for the error: asyncio's repeat the address, sometimes several times."""
    known = error.errno is not None and error.errno > 0
    return os.strerror(error.errno or 0) if known else error.strerror or str(error)
