import pytest

from domain.capabilities import AGGREGATES, RENAMED
from domain.store.envelope import EnvelopeMapper
from projections.engine import event_log
from workers.proof.notes import NOTES


@pytest.fixture(autouse=True)
def _notes_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "mapper", EnvelopeMapper((*AGGREGATES, NOTES), RENAMED))
