"""A file out of whatever a browser, `curl -F` or something broken sends."""

from contextlib import suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.uploads import PARTS, uploaded
from domain.errors import Invalid

FORM = "multipart/form-data; boundary=x"
FILE = b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
FIELD = b'Content-Disposition: form-data; name="more"\r\n\r\n'


def form(*parts: bytes, boundary: bytes = b"x") -> bytes:
    between = b"--" + boundary + b"\r\n"
    return b"".join(between + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"


def refused(content_type: str, body: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        uploaded(content_type, body)
    ((path, message),) = caught.value.errors
    assert path == "$"
    return message


@given(st.binary(), st.text(max_size=20), st.binary(max_size=20))
def test_file_comes_out_of_a_form_as_it_went_in(data: bytes, name: str, other: bytes) -> None:
    sent = httpx.Request(
        "POST", "http://x", files={"file": (name or "a", data)}, data={"more": other}
    )
    assert uploaded(sent.headers["Content-Type"], sent.read()) == data


@given(st.text(max_size=60), st.binary())
def test_body_of_another_type_is_the_file_itself(content_type: str, body: bytes) -> None:
    if not content_type.lower().strip().startswith("multipart/form-data"):
        assert uploaded(content_type, body) == body


WHOLE = form(FILE + b"\r\n--y--\r\n", FIELD + b"1")


@given(st.integers(0, WHOLE.rindex(b"--")))
def test_form_is_read_only_when_it_is_whole(length: int) -> None:
    assert uploaded(FORM, WHOLE) == b"\r\n--y--\r\n"
    assert refused(FORM, WHOLE[:length]).startswith("is no form")


@given(st.binary(max_size=200))
def test_whatever_is_sent_is_a_file_or_a_refusal(body: bytes) -> None:
    for sent in (body, form(body), form(FILE + body, FIELD + body)):
        with suppress(Invalid):
            assert uploaded(FORM, sent) in sent


@pytest.mark.parametrize(
    ("content_type", "body", "file"),
    [
        (FORM, form(FILE + b"1"), b"1"),
        (FORM, form(FIELD + b"1"), b"1"),
        (FORM, form(FIELD + b"1", FILE + b"2", FIELD + b"3"), b"2"),
        (FORM, form(FILE), b""),
        (FORM, b"before it\r\n" + form(FILE + b"1") + b"after it", b"1"),
        ('Multipart/Form-Data; charset=utf-8; BOUNDARY="a b"', form(FILE, boundary=b"a b"), b""),
        (FORM, form(FILE + b"--x\r\n--xx--\r\n"), None),
        (FORM, form(FILE + b"a--x--b"), b"a--x--b"),
    ],
)
def test_one_file_is_taken_out_of_its_form(
    content_type: str, body: bytes, file: bytes | None
) -> None:
    if file is None:
        refused(content_type, body)
    else:
        assert uploaded(content_type, body) == file


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        (FORM, form(FILE, FILE), "is a form with 2 files"),
        (FORM, form(FIELD, FIELD), "is a form with 2 files"),
        (FORM, form(), "is a form with 0 files"),
        (FORM, form(*[FIELD] * PARTS, FILE), "is no form"),
        ("multipart/form-data", form(FILE), "is no form"),
        ("multipart/form-data; boundary=", form(FILE), "is no form"),
        ('multipart/form-data; boundary="\n"', form(FILE), "is no form"),
        ("multipart/form-data; boundary*1*=x; boundary*=x", b"--x--", "is no form"),
        (FORM, form(b"no header\r\n\r\n"), "is no form"),
        (FORM, b"", "is no form"),
        (FORM, b"--x\r\n" + b"A" * 100_000, "is no form"),
    ],
)
def test_form_without_one_file_is_refused(content_type: str, body: bytes, message: str) -> None:
    assert refused(content_type, body).startswith(message)
