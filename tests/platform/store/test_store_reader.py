from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tundish_platform.samples import SampleKind
from tundish_platform.store.rows import STORED
from tundish_platform.store.segments.reader import _IDLE, Readers, locked_connection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = 271828.0
PATH = "numeric/2026-03-01/1.parquet"


def write_segment(folder: Path, value: float) -> None:
    columns = [[1], [0], [value], [0], [0], [1], [True]]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, STORED[SampleKind.NUMERIC], strict=True)]
    (folder / PATH).parent.mkdir(parents=True)
    pq.write_table(pa.table(arrays, schema=STORED[SampleKind.NUMERIC]), folder / PATH)


@pytest.fixture
def tenants(tmp_path: Path) -> Path:
    for name, value in (("mine", 1.0), ("mine-too", CANARY), ("theirs", CANARY)):
        write_segment(tmp_path / name, value)
    (tmp_path / "mine" / "link").symlink_to(tmp_path / "theirs")
    return tmp_path


@pytest.fixture
def connection(tenants: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    made = locked_connection(tenants / "mine")
    yield made
    made.close()


ESCAPES = [
    "SELECT * FROM read_parquet('{root}/theirs/{path}')",
    "SELECT * FROM read_parquet('{root}/mine/../theirs/{path}')",
    "SELECT * FROM read_parquet('{root}/mine/link/{path}')",
    "SELECT * FROM read_parquet('{root}/mine-too/{path}')",
    "SELECT * FROM read_parquet('{root}/*/numeric/*/*.parquet')",
    "SELECT * FROM '{root}/theirs/{path}'",
    "SELECT * FROM glob('{root}/theirs/**')",
    "SELECT * FROM read_text('/etc/hostname')",
    "SELECT * FROM read_csv('/proc/self/environ')",
    "ATTACH '{root}/theirs/x.db' AS x",
    "COPY (SELECT 1) TO '{root}/theirs/x.csv'",
    "EXPORT DATABASE '{root}/theirs/x'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
    "SET allowed_paths = ['/etc/hostname']",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "SET memory_limit = '64GB'",
    "SET threads = 64",
    "SELECT * FROM secret_of_the_caller",
]


@pytest.mark.parametrize("escape", ESCAPES)
def test_no_statement_leaves_the_tenants_folder(
    connection: duckdb.DuckDBPyConnection, tenants: Path, escape: str
) -> None:
    secret_of_the_caller = pa.table({"value": [CANARY]})
    with pytest.raises(duckdb.Error):
        connection.sql(escape.format(root=tenants, path=PATH)).fetchall()
    assert secret_of_the_caller.num_rows == 1
    assert not (tenants / "theirs" / "x.csv").exists()


@pytest.mark.parametrize(
    "escape", [e for e in ESCAPES if "theirs" in e and "SELECT" in e and "glob" not in e]
)
def test_control_an_open_connection_does_leave_it(tenants: Path, escape: str) -> None:
    with duckdb.connect(":memory:") as open_connection:
        open_connection.sql(escape.format(root=tenants, path=PATH))


def test_the_own_folder_is_readable_with_types_as_stored(tenants: Path) -> None:
    readers = Readers()
    table = readers.of(tenants / "mine").rows(SampleKind.NUMERIC, [PATH])
    assert table.schema == STORED[SampleKind.NUMERIC]
    assert table["value"].to_pylist() == [1.0]
    readers.close()


def test_a_reader_cannot_be_led_elsewhere_by_its_manifest(tenants: Path) -> None:
    readers = Readers()
    with pytest.raises(duckdb.Error):
        readers.of(tenants / "mine").rows(SampleKind.NUMERIC, [f"../theirs/{PATH}"])
    readers.close()


def test_few_connections_are_kept_however_many_tenants_ask(tmp_path: Path) -> None:
    readers = Readers()
    for number in range(_IDLE + 5):
        folder = tmp_path / f"t{number}"
        write_segment(folder, float(number))
        for _ in range(2):
            table = readers.of(folder).rows(SampleKind.NUMERIC, [PATH])
            assert table["value"].to_pylist() == [float(number)]
    assert len(readers._idle) == _IDLE
    readers.close()
