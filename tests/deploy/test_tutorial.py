"""The tutorial's blocks, exactly as they stand on the page, in one shell against a platform of their own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tundish_platform.store.testing.ports import free_ports

PAGES = Path(__file__).parents[2] / "docs/tutorials"
BOUND_S = 240


def blocks(page: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", (PAGES / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_both_languages_show_the_same_commands() -> None:
    assert len(blocks("ten-rows.md")) == 7
    assert blocks("ten-rows.md") == blocks("ten-rows.zh.md")


@pytest.mark.integration
def test_a_new_user_sends_ten_rows_and_a_colleague_reads_them(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    command = tmp_path / "bin/tundish"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tundish_deploy "$@"\n')
    command.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    environment = os.environ | {
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "TUNDISH_SERVER__PORT": str(port),
        "no_proxy": "*",
    }
    script = "set -euo pipefail\n" + "\n".join(blocks("ten-rows.md"))
    shell = subprocess.Popen(
        ["/bin/bash", "-c", script],
        cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = shell.communicate(timeout=BOUND_S)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
    assert shell.returncode == 0, f"{said}\n{(work / 'up.log').read_text()[-2000:]}"
    rows = json.loads((work / "rows.json").read_text())
    assert [row["value"] for row in rows] == [4.0, 4.1, 4.2, 4.3, 4.4, 4.5, 4.6, 4.7, 4.8, 4.9]
    assert rows[0]["ts"] == "2026-01-31T00:00:00+00:00"
    (mean,) = json.loads((work / "mean.json").read_text())
    assert (mean["count"], mean["min"], mean["max"]) == (10, pytest.approx(400.0), pytest.approx(490.0))
    assert '"rows":10' in said
