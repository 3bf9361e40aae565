import threading
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tundish_platform.assets import (
    SignalQuotaReached,
    SignalRefused,
    UnknownSignals,
    find_signals,
    list_signals,
    signal_kinds,
    signals,
    upsert_signals,
)
from tundish_platform.samples import SampleKind, SignalRole, SignalSpec
from tundish_platform.tenancy import AccessDenied, Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal
from tundish_platform.tenancy.metadata import Metadata


def spec(path: str, **changes: object) -> SignalSpec:
    fields: dict[str, object] = {
        "path": path,
        "name_zh": "压力",
        "name_en": "Pressure",
        "semantic": "pressure",
    }
    return SignalSpec.model_validate(fields | changes)


@pytest.fixture
def scopes(metadata: Metadata) -> dict[str, TenantScope]:
    with metadata.session() as session:
        for slug in ("steel", "power"):
            create_tenant(session, slug, slug, slug)
        job = job_principal(session, "test", Role.ANALYST)
    return {slug: access_tenant(job, slug, Permission.INGEST) for slug in ("steel", "power")}


def test_numbers_are_given_once_and_kept(metadata: Metadata, scopes: dict[str, TenantScope]) -> None:
    steel = scopes["steel"]
    with metadata.session() as session:
        first = upsert_signals(session, steel, "opc", [spec("S/A/L/M/C/P"), spec("S/A/L/M/C/Q")])
    with metadata.session() as session:
        second = upsert_signals(session, steel, "opc", [spec("S/A/L/M/C/R"), spec("S/A/L/M/C/Q", unit="bar")])
        stored = {signal.path: signal for signal in list_signals(session, steel)}
    assert first == {"S/A/L/M/C/P": 1, "S/A/L/M/C/Q": 2}
    assert second == {"S/A/L/M/C/R": 3, "S/A/L/M/C/Q": 2}
    assert stored["S/A/L/M/C/Q"].unit == "bar"
    assert list(stored) == sorted(stored)


def test_a_signal_comes_back_as_it_was_declared(metadata: Metadata, scopes: dict[str, TenantScope]) -> None:
    declared = spec(
        "厂区/车间/L1/M/C/状态",
        name_zh="状态", kind="text", role=SignalRole.STATE, unit="", low=-1.5, high=2.5,
        period_s=0.5, step=True,
    )  # fmt: skip
    with metadata.session() as session:
        (number,) = upsert_signals(session, scopes["steel"], "opc", [declared]).values()
        (stored,) = find_signals(session, scopes["steel"], [number])
    assert stored.model_dump(exclude={"id", "source"}) == declared.model_dump()
    assert stored.source == "opc"


