"""The support bundle: enough to help with, and no word that is anybody's."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from tundish_deploy.cli import app
from tundish_deploy.settings import Settings
from tundish_deploy.support import bare_lines, known_events, told, write_bundle
from tundish_platform.samples import SCHEMAS, Origin, SampleBatch, SampleKind
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, create_user, job_principal
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tundish_platform.tenancy.metadata import Metadata

CANARY = "canary5d20"
VALUE = 8675309.25


def written(bundle: Path) -> dict[str, Any]:
    with zipfile.ZipFile(bundle) as archive:
        return {name: json.loads(archive.read(name)) for name in archive.namelist()}


@pytest.fixture
def settings(
    tmp_path: Path, sqlite_at: Callable[[Path], Metadata], monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """A platform with the canary in every place where a secret or a sample may be."""
    data_dir = tmp_path / f"data-{CANARY}"
    for folder in ("logs", "models", f"edge/{CANARY}"):
        (data_dir / folder).mkdir(parents=True)
    for name in (f"{CANARY}.key", "session.key", f"edge/{CANARY}/signals.json", f"models/{CANARY}.skops"):
        (data_dir / name).write_text(CANARY)
    metadata = sqlite_at(data_dir / "metadata.sqlite")
    with metadata.above(Above.OPERATOR).session() as session:
        create_tenant(session, CANARY, CANARY, CANARY)
        create_user(session, CANARY, CANARY, CANARY * 3, {CANARY: [Role.OWNER]})
        scope = access_tenant(job_principal(session, "t", Role.ANALYST), CANARY, Permission.READ)
    store = Telemetry(data_dir / "store", metadata.above(Above.STORE), background=False)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    for kind, value in ((SampleKind.NUMERIC, VALUE), (SampleKind.TEXT, CANARY)):
        schema = SCHEMAS[kind]
        table = pa.table(
            [pa.array([one], f.type) for one, f in zip((1, at, value, 0), schema, strict=True)], schema=schema
        )
        store.append(scope, [SampleBatch(kind, table, at, Origin.LIVE)])
    store.close()
    metadata.close()
    logs(data_dir / "logs")
    monkeypatch.setenv("TUNDISH_BACKUP__KEY", CANARY)
    return Settings.model_validate(
        {
            "data_dir": data_dir,
            "server": {"port": 1},
            "people": {"key": CANARY, "origin": f"https://{CANARY}", "provider": [{"client_secret": CANARY}]},
            "connection": [
                {"name": CANARY, "tenant": CANARY, "url": f"opc.tcp://u:{CANARY}@h", "user": CANARY,
                 "token_file": f"/x/{CANARY}"}
            ],
        }
    )  # fmt: skip


def logs(folder: Path) -> None:
    trace = (
        "Traceback (most recent call last):\n"
        f'  File "/srv/{CANARY}/tundish_platform/store/telemetry.py", line 7, in append\n'
        f"    send({CANARY!r})\nValueError: {CANARY} is {VALUE}"
    )
    entries = [
        {"event": "writing", "logger": "tundish_deploy.stores", "level": "info",
         "timestamp": "2026-03-01T08:00:00Z", "token": CANARY, "value": VALUE},
        {"event": f"could not send {CANARY}", "logger": CANARY, "level": CANARY, "timestamp": CANARY},
        {"event": "store", "problem": f"{CANARY} {VALUE}", "logger": f"tundish_{CANARY}.x", "level": "error",
         "exception": trace},
    ]  # fmt: skip
    text = "".join(json.dumps(entry) + "\n" for entry in entries)
    (folder / "server.log").write_text(f"{text}{trace}\n{CANARY} {VALUE}\n{CANARY.title()}: x\n")
    (folder / f"collect-{CANARY}.log").write_text(text)


def test_no_secret_and_no_sample_is_in_it(settings: Settings, tmp_path: Path) -> None:
    write_bundle(settings, tmp_path / "bundle.zip")
    found = written(tmp_path / "bundle.zip")
    text = json.dumps(found, ensure_ascii=False)
    assert CANARY not in text.lower()
    assert str(VALUE) not in text
    assert str(int(VALUE)) not in text


def test_what_helps_is_in_it(settings: Settings, tmp_path: Path) -> None:
    write_bundle(settings, tmp_path / "bundle.zip")
    found = written(tmp_path / "bundle.zip")
    assert found["bundle.json"]["format"] == 1
    assert found["versions.json"]["tundish"]
    assert found["database.json"]["rows"]["tenant"] == 1
    assert found["database.json"]["waiting"] == []
    assert found["disk.json"]["bytes"]["store"] > 0
    assert found["store.json"]["segments"] == 0
    assert found["health.json"] == {"unavailable": "ConnectError"}
    assert found["environment.json"] == ["TUNDISH_BACKUP__KEY"]
    assert found["settings.json"]["server"]["port"] == 1
    assert found["settings.json"]["store"]["mode"] == "in-process"
    assert found["settings.json"]["people"]["key"] == "set"
    first, second, third, *frames = found["logs.json"]["server"]
    assert first == {
        "timestamp": "2026-03-01T08:00:00Z", "level": "info", "event": "writing",
        "logger": "tundish_deploy.stores",
    }  # fmt: skip
    assert second == {"timestamp": None, "level": None, "event": "[not told]"}
    assert third["frames"] == ["tundish_platform/store/telemetry.py:7 append"]
    assert third["error"] == "ValueError"
    assert {"frames": ["tundish_platform/store/telemetry.py:7 append"], "error": None} in frames
    assert list(found["logs.json"]) == ["part-0", "server"]


def test_events_are_told_only_as_they_stand_in_our_source() -> None:
    events = known_events()
    assert {"writing", "log write failed", "damaged segment"} & events >= {"writing", "log write failed"}
    [told_one] = bare_lines([json.dumps({"event": "writing x"})], events)
    assert told_one["event"] == "[not told]"


def test_texts_of_settings_are_measured_only() -> None:
    assert told({"a": "b"}) == "1 keys"
    assert told(["x", 3, True, None]) == ["set", 3, True, None]


def test_the_command_overwrites_nothing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNDISH_DATA_DIR", str(settings.data_dir))
    monkeypatch.delenv("TUNDISH_BACKUP__KEY")
    bundle = tmp_path / "bundle.zip"
    answer = CliRunner().invoke(app, ["support-bundle", str(bundle)])
    assert answer.exit_code == 0, answer.output
    assert "database.json" in written(bundle)
    again = CliRunner().invoke(app, ["support-bundle", str(bundle)])
    assert again.exit_code == 1
    assert "exists" in again.stderr
