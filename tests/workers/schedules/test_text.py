"""Texts of schedules, made plain."""

import html
import time
import unicodedata

import pytest
from hypothesis import example, given, settings
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
        ('<a title="x > y" href=z>one</a>', "one"),
        ("</p one < two <int> three", "</p one < two <int> three"),
        ('<a href="x>one</a>', "one"),
        ('<a title="a < b" href=z>one</a>', "one"),
        ("<p title='1 > 0 < 2'>one</P><p title=\"'<p>'\">two</p>", "one\n\ntwo"),
        ('<img alt="<b>two</b>"/>one', "one"),
        ('<a href="x>one</a> <a title="a < b">"two"</a>', 'one "two"'),
        ('a <b "c < d', 'a <b "c < d'),
        ("<P CLASS='x'>one</P >two</p x>three", "one\n\ntwo\n\nthree"),
        ("<svg:a> <i18n> </s-expr> <b:c>", "<svg:a> <i18n> </s-expr> <b:c>"),
        ("<table><tr><td/>one<td>two</table>", "one two"),
        (
            "one <!DOCTYPE html> <?php ?> <![CDATA[two]]>",
            "one <!DOCTYPE html> <?php ?> <![CDATA[two]]>",
        ),
        ("a&copy=b &copy; <b>c&copy=d</b>", "a&copy=b © c&copy=d"),
        ("<script>if (a < b) { '</p>' }</script >one<style>p</style><script>two", "one"),
        ("one<!-- <p> --><!-- two", "one"),
    ],
)
def test_html_becomes_plain_text(written: str, plain: str) -> None:
    assert text.plain(written) == plain


UNITS = [
    *("<!--", "-->", "<!", "<?", "<![CDATA[", "]]>", "<", ">", "</", "/>", "&", "&#", "&lt", ";"),
    *("<a ", "<a b=", "</a", "</a ", "<p>", "<p/", "</p>", "<li", "<td>", "<pre>", "<br", "<x>"),
    *(
        "<script>",
        "</script",
        "<style",
        "'",
        '"',
        "=",
        "='",
        '="',
        " x=",
        "/",
        " ",
        "\n",
        "\t",
        "a",
    ),
]


def seconds(written: str) -> float:
    """The least of three runs: others may be at work on this machine."""
    took = []
    for _ in range(3):
        began = time.process_time()
        text.plain(written)
        took.append(time.process_time() - began)
    return min(took)


@settings(max_examples=60, deadline=None)
@example([], ["<a x='>' "], ["y="])
@example([], ["<!--x>"], [])
@example(["<script>"], ["</ "], [])
@example(["<a b="], ["'\""], [])
@example([], ["<a ", '"'], [])
@example([], ["<a ", "'", '"'], [])
@example([], ["<a ", "'", '"', "'"], ['"'])
@given(
    *(st.lists(st.sampled_from(UNITS), max_size=most) for most in (2, 4, 2)),
)
def test_time_grows_no_faster_than_the_text(
    before: list[str], repeated: list[str], after: list[str]
) -> None:
    """Eight times the text takes some eight times as long; if it were quadratic, it took 64."""
    unit, ends = "".join(repeated) or "a", ("".join(before), "".join(after))

    def written(length: int) -> str:
        return ends[0] + unit * (length // len(unit)) + ends[1]

    short = seconds(written(text.MARKED_UP // 8))
    assert seconds(written(text.MARKED_UP - 100)) < 24 * max(short, 0.001)


def test_zone_of_this_machine_is_no_name_that_others_know() -> None:
    assert "localtime" not in moments.zones() | ZONES
