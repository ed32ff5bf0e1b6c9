"""Unpacks gzip, xz, tar and zip, also within each other, up to a bounded number of bytes."""

import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from domain.errors import Invalid
from workers.schedules import moments, text
from workers.schedules.schedule import THE_FILE

# Upper bounds.
BYTES = 16 << 20  # packed, and unpacked; FOSDEM 2025 has 3.4 MB
FILES = 1_000
LAYERS = 3
MEMORY = 128 << 20  # bytes for xz, whose files state how much memory they need
BROKEN = (  # the exceptions of these libraries for broken files
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


def unpack(data: bytes) -> dict[str, bytes]:
    """Files by their names, without folders. A single file that was in no archive has the name
    "". Raises Invalid."""
    for _ in range(LAYERS + 1):
        if len(data) > BYTES:
            raise _too_large()
        wrapping = _wrapping(data)
        if not wrapping:
            return {"": data}
        try:
            if wrapping in {"tar", "zip"}:
                return _files(data, wrapping)
            data = _gunzipped(data) if wrapping == "gzip" else _unxz(data)
        except Invalid:
            raise
        except BROKEN as error:
            reason = text.line(str(error))[:200] or type(error).__name__
            raise Invalid("", (THE_FILE, f"is a broken {wrapping} file: {reason}")) from None
    raise Invalid("", (THE_FILE, f"is wrapped more than {LAYERS} times"))


def _wrapping(data: bytes) -> str:
    if data[:2] == b"\x1f\x8b":
        return "gzip"
    if data[:6] == b"\xfd7zXZ\x00":
        return "xz"
    if data[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        return "zip"
    return "tar" if data[257:262] == b"ustar" else ""


def _gunzipped(data: bytes) -> bytes:
    with gzip.open(io.BytesIO(data)) as file:
        return file.read(BYTES + 1)


def _unxz(data: bytes) -> bytes:
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY)
    found = decompressor.decompress(data, BYTES + 1)
    if not decompressor.eof and len(found) <= BYTES:
        raise EOFError("it ends too early")
    return found


def _files(data: bytes, wrapping: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    left = BYTES
    for name, file in _tarred(data) if wrapping == "tar" else _zipped(data):
        plain = name.rpartition("/")[2]
        if plain.startswith(".") or not plain:
            continue
        if plain in files or len(files) >= FILES:
            raise Invalid(
                "", (moments.quoted(plain), "is there twice, or there are too many files")
            )
        files[plain] = file.read(left + 1)
        left -= len(files[plain])
        if left < 0:
            raise _too_large()
    return files


def _tarred(data: bytes) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            if file:
                yield member.name, file


def _zipped(data: bytes) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                with archive.open(member) as file:
                    yield member.filename, file


def _too_large() -> Invalid:
    return Invalid("", (THE_FILE, f"is larger than {BYTES >> 20} MB, once unpacked"))
