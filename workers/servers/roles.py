"""Roles of the database that may do less than its owner, in sql/roles.sql."""

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sql import statements

MAKE_ROLES = statements("roles")["make_roles"]
API = "rapport_api"


def url_of_api(owner_url: str, password: str) -> str:
    """How the web reaches the database, as a login of its own, which is made with this password. It
    reads and records, and cannot change what is recorded, nor what refuses that."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(MAKE_ROLES)
        encrypted = connection.pgconn.encrypt_password(
            password.encode(), API.encode(), b"scram-sha-256"
        ).decode()
        login = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(API), encrypted)
        connection.execute(login)
    return make_conninfo("", **conninfo_to_dict(owner_url) | {"user": API, "password": password})
