"""Functions in processes of their own, with real processes."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.product import ROOT
from tests.waiting import eventually
from workers.servers.processes import until
from workers.work.computing import THREADS, ComputeError, Computing


def where() -> tuple[int, int, list[str | None]]:
    return os.getpid(), threading.active_count(), [os.environ.get(name) for name in THREADS]


def fail() -> None:
    raise LookupError("not here")


class PickyError(Exception):
    """Which cannot be made again of its message."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"{what} in {where}")


def fail_with_own() -> None:
    raise PickyError("no field", "the form")


def unpicklable() -> object:
    return threading.Lock()


def large(size: int) -> bytes:
    return b"x" * size


def length(data: bytes) -> int:
    return len(data)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hang(sign: str) -> None:
    Path(sign).write_text(str(os.getpid()))
    signal.pause()


def story(of: Callable[[Computing], Awaitable[None]], most: int = 1) -> None:
    async def main() -> None:
        computing = Computing(most)
        try:
            await of(computing)
        finally:
            computing.close()

    asyncio.run(main())


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists() if Path("/proc").exists() else _no_signal(pid)


def _no_signal(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_function_runs_in_a_process_of_one_thread_which_is_kept() -> None:
    async def kept(computing: Computing) -> None:
        first, again = await computing.run(where), await computing.run(where)
        pid, threads, named = first
        assert first == again
        assert pid != os.getpid()
        assert threads == 1
        assert named == ["1"] * len(THREADS)

    story(kept)


def test_as_many_run_at_once_as_there_may_be(tmp_path: Path) -> None:
    async def at_once(computing: Computing) -> None:
        signs = [tmp_path / f"{i}" for i in range(3)]
        tasks = [asyncio.create_task(computing.run(hang, str(sign))) for sign in signs]
        await eventually(lambda: sum(sign.exists() for sign in signs) == 2, 30)
        assert len(computing._all) == 2
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    story(at_once, most=2)


@pytest.mark.parametrize(
    ("function", "kind", "message"),
    [
        (fail, "LookupError", "not here"),
        (fail_with_own, "PickyError", "no field in the form"),
        (unpicklable, "TypeError", "cannot pickle"),
    ],
)
def test_what_a_function_raises_is_said_and_its_process_goes_on(
    function: Callable[[], object], kind: str, message: str
) -> None:
    async def raised(computing: Computing) -> None:
        before, *_ = await computing.run(where)
        with pytest.raises(ComputeError, match=message) as e:
            await computing.run(function)
        assert e.value.kind == kind
        assert function.__name__ in str(e.value.__cause__) or kind == "TypeError"
        after, *_ = await computing.run(where)
        assert after == before

    story(raised)


def test_large_messages_go_both_ways() -> None:
    size = 64 * 2**20

    async def sent(computing: Computing) -> None:
        assert len(await computing.run(large, size)) == size
        assert await computing.run(length, bytes(size)) == size

    story(sent)


def test_process_that_stops_in_the_middle_of_its_answer_does_not_stop_the_loop() -> None:
    async def stopped(computing: Computing) -> None:
        pid, *_ = await computing.run(where)
        os.kill(pid, signal.SIGSTOP)
        task = asyncio.create_task(computing.run(length, bytes(64 * 2**20)))
        await asyncio.wait([task], timeout=0.2)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await eventually(lambda: gone(pid))

    story(stopped)


def test_process_that_dies_fails_what_it_was_at_and_another_takes_its_place() -> None:
    async def died(computing: Computing) -> None:
        before, *_ = await computing.run(where)
        with pytest.raises(ChildProcessError):
            await computing.run(die)
        after, *_ = await computing.run(where)
        assert after != before

    story(died)


def test_process_of_what_is_not_waited_for_any_more_is_killed(tmp_path: Path) -> None:
    async def cancelled(computing: Computing) -> None:
        sign = tmp_path / "sign"
        task = asyncio.create_task(computing.run(hang, str(sign)))
        await eventually(lambda: sign.exists() and sign.read_text(), 30)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await eventually(lambda: gone(int(sign.read_text())))
        await computing.run(where)

    story(cancelled)


class Slow:
    """A process that takes its time to end."""

    seconds = 0.5

    def __init__(self) -> None:
        self.ended = 0

    async def run(self, *about: object) -> object:
        raise ChildProcessError("it died")

    def end(self) -> None:
        time.sleep(self.seconds)
        self.ended += 1


def test_loop_goes_on_while_a_process_ends_and_its_place_is_free_after_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Slow] = []

    async def ended(computing: Computing) -> None:
        async def started() -> Any:
            made.append(Slow())
            computing._all.add(cast(Any, made[-1]))
            return made[-1]

        monkeypatch.setattr(computing, "_started", started)
        one = asyncio.create_task(computing.run(where))
        two = asyncio.create_task(computing.run(where))
        longest = 0.0
        while not (one.done() and two.done()):
            before = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - before)
            one.cancel()  # whoever asked gives up: what is begun is ended all the same
            assert len(computing._all) <= 1
        await asyncio.gather(one, two, return_exceptions=True)
        assert [slow.ended for slow in made] == [1, 1]
        assert longest < Slow.seconds / 2

    story(ended)


def test_processes_end_when_whoever_started_them_is_killed() -> None:
    program = (
        "import asyncio; from workers.work.computing import Computing;"
        "from tests.workers.work.test_computing import where\n"
        "async def main():\n"
        "    print((await Computing(1).run(where))[0], flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    assert until(lambda: gone(pid), 20)
