"""Bytes of a file as text. Files do not say how they are encoded: it is UTF-8 unless told."""

from workers.attendees.remarks import broken, quoted

BYTES = 16 << 20  # of a file, at most
UTF_8, WINDOWS = "utf-8", "windows-1252"
ENCODINGS = (UTF_8, WINDOWS)
# As browsers take them (WHATWG Encoding, section 4.2): whoever says Latin-1 has Windows-1252.
KNOWN = {
    **dict.fromkeys(("utf-8", "utf8", "utf-8-sig", "us-ascii", "ascii"), UTF_8),
    **dict.fromkeys(("windows-1252", "cp1252", "cp-1252", "x-cp1252", "iso-8859-1"), WINDOWS),
    **dict.fromkeys(("iso8859-1", "latin1", "latin-1", "l1"), WINDOWS),
}
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
BOM = b"\xef\xbb\xbf"


def encoding(said: str) -> str:
    """One of ENCODINGS. Raises Invalid for any other."""
    name = KNOWN.get(said.strip().lower().replace("_", "-"))
    if name is None:
        known = " or ".join(ENCODINGS)
        raise broken(f"is {quoted(said)}, which is not read here: save it as {known}", "encoding")
    return name


def decoded(data: bytes, name: str = UTF_8) -> str:
    """Raises Invalid, with the line of what cannot be read."""
    if len(data) > BYTES:
        raise broken(f"is larger than {BYTES >> 20} MB: cut it into several")
    if not data.strip(b" \t\r\n"):
        raise broken("is empty")
    if data.startswith(UTF_16):
        raise broken("is in UTF-16 (`Unicode text` in Excel): save it as `CSV UTF-8`")
    if (at := data.find(0)) >= 0:
        raise broken(
            "holds a NUL byte: it is no text, or in UTF-16. Save it as UTF-8", _line(data, at)
        )
    if data.startswith(BOM):  # which only UTF-8 has
        data, name = data[len(BOM) :], UTF_8
    try:
        return data.decode("cp1252" if name == WINDOWS else name)
    except UnicodeDecodeError as e:
        byte = f"0x{data[e.start]:02x}"
        hint = ""
        if name == UTF_8:
            hint = f": save it as UTF-8, or say encoding={WINDOWS} if Excel has saved it as CSV"
        raise broken(f"is not {name} (byte {byte}){hint}", _line(data, e.start)) from None


def _line(data: bytes, at: int) -> str:
    """Lines end with LF, CR LF, or CR alone."""
    before = data[:at].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return f"line {before.count(10) + 1}"
