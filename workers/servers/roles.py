"""Roles of the database that may do less than its owner, in sql/roles.sql."""

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sql import statements

MAKE_ROLES = statements("roles")["make_roles"]
API, WORKER = "rapport_api", "rapport_worker"


def url_of_api(owner_url: str, password: str) -> str:
    """How the web reaches the database: it reads and records, and cannot change what is recorded,
    nor what refuses that."""
    return url_of(API, owner_url, password)


def url_of_worker(owner_url: str, password: str) -> str:
    """How the workers do: they keep read models and leases as well."""
    return url_of(WORKER, owner_url, password)


def url_of(login: str, owner_url: str, password: str) -> str:
    """By one of the logins that sql/roles.sql makes, which gets this password."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(MAKE_ROLES)
        encrypted = connection.pgconn.encrypt_password(
            password.encode(), login.encode(), b"scram-sha-256"
        ).decode()
        named = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(login), encrypted)
        connection.execute(named)
    return make_conninfo("", **conninfo_to_dict(owner_url) | {"user": login, "password": password})
