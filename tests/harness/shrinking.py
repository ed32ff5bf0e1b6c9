"""A limit on how long Hypothesis looks for a smaller example."""

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture import engine
from hypothesis.reporting import with_reporter


@contextmanager
def shrinking_for(seconds: float) -> Iterator[settings]:
    """Limits the search, which takes up to five minutes otherwise: Hypothesis has no setting for
    it. Below one second there is no search. Its remark about that is not printed."""
    before = engine.MAX_SHRINKING_SECONDS
    engine.MAX_SHRINKING_SECONDS = int(seconds)
    try:
        with with_reporter(lambda said: None):
            yield settings(
                database=None,
                deadline=None,
                phases=(Phase.generate, Phase.shrink) if seconds >= 1 else (Phase.generate,),
                suppress_health_check=list(HealthCheck),
                report_multiple_bugs=False,
            )
    finally:
        engine.MAX_SHRINKING_SECONDS = before
