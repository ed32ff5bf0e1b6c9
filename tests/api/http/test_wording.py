"""The message about a wrong field says what would be right."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.attendees import ProfileBody
from api.http.request import decoded
from api.missions import StatusBody
from domain.errors import Invalid
from domain.missions import Status


@given(st.text().filter(lambda text: text not in get_args(Status)))
def test_wrong_choice_is_told_every_right_one(status: str) -> None:
    with pytest.raises(Invalid) as raised:
        decoded(msgspec.json.encode({"status": status}), StatusBody)
    words = "must be one of completed, in_progress, not_started"
    assert raised.value.errors == (("$.status", words),)


@pytest.mark.parametrize(
    ("body", "type_", "error"),
    [
        (
            {"name": "Ada", "visibility": "secret"},
            ProfileBody,
            ("$.visibility", "must be one of hidden, listed"),
        ),
        (
            [{"status": "done"}],
            list[StatusBody],
            ("$[0].status", "must be one of completed, in_progress, not_started"),
        ),
        ({"status": 3}, StatusBody, ("$.status", "Expected `str`, got `int`")),
    ],
)
def test_choice_is_found_where_it_is(body: object, type_: object, error: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as raised:
        decoded(msgspec.json.encode(body), type_)
    assert raised.value.errors == (error,)
