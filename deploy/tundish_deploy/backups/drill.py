"""The drill: restore a backup into an empty place that is thrown away, and compare.

What was, the backup says in numbers that were made from the source's own files. What is, the restored
platform says itself: its database by its tables, its samples by the queries that pages and API ask.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tundish_deploy.backups import database
from tundish_deploy.backups.content import RowDigest, total_rows
from tundish_deploy.backups.manifest import read_index
from tundish_deploy.backups.restore import RestoreRefused, restore_whole
from tundish_deploy.backups.sealing import Damaged
from tundish_deploy.backups.tenant import restore_tenant
from tundish_platform.audit import verify_trail
from tundish_platform.migrations import upgrade
from tundish_platform.store import Telemetry
from tundish_platform.store.files import LocalFiles
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tundish_deploy.backups.content import DayFacts
    from tundish_deploy.backups.manifest import Manifest
    from tundish_deploy.backups.place import BackupPlace
    from tundish_platform.samples import SampleKind
    from tundish_platform.tenancy import TenantScope

_AT_ONCE: Final = 2_000_000
_WHO: Final = "tundish-backup"


@dataclass(slots=True)
class DrillReport:
    """What a drill found.

    Attributes:
        backup: its name.
        faults: where the restored platform is not what was backed up, in words; none if it is.
        tenants, tables, table_rows, signals, audit_entries: how many were compared.
        rows: samples by kind that a query found.
        seconds: by step.
    """

    backup: str
    faults: list[str] = field(default_factory=list)
    tenants: int = 0
    tables: int = 0
    table_rows: int = 0
    signals: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    audit_entries: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the backup brings everything back."""
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "backup": self.backup, "passed": self.passed, "faults": self.faults, "tenants": self.tenants,
            "tables": self.tables, "table_rows": self.table_rows, "signals": self.signals,
            "rows": dict(self.rows), "audit_entries": self.audit_entries,
            "seconds": {step: round(took, 3) for step, took in self.seconds.items()},
        }  # fmt: skip

    def timed(self, step: str, since: float) -> float:
        """Note how long a step took; returns when the next one begins."""
        now = time.monotonic()
        self.seconds[step] = now - since
        return now


def drill(place: BackupPlace, manifest: Manifest, work: Path | None = None) -> DrillReport:
    """Restore a backup and compare; of one tenant, into a new platform.

    Args:
        place: of the backup.
        manifest: the backup.
        work: where there is room for everything; the system's temporary folder if absent.
    """
    report = DrillReport(manifest.name)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tundish-drill-", dir=work) as folder:
        data_dir = Path(folder) / "data"
        url = f"sqlite:///{data_dir / 'metadata.sqlite'}"
        try:
            at = (_restored if manifest.tenant is None else _brought)(place, manifest, data_dir, url, report)
            compare_samples(place, manifest, data_dir, url, report)
            report.timed("samples", at)
        except (Damaged, RestoreRefused) as error:
            report.faults.append(str(error))
    report.timed("all", started)
    return report


def _restored(place: BackupPlace, manifest: Manifest, data_dir: Path, url: str, report: DrillReport) -> float:
    at = time.monotonic()
    restore_whole(place, manifest, data_dir, url)
    at = report.timed("restore", at)
    _compare_tables(manifest, data_dir / "metadata.sqlite", report)
    return report.timed("database", at)


def _brought(place: BackupPlace, manifest: Manifest, data_dir: Path, url: str, report: DrillReport) -> float:
    at = time.monotonic()
    copy = data_dir.with_name("metadata-of-tenant.sqlite")
    place.write_to(manifest.database.content, copy)
    _compare_tables(manifest, copy, report)
    at = report.timed("database", at)
    LocalFiles().make_folder(data_dir)
    metadata = Metadata(url)
    upgrade(metadata)
    metadata.close()
    restore_tenant(place, manifest, data_dir, url, manifest.tenant or "")
    return report.timed("restore", at)


def _compare_tables(manifest: Manifest, file: Path, report: DrillReport) -> None:
    with database.opened(file) as connection:
        found = database.table_facts(connection)
    report.tables, report.table_rows = len(found), sum(one.rows for one in found.values())
    report.faults += database.differing(found, manifest.database.tables)


def compare_samples(
    place: BackupPlace, manifest: Manifest, data_dir: Path, url: str, report: DrillReport
) -> None:
    """Open a restored platform as its own version would, and ask it for everything."""
    metadata = Metadata(url)
    try:
        upgrade(metadata)
        above = metadata.above(Above.OPERATOR)
        _compare_trail(manifest, above, report)
        with closing(Telemetry(data_dir / "store", metadata.above(Above.STORE), background=False)) as store:
            report.faults += [one for one in store.verify() if not _known(one, manifest)]
            for slug, entry in manifest.tenants.items():
                with above.session() as session:
                    who = job_principal(session, _WHO, Role.VIEWER)
                    scope = access_tenant(who, slug, Permission.READ)
                facts = read_index(place, entry).facts
                if total_rows(facts) != {kind: rows for kind, rows in entry.rows.items() if rows}:
                    report.faults.append(f"{slug}: the index has other rows than the backup says")
                compare_tenant(store, scope, facts, report)
    finally:
        metadata.close()


def compare_tenant(
    store: Telemetry,
    scope: TenantScope,
    facts: Mapping[SampleKind, Mapping[str, DayFacts]],
    report: DrillReport,
) -> None:
    """Read all of a tenant's samples by queries, and compare rows by signal and each day's digest."""
    report.tenants += 1
    seen = set()
    for kind, days in facts.items():
        for text, expected in days.items():
            digest = RowDigest(kind)
            day = date.fromisoformat(text)
            start = datetime(day.year, day.month, day.day, tzinfo=UTC)
            for signals in _groups(expected.rows):
                # Not through the quotas: the drill is nobody's query.
                digest.add(store.tenant_store(scope).read(kind, signals, start, start + timedelta(days=1)))
            report.rows[kind.value] += digest.rows.total()
            seen |= {(kind, signal) for signal in digest.rows}
            report.faults += _different(f"{scope.slug} {kind} {text}", expected, digest)
    report.signals += len(seen)


def _compare_trail(manifest: Manifest, above: Metadata, report: DrillReport) -> None:
    anchors = {} if manifest.audit is None or not manifest.audit[0] else dict([manifest.audit])
    with above.session() as session:
        verdict = verify_trail(session, anchors)
    report.audit_entries = verdict.entries
    report.faults += [f"audit trail: {fault}" for fault in verdict.faults]


def _known(problem: str, manifest: Manifest) -> bool:
    """Whether it was damaged where the backup was made."""
    return any(path in problem for tenant in manifest.tenants.values() for path in tenant.damaged)


def _different(where: str, expected: DayFacts, found: RowDigest) -> Iterator[str]:
    for signal in sorted(expected.rows.keys() | found.rows.keys()):
        was, now = expected.rows.get(signal, 0), found.rows[signal]
        if was != now:
            yield f"{where}: signal {signal} has {now} rows, not {was}"
    if dict(found.rows) == expected.rows and found.hexdigest != expected.sha256:
        yield f"{where}: other values than there were"


def _groups(rows: Mapping[int, int]) -> Iterator[list[int]]:
    """Signals in rising order, so many at a time that their rows fit into memory."""
    group: list[int] = []
    size = 0
    for signal in sorted(rows):
        if group and size + rows[signal] > _AT_ONCE:
            yield group
            group, size = [], 0
        group.append(signal)
        size += rows[signal]
    if group:
        yield group
