"""Worker processes on this machine: started as one cluster, followed, killed, never left behind."""

import inspect
import json
import os
import runpy
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
"""The workers' addresses. TensorFlow's servers listen on every interface all the same, while they
run, and ask nobody for a password: in a strange network let the firewall refuse."""

TAIL = 12
"""Last lines of a worker's output and of its errors that a `WorkerError` shows."""


class WorkerError(RuntimeError):
    """A worker failed or took too long; the message ends with what it printed last.

    Lesson: 11
    """


@dataclass(frozen=True)
class Team:
    """Workers of one cluster, numbered from 0.

    Args:
        processes: the workers.
        folder: holds `<number>.out` and `<number>.err`, which they write.
        limit: seconds that the whole team may take.
        begun: when it was started, by `time.monotonic`.

    Lesson: 11
    """

    processes: Sequence[subprocess.Popen]
    folder: Path
    limit: float
    begun: float

    @property
    def seconds(self) -> float:
        """Seconds since the team was started."""
        return time.monotonic() - self.begun

    @property
    def codes(self) -> list[int | None]:
        """The exit code of each worker: 0 well ended, None still running, others failed."""
        return [process.poll() for process in self.processes]

    def lines(self, worker: int = 0) -> Iterator[str]:
        """Follow what a worker prints, line by line, until it ends.

        Args:
            worker: its number.

        Yields:
            Lines, without their ends.

        Raises:
            WorkerError: the team's time is over.
        """
        with (self.folder / f"{worker}.out").open(encoding="utf-8", errors="replace") as printed:
            unfinished, ended = "", False
            while not ended:
                ended = self.codes[worker] is not None  # asked before reading: nothing is missed
                *whole, unfinished = (unfinished + printed.read()).split("\n")
                yield from whole
                self._wait([worker])
            if unfinished:
                yield unfinished

    def kill(self, worker: int) -> None:
        """End a worker at once, without a chance to tidy up, and wait until it is gone.

        Args:
            worker: its number.
        """
        self.processes[worker].kill()
        self.processes[worker].wait()

    def finish(self) -> None:
        """Wait until all workers have ended.

        Raises:
            WorkerError: one of them failed, or the team's time is over.
        """
        workers = range(len(self.processes))
        while None in self.codes and not any(self.codes):
            self._wait(workers)
        for worker in filter(self.codes.__getitem__, workers):
            raise WorkerError(
                f"Worker {worker} ended with the code {self.codes[worker]}.{self._last(worker)}"
            )

    def _wait(self, workers: Iterable[int]) -> None:
        """A short while, where one of them still runs; not beyond the limit."""
        running = [worker for worker in workers if self.codes[worker] is None]
        if running and self.seconds > self.limit:
            late = f"Worker {running[0]} still ran after {self.limit:g} seconds."
            raise WorkerError(late + self._last(running[0]))
        time.sleep(0.05 if running else 0)

    def _last(self, worker: int) -> str:
        parts = []
        for what, suffix in (("printed", "out"), ("its errors", "err")):
            text = (self.folder / f"{worker}.{suffix}").read_text("utf-8", errors="replace")
            parts += [f"\n--- {what}, last lines:", *text.rstrip().splitlines()[-TAIL:]]
        return "\n".join(parts)


@contextmanager
def start_workers(
    script: str | os.PathLike, *arguments: object, count: int = 2, limit: float = 120
) -> Iterator[Team]:
    """Start a script in several processes that find each other as one TensorFlow cluster.

    Each process gets the environment variable `TF_CONFIG`, with an address on 127.0.0.1 and a free
    port for every worker, and its own number. Graphics cards are hidden from it. However the
    `with` block is left, all workers are killed; should this process itself be killed, they end by
    themselves. The workers start no processes of their own.

    Args:
        script: a Python file.
        *arguments: for its `sys.argv[1:]`, as text.
        count: workers, 1 or more.
        limit: seconds that all of it may take; `lines` and `finish` raise after that.

    Yields:
        The team, running.

    Raises:
        ValueError: fewer than one worker.
        FileNotFoundError: no such script.

    Lesson: 11
    Source: https://www.tensorflow.org/guide/distributed_training#setting_up_the_tf_config_environment_variable
    """
    if count < 1:
        raise ValueError(f"count is {count}: a team has at least one worker.")
    script = Path(script).resolve(strict=True)
    command = [sys.executable, "-m", "helpers.workers", script, *map(str, arguments)]
    addresses = [f"{HOST}:{port}" for port in free_ports(count)]
    processes: list[subprocess.Popen] = []
    place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with place as name, _ended(processes):
        folder = Path(name)
        for k in range(count):
            with (folder / f"{k}.out").open("wb") as out, (folder / f"{k}.err").open("wb") as err:
                streams = {"stdin": subprocess.PIPE, "stdout": out, "stderr": err}
                each = subprocess.Popen(command, **streams, env=_environment(addresses, k))
            processes.append(each)
        yield Team(processes, folder, limit, time.monotonic())


def write_script(path: str | os.PathLike, *parts: str | Callable) -> Path:
    """Write a script for workers, so that they run functions that a notebook has defined.

    Args:
        path: the Python file.
        *parts: code, as text, or functions, by their source; in this order.

    Returns:
        The file.

    Lesson: 11
    """
    texts = [part if isinstance(part, str) else inspect.getsource(part) for part in parts]
    Path(path).write_text("\n".join(texts), encoding="utf-8")
    return Path(path)


def free_ports(count: int) -> list[int]:
    """Ask the system for different ports that nobody uses now; another program may take one."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:  # all are open at once, so all ports differ
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]


def _environment(addresses: list[str], worker: int) -> dict[str, str]:
    task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": worker}}
    return os.environ | {
        "TF_CONFIG": json.dumps(task),
        "CUDA_VISIBLE_DEVICES": "-1",
        "no_proxy": HOST,  # gRPC would ask a proxy for loopback addresses, too
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }


@contextmanager
def _ended(processes: list[subprocess.Popen]) -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
            process.stdin.close()


def _end_with_parent() -> None:
    while os.read(0, 1):  # the parent writes nothing; the pipe ends when the parent does
        pass
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
