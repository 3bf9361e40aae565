"""The attempts as apps, each in a sandbox of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tundish_deploy.campaigns.escape.controls import filled
from tundish_deploy.campaigns.escape.probes import HEAD
from tundish_platform.marketplace import App, Outcome, run_sandboxed
from tundish_platform.sdk import AppInputs, read_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tundish_deploy.campaigns.escape.probes import Probe
    from tundish_platform.marketplace import SandboxResult
    from tundish_platform.marketplace.forks import ForkServer

_MANIFEST: Final = """
id = "hostile"
version = "0.1.0"
entry = "tundish_app_hostile.app:run"
publisher = "hostile"
problems = ["quality"]
schedule_s = 60
window_s = 600
name = {{ zh = "恶意", en = "hostile" }}
description = {{ zh = "逃逸测试", en = "tries to escape" }}
data_use = {{ zh = "不使用", en = "none" }}
[[inputs]]
key = "any"
semantic = "*"
name = {{ zh = "任意", en = "any" }}
[[parameters]]
key = "code"
kind = "text"
name = {{ zh = "代码", en = "code" }}
[[outputs]]
key = "words"
kind = "text"
name = {{ zh = "话", en = "words" }}
[[outputs]]
key = "number"
name = {{ zh = "数", en = "number" }}
[resources]
seconds = {seconds}
memory_mb = 128
output_bytes = 65536
"""
_CODE: Final = f"""
from tundish_platform.sdk import AppOutputs, window_values

def run(inputs):
    found = {{'words': 'shut'}}
    exec({HEAD!r}, found)
    try:
        exec(inputs.parameters['code'], found)
    except BaseException as error:
        found['words'] = 'shut: ' + repr(error)
    return AppOutputs(values=window_values({{'words': found['words'][:300]}}, inputs.start))
"""
_START: Final = datetime(2026, 3, 1, 8, tzinfo=UTC)


def hostile_app(folder: Path, seconds: float = 10.0) -> App:
    """An app that runs whatever its one parameter says; foreign, so that nothing is let off."""
    place = folder / "tundish_app_hostile"
    place.mkdir(parents=True)
    (place / "__init__.py").write_text("", "utf-8")
    (place / "app.toml").write_text(_MANIFEST.format(seconds=seconds), "utf-8")
    (place / "app.py").write_text(_CODE, "utf-8")
    return App(read_manifest(place / "app.toml"), place, foreign=True)


def run_code(app: App, code: str, forks: ForkServer | None) -> SandboxResult:
    """One run of the hostile app."""
    window = AppInputs(app.manifest, _START, _START + timedelta(minutes=10), (), {}, {"code": code})
    return run_sandboxed(app, window, "bubblewrap", forks)


def inside(
    app: App, probes: Sequence[Probe], names: Mapping[str, str], forks: ForkServer | None, slots: int = 2
) -> list[str]:
    """What becomes of each attempt in the sandbox."""

    def tried(probe: Probe) -> str:
        return _words(run_code(app, filled(probe.code, names), forks))

    with ThreadPoolExecutor(slots) as pool:
        return list(pool.map(tried, probes))


def _words(result: SandboxResult) -> str:
    if result.outcome is not Outcome.OK or result.outputs is None:
        return f"shut: {result.outcome}: {result.detail[-200:]}"
    return str(result.outputs.values[0].value)
