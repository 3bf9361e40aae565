"""External facts are kept with their document and make no stage; declared figures are as declared."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from tundish_platform.audit import all_entries
from tundish_platform.programme import Enterprise, adoption, assess, published_rules
from tundish_platform.programme.declared import Basis, Bound, DeclaredFigures, Kind, declared_figures
from tundish_platform.programme.external import (
    MOST_BYTES,
    ExternalRefused,
    ExternalSpec,
    counts,
    enter,
    facts_of,
    withdraw,
)
from tundish_platform.programme.external import Kind as External
from tundish_platform.programme.series.targets import percent

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PDF = b"%PDF-1.7 certificate"
SPEC = ExternalSpec(
    kind=External.INTEGRATION_CERTIFIED, name="两化融合评定证书", number="AIITRE-1", issuer="评定机构",
    issued_on=date(2025, 5, 1), valid_until=date(2028, 4, 30), file_name="证书.pdf",
)  # fmt: skip


def plant(session: Session, number: int = 1) -> Enterprise:
    one = Enterprise(
        id=number, uscc=f"{number:018d}", name_zh="厂", name_en="Plant", industry="C3130", region="431302",
        demo=True, hours_week=168.0, registered_at=NOW,
    )  # fmt: skip
    session.add(one)
    session.flush()
    return one


def in_force(session: Session, day: date) -> dict[External, tuple[int, int]]:
    return {c.kind: (c.in_force, c.ever) for c in counts(session, day) if c.ever}


def test_a_fact_is_kept_with_document_and_officer_and_withdrawn_with_a_reason(metadata: Metadata) -> None:
    with metadata.session() as session:
        one, other = plant(session), plant(session, 2)
        made = enter(session, one, SPEC, PDF, "officer", NOW)
        enter(session, one, SPEC.model_copy(update={"number": "2"}), PDF + b"2", "officer", NOW)
        enter(session, other, SPEC, PDF, "officer", NOW)
        assert (made.digest, made.media_type) == (hashlib.sha256(PDF).hexdigest(), "application/pdf")
        assert in_force(session, NOW.date()) == {External.INTEGRATION_CERTIFIED: (2, 2)}
        assert in_force(session, date(2029, 1, 1)) == {External.INTEGRATION_CERTIFIED: (0, 2)}
        with pytest.raises(ExternalRefused, match="why"):
            withdraw(session, made.id, " ", "officer", NOW)
        withdraw(session, made.id, "issued to another plant", "chief", NOW)
        with pytest.raises(ExternalRefused, match="no such"):
            withdraw(session, made.id, "again", "chief", NOW)
        kept = facts_of(session, one)
        assert [(f.withdrawn_by, f.withdrawn_because) for f in kept] == [
            ("chief", "issued to another plant"), (None, None),
        ]  # fmt: skip
        assert [f.id for f in facts_of(session, other)] == [3]
        assert in_force(session, NOW.date()) == {External.INTEGRATION_CERTIFIED: (2, 2)}
        # What was withdrawn may be entered again.
        enter(session, one, SPEC, PDF, "officer", NOW)
        actions = [entry.action for entry in all_entries(session)]
    assert actions == ["external.entered"] * 3 + ["external.withdrawn", "external.entered"]


@pytest.mark.parametrize(
    ("document", "change", "words"),
    [
        (b"", {}, "empty"),
        (b"%PDF-" + b"x" * MOST_BYTES, {}, "larger"),
        (b"MZ\x90", {}, "Only PDF"),
        (PDF, {"issued_on": date(2026, 3, 2)}, "future"),
    ],
)
def test_a_file_of_the_wrong_kind_or_time_is_refused(
    metadata: Metadata, document: bytes, change: dict[str, date], words: str
) -> None:
    with metadata.session() as session, pytest.raises(ExternalRefused, match=words):
        enter(session, plant(session), SPEC.model_copy(update=change), document, "officer", NOW)


def test_the_same_document_twice_is_refused(metadata: Metadata) -> None:
    with metadata.session() as session:
        one = plant(session)
        enter(session, one, SPEC, PDF, "officer", NOW)
        with pytest.raises(ExternalRefused, match="already"):
            enter(session, one, SPEC, PDF, "officer", NOW)


@pytest.mark.parametrize(
    "change", [{"file_name": "../x.pdf"}, {"valid_until": date(2020, 1, 1)}, {"name": ""}]
)
def test_an_entry_of_the_wrong_shape_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ExternalSpec.model_validate(SPEC.model_dump() | change)


def test_a_benchmark_honour_makes_no_stage(metadata: Metadata) -> None:
    rule = published_rules()["2026.2"]
    with metadata.session() as session:
        one = plant(session)
        one.uscc = "91999900TD0000017U"
        enter(session, one, SPEC.model_copy(update={"kind": External.BENCHMARK_HONOUR}), PDF, "officer", NOW)
        assess(session, rule, {}, NOW)
        counted = {stage.stage: stage.current for stage in adoption(session, rule).stages}
    assert counted == {"registered": 1, "on_cloud": 0, "on_platform": 0, "deep_cloud": 0, "benchmark": 0}


def figure(key: str) -> tuple[float, str, str, Kind, Bound, Basis]:
    one = next(f for f in declared_figures().figures if f.key == key)
    return one.value, one.unit, one.as_of, one.kind, one.bound, one.basis


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("loudi.cloud.enterprises", (4172, "enterprise", "2020-11", "cumulative", "exact", "declared")),
        ("loudi.platform.enterprises", (261, "enterprise", "2020-11", "cumulative", "exact", "declared")),
        ("loudi.platform.completion", (108.75, "%", "2020-11", "rate", "exact", "declared")),
        ("loudi.platform.target", (240, "enterprise", "2020-12", "target", "exact", "derived")),
        ("loudi.benchmark.enterprises", (16, "enterprise", "2020-11", "cumulative", "exact", "declared")),
        ("loudi.fibre.coverage", (124, "%", "2020-12", "rate", "exact", "declared")),
        ("loudi.digital.output", (22.4, "亿元", "2020-09", "flow", "about", "declared")),
        ("zhuzhou.deepcloud", (820, "enterprise", "2022-06", "flow", "exact", "declared")),
        ("zhuzhou.platform.enterprises", (515, "enterprise", "2020-12", "cumulative", "exact", "declared")),
        (
            "zhuzhou.cloud.enterprises.2025",
            (30000, "enterprise", "2025-12", "target", "at_least", "declared"),
        ),
    ],
)
def test_declared_figures_are_those_of_the_documents(key: str, told: tuple[object, ...]) -> None:
    assert figure(key) == told


def test_zhuzhous_twelve_indicators_have_both_ends() -> None:
    ends = {f.key for f in declared_figures().figures if f.source == "zhuzhou-plan" and f.kind is Kind.TARGET}
    both = [
        f for f in declared_figures().figures if f"{f.key}.2025" in ends and f.key != "zhuzhou.5g.stations"
    ]
    assert len(both) == 12


def test_derived_figures_follow_from_declared_ones() -> None:
    rate = figure("loudi.platform.enterprises")[0] / figure("loudi.platform.target")[0]
    assert percent(rate) == "108.75"
    assert figure("loudi.5g.rate_exact")[0] == round(945 / 1009 * 100, 2)
    first, last = figure("zhuzhou.cloud.enterprises")[0], figure("zhuzhou.cloud.enterprises.2025")[0]
    assert figure("zhuzhou.cloud.needed")[0] == last - first
    for year in (2021, 2022, 2023, 2024):
        assert figure(f"zhuzhou.cloud.path.{year}")[0] == first + (last - first) * (year - 2020) / 5


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "flow", "since": ""},
        {"basis": "derived", "note": ""},
        {"since": "2021-01"},
        {"source": "zhuzhou-plan"},
        {"as_of": "2020-13"},
        {"key": "loudi.platform.enterprises"},
    ],
)
def test_a_figure_without_its_document_or_time_is_refused(change: dict[str, str]) -> None:
    told = declared_figures().model_dump(mode="json")
    told["figures"][0] |= change
    with pytest.raises(ValidationError):
        DeclaredFigures.model_validate(told)
