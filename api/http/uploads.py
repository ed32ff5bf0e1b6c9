"""A file as it comes: as the body itself, or in a form, as browsers and `curl -F` send it."""

import re
from email.message import Message

from domain.errors import Invalid

PARTS = 100
NAMED = re.compile(rb";\s*filename\*?\s*=", re.I)


def uploaded(content_type: str, body: bytes) -> bytes:
    """The body, or the one file of a form. Raises Invalid."""
    header = Message()
    header["content-type"] = content_type.encode("ascii", "replace").decode()
    if header.get_content_type() != "multipart/form-data":
        return body
    parts = _parts(_boundary(header), body)
    files = [data for named, data in parts if named] or [data for _, data in parts]
    if len(files) != 1:
        raise Invalid("", ("$", f"is a form with {len(files)} files: send one, or it alone"))
    return files[0]


def _boundary(header: Message) -> str:
    try:
        return header.get_boundary() or ""
    except (TypeError, ValueError):  # of parameters in pieces that do not fit (RFC 2231)
        return ""


def _parts(boundary: str, body: bytes) -> list[tuple[bool, bytes]]:
    """Of a form (RFC 7578): whether each has a file's name, and what is in it."""
    between = b"\r\n--" + boundary.encode(errors="replace")
    _, *parts = (b"\r\n" + body).split(between, PARTS)
    if not boundary or not parts or not parts[-1].startswith(b"--"):
        raise Invalid("", ("$", "is no form that ends as its Content-Type says"))
    found = [part.partition(b"\r\n\r\n") for part in parts[:-1]]
    return [(NAMED.search(head) is not None, data) for head, _, data in found]
