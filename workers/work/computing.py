"""Processes for what is heavy on the processor: the event loop goes on beating meanwhile.

Each has one thread, also of the libraries that would start one for every core, and is killed where
it is not waited for any more. It ends when whoever started it is gone.
"""

import asyncio
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_spawn = multiprocessing.get_context("spawn")  # a fork would hold our connections open


class Computing:
    """`run(function, *arguments)`: a function of a module, in one of at most `most` processes."""

    def __init__(self, most: int | None = None) -> None:
        self._free = asyncio.Semaphore(most or os.cpu_count() or 1)
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        async with self._free:
            process = self._idle.pop() if self._idle else await self._started()
            try:
                result = await process.run(function, arguments)
            except BaseException as e:
                if not isinstance(e, _RaisedError):
                    self._end(process)  # it is dead, or still at what nobody waits for
                    raise
                self._idle.append(process)
                raise e.problem from None
            self._idle.append(process)
            return result

    def close(self) -> None:
        for process in list(self._all):
            self._end(process)
        self._idle.clear()

    async def _started(self) -> "_Process":
        process = await asyncio.to_thread(_Process)
        self._all.add(process)
        return process

    def _end(self, process: "_Process") -> None:
        self._all.discard(process)
        process.end()


class _RaisedError(Exception):
    """The function raised this."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem


class _Process:
    def __init__(self) -> None:
        self._line, theirs = _spawn.Pipe()
        self._process = _spawn.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    async def run(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        loop = asyncio.get_running_loop()
        answered = asyncio.Event()
        loop.add_reader(self._line.fileno(), answered.set)
        try:
            self._line.send((function, arguments))
            await answered.wait()
            result, problem = self._line.recv()
        except (EOFError, OSError) as e:
            raise ChildProcessError("the process that computed this ended") from e
        finally:
            loop.remove_reader(self._line.fileno())
        if problem:
            raise _RaisedError(problem)
        return result

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self._line.close()


def _serve(line: Connection) -> None:
    os.environ.update(dict.fromkeys(THREADS, "1"))  # before what is asked for imports anything
    while True:
        try:
            function, arguments = line.recv()
        except EOFError:
            return
        answer: tuple[Any, Exception | None]
        try:
            answer = function(*arguments), None
        except Exception as e:
            answer = None, e
        line.send(answer)
