"""Embedded servers: a real PostgreSQL and a real NATS as child processes.

Both listen on loopback only, require a password that is kept in `DATA_DIR`, and end with us.
Start them from the main thread.
"""

from workers.servers.jetstream import start_nats
from workers.servers.postgres import running_postgres, start_postgres
from workers.servers.processes import Server

__all__ = ["Server", "running_postgres", "start_nats", "start_postgres"]
