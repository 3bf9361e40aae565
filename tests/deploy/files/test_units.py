"""systemd's units: verified and rated by systemd's own tool, held against the commands that they start."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Code

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "systemd"
UNITS = sorted(path.name for path in FOLDER.glob("*.service"))
# They run apps in name spaces; systemd rates what these need as exposure.
WITH_APPS = {"tundish.service", "tundish-apps.service", "tundish-jobs.service"}
TUNDISH = Path(sys.executable).parent / "tundish"


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    assert program, "systemd-analyze is missing; install it with: apt-get install -y systemd"
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=120)


def parsed(name: str) -> RawConfigParser:
    parser = RawConfigParser(strict=False, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(FOLDER / name)
    return parser


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units with this environment's command in the place of the installed one."""
    for path in FOLDER.iterdir():
        text = path.read_text("utf-8").replace("/opt/tundish/bin/tundish", str(TUNDISH))
        (tmp_path / path.name).write_text(text)
    return tmp_path


def test_there_is_a_unit_for_every_part(code: Code) -> None:
    started = {parsed(name)["Service"]["ExecStart"].split()[1:3][-1] for name in UNITS}
    assert started == {"server", "writer", "worker", "apps", "jobs", "collect", "--settings"}
    for name in UNITS:
        program, *arguments = parsed(name)["Service"]["ExecStart"].replace("%i", "press-1").split()
        assert program == "/opt/tundish/bin/tundish"
        assert code.command_error(arguments) is None, name


@pytest.mark.integration
@pytest.mark.parametrize("name", [*UNITS, "tundish.target"])
def test_systemd_takes_the_unit(installed: Path, name: str) -> None:
    own = installed / name.replace("@.", "@press-1.")
    if own.name != name:
        (installed / name).rename(own)
    done = analyze("verify", "--man=no", "--recursive-errors=no", str(own))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.integration
def test_systemd_would_find_a_wrong_key(installed: Path) -> None:
    unit = installed / "tundish-writer.service"
    unit.write_text(unit.read_text().replace("ProtectSystem=", "ProtectSystems="))
    assert "ProtectSystems" in analyze("verify", "--man=no", str(unit)).stderr


def exposure(unit: Path) -> float:
    found = re.search(
        r"exposure level for .*: ([0-9.]+)",
        analyze("security", "--offline=true", "--no-pager", str(unit)).stdout,
    )
    assert found is not None
    return float(found[1])


@pytest.mark.integration
@pytest.mark.parametrize("name", UNITS)
def test_little_is_left_to_whoever_takes_a_part_over(installed: Path, name: str) -> None:
    assert exposure(installed / name) <= (3.2 if name in WITH_APPS else 1.6)


@pytest.mark.integration
@pytest.mark.parametrize(
    "key", ["NoNewPrivileges", "ProtectSystem", "User", "CapabilityBoundingSet", "PrivateDevices"]
)
def test_each_protection_counts(installed: Path, key: str) -> None:
    unit = installed / "tundish-writer.service"
    unit.write_text(re.sub(rf"^{key}=.*\n", "", unit.read_text(), flags=re.MULTILINE))
    assert exposure(unit) > 1.6


def test_apps_alone_are_left_what_their_name_spaces_need() -> None:
    """A /proc that something lies over cannot be mounted anew in a name space."""
    over = {"ProtectKernelTunables", "ProtectKernelLogs", "ProcSubset", "ProtectProc", "RestrictNamespaces"}
    for name in UNITS:
        assert (over & parsed(name)["Service"].keys() == over) is (name not in WITH_APPS), name


def test_units_of_one_machine_belong_together() -> None:
    parts = [name for name in UNITS if name != "tundish.service"]
    assert {parsed(name)["Unit"]["PartOf"] for name in parts} == {"tundish.target"}
    assert {parsed(name)["Install"]["WantedBy"] for name in parts} == {"tundish.target"}
    assert {parsed(name)["Service"]["StateDirectory"] for name in UNITS} == {"tundish"}
