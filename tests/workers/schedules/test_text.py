"""Texts of schedules, made plain."""

import html
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.fields import ZONES
from workers.schedules import moments, text

WRITTEN = st.text(max_size=60) | st.lists(
    st.sampled_from(["<p>", "</p>", "<br/>", "<li>", "&amp;", "&lt;", "a", " ", "\n", "\r\n", "<3"])
    | st.characters(),
    max_size=20,
).map("".join)


@given(WRITTEN)
def test_plain_text_written_as_html_is_read_back_as_it_is(written: str) -> None:
    """So that a schedule that was exported imports again without a change."""
    plain = text.plain(written)
    assert text.plain(html.escape(plain, quote=False)) == plain
    assert text.line(text.line(written)) == text.line(written)


@given(WRITTEN)
def test_text_that_is_kept_is_in_normal_form_without_control_characters(written: str) -> None:
    for kept in (text.plain(written), text.line(written), text.cut(text.line(written), 9)):
        assert kept == unicodedata.normalize("NFC", kept)
        assert not text.has_control(kept)
        assert kept == kept.strip()


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("<p>One\ntwo.</p>\n\n<p>Three &amp; <b>four</b></p>", "One two.\n\nThree & four"),
        ("<ul>\n<li>one</li>\n<li>two</li>\n</ul>", "- one\n- two"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<pre><code>if a:\n    b()</code></pre>", "if a:\n    b()"),
        ('<p style="color: red" onclick="x()">one</p><script>x()</script>', "one"),
        ("one<!-- two --> three", "one three"),
        ("plain\ntext stays\n\n\n\nas it is", "plain\ntext stays\n\nas it is"),
        ("vector<int> a < b && c > d <3", "vector<int> a < b && c > d <3"),
        ("caf\u0065\u0301 &eacute; &#233; &nope;", "café é é &nope;"),
        ("<p>cut off <a href=", "cut off <a href="),
        ("&lt;b&gt;", "<b>"),
    ],
)
def test_html_becomes_plain_text(written: str, plain: str) -> None:
    assert text.plain(written) == plain


def test_zone_of_this_machine_is_no_name_that_others_know() -> None:
    assert "localtime" not in moments.zones() | ZONES
