"""Processes for what is heavy on the processor: the event loop goes on beating meanwhile.

Each has one thread, also of the libraries that would start one for every core, and is killed where
it is not waited for any more. It ends when whoever started it is gone.
"""

import asyncio
import multiprocessing
import os
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any, NamedTuple

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_spawn = multiprocessing.get_context("spawn")  # a fork would hold our connections open
_starting = threading.Lock()  # of what is changed in the environment meanwhile


class Computing:
    """`run(function, *arguments)`: a function of a module, in one of at most `most` processes."""

    def __init__(self, most: int | None = None) -> None:
        self._free = asyncio.Semaphore(most or os.cpu_count() or 1)
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Raises ComputeError where the function raises, or gives what cannot be sent back;
        ChildProcessError where its process ends."""
        async with self._free:
            process = self._idle.pop() if self._idle else await self._started()
            try:
                answer = await process.run(function, arguments)
            except BaseException:
                await self._ended(process)  # it is dead, or still at what nobody waits for
                raise
            self._idle.append(process)
            if isinstance(answer, _Problem):
                raise ComputeError(answer.kind, answer.message) from RemoteError(answer.trace)
            return answer

    def close(self) -> None:
        """Waits for processes to end, a second or so each at most."""
        for process in list(self._all):
            process.end()
        self._all.clear()
        self._idle.clear()

    async def _started(self) -> "_Process":
        process = await asyncio.to_thread(_Process)
        self._all.add(process)
        return process

    async def _ended(self, process: "_Process") -> None:
        """Off the loop: to reap a process, and a thread that reads its last words, takes a while.
        Its place is free after that, also where whoever waits is cancelled meanwhile."""
        ending = asyncio.get_running_loop().run_in_executor(None, process.end)
        ending.add_done_callback(lambda _: self._all.discard(process))
        await _until_done(ending)


class ComputeError(Exception):
    """A function in another process raised this. `kind` is the name of its class"""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind, self.message = kind, message


class RemoteError(Exception):
    """The traceback of the other process"""


class _Problem(NamedTuple):
    """An exception in words: itself it may be one that cannot be pickled, or not made again."""

    kind: str
    message: str
    trace: str


class _Process:
    def __init__(self) -> None:
        self._line, theirs = _spawn.Pipe()
        self._process = _spawn.Process(target=_serve, args=(theirs,), daemon=True)
        with _one_thread():
            self._process.start()
        theirs.close()
        self._thread: threading.Thread | None = None
        self._ending = threading.Lock()

    async def run(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """The function's result, or a _Problem. In a thread: large messages take their time, and
        whoever is at the other end may stop in the middle of one."""
        asked = ForkingPickler.dumps((function, arguments))
        answer = asyncio.get_running_loop().create_future()
        self._thread = threading.Thread(target=self._exchange, args=(asked, answer), daemon=True)
        self._thread.start()
        return await answer

    def _exchange(self, asked: Any, answer: "asyncio.Future[Any]") -> None:
        """Ends where the process is killed, whatever it waits for."""
        give: Callable[[Any], None] = answer.set_result
        result: Any
        try:
            self._line.send_bytes(asked)
            result = self._line.recv()
        except (EOFError, OSError):
            give, result = answer.set_exception, ChildProcessError("the computing process ended")
        except Exception as e:  # its answer cannot be read here
            give, result = answer.set_exception, e
        with suppress(RuntimeError):  # the loop is closed
            answer.get_loop().call_soon_threadsafe(_unless_done, answer, give, result)

    def end(self) -> None:
        """Blocks until it has ended. Only the first call does anything."""
        with self._ending:
            if self._line.closed:
                return
            self._process.kill()
            self._process.join()
            self._process.close()
            if self._thread:
                self._thread.join(1.0)  # it has heard so; else it might use what the next one opens
            self._line.close()


async def _until_done(work: "asyncio.Future[None]") -> None:
    """A cancellation comes after it."""
    cancelled = False
    while not work.done():
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    work.result()


def _unless_done(
    answer: "asyncio.Future[Any]", give: Callable[[Any], None], result: object
) -> None:
    if not answer.done():
        give(result)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Meanwhile a process that is started has one thread: set before its main module is imported,
    which may import numeric libraries."""
    with _starting:
        before = {name: os.environ.get(name) for name in THREADS}
        os.environ.update(dict.fromkeys(THREADS, "1"))
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _serve(line: Connection) -> None:
    while True:
        try:
            asked = line.recv_bytes()
        except EOFError:
            return
        line.send_bytes(_answer(asked))


def _answer(asked: bytes) -> Any:
    try:
        function, arguments = ForkingPickler.loads(asked)
        return ForkingPickler.dumps(function(*arguments))
    except Exception as e:
        return ForkingPickler.dumps(_Problem(type(e).__name__, str(e), traceback.format_exc()))
