"""A platform in memory that also keeps alerts, as the real one does: each opening once, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.sdk.client import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_platform.samples import AlertReport


class KeptAlerts:
    """The alerts' part of the platform, which can be away."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        self.told = 0
        self.away = False

    def raise_alert(self, tenant: str, report: AlertReport) -> dict[str, Any]:
        if self.away:
            raise ApiError(0, "unreachable", "nobody there", "没有响应")
        assert tenant == "plant"
        self.told += 1
        key = (report.model, report.line, report.target, report.opened_at.isoformat())
        before = self.kept.get(key)
        if before is None or before["judged_to"] < report.model_dump(mode="json")["judged_to"]:
            self.kept[key] = report.model_dump(mode="json")
        return self.kept[key]

    def alerts(
        self, tenant: str, *, model: str | None = None, line: str | None = None, target: str | None = None
    ) -> Iterator[dict[str, Any]]:
        assert tenant == "plant"
        found = [one for one in self.kept.values() if (one["model"], one["line"], one["target"]) ==
                 (model, line, target)]  # fmt: skip
        # A view says more than was told.
        return iter([one | {"id": 1, "feedback": None} for one in found][::-1])


@pytest.fixture
def kept_alerts() -> KeptAlerts:
    return KeptAlerts()
