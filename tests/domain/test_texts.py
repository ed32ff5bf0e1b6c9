import sys
import time
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from domain import texts
from domain.texts import MARKS, PLANES, has_too_many_marks, normalised

marks = st.text("\u0301\u0327\u05b0\u0f73\u0344", max_size=2 * MARKS)


@given(st.text() | st.lists(st.text("ae\u1ead", max_size=2) | marks).map("".join))
def test_text_is_in_normal_form_and_loses_only_marks_that_are_too_many(text: str) -> None:
    normal = normalised(text)
    assert normal == unicodedata.normalize("NFC", normal)
    if not has_too_many_marks(text):
        assert normal == unicodedata.normalize("NFC", text)
    assert not has_too_many_marks(texts._runs().sub(texts._cut, text))


def test_every_mark_counts() -> None:
    """Also those that only a later version of Unicode has put elsewhere."""
    for code in range(sys.maxunicode + 1):
        apart = unicodedata.normalize("NFD", chr(code))
        if all(map(unicodedata.combining, apart)):
            assert PLANES[0] <= code < PLANES[1], hex(code)
            assert has_too_many_marks(chr(code) * (MARKS + 1)), hex(code)


def test_time_grows_no_faster_than_the_text() -> None:
    """It took 21 seconds for a tenth of this."""
    text = "a" + "\u0301\u0327" * 600_000
    began = time.process_time()
    assert len(normalised(text)) <= MARKS + 1
    assert has_too_many_marks(text)
    assert time.process_time() - began < 2
