"""Reports on versions, and what cards and evidence may hold."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from tundish_platform.model_registry import (
    Level,
    ReportKind,
    ReportSpec,
    UnknownModel,
    find_model,
    list_models,
    list_reports,
    list_roles,
    register_version,
    registering,
    report_on,
)
from tundish_platform.tenancy import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tundish_platform.model_registry import VersionSpec
    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

    Make = Callable[..., VersionSpec]


def said(moment: datetime, kind: str = "drift", level: str = "ok", **evidence: Any) -> ReportSpec:  # noqa: ANN401 - JSON
    body = {"kind": kind, "level": level, "moment": moment, "evidence": evidence}
    return ReportSpec.model_validate(body)


def test_reports_come_newest_first_and_the_newest_of_each_kind_is_told_with_the_version(
    metadata: Metadata, scopes: dict[str, TenantScope], make_spec: Make, now: datetime
) -> None:
    with metadata.session() as session:
        number = register_version(session, scopes["worker"], make_spec(), now)[0].id
        for hour, level in enumerate(("ok", "watch", "act")):
            report_on(session, scopes["worker"], number, said(now + timedelta(hours=hour), level=level), now)
        report_on(session, scopes["worker"], number, said(now, "proposal", "act", gain=0.1), now)
        reports = list_reports(session, scopes["wang"], number)
        (listed,) = list_models(session, scopes["wang"])
        drift = list_reports(session, scopes["wang"], number, kind=ReportKind.DRIFT, limit=2)
        older = list_reports(session, scopes["wang"], number, kind=ReportKind.DRIFT, before=drift[-1].id)
    assert [one.kind for one in reports] == ["proposal", "drift", "drift", "drift"]
    assert reports[0].evidence == {"gain": 0.1}
    assert [one.level for one in [*drift, *older]] == ["act", "watch", "ok"]
    assert listed.levels == {ReportKind.DRIFT: Level.ACT, ReportKind.PROPOSAL: Level.ACT}


def test_a_report_sent_again_stays_as_it_was(
    metadata: Metadata, scopes: dict[str, TenantScope], make_spec: Make, now: datetime
) -> None:
    with metadata.session() as session:
        number = register_version(session, scopes["worker"], make_spec(), now)[0].id
        first, made = report_on(session, scopes["worker"], number, said(now, psi=0.1), now)
        again, made_again = report_on(session, scopes["worker"], number, said(now, level="act"), now)
    assert (made, made_again) == (True, False)
    assert again == first


def test_only_so_many_reports_are_kept_of_each_kind(
    metadata: Metadata,
    scopes: dict[str, TenantScope],
    make_spec: Make,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registering, "MAX_REPORTS", 3)
    with metadata.session() as session:
        number = register_version(session, scopes["worker"], make_spec(), now)[0].id
        report_on(session, scopes["worker"], number, said(now, "comparison"), now)
        for hour in range(5):
            report_on(session, scopes["worker"], number, said(now + timedelta(hours=hour), n=hour), now)
        kept = list_reports(session, scopes["wang"], number)
    assert [one.evidence.get("n") for one in kept] == [4, 3, 2, None]


def test_neighbours_neither_see_nor_report(
    metadata: Metadata, scopes: dict[str, TenantScope], make_spec: Make, now: datetime
) -> None:
    with metadata.session() as session:
        number = register_version(session, scopes["worker"], make_spec(), now)[0].id
        with pytest.raises(UnknownModel):
            report_on(session, scopes["worker-power"], number, said(now), now)
        with pytest.raises(AccessDenied):
            report_on(session, scopes["wang"], number, said(now), now)
        assert list_models(session, scopes["wang-power"]) == []
        assert list_roles(session, scopes["wang-power"]) == []
        for read in (find_model, list_reports):
            with pytest.raises(UnknownModel):
                read(session, scopes["wang-power"], number)


def test_lists_go_on_behind_their_last_row_and_lines_are_told_apart(
    metadata: Metadata, scopes: dict[str, TenantScope], make_spec: Make, now: datetime
) -> None:
    with metadata.session() as session:
        for line in ("S/A/L1", "S/A/L2"):
            for version in "123":
                register_version(session, scopes["worker"], make_spec(version, line), now)
        first = list_models(session, scopes["wang"], line="S/A/L1", limit=2)
        rest = list_models(session, scopes["wang"], line="S/A/L1", before=first[-1].id)
        below = list_models(session, scopes["wang"], line="S/A")
        roles = list_roles(session, scopes["wang"], limit=1)
        more = list_roles(session, scopes["wang"], after=roles[-1].id)
    assert [one.version for one in (*first, *rest)] == ["3", "2", "1"]
    assert len(below) == 6
    assert [one.line for one in (*roles, *more)] == ["S/A/L1", "S/A/L2"]


WRONG: dict[str, dict[str, Any]] = {
    "digest": {"digest": "A" * 64},
    "version": {"version": "../1"},
    "card is of another sha256": {"card": {"sha256": "b" * 64}},
    "card is of another line": {"card": {"line": "S/A/L2"}},
    "trained_to must not lie before": {"card": {"trained_to": "2025-01-01T00:00:00Z"}},
    "trained_from": {"card": {"trained_from": "2026-01-01T00:00:00"}},
    "cases": {"card": {"cases": -1}},
    "at most 262144": {"card": {"x": "x" * 262_144}},
}


@pytest.mark.parametrize("words", WRONG)
def test_a_card_that_cannot_be_right_is_refused(make_spec: Make, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        make_spec(**WRONG[words])


def test_a_card_keeps_what_nobody_foresaw(
    metadata: Metadata, scopes: dict[str, TenantScope], make_spec: Make, now: datetime
) -> None:
    card = {"signature": {"mean": [1.5, None]}, "sha256": "a" * 64, "metrics": {"f1": None}}
    with metadata.session() as session:
        number = register_version(session, scopes["worker"], make_spec(card=card), now)[0].id
    with metadata.session() as session:
        found = find_model(session, scopes["wang"], number)
    assert found.card.model_extra == {"signature": {"mean": [1.5, None]}, "sha256": "a" * 64}
    assert found.metrics == {"f1": None}


def test_evidence_is_bounded_and_holds_numbers_only_that_json_has(now: datetime) -> None:
    assert said(now, x=float("nan"), y=[float("inf"), 1]).evidence == {"x": None, "y": [None, 1]}
    with pytest.raises(ValidationError, match="at most 65536"):
        said(now, x="x" * 65_536)
    with pytest.raises(ValidationError, match="JSON"):
        said(now, x="\ud800")
