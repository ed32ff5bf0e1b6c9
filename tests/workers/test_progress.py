from io import StringIO

from workers.progress import Progress, line


def test_progress_says_share_rate_and_time_left() -> None:
    out, now = StringIO(), iter([0.0, 5.0, 20.0])
    progress = Progress(1_000, "contacts", start=100, out=out, clock=lambda: next(now))
    progress.reached(300)
    progress.reached(500)
    progress.finish()

    assert out.getvalue() == (
        "[###############...............]  50%, 500 of 1,000 contacts, 20/s, 0:25 left\n"
    )


def test_progress_of_seconds_has_no_rate() -> None:
    bar = "[###############...............]"
    assert line(30, 60, "s", 1.0) == f"{bar}  50%, 30 of 60 s, 0:30 left"
