"""Hostile apps are contained under bubblewrap; each probe that must fail inside works outside (control)."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tundish_platform.marketplace import App, Outcome, SandboxResult, run_sandboxed
from tundish_platform.sdk import AppInputs

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tundish_platform.marketplace.forks import ForkServer

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("needs_bubblewrap")]

# fork(2) itself, which no C library calls any more.
OLD_FORK = """import ctypes
    pid = ctypes.CDLL(None).syscall(57)
    os._exit(0) if pid == 0 else None
    words = 'open' if pid > 0 else 'shut'"""
# Probes that say "open" if they succeed. They run in the sandbox, and outside it as a control.
PROBES = {
    "reads the password file": "open('/etc/passwd').read(); words = 'open'",
    "reads a stranger's file": "open({secret!r}).read(); words = 'open'",
    "writes a file": "f = open({place!r}, 'w'); f.write('x' * 9000); f.close(); words = 'open'",
    "opens a socket": "socket.socket(); words = 'open'",
    "makes a pair of sockets": "socket.socketpair(); words = 'open'",
    "starts a process": "pid = os.fork(); os._exit(0) if pid == 0 else os.waitpid(pid, 0); words = 'open'",
    "starts a process by the old call": OLD_FORK,
    "becomes another program": "os.posix_spawn({python!r}, ['p', '-c', ''], {{}}); words = 'open'",
    "makes a file in memory": "os.memfd_create('x'); words = 'open'",
    "sees the server's environment": "words = 'open' if os.environ.get('TUNDISH_SECRET') else 'shut'",
    "sees other processes": "words = 'open' if sum(p.isdigit() for p in os.listdir('/proc')) > 3 else 'shut'",
    "imports the store": "import tundish_platform.tenancy; words = 'open'",
    "signals its parent": "os.kill(os.getppid(), 0); words = 'open'",
}
WRAPPED = "try:\n    {probe}\nexcept BaseException as error:\n    words = 'shut: ' + repr(error)\n{then}"


@pytest.fixture
def window(moment: datetime) -> Callable[[App], AppInputs]:
    return lambda app: AppInputs(app.manifest, moment - timedelta(seconds=600), moment, ())


@pytest.fixture
def probe_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    secret = tmp_path / "store" / "segment.parquet"
    secret.parent.mkdir()
    secret.write_text("canary")
    monkeypatch.setenv("TUNDISH_SECRET", "canary")
    names = {"secret": str(secret), "place": str(tmp_path / "written"), "python": sys.executable}
    return lambda probe: PROBES[probe].format(**names)


@pytest.fixture
def sandboxed(forks: ForkServer) -> Callable[[App, AppInputs], SandboxResult]:
    """As the product starts apps where it can."""
    return lambda app, inputs: run_sandboxed(app, inputs, "bubblewrap", forks)


def words_of(result: SandboxResult) -> str:
    assert result.outcome is Outcome.OK, result.detail
    assert result.outputs is not None
    words = result.outputs.values[0].value
    assert isinstance(words, str)
    return words


@pytest.mark.parametrize("probe", PROBES)
def test_probe_is_shut_inside_and_open_outside(
    probe: str,
    probe_text: Callable[[str], str],
    make_app: Callable[..., App],
    window: Callable[[App], AppInputs],
    sandboxed: Callable[[App, AppInputs], SandboxResult],
) -> None:
    text = probe_text(probe)
    app = make_app(WRAPPED.format(probe=text, then="return said(inputs, words)"))
    inside = sandboxed(app, window(app))
    assert words_of(inside).startswith("shut"), words_of(inside)
    assert (inside.isolation, inside.filtered) == ("bubblewrap", True)

    control = "import os, socket, sys\n" + WRAPPED.format(probe=text, then="print(words)")
    outside = subprocess.run([sys.executable, "-c", control], capture_output=True, text=True, check=True)
    assert outside.stdout.strip() == "open", outside.stdout


@pytest.mark.parametrize(
    ("body", "outcome", "said"),
    [
        ("while True: pass", Outcome.TIMEOUT, "longer"),
        ("time.sleep(600)", Outcome.TIMEOUT, "longer"),
        ("os.kill(os.getpid(), 9)", Outcome.FAILED, "exit code"),
        ("os._exit(0)", Outcome.REFUSED, "JSON"),
        ("raise RuntimeError('broken')", Outcome.FAILED, "broken"),
        ("x = bytearray(2_000_000_000); return said(inputs, 'got it')", Outcome.FAILED, "MemoryError"),
        ("return 'not outputs'", Outcome.FAILED, "AppOutputs"),
        ("return AppOutputs(values=window_values({'other': 1.0}, inputs.start))", Outcome.FAILED, "declare"),
        ("return AppOutputs(values=window_values({'number': 'x'}, inputs.start))", Outcome.FAILED, "numeric"),
        (
            "return AppOutputs(values=window_values({'number': 1}, inputs.end.replace(year=2030)))",
            Outcome.FAILED,
            "outside the window",
        ),
    ],
)
def test_bad_ends_are_results_and_write_nothing(
    body: str,
    outcome: Outcome,
    said: str,
    make_app: Callable[..., App],
    window: Callable[[App], AppInputs],
    sandboxed: Callable[[App, AppInputs], SandboxResult],
) -> None:
    app = make_app(body, seconds=1.0 if outcome is Outcome.TIMEOUT else 20.0)
    result = sandboxed(app, window(app))
    assert result.outcome is outcome, result.detail
    assert said in result.detail
    assert result.outputs is None


# Straight to the pipe that carries the answer: what an app sends there is judged by the host alone.
FORGED = """
import gc, io
pipes = [o for o in gc.get_objects() if isinstance(o, io.BufferedWriter)]
pipe = next(o for o in pipes if o.fileno() > 2)
os.write(pipe.fileno(), {data})
os._exit(0)
"""
FORGED_VALUE = """
b'{{"outputs": {{"values": [{{"output": "{output}", "ts": "2026-03-01T08:00:00Z", "value": {value}}}]}}}}'
"""


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("b'x' * 70_000", "more than"),
        ("b'\\x80\\x04cposix\\nsystem\\n(Vid\\ntR.'", "JSON"),
        ("b'[' * 60_000", "JSON"),
        (FORGED_VALUE.strip().format(output="forged", value="1"), "declare"),
        (FORGED_VALUE.strip().format(output="number", value="1e999"), "finite"),
        ('b\'{"outputs": {"screen": {"blocks": [{"type": "html", "html": "<script>"}]}}}\'', "tag"),
    ],
)
def test_forged_answers_are_refused(
    data: str,
    said: str,
    make_app: Callable[..., App],
    window: Callable[[App], AppInputs],
    sandboxed: Callable[[App, AppInputs], SandboxResult],
) -> None:
    app = make_app(FORGED.format(data=data))
    result = sandboxed(app, window(app))
    assert result.outcome is Outcome.REFUSED, result.detail
    assert said in result.detail


def test_an_endless_answer_is_cut_off(
    make_app: Callable[..., App],
    window: Callable[[App], AppInputs],
    sandboxed: Callable[[App, AppInputs], SandboxResult],
) -> None:
    app = make_app(
        FORGED.format(data="b'x'").replace("os._exit(0)", "while True: os.write(pipe.fileno(), b'x' * 65536)")
    )
    started = time.monotonic()
    assert sandboxed(app, window(app)).outcome is Outcome.REFUSED
    assert time.monotonic() - started < 10


def running(app: App) -> list[bytes]:
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(entry.read_bytes())
    return [line for line in lines if str(app.folder).encode() in line]


def test_nothing_is_left_running_after_the_time_limit(
    make_app: Callable[..., App],
    window: Callable[[App], AppInputs],
    sandboxed: Callable[[App, AppInputs], SandboxResult],
) -> None:
    app = make_app("time.sleep(7654.321)", seconds=0.5)
    assert sandboxed(app, window(app)).outcome is Outcome.TIMEOUT
    # The kernel takes a killed namespace's processes away by and by.
    deadline = time.monotonic() + 60
    while running(app) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running(app) == []


def test_without_bubblewrap_the_record_says_process(
    make_app: Callable[..., App], window: Callable[[App], AppInputs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tundish_platform.marketplace.isolation.bubblewrap", lambda: None)
    app = make_app("socket.socket() if inputs.parameters else None\nreturn said(inputs, 'fine')")
    result = run_sandboxed(app, window(app))
    assert (result.outcome, result.isolation) == (Outcome.OK, "process")
    with pytest.raises(RuntimeError, match="bubblewrap"):
        run_sandboxed(app, window(app), "bubblewrap")


def test_the_plain_process_is_confined_by_the_filter_too(
    make_app: Callable[..., App], window: Callable[[App], AppInputs]
) -> None:
    app = make_app(WRAPPED.format(probe="socket.socket(); words = 'open'", then="return said(inputs, words)"))
    assert words_of(run_sandboxed(app, window(app), "process")).startswith("shut")


def test_the_app_sees_its_window_and_its_words_do_not_spoil_the_answer(
    make_app: Callable[..., App],
    window: Callable[[App], AppInputs],
    sandboxed: Callable[[App, AppInputs], SandboxResult],
) -> None:
    app = make_app(
        "print('hello'); os.write(1, b'more')\nreturn said(inputs, str(inputs.parameters['limit']))"
    )
    result = sandboxed(app, replace(window(app), parameters={"limit": 2.5}))
    assert words_of(result) == "2.5"
    assert "hello" in result.detail


@pytest.mark.parametrize("probe", ["opens a socket", "starts a process", "reads a stranger's file"])
def test_a_process_of_its_own_is_as_tight_as_a_forked_one(
    probe: str,
    probe_text: Callable[[str], str],
    make_app: Callable[..., App],
    window: Callable[[App], AppInputs],
) -> None:
    app = make_app(WRAPPED.format(probe=probe_text(probe), then="return said(inputs, words)"))
    result = run_sandboxed(app, window(app), "bubblewrap")
    assert words_of(result).startswith("shut")
    assert (result.isolation, result.filtered) == ("bubblewrap", True)


def test_without_name_spaces_landlock_keeps_the_servers_files_shut(
    probe_text: Callable[[str], str], make_app: Callable[..., App], window: Callable[[App], AppInputs]
) -> None:
    text = probe_text("reads a stranger's file")
    app = make_app(WRAPPED.format(probe=text, then="return said(inputs, words)"))
    assert "Permission" in words_of(run_sandboxed(app, window(app), "process"))


def test_runs_of_one_fork_server_leave_each_other_nothing(
    make_app: Callable[..., App], window: Callable[[App], AppInputs], forks: ForkServer
) -> None:
    body = """
import random
words = repr((random.random(), os.getpid(), inputs.parameters.get('who')))
inputs.parameters['who'] = 'canary'
return said(inputs, words)"""
    app = make_app(body)
    first, second = (words_of(run_sandboxed(app, window(app), "bubblewrap", forks)) for _ in range(2))
    assert first != second, "they draw the same numbers"
    assert "canary" not in second


def test_a_fork_server_that_died_is_started_again(
    make_app: Callable[..., App], window: Callable[[App], AppInputs], forks: ForkServer
) -> None:
    app = make_app("return said(inputs, 'fine')")
    forks.close()
    assert words_of(run_sandboxed(app, window(app), "bubblewrap", forks)) == "fine"
