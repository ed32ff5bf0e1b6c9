"""The event itself: `PUT` and `GET /api/events/{event_id}`."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.conferences import ConferenceBody
from api.http.request import decoded
from domain.errors import Invalid
from tests.api.agents.asking import nothing_recorded
from tests.product import Product


def test_event_is_made_changed_and_said_back(product: Product) -> None:
    path = "/api/events/evt_made_and_changed"
    body = {"name": "Ours", "timezone": "Europe/Brussels"}
    days = {"starts_at": "2026-02-01T09:00:00+01:00", "ends_at": "2026-02-02T18:00:00+01:00"}
    with product.client("eve", "admin") as eve:
        made = eve.put(path, json=body).json()
        assert made == body | {
            "event_id": "evt_made_and_changed",
            "starts_at": None,
            "ends_at": None,
        }
        assert eve.get(path).json() == made
        changed = eve.put(path, json=body | days).json()
        assert (changed["starts_at"], changed["ends_at"]) == (
            "2026-02-01T08:00:00Z",
            "2026-02-02T17:00:00Z",
        )
        assert eve.get(path).json() == changed
        with nothing_recorded(product):
            same = {"starts_at": "2026-02-01T08:00:00Z", "ends_at": "2026-02-02T17:00:00Z"}
            eve.put(path, json=body | same)


@pytest.mark.parametrize("year", ["0001", "0042", "1815", "1900", "9998", "9999"])
def test_event_of_any_year_can_be_read_again(product: Product, year: str) -> None:
    """Also where the clocks of then had an offset with seconds."""
    path = f"/api/events/evt_of_{year}"
    starts = f"{year}-06-01T12:00:00Z"
    with product.client("eve", "admin") as eve:
        body = {"name": "Long ago", "timezone": "Europe/Brussels", "starts_at": starts}
        assert eve.put(path, json=body).json()["starts_at"] == starts
        seen = eve.get(path)
        assert "Read-Model" not in seen.headers
        assert seen.json()["starts_at"] == starts


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
MOMENTS = st.datetimes(timezones=OFFSETS)


@given(moment=MOMENTS)
@example(moment=datetime.fromisoformat("0001-01-01T00:00:00+14:00"))
@example(moment=datetime.fromisoformat("9999-12-31T23:59:59-14:00"))
def test_moment_is_kept_in_utc_or_refused(moment: datetime) -> None:
    body = f'{{"name": "x", "timezone": "UTC", "starts_at": "{moment.isoformat()}"}}'.encode()
    try:
        kept = decoded(body, ConferenceBody).starts_at
    except Invalid:
        assert moment.year in (1, 9999)
    else:
        assert kept == moment
        assert kept.utcoffset() == timedelta()
