"""Values that HTTP accepts, with few ids, so that they collide."""

from datetime import UTC, datetime

from hypothesis import strategies as st

EVENT = "evt-1.a"
MEMBERS = ("m1", "m2", "m3")

members = st.sampled_from(("m1", *MEMBERS))
names = st.sampled_from(["A name", "Zoë 🎉", "'; DROP --", '{"a": [1]}', "\\u0000 \n\t", "日本語"])
texts = names | st.just("")
tags = st.lists(names, max_size=2).map(tuple)
moments = st.datetimes(datetime(2026, 9, 1), datetime(2026, 9, 4), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
some_moments = st.sampled_from([datetime(2026, 9, 2, 9, minute, tzinfo=UTC) for minute in range(6)])
