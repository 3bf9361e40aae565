"""Which backups stay, and room made by the others: nothing that a kept one needs is removed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tundish_deploy.backups.manifest import contents, read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tundish_deploy.backups.place import BackupPlace
    from tundish_deploy.backupsettings import KeepSettings


def chosen(moments: Iterable[datetime], policy: KeepSettings) -> set[datetime]:
    """Which of these moments a policy keeps."""
    newest_first = sorted(moments, reverse=True)
    kept = set(newest_first[: policy.last])
    spans: list[tuple[int, Callable[[datetime], Any]]] = [
        (policy.daily, lambda at: at.astimezone(UTC).date()),
        (policy.weekly, lambda at: at.astimezone(UTC).isocalendar()[:2]),
        (policy.monthly, lambda at: (at.astimezone(UTC).year, at.astimezone(UTC).month)),
    ]
    for count, span in spans:
        newest: dict[Any, datetime] = {}
        for at in newest_first:
            newest.setdefault(span(at), at)
        kept |= set(list(newest.values())[:count])
    return kept


def let_go(place: BackupPlace, policy: KeepSettings, *, dry_run: bool = False) -> dict[str, Any]:
    """Let go of backups that the policy does not keep, and of content that none of the others needs.

    Backups of the whole platform and of each tenant are counted each for themselves.

    Raises:
        PlaceInUse: another process works there.
        Damaged, NewerFormat: a backup cannot be read, so nobody knows what it needs. Nothing is removed then.
    """
    with place.alone():
        found = {name: read_manifest(place, name) for name in place.backups()}
        by_tenant: dict[str | None, dict[datetime, str]] = {}
        for name, manifest in found.items():
            by_tenant.setdefault(manifest.tenant, {})[manifest.at] = name
        kept = {moments[at] for moments in by_tenant.values() for at in chosen(moments, policy)}
        needed = {
            chunk.name
            for name in kept
            for _, content in contents(place, found[name])
            for chunk in content.chunks
        }
        gone = sorted(set(found) - kept)
        report: dict[str, Any] = {"kept": sorted(kept), "let_go": gone}
        if not dry_run:
            # Manifests first: one that lacks content must not be there, even after a power cut.
            place.forget(gone)
            report["chunks"], report["bytes"] = place.sweep(needed)
        return report
