"""A new version takes the old one's place under load, in either order, and nobody notices."""

import asyncio
from pathlib import Path

import pytest

from tests.flows.deploy import deploy, plant, versions
from tests.product import ROOT

SILENT = 2.0  # seconds


@pytest.mark.alone
@pytest.mark.parametrize("api_first", [False, True], ids=["workers first", "api first"])
def test_new_version_takes_the_place_of_the_old_one_and_nobody_notices(
    database: str, nats: str, tmp_path: Path, api_first: bool
) -> None:
    """With an event that the old one does not know, and a column more in every table."""
    planted = plant(ROOT, tmp_path / "planted")
    with versions(ROOT, planted, database, nats, tmp_path) as (old, new):
        found = asyncio.run(deploy(old, new, api_first))
        assert "MissionAchieved" not in new.log("workers")
    print(found)
    assert (found.parked, found.refused, found.lost, found.twice) == (0, [], 0, 0)
    assert found.not_right == 0
    assert max(found.waits) <= SILENT
