import pytest

from domain.capabilities import AGGREGATES
from projections.read_models import READ_MODELS
from tests.harness.capabilities import CAPABILITIES
from tests.harness.laws import LAWS, Law


def test_capabilities_are_all_plugged_in() -> None:
    assert {c.aggregate.name for c in CAPABILITIES} == {a.name for a in AGGREGATES}
    fed = {model.name for c in CAPABILITIES for model in c.read_models}
    assert fed == {model.name for model in READ_MODELS}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law.about}: {law.says}")
def test_law_holds(law: Law) -> None:
    assert law.try_out(examples=15) >= 15
