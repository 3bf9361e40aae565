"""The package of published figures says what the log says, and a change anywhere in it is found."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from tundish_platform.documents.archives import zipped
from tundish_platform.programme.published import package
from tundish_platform.programme.published.entries import Figure
from tundish_platform.programme.published.heads import HeadSigner
from tundish_platform.programme.published.tree import root_of
from tundish_platform.programme.published.verifying import NotProven, verify_file

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SIGNER = HeadSigner(SecretStr("of the test"))
NAME = "enterprises.on_cloud.current"


def figure(number: int, value: int | None, region: str = "", **more: Any) -> Figure:  # noqa: ANN401 - fields
    months = timedelta(days=31 * more.pop("month", 0))
    return Figure(
        number=number, name=NAME, value=value, exact=not region, region=region, rule_version="2026.1",
        moment=NOW + months, published_at=NOW + months, evidence=f"{months.days:064x}", **more,
    )  # fmt: skip


# In the second month 430203 is not told any more, and the first total is corrected.
FIGURES = (
    figure(0, 4172), figure(1, 120, "430202"), figure(2, 15, "430203"),
    figure(3, 4180, month=1), figure(4, 125, "430202", month=1),
    figure(5, 4173, month=2, corrects=0, reason="更正"),
)  # fmt: skip


def log() -> dict[str, Any]:
    head = SIGNER.sign(len(FIGURES), root_of([one.leaf() for one in FIGURES]).hex(), NOW)
    return {
        "format": "tundish-log-v1", "public_key": SIGNER.public,
        "figures": [one.model_dump(mode="json") for one in FIGURES], "heads": [head.model_dump(mode="json")],
    }  # fmt: skip


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return package.files_of(package.package_of(log()))


def changed(files: dict[str, bytes], name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The package with a file changed, and the description's digest of it, as a forger would."""
    made = files | {name: change(files[name])}
    assert made[name] != files[name]
    said = json.loads(made[package.DESCRIPTION])
    for one in said["resources"]:
        one["hash"] = f"sha256:{hashlib.sha256(made[one['path']]).hexdigest()}"
    return zipped((made | {package.DESCRIPTION: json.dumps(said).encode()}).items(), NOW)


def test_the_table_has_every_figure_and_the_marks_of_what_is_withheld(files: dict[str, bytes]) -> None:
    rows = list(csv.DictReader(io.StringIO(files[package.TABLE_CSV].decode())))
    told = [(row["number"], row["region"], row["value"], row["status"]) for row in rows]
    assert told == [
        ("0", "", "4172", "corrected"), ("1", "430202", "120", "rounded"), ("2", "430203", "15", "rounded"),
        ("3", "", "4180", "exact"), ("4", "430202", "125", "rounded"), ("", "430203", ":", "withheld"),
        ("5", "", "4173", "exact"), ("", "430202", ":", "withheld"), ("", "430203", ":", "withheld"),
    ]  # fmt: skip
    assert rows[1]["region_zh"] == "荷塘区"
    assert (rows[6]["corrects"], rows[6]["reason"]) == ("0", "更正")
    read = json.loads(files[package.TABLE_JSON])
    assert [{name: package.cell_of(row[name]) for name in row} for row in read] == rows


def test_the_description_is_a_data_package(files: dict[str, bytes]) -> None:
    said = json.loads(files[package.DESCRIPTION])
    assert said["profile"] == "data-package"
    assert said["licenses"][0]["name"] == "CC-BY-4.0"
    assert [rule["version"] for rule in said["rules"]] == ["2026.1"]
    assert said["proof"]["root"] == log()["heads"][0]["root"]
    table = said["resources"][0]
    assert table["path"] == package.TABLE_CSV
    header = files[package.TABLE_CSV].decode().splitlines()[0].split(",")
    assert [field["name"] for field in table["schema"]["fields"]] == header
    assert table["schema"]["missingValues"] == ["", ":"]
    for one in said["resources"]:
        assert one["bytes"] == len(files[one["path"]])
        assert one["hash"] == f"sha256:{hashlib.sha256(files[one['path']]).hexdigest()}"


def test_a_package_verifies_offline_and_the_same_log_gives_the_same_bytes(files: dict[str, bytes]) -> None:
    made = package.package_of(log())
    assert made == package.package_of(log())
    proven = verify_file(made, key=SIGNER.mark, against=files[package.HEAD_FILE])
    assert proven.figures == FIGURES
    assert proven.withdrawn == {0}
    with pytest.raises(NotProven, match="another key"):
        verify_file(made, key="0" * 64)


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        (package.TABLE_CSV, lambda old: old.replace(b",125,", b",130,"), "CSV"),
        (package.TABLE_CSV, lambda old: old.replace(b",:,withheld", b",3,rounded", 1), "CSV"),
        (package.TABLE_JSON, lambda old: old.replace(b"4180", b"4181"), "JSON"),
        (package.TABLE_JSON, lambda old: old.replace(b'"demo": false', b'"demo": true', 1), "JSON"),
        (package.LOG_FILE, lambda old: old.replace(b"4180", b"4181"), "not those"),
        (package.HEAD_FILE, lambda old: old.replace(b'"size": 6', b'"size": 5'), "head"),
        (package.DESCRIPTION, lambda old: old.replace(log()["heads"][0]["root"].encode(), b"0" * 64), "head"),
    ],
)
def test_a_change_in_any_file_is_found(
    files: dict[str, bytes], name: str, change: Callable[[bytes], bytes], why: str
) -> None:
    with pytest.raises(NotProven, match=why):
        verify_file(changed(files, name, change))


def test_a_resource_that_is_not_the_described_one_is_found(files: dict[str, bytes]) -> None:
    said = files[package.DESCRIPTION].replace(b'"hash": "sha256:', b'"hash": "sha256:00', 1)
    with pytest.raises(NotProven, match="not the file"):
        verify_file(zipped((files | {package.DESCRIPTION: said}).items(), NOW))


def test_what_is_no_package_is_refused(files: dict[str, bytes]) -> None:
    for name in (package.LOG_FILE, package.TABLE_CSV, package.DESCRIPTION):
        rest = {other: content for other, content in files.items() if other != name}
        with pytest.raises(NotProven, match="missing"):
            verify_file(zipped(rest.items(), NOW))
    with pytest.raises(NotProven, match="missing"):
        verify_file(package.package_of(log())[:200])
