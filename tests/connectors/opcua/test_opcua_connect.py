"""From an address to a running line: the command itself, against a secured server and a platform."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from tundish_connectors.connector import ConnectorError
from tundish_connectors.opcua import OpcUaConnection
from tundish_connectors.opcua.security import application_uri, load_certificate, own_certificate
from tundish_connectors.opcua.trust import finish_renewal, own_state, prepare_renewal
from tundish_deploy.cli import app
from tundish_deploy.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.connectors.conftest import ReceivingPlatform
    from tests.connectors.opcua.conftest import Kit

TUNDISH = [sys.executable, "-m", "tundish_deploy"]


class Replay:
    """`tundish replay`: a secured server that knows the client certificate it makes."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        command = ["replay", "hydraulic-bench", "--port", str(port), "--speed", "60", "--folder", str(folder)]
        self.log = (folder / "replay.log").open("w+")
        self.process = subprocess.Popen([*TUNDISH, *command], stdout=self.log, stderr=subprocess.STDOUT)
        self.url = f"opc.tcp://127.0.0.1:{port}/tundish/hydraulic-bench"

    @property
    def place(self) -> Path:
        return self.folder / "hydraulic-bench"

    def options(self) -> list[str]:
        client = self.place / "client" / "own"
        return [
            "--user", "tundish", "--password-file", str(self.place / "password"),
            "--certificate", str(client / "certificate.der"), "--key", str(client / "private_key.pem"),
        ]  # fmt: skip


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory, unused_port: int) -> Iterator[Replay]:
    folder = tmp_path_factory.mktemp("replay")
    served = Replay(folder, unused_port)
    deadline = time.monotonic() + 90
    while "Ctrl-C" not in (folder / "replay.log").read_text():
        assert served.process.poll() is None, (folder / "replay.log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield served
    served.process.terminate()
    served.process.wait()
    served.log.close()


def run(arguments: list[str]) -> Any:  # noqa: ANN401 - click's result
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def wait_for_server(replay: Replay, kit: type[Kit], tmp_path: Path) -> str:
    """Until it answers; returns the fingerprint that the doctor shows."""
    output = ""

    def answers() -> bool:
        nonlocal output
        options = [*replay.options(), "--folder", str(tmp_path / "doctor"), "--lang", "en"]
        output = run(["doctor", replay.url, *options]).output
        return "SHA-256" in output

    kit.wait_until("the replay server", answers)
    found = re.search(r"SHA-256 ([0-9a-f]{64})", output)
    assert found is not None
    return found[1]


@pytest.mark.integration
def test_from_an_address_to_a_running_line(
    replay: Replay, platform: ReceivingPlatform, tmp_path: Path, kit: type[Kit]
) -> None:
    fingerprint = wait_for_server(replay, kit, tmp_path)
    token = tmp_path / "token"
    token.write_text("gateway-token")
    settings = tmp_path / "tundish.toml"
    common = [
        "connect", replay.url, *replay.options(), "--tenant", "plant", "--token-file", str(token),
        "--server", platform.url, "--folder", str(tmp_path / "edge"), "--lang", "en", "--yes",
    ]  # fmt: skip
    nobody = run(common)
    assert nobody.exit_code == 1
    assert "does not trust" in nobody.output
    other = run([*common, "--trust-fingerprint", "00" * 32])
    assert other.exit_code == 1
    assert not list((tmp_path / "edge").rglob("trusted/*"))

    log = (tmp_path / "connect.log").open("w")
    started = time.monotonic()
    process = subprocess.Popen(
        [*TUNDISH, *common, "--trust-fingerprint", fingerprint, "--save", str(settings)],
        stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    try:
        path = "SY-Site/CylinderShop/CYL1/HPU1/Circuit/Pressure1"
        kit.wait_until("values", lambda: path in platform.signals and len(platform.rows(path)) > 0)
        print(f"from address to values: {time.monotonic() - started:.1f} s")  # noqa: T201 - shown with -s
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, (tmp_path / "connect.log").read_text()
        log.close()
    said = (tmp_path / "connect.log").read_text()
    for words in ("Basic256Sha256/SignAndEncrypt", fingerprint, "line kit  hydraulic-bench", "Collecting"):
        assert words in said
    (saved,) = load_settings(settings).connection
    assert (saved.kit, saved.tenant, saved.url) == ("hydraulic-bench", "plant", replay.url)
    assert saved.trust == tmp_path / "edge" / "opcua" / "pki" / "trusted"


@pytest.mark.integration
def test_signals_are_written_out_and_a_rules_file_is_previewed(
    replay: Replay, tmp_path: Path, kit: type[Kit]
) -> None:
    wait_for_server(replay, kit, tmp_path)
    trusted = replay.place / "server" / "own" / "certificate.der"
    options = [*replay.options(), "--folder", str(tmp_path), "--trust", str(trusted)]
    out = tmp_path / "signals.xlsx"
    written = run(["opcua", "signals", replay.url, *options, "--out", str(out)])
    assert written.exit_code == 0, written.output
    assert out.exists()
    rules = tmp_path / "rules.csv"
    rules.write_text("match,semantic\n**/Pressure1,pressure.main\n**/NoSuch,x\n")
    shown = run(["opcua", "signals", replay.url, *options, "--rules", str(rules)])
    assert "semantic: 'unclassified' → 'pressure.main'" in shown.output
    assert "row 3" in shown.output
    assert "1 changed" in shown.output
    rules.write_text("match,role,low\n**/Pressure1,boss,many\n,,\n/x,state,\n")
    refused = run(["opcua", "signals", replay.url, *options, "--rules", str(rules)])
    assert refused.exit_code == 1
    for words in ("row 2 role", "row 2 low", "row 4 match"):
        assert words in refused.output


def connection(folder: Path) -> OpcUaConnection:
    return OpcUaConnection(name="line-1", url="opc.tcp://127.0.0.1:4840", state_dir=folder)


def test_a_certificate_is_renewed_in_two_steps(tmp_path: Path) -> None:
    """The present one stays in use until servers have learnt the next one; the URI stays the same."""
    chosen = connection(tmp_path)
    before = asyncio.run(own_state(chosen))
    assert not before.ends_soon
    assert asyncio.run(own_certificate(chosen)).private_key.stat().st_mode & 0o077 == 0
    following = asyncio.run(prepare_renewal(chosen))
    assert following.sha256 != before.sha256
    assert following.uri == before.uri
    still = asyncio.run(own_state(chosen))
    assert (still.sha256, still.next) == (before.sha256, following.file)
    assert asyncio.run(prepare_renewal(chosen)).sha256 == following.sha256
    after = asyncio.run(finish_renewal(chosen))
    assert after.sha256 == following.sha256
    own = asyncio.run(own_certificate(chosen))
    assert own.application_uri == before.uri == application_uri(load_certificate(own.certificate))
    former = tmp_path / "pki" / "own" / "former"
    assert [asyncio.run(_hash(file)) for file in former.rglob("cert.der")] == [before.sha256]
    with pytest.raises(ConnectorError):
        asyncio.run(finish_renewal(chosen))


def test_a_renewal_that_was_cut_off_is_finished_by_the_same_call(tmp_path: Path) -> None:
    chosen = connection(tmp_path)
    asyncio.run(own_state(chosen))
    following = asyncio.run(prepare_renewal(chosen))
    own = tmp_path / "pki" / "own"
    (own / "next" / "key.pem").replace(own / "key.pem")
    assert asyncio.run(finish_renewal(chosen)).sha256 == following.sha256


def test_an_own_certificate_is_never_replaced_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that was given another name, or a certificate that ran out, must not surprise the servers."""
    chosen = connection(tmp_path)
    before = asyncio.run(own_state(chosen)).sha256
    monkeypatch.setattr("socket.gethostname", lambda: "renamed")
    assert asyncio.run(own_state(chosen)).sha256 == before


async def _hash(file: Path) -> str:
    from tundish_connectors.opcua.trust import state_of  # noqa: PLC0415 - only here

    return state_of(file).sha256
