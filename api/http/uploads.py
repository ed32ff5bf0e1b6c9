"""An uploaded file: the request's body itself, or a form, as browsers and `curl -F` send it."""

from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    PushMultipartParser,
    parse_options_header,
)

from domain.errors import Invalid

PARTS = 100  # of a form, at most


def uploaded(content_type: str, body: bytes) -> bytes:
    """The body, or the one file of a form (RFC 7578). Raises Invalid for a form that is malformed,
    cut off, or holds another number of files than one. Where no part has a file's name, each part
    counts as a file."""
    media_type, options = parse_options_header(content_type)
    if media_type != "multipart/form-data":
        return body
    parts = _parts(options.get("boundary", ""), body)
    files = [data for is_file, data in parts if is_file] or [data for _, data in parts]
    if len(files) != 1:
        raise Invalid("", ("$", f"is a form with {len(files)} files: send one, or it alone"))
    return files[0]


def _parts(boundary: str, body: bytes) -> list[tuple[bool, bytes]]:
    """The parts of a form: (whether it has a file name, content)."""
    parts: list[tuple[bool, list[bytes]]] = []
    try:
        with PushMultipartParser(boundary, max_segment_count=PARTS) as parser:
            # Each part comes as its header, its content in pieces, and None at its end.
            for event in parser.parse(body):
                if isinstance(event, bytes):
                    parts[-1][1].append(event)
                elif event is not None:
                    parts.append((event.filename is not None, []))
    except MultipartError:
        raise Invalid("", ("$", "is no form that ends as its Content-Type says")) from None
    return [(is_file, b"".join(pieces)) for is_file, pieces in parts]
