"""Workers find each other, are followed and bounded in time, and none is left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from helpers.workers import HOST, WorkerError, free_ports, start_workers, write_script


@pytest.fixture
def script(tmp_path):
    def write(code):
        path = tmp_path / "work.py"
        path.write_text(code, encoding="utf-8")
        return path

    return write


def is_free(port):
    with socket.socket() as attempt:
        return attempt.connect_ex((HOST, port)) != 0


def gone(number):
    try:
        os.kill(number, 0)
    except OSError:
        return True
    return False


def test_free_ports_differ_and_nobody_listens():
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert all(map(is_free, ports))


def test_each_worker_gets_its_number_the_same_cluster_and_the_arguments(script):
    code = "import os, sys; print(os.environ['TF_CONFIG']); print(*sys.argv[1:], 'é')"
    with start_workers(script(code), 3, "four", count=3) as team:
        printed = [list(team.lines(worker)) for worker in range(3)]
        team.finish()
        assert team.codes == [0, 0, 0]
    found = [json.loads(lines[0]) for lines in printed]
    assert [each["task"] for each in found] == [{"type": "worker", "index": k} for k in range(3)]
    assert len({json.dumps(each["cluster"]) for each in found}) == 1
    assert len(set(found[0]["cluster"]["worker"])) == 3
    assert {lines[1] for lines in printed} == {"3 four é"}


def test_lines_come_while_the_worker_runs_and_the_last_needs_no_end(script, tmp_path):
    code = """
import os, sys, time
print("first")
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
print("last", end="")"""
    seen = []
    with start_workers(script(code), tmp_path / "go", count=1) as team:
        for line in team.lines():
            seen.append((line, team.codes))
            (tmp_path / "go").touch()  # the worker cannot have ended before
    assert [line for line, _ in seen] == ["first", "last"]
    assert seen[0][1] == [None]


def test_a_failure_ends_the_wait_and_is_told_with_what_it_printed(script):
    code = """
import json, os, time
if json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 0:
    time.sleep(600)
print("so far")
raise KeyError("the cause")"""
    with (
        pytest.raises(WorkerError, match="(?s)Worker 1 ended with the code 1.*so far.*the cause"),
        start_workers(script(code)) as team,
    ):
        team.finish()  # the first sleeps beyond the limit of the team
    assert all(process.poll() is not None for process in team.processes)


@pytest.mark.parametrize("wait", [lambda team: team.finish(), lambda team: list(team.lines(1))])
def test_time_is_limited(script, wait):
    code = "import time; print('waiting'); time.sleep(600)"
    with (
        pytest.raises(WorkerError, match="still ran after 1.5 seconds.*"),
        start_workers(script(code), limit=1.5) as team,
    ):
        wait(team)
    assert all(map(gone, [process.pid for process in team.processes]))


def test_one_is_killed_and_the_others_work_on(script):
    code = """
import json, os, time
print("here")
if json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 1:
    time.sleep(600)"""
    with start_workers(script(code)) as team:
        next(team.lines(1))
        team.kill(1)
        assert team.codes[1] not in (None, 0)
        assert list(team.lines(0)) == ["here"]
        with pytest.raises(WorkerError, match="Worker 1 ended"):
            team.finish()


LISTENING = """
import json, os, socket, time
about = json.loads(os.environ["TF_CONFIG"])
host, port = about["cluster"]["worker"][about["task"]["index"]].split(":")
server = socket.create_server((host, int(port)))
print(os.getpid(), port)
time.sleep(600)"""


def test_nothing_is_left_when_the_block_ends_in_an_error(script):
    found = []

    def fail_in_the_middle():
        with start_workers(script(LISTENING)) as team:
            found.extend(next(team.lines(worker)).split() for worker in (0, 1))
            assert not any(is_free(int(port)) for _, port in found)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_in_the_middle()
    assert all(gone(int(number)) for number, _ in found)
    assert all(is_free(int(port)) for _, port in found)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_workers_end_when_the_process_that_started_them_is_killed(script):
    code = """
import sys
from helpers.workers import start_workers
with start_workers(sys.argv[1]) as team:
    for worker in (0, 1):
        print(next(team.lines(worker)), flush=True)
    team.finish()"""
    command = [sys.executable, "-c", code, script(LISTENING)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        found = [parent.stdout.readline().split() for _ in (0, 1)]
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while not all(is_free(int(port)) for _, port in found) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert all(is_free(int(port)) for _, port in found)


def test_impossible_teams_are_refused(script, tmp_path):
    with pytest.raises(ValueError, match="at least one"), start_workers(script(""), count=0):
        pass
    with pytest.raises(FileNotFoundError), start_workers(tmp_path / "missing.py"):
        pass


def doubled(number):
    return 2 * number


def test_a_script_holds_code_and_functions(tmp_path):
    path = write_script(tmp_path / "work.py", "UNIT = 'é'", doubled, "print(doubled(4), UNIT)")
    with start_workers(path, count=1) as team:
        assert list(team.lines()) == ["8 é"]
        team.finish()
