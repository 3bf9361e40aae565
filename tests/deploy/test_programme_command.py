"""`tundish programme verify` and `tundish simulate city`: offline, and marked."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from tundish_deploy.cli import app
from tundish_platform.migrations import upgrade
from tundish_platform.programme import enterprises, register_enterprise
from tundish_platform.programme.published.entries import Figure
from tundish_platform.programme.published.heads import HeadSigner
from tundish_platform.programme.published.tree import root_of
from tundish_platform.programme.series.frozen import freeze
from tundish_platform.programme.series.panel import table_of
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SIGNER = HeadSigner(SecretStr("of the test"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """An export of two figures."""
    figures = [
        Figure(number=n, name="enterprises.on_cloud.current", value=v, exact=True, rule_version="2026.1",
               moment=NOW, published_at=NOW, evidence="0" * 64)
        for n, v in enumerate((4172, 4180))
    ]  # fmt: skip
    head = SIGNER.sign(2, root_of([one.leaf() for one in figures]).hex(), NOW)
    found = {
        "format": "tundish-log-v1", "public_key": SIGNER.public,
        "figures": [one.model_dump(mode="json") for one in figures], "heads": [head.model_dump(mode="json")],
    }  # fmt: skip
    file = tmp_path / "log.json"
    file.write_text(json.dumps(found), "utf-8")
    (tmp_path / "head.json").write_text(head.model_dump_json(), "utf-8")
    return file


def test_an_export_verifies_with_one_command_and_a_changed_one_does_not(log: Path) -> None:
    run = CliRunner().invoke
    kept = ["--against", str(log.with_name("head.json")), "--key", SIGNER.mark]
    passed = run(app, ["programme", "verify", str(log), *kept])
    assert passed.exit_code == 0, passed.output
    assert "2 of 2 figures" in passed.output
    log.write_text(log.read_text("utf-8").replace("4172", "4173"), "utf-8")
    assert run(app, ["programme", "verify", str(log)]).exit_code == 1
    assert run(app, ["programme", "verify", str(log.with_name("missing.json"))]).exit_code == 1


def test_a_city_is_written_to_a_folder_of_its_own_and_says_what_it_is(tmp_path: Path) -> None:
    out = tmp_path / "city"
    asked = ["simulate", "city", "--enterprises", "60", "--months", "3", "--seed", "5", "--out", str(out)]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    files = sorted(file.name for file in out.iterdir())
    assert files == [
        "SIMULATED.txt", "facts-2021-01.parquet", "facts-2021-02.parquet", "facts-2021-03.parquet",
        "model.json", "register.parquet",
    ]  # fmt: skip
    for file in out.glob("*.parquet"):
        assert pc.all(pq.read_table(file).column("simulated")).as_py(), file
    assert json.loads((out / "model.json").read_text("utf-8"))["simulated"] is True
    assert CliRunner().invoke(app, asked).exit_code == 1, "the folder is not empty any more"


@pytest.mark.parametrize("real", [True, False])
def test_a_made_city_never_stands_beside_real_enterprises(tmp_path: Path, *, real: bool) -> None:

    url = f"sqlite:///{tmp_path / 'metadata.sqlite'}"
    (tmp_path / "tundish.toml").write_text(f'metadata_url = "{url}"\n', "utf-8")
    database = Metadata(url)
    upgrade(database)
    if real:
        with database.above(Above.OPERATOR).session() as session:
            register_enterprise(
                session,
                uscc="91350100M000100Y43",
                name_zh="厂",
                name_en="P",
                industry="C3444",
                region="431302",
            )
    asked = ["--load", "--settings", str(tmp_path / "tundish.toml"), "--out", str(tmp_path / "city")]
    done = CliRunner().invoke(app, ["simulate", "city", "--enterprises", "6", "--months", "2", *asked])
    with database.above(Above.OPERATOR).session() as session:
        known = enterprises(session)
    database.close()
    assert done.exit_code == (1 if real else 0), done.output
    assert ("a database of its own" in done.output.replace("\n", " ")) is real
    assert (tmp_path / "city").exists() is not real
    assert [one.demo for one in known] == ([False] if real else [True] * 6)


def test_a_report_is_issued_once_and_written_in_both_languages(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    settings = tmp_path / "tundish.toml"
    settings.write_text(f'data_dir = "{data}"\n', "utf-8")
    run, ask = CliRunner().invoke, ["programme", "report", "2026-02", "--settings", str(settings), "--out"]
    nothing = run(app, [*ask, str(tmp_path / "r")])
    assert nothing.exit_code == 1
    assert "tundish up" in nothing.output
    metadata = Metadata(f"sqlite:///{data / 'metadata.sqlite'}")
    upgrade(metadata)
    with metadata.above(Above.ADOPTION).session() as session:
        register_enterprise(
            session, uscc="91999900TD0000017U", name_zh="厂", name_en="P", industry="C3130", region="430202",
            demo=True,
        )  # fmt: skip
        facts = [{"uscc_valid": 1, "industry_set": 1, "region_set": 1}]
        freeze(session, "2026-02", table_of([1], facts), "2026.2", NOW)
    metadata.close()
    assert run(app, [*ask[:2], "2026-01", *ask[3:], str(tmp_path / "r")]).exit_code == 1
    for folder in ("r", "again"):
        done = run(app, [*ask, str(tmp_path / folder)])
        assert done.exit_code == 0, done.output
    names = {
        f"programme-2026-02-1-{words}.{form}" for words in ("zh", "en") for form in ("xlsx", "docx", "pdf")
    }
    assert {file.name for file in (tmp_path / "r").iterdir()} == names
    for name in names:
        assert (tmp_path / "r" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    anew = run(app, [*ask, str(tmp_path / "second"), "--reason", "更正"])
    assert anew.exit_code == 0, anew.output
    assert (tmp_path / "second" / "programme-2026-02-2-zh.pdf").exists()
