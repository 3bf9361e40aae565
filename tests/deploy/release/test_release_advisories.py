"""Known flaws are found, and a database that cannot find them is no answer instead of a good one."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version
from typer.testing import CliRunner

from tundish_deploy.cli import app
from tundish_deploy.release.advisories import CANARIES, Database, DatabaseUnusable, Range
from tundish_deploy.release.osv import read_osv

if TYPE_CHECKING:
    from pathlib import Path

# What is known of each canary, as OSV tells it.
FIXED = {"flask": "0.12.3", "jinja2": "2.10.1", "pyyaml": "5.2", "requests": "2.20.0", "urllib3": "1.24.2"}


def record(package: str, flaw: str, *events: dict[str, str], **more: object) -> dict[str, Any]:
    affected = {
        "package": {"ecosystem": "PyPI", "name": package},
        "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
    }
    head = {"id": f"GHSA-{package}", "aliases": [flaw], "modified": datetime.now(UTC).isoformat()}
    return head | {"summary": f"a flaw of {package}", "affected": [affected]} | more


def records() -> list[dict[str, Any]]:
    return [record(name, flaw, {"introduced": "0"}, {"fixed": FIXED[name]}) for name, _, flaw in CANARIES]


def database(folder: Path, made: list[dict[str, Any]]) -> Path:
    file = folder / "all.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for number, one in enumerate(made):
            archive.writestr(f"{one['id']}-{number}.json", json.dumps(one))
    return file


def lock(folder: Path, *pinned: str) -> Path:
    file = folder / "lock.txt"
    file.write_text(
        "".join(
            f"{one} \\\n    --hash=sha256:{'0' * 64}\n    # via tundish (pyproject.toml)\n" for one in pinned
        )
    )
    return file


def ask(data: Path, locked: Path, *more: str) -> tuple[int, str]:
    run = CliRunner().invoke(
        app, ["release", "advisories", "--database", str(data), "--lock", str(locked), *more]
    )
    return run.exit_code, run.output


def test_an_old_flask_is_flagged_and_a_mended_one_is_not(tmp_path: Path) -> None:
    data = database(tmp_path, records())
    code, said = ask(data, lock(tmp_path, "flask==0.12.2", "click==8.1.8"))
    assert code == 1
    assert "flask 0.12.2: GHSA-flask CVE-2018-1000656: a flaw of flask" in said
    assert "1 known flaws in 2 distributions, by 5 advisories up to" in said
    code, said = ask(data, lock(tmp_path, "Flask==0.12.3", "click==8.1.8"))
    assert code == 0
    assert said.startswith("No known flaw in 2 distributions, by 5 advisories up to")


@pytest.mark.parametrize("missing", [name for name, _, _ in CANARIES])
def test_a_database_that_misses_what_everybody_knows_is_no_answer(tmp_path: Path, missing: str) -> None:
    data = database(tmp_path, [one for one in records() if one["id"] != f"GHSA-{missing}"])
    code, said = ask(data, lock(tmp_path, "click==8.1.8"))
    assert code == 2
    assert missing in said
    assert "No known flaw" not in said


def test_no_database_an_empty_one_and_one_of_something_else_are_no_answer(tmp_path: Path) -> None:
    locked = lock(tmp_path, "click==8.1.8")
    (tmp_path / "cut.zip").write_bytes(database(tmp_path, records()).read_bytes()[:300])
    (tmp_path / "folder").mkdir()
    npm = records()
    for one in npm:
        one["affected"][0]["package"]["ecosystem"] = "npm"
    broken = [*records(), {"id": "x"}]
    places = [
        tmp_path / "absent.zip",
        tmp_path / "cut.zip",
        tmp_path / "folder",
        database(tmp_path, []),
    ]
    answers = [ask(place, locked) for place in places]
    answers += [ask(database(tmp_path, made), locked) for made in (npm, broken)]
    assert [code for code, _ in answers] == [2] * 6
    assert all(said.startswith("No answer: ") for _, said in answers)


@pytest.mark.parametrize(("days", "code"), [(29, 0), (31, 2), (-3, 2)])
def test_an_old_database_and_one_of_tomorrow_are_no_answer(tmp_path: Path, days: int, code: int) -> None:
    made = records()
    for one in made:
        one["modified"] = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    data, locked = database(tmp_path, made), lock(tmp_path, "click==8.1.8")
    assert ask(data, locked)[0] == code
    assert ask(data, locked, "--max-age", "40")[0] == (0 if days > 0 else 2)


def test_a_folder_is_read_like_the_zip(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for one in records():
        (tmp_path / "deep" / f"{one['id']}.json").write_text(json.dumps(one))
    read_osv(tmp_path).prove(datetime.now(UTC))


def of(folder: Path, one: dict[str, Any]) -> Database:
    return read_osv(database(folder, [one]))


def test_ranges_versions_and_what_cannot_be_told(tmp_path: Path) -> None:
    twice = of(
        tmp_path,
        record("a", "C", {"fixed": "2.1"}, {"introduced": "2.0"}, {"introduced": "0"}, {"fixed": "1.5"}),
    )
    hit = [
        v for v in ("0.dev1", "1.4", "1.5", "1.9", "2.0rc1", "2.0", "2.0.9", "2.1", "3") if twice.of("a", v)
    ]
    assert hit == ["0.dev1", "1.4", "2.0", "2.0.9"]
    last = of(tmp_path, record("a", "C", {"introduced": "1"}, {"last_affected": "1.5"}))
    assert [v for v in ("0.9", "1.0", "1.5", "1.5.1") if last.of("a", v)] == ["1.0", "1.5"]
    still = of(tmp_path, record("A_b", "C", {"introduced": "1"}))
    assert [bool(still.of("a-b", v)) for v in ("0.9", "99")] == [False, True]
    torn = of(tmp_path, record("a", "C", {"introduced": "1.10"}, {"fixed": "1.10rc1"}))
    hit = [v for v in ("1.9", "1.10rc1", "1.10", "1.11") if torn.of("a", v)]
    assert hit == ["1.10", "1.11"], "an end before the beginning ends nothing"
    named = of(tmp_path, record("a", "C") | {"affected": [
        {"package": {"ecosystem": "PyPI", "name": "a"}, "versions": ["1.0", "2.0.0"]},
    ]})  # fmt: skip
    assert [v for v in ("1.0", "1", "2", "2.0.1") if named.of("a", v)] == ["1.0", "1", "2"]
    odd = of(tmp_path, record("a", "C", {"introduced": "2004c"}, {"fixed": "not a version"}))
    assert odd.of("a", "1.0"), "what cannot be told is told to a person"
    silent = of(tmp_path, record("a", "C"))
    assert silent.of("a", "1.0")


def test_a_finding_is_one_line_however_long_the_details_are(tmp_path: Path) -> None:
    told = [one | {"summary": "", "details": "first line\n\n  second\n" + "x" * 400} for one in records()]
    _, said = ask(database(tmp_path, told), lock(tmp_path, "flask==0.12.2"))
    finding, answer = said.splitlines()
    assert finding.startswith("flask 0.12.2: GHSA-flask CVE-2018-1000656: first line second xxx")
    assert len(finding) < 400
    assert answer.startswith("1 known flaws in 1 distributions")


def test_a_withdrawn_advisory_counts_no_more(tmp_path: Path) -> None:
    gone = record("a", "C", {"introduced": "0"}, withdrawn="2026-01-01T00:00:00Z")
    assert of(tmp_path, gone).count == 0


def test_a_database_without_a_proof_could_say_anything() -> None:
    empty = Database("empty", datetime.now(UTC))
    assert empty.of("flask", "0.12.2") == []
    with pytest.raises(DatabaseUnusable, match=r"CVE-2018-1000656 of flask 0\.12\.2"):
        empty.prove(datetime.now(UTC))
    assert Range().holds(Version("1"))
