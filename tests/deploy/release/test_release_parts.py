"""The parts list and the licences are those of the lock file."""

from __future__ import annotations

import json
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

from tundish_deploy.cli import app
from tundish_deploy.release.licences import Duty, _duty, licence_of
from tundish_deploy.release.locked import LockError, read_lock
from tundish_deploy.release.sbom import SCHEMA

if TYPE_CHECKING:
    from typing import Any

LOCKS = Path(__file__).parents[3] / "requirements"


def made(*more: str) -> dict[str, Any]:
    run = CliRunner().invoke(app, ["release", "sbom", *more], env={"SOURCE_DATE_EPOCH": "1750000000"})
    assert run.exit_code == 0, run.output
    assert JsonStrictValidator(SCHEMA).validate_str(run.stdout) is None
    found: dict[str, Any] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("lock", ["server.txt", "edge.txt"])
def test_the_parts_list_names_all_that_the_lock_does(lock: str) -> None:
    file = LOCKS / lock
    pinned = {line.split()[0] for line in file.read_text().splitlines() if "==" in line.split(" ")[0]}
    document = made("--lock", str(file))
    listed = {f"{canonicalize_name(one['name'])}=={one['version']}" for one in document["components"]}
    assert listed == pinned
    assert all(one["hashes"] and one["purl"].startswith("pkg:pypi/") for one in document["components"])
    needs = {one["ref"]: set(one.get("dependsOn", ())) for one in document["dependencies"]}
    flask = next(one for one in needs if one.startswith("pkg:pypi/flask@")) if lock == "server.txt" else None
    if flask is not None:
        assert flask in needs["tundish"]
        assert any(one.startswith("pkg:pypi/werkzeug@") for one in needs[flask])
    reached, open_ = set[str](), {"tundish"}
    while open_:
        reached |= open_
        open_ = {below for one in open_ for below in needs[one]} - reached
    assert reached >= {one["bom-ref"] for one in document["components"]}, "nothing is there that nobody wants"


def test_the_same_lock_gives_the_same_document(tmp_path: Path) -> None:
    once = made("--lock", str(LOCKS / "edge.txt"))
    assert made("--lock", str(LOCKS / "edge.txt")) == once
    out = tmp_path / "sbom.json"
    CliRunner().invoke(app, ["release", "sbom", "--lock", str(LOCKS / "server.txt"), "--out", str(out)])
    assert json.loads(out.read_text())["serialNumber"] != once["serialNumber"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no distribution"),
        ("flask>=3.0 \\\n    --hash=sha256:00\n", "no exact version"),
        ("flask==3.* \\\n    --hash=sha256:00\n", "no exact version"),
        ("flask==3.0\n", "with a hash"),
        ("flask=3.0 --hash=sha256:00\n", "no requirement"),
    ],
)
def test_a_lock_that_does_not_say_exactly_what_is_installed_is_refused(
    tmp_path: Path, text: str, why: str
) -> None:
    file = tmp_path / "lock.txt"
    file.write_text(text)
    with pytest.raises(LockError, match=why):
        read_lock(file)
    assert CliRunner().invoke(app, ["release", "sbom", "--lock", str(file)]).exit_code == 1


def test_markers_and_wishes_are_read(tmp_path: Path) -> None:
    file = tmp_path / "lock.txt"
    file.write_text(
        "a==1 ; sys_platform == 'never' \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n"
        "    # via\n    #   -c requirements/dev.txt\n    #   B_c\n    #   tundish (pyproject.toml)\n"
        "b-c==2 \\\n    --hash=sha256:02\n    # via a\n"
    )
    first, second = read_lock(file)
    assert (first.here, first.wanted_by, first.hashes) == (
        False,
        ("b-c", ""),
        (("sha256", "00"), ("sha256", "01")),
    )
    assert (second.here, second.wanted_by, second.marker) == (True, ("a",), "")


def about(**fields: str) -> Message:
    message = Message()
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    return message


def test_the_licence_is_what_the_metadata_say_best() -> None:
    assert licence_of(about(License_Expression="MIT", License="x")) == "MIT"
    both = about(Classifier="License :: OSI Approved :: BSD License", License="BSD")
    assert licence_of(both) == "BSD License"
    assert (
        licence_of(about(Classifier="License :: OSI Approved", License="Apache 2.0\nlong text"))
        == "Apache 2.0"
    )
    assert licence_of(about(License="UNKNOWN")) == licence_of(about()) == ""


@pytest.mark.parametrize(
    ("licence", "duty"),
    [
        ("MIT", Duty.NOTICE),
        ("", Duty.UNKNOWN),
        ("LGPL-3.0-only", Duty.WEAK_COPYLEFT),
        ("GNU Lesser General Public License v3 or later (LGPLv3+)", Duty.WEAK_COPYLEFT),
        ("MPL-2.0", Duty.WEAK_COPYLEFT),
        ("GPL-3.0-or-later", Duty.STRONG_COPYLEFT),
        ("AGPL-3.0", Duty.STRONG_COPYLEFT),
        ("GNU General Public License v2 (GPLv2)", Duty.STRONG_COPYLEFT),
        ("LGPL-2.1 AND GPL-2.0", Duty.STRONG_COPYLEFT),
        ("GPL-2.0-only OR MIT", Duty.NOTICE),
        ("CC-BY-NC-SA-4.0", Duty.STRONG_COPYLEFT),
    ],
)
def test_what_a_licence_asks_is_told_by_its_name(licence: str, duty: Duty) -> None:
    assert _duty(licence) is duty


def test_every_part_of_the_server_may_be_shipped() -> None:
    run = CliRunner().invoke(app, ["release", "licences", "--lock", str(LOCKS / "server.txt")])
    assert run.exit_code == 0, run.output
    assert "LGPL" in run.output, "asyncua's is told"


def test_a_part_whose_licence_forbids_it_ends_the_report_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "lock.txt"
    file.write_text("flask==3.0 \\\n    --hash=sha256:00\n")
    found = about(License_Expression="AGPL-3.0-only", Version="3.0")
    monkeypatch.setattr("tundish_deploy.release.licences.metadata", lambda _: found)
    run = CliRunner().invoke(app, ["release", "licences", "--lock", str(file)])
    assert run.exit_code == 1
    assert "flask 3.0: AGPL-3.0-only" in run.output