def test_tenants_do_not_see_each_other_though_numbers_are_equal(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    with metadata.session() as session:
        upsert_signals(session, scopes["steel"], "opc", [spec("S/A/L/M/C/Secret"), spec("S/A/L/M/C/Other")])
        upsert_signals(session, scopes["power"], "opc", [spec("P/A/L/M/C/Own", kind="text")])
        assert [s.path for s in list_signals(session, scopes["power"])] == ["P/A/L/M/C/Own"]
        assert [s.path for s in find_signals(session, scopes["power"], [1])] == ["P/A/L/M/C/Own"]
        assert signal_kinds(session, scopes["power"], [1, 2]) == {1: SampleKind.TEXT}


def test_another_kind_under_a_known_path_is_refused_and_nothing_stored(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    steel = scopes["steel"]
    with metadata.session() as session:
        upsert_signals(session, steel, "opc", [spec("S/A/L/M/C/P")])
    with pytest.raises(SignalRefused) as caught, metadata.session() as session:
        upsert_signals(session, steel, "opc", [spec("S/A/L/M/C/N"), spec("S/A/L/M/C/P", kind="text")])
    assert "numeric" in caught.value.message_en
    assert "numeric" in caught.value.message_zh
    with metadata.session() as session:
        assert [s.path for s in list_signals(session, steel)] == ["S/A/L/M/C/P"]


@pytest.mark.parametrize(
    "bad",
    [
        [spec("S/A/L/M/C/P"), spec("S/A/L/M/C/P")],
        [spec("S/" * 200 + "P")],
        [spec("S/A/L/M/C/P\x00")],
        [spec("S/A/L/M/C/P", name_zh="压" * 201)],
        [spec("S/A/L/M/C/P", unit="u" * 41)],
        [spec("S/A/L/M/C/P", semantic="line\nbreak")],
        [spec("S/A/L/M/C/P", low=float("nan"))],
        [spec("S/A/L/M/C/P", period_s=float("inf"))],
    ],
)
def test_specs_no_database_should_take_are_refused(
    metadata: Metadata, scopes: dict[str, TenantScope], bad: list[SignalSpec]
) -> None:
    with pytest.raises(SignalRefused), metadata.session() as session:
        upsert_signals(session, scopes["steel"], "opc", bad)


@pytest.mark.parametrize("source", ["", "x" * 121, "a\x00b", "a\nb"])
def test_a_source_needs_a_usable_name(
    metadata: Metadata, scopes: dict[str, TenantScope], source: str
) -> None:
    with pytest.raises(SignalRefused), metadata.session() as session:
        upsert_signals(session, scopes["steel"], source, [spec("S/A/L/M/C/P")])


def test_the_quota_holds_and_known_signals_do_not_count_twice(
    metadata: Metadata, scopes: dict[str, TenantScope], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "MAX_SIGNALS", 3)
    three = [spec(f"S/A/L/M/C/P{n}") for n in range(3)]
    with metadata.session() as session:
        upsert_signals(session, scopes["steel"], "opc", three)
        upsert_signals(session, scopes["steel"], "opc", three)
    with pytest.raises(SignalQuotaReached), metadata.session() as session:
        upsert_signals(session, scopes["steel"], "opc", [spec("S/A/L/M/C/P4")])
    with metadata.session() as session:
        upsert_signals(session, scopes["power"], "opc", three)


def test_a_narrowed_scope_sees_its_signals_and_declares_none(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    steel = scopes["steel"]
    with metadata.session() as session:
        upsert_signals(session, steel, "opc", [spec("S/A/L/M/C/P"), spec("S/A/L/M/C/Q")])
    narrow = steel.narrowed(frozenset({2}), frozenset({Permission.READ, Permission.INGEST}))
    with metadata.session() as session:
        assert [s.id for s in list_signals(session, narrow)] == [2]
        with pytest.raises(UnknownSignals):
            find_signals(session, narrow, [1])
        with pytest.raises(AccessDenied):
            upsert_signals(session, narrow, "app", [spec("S/A/L/M/C/R")])
        with pytest.raises(AccessDenied):
            signal_kinds(session, narrow, [2])


def test_permissions_are_asked_for(metadata: Metadata, scopes: dict[str, TenantScope]) -> None:
    reader = scopes["steel"].narrowed(frozenset(), frozenset({Permission.READ}))
    writer = scopes["steel"].narrowed(frozenset(), frozenset({Permission.INGEST}))
    with metadata.session() as session:
        for denied in (
            lambda: upsert_signals(session, reader, "opc", []),
            lambda: signal_kinds(session, reader, []),
            lambda: list_signals(session, writer),
            lambda: find_signals(session, writer, []),
        ):
            with pytest.raises(AccessDenied):
                denied()


def test_unknown_numbers_are_named(metadata: Metadata, scopes: dict[str, TenantScope]) -> None:
    with pytest.raises(UnknownSignals) as caught, metadata.session() as session:
        find_signals(session, scopes["steel"], [7, 4294967295])
    assert caught.value.ids == (7, 4294967295)


def test_many_signals_in_one_request(metadata: Metadata, scopes: dict[str, TenantScope]) -> None:
    many = [spec(f"S/A/L/M/C/P{n}") for n in range(2_345)]
    with metadata.session() as session:
        ids = upsert_signals(session, scopes["steel"], "opc", many)
    with metadata.session() as session:
        assert upsert_signals(session, scopes["steel"], "opc", many[::-1]) == ids
        assert sorted(ids.values()) == list(range(1, 2_346))
        assert len(find_signals(session, scopes["steel"], ids.values())) == 2_345


def test_connectors_that_declare_at_once_never_share_a_number(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    failures: list[Exception] = []
    given: list[dict[str, int]] = []

    def declare(name: str) -> None:
        try:
            for n in range(5):
                with metadata.session() as session:
                    specs = [spec(f"S/A/L/{name}/C/P{n}"), spec(f"S/A/L/Shared/C/P{n}")]
                    given.append(upsert_signals(session, scopes["steel"], name, specs))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shall tell
            failures.append(error)

    threads = [threading.Thread(target=declare, args=(f"M{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    numbers: dict[str, set[int]] = {}
    for ids in given:
        for path, number in ids.items():
            numbers.setdefault(path, set()).add(number)
    assert all(len(found) == 1 for found in numbers.values())
    assert len({next(iter(found)) for found in numbers.values()}) == len(numbers) == 25


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(orders=st.lists(st.lists(st.integers(0, 9), max_size=6, unique=True), max_size=5))
def test_whatever_the_order_a_path_has_one_number_for_good(
    new_sqlite: Callable[[], Metadata], orders: list[list[int]]
) -> None:
    metadata = new_sqlite()
    with metadata.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel")
        scope = access_tenant(job_principal(session, "test", Role.ANALYST), "steel", Permission.INGEST)
    known: dict[str, int] = {}
    for order in orders:
        with metadata.session() as session:
            ids = upsert_signals(session, scope, "opc", [spec(f"S/A/L/M/C/P{n}") for n in order])
        assert all(known.get(path, number) == number for path, number in ids.items())
        known |= ids
    assert len(set(known.values())) == len(known)
