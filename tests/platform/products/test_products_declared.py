"""Products are declared all or none and twice without effect; where they were leads to their samples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from tundish_platform.assets import AssetRefused, UnknownAsset, delete_asset, list_assets, list_signals
from tundish_platform.audit import entries_of
from tundish_platform.products import (
    MAX_PAGE,
    ProductSpec,
    RowsRefused,
    UnknownProduct,
    ancestors,
    declare_products,
    find_product,
    list_products,
    products_on,
    trace,
    windows_of,
    withdraw_origin,
)
from tundish_platform.tenancy import AccessDenied

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
HEAT = {"kind": "lot", "series": "heat", "number": "26001", "material": "Q355B", "quantity": 210, "unit": "t"}
ORDER = {"kind": "order", "series": "order", "number": "26001"}


def slab(number: str, **more: object) -> dict[str, Any]:
    made_from = [{"series": "heat", "number": "26001", "position": "strand 1"}]
    return {"kind": "piece", "series": "slab", "number": number, "made_from": made_from, **more}


def stay(path: str, start: int, end: int | None = None) -> dict[str, Any]:
    ends = {} if end is None else {"ends_at": NOW + end * HOUR}
    return {"path": path, "starts_at": NOW + start * HOUR, **ends}


def declare(session: Session, scope: TenantScope, *said: dict[str, Any]) -> list[int]:
    return declare_products(session, scope, [ProductSpec.model_validate(one) for one in said], NOW).ids


def test_products_refer_to_each_other_in_any_order_and_twice_is_once(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    mes = scopes["mes"]
    said = [slab("A1", order={"series": "order", "number": "26001"}), HEAT, ORDER]
    with metadata.session() as session:
        first = declare(session, mes, *said)
        assert declare(session, mes, *said) == first
        piece, heat, order = first
        held = find_product(session, mes, piece)
        assert (held.order, [(o.product, o.position) for o in held.made_from]) == (
            order,
            [(heat, "strand 1")],
        )
        # What is absent stays; what is said replaces.
        declare(session, mes, {"kind": "lot", "series": "heat", "number": "26001", "quantity": 209.5})
        again = find_product(session, mes, heat)
        assert (again.material, again.quantity, again.unit) == ("Q355B", 209.5, "t")
        assert [one.id for one in list_products(session, mes, number="26001")] == [heat, order]
        assert [one.id for one in list_products(session, mes, order=order)] == [piece]
        assert [one.id for one in list_products(session, mes, after=piece, limit=1)] == sorted(first)[1:2]


WRONG: list[tuple[dict[str, Any], str]] = [
    (slab("A1") | {"made_from": [{"series": "heat", "number": "none"}]}, "made_from"),
    (slab("A1", order={"series": "heat", "number": "26001"}), "order"),
    (slab("A1") | {"made_from": [{"series": "order", "number": "26001"}]}, "made_from"),
    (slab("A1") | {"made_from": [{"series": "slab", "number": "A1"}]}, "made_from"),
    (slab("A1", stays=[stay("S/A/L9", 0)]), "stays"),
    (HEAT, "number"),
    ({"kind": "piece", "series": "coil", "number": "C0"}, "kind"),
    (ORDER | {"number": "2", "made_from": [{"series": "heat", "number": "26001"}]}, "kind"),
]


def test_one_wrong_row_and_nothing_is_stored(metadata: Metadata, scopes: dict[str, TenantScope]) -> None:
    mes = scopes["mes"]
    with metadata.session() as session:
        declare(session, mes, {"kind": "lot", "series": "coil", "number": "C0"})
    for wrong, column in WRONG:
        with pytest.raises(RowsRefused) as refused, metadata.session() as session:
            declare(session, mes, HEAT, ORDER, wrong)
        assert {(fault.row, fault.column) for fault in refused.value.faults} == {(2, column)}
        with metadata.session() as session:
            assert len(list_products(session, mes)) == 1, wrong


@pytest.mark.parametrize(
    "wrong",
    [
        {"series": "Heat"}, {"number": " 1"}, {"number": ""}, {"quantity": -1}, {"quantity": float("nan")},
        {"unit": "furlong"}, {"kind": "thing"}, {"surprise": 1},
        {"stays": [{"path": "S", "starts_at": "2026-01-01T00:00:00"}]},
        {"stays": [{"path": "S", "starts_at": "0001-01-01T00:00:00+14:00"}]},
        {"stays": [stay("S", 1, 1)]},
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProductSpec.model_validate(HEAT | wrong)


def test_the_samples_of_a_piece_are_those_of_where_it_was_while_it_was_there(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    mes = scopes["mes"]
    with metadata.session() as session:
        stays = [stay("S/A/L1/M1", 0, 1), stay("S/A/L1", 0, 3), stay("S/A/L2/M1", 3)]
        (piece, _) = declare(session, mes, slab("A1", stays=stays), HEAT)
        signals = {one.path: one.id for one in list_signals(session, mes)}
        found = windows_of(session, mes, piece, NOW + 5 * HOUR)
        assert [(w.path, w.start, w.end, w.open, w.signals) for w in found] == [
            ("S/A/L1/M1", NOW, NOW + HOUR, False, [signals["S/A/L1/M1/C/P"]]),
            ("S/A/L1", NOW, NOW + 3 * HOUR, False,
             sorted((signals["S/A/L1/M1/C/P"], signals["S/A/L1/M2/C/P"]))),
            ("S/A/L2/M1", NOW + 3 * HOUR, NOW + 5 * HOUR, True, [signals["S/A/L2/M1/C/P"]]),
        ]  # fmt: skip
        # It leaves: the same stay gets its end, and is no second one.
        declare(session, mes, slab("A1", stays=[stay("S/A/L2/M1", 3, 4)]))
        later = windows_of(session, mes, piece, NOW + 9 * HOUR, after=found[1].id)
        assert [(w.id, w.end, w.open) for w in later] == [(found[2].id, NOW + 4 * HOUR, False)]


def test_pieces_on_a_line_in_a_window_are_those_that_overlap_it(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    mes = scopes["mes"]
    with metadata.session() as session:
        said = [
            slab("early", stays=[stay("S/A/L1/M1", 0, 1)]),
            slab("over", stays=[stay("S/A/L1/M2", 0, 3)]),
            slab("open", stays=[stay("S/A/L1", 1)]),
            slab("late", stays=[stay("S/A/L1/M1", 2, 3)]),
            slab("elsewhere", stays=[stay("S/A/L2/M1", 0, 3)]),
        ]
        declare(session, mes, HEAT, *said)
        line = next(a.id for a in list_assets(session, mes) if a.path == "S/A/L1")
        window = (NOW + HOUR, NOW + 2 * HOUR)
        found = products_on(session, mes, line, window)
        assert [one.number for one in found] == ["over", "open"]
        rest = products_on(session, mes, line, window, after=found[0].id, series="slab")
        assert [one.number for one in rest] == ["open"]
        assert products_on(session, mes, line, window, series="coil") == []
        with pytest.raises(UnknownAsset):
            products_on(session, mes, 10**6, window)


def test_equipment_that_made_something_is_not_removed(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    from tundish_platform.assets import AssetSpec, create_asset  # noqa: PLC0415 - this test only

    owner = scopes["owner"]
    with metadata.session() as session:
        spec = AssetSpec(code="Spare", name_zh="备", name_en="Spare")
        spare = create_asset(session, owner, spec, NOW)
        declare(session, scopes["mes"], HEAT | {"stays": [stay("Spare", 0, 1)]})
    with pytest.raises(AssetRefused, match="Retire"), metadata.session() as session:
        delete_asset(session, owner, spare.id, NOW)


def test_tenants_do_not_meet_in_numbers_rows_or_genealogies(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    mes, power = scopes["mes"], scopes["mes-power"]
    with metadata.session() as session:
        piece, heat = declare(session, mes, slab("A1"), HEAT)
        theirs = declare(session, power, HEAT)[0]
        assert theirs != heat
        assert [one.id for one in list_products(session, power)] == [theirs]
        assert ancestors(session, power, piece) == {}
        for asked in (find_product, lambda *a: trace(*a, upwards=True), lambda *a: windows_of(*a, NOW)):
            with pytest.raises(UnknownProduct):
                asked(session, power, piece)
        with pytest.raises(UnknownProduct):
            withdraw_origin(session, scopes["owner-power"], piece, heat, NOW)
        with pytest.raises(RowsRefused):
            declare(session, power, slab("A2") | {"made_from": [{"series": "slab", "number": "A1"}]})


def test_an_origin_is_withdrawn_once_and_the_trail_says_so(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    owner = scopes["owner"]
    with metadata.session() as session:
        piece, heat = declare(session, scopes["mes"], slab("A1"), HEAT)
        withdraw_origin(session, owner, piece, heat, NOW)
        assert find_product(session, owner, piece).made_from == []
        with pytest.raises(UnknownProduct):
            withdraw_origin(session, owner, piece, heat, NOW)
        (entry,) = entries_of(session, owner)
        assert (entry.action, entry.subject) == ("product.origin_withdrawn", f"product/{piece}")
        with pytest.raises(AccessDenied):
            withdraw_origin(session, scopes["mes"], piece, heat, NOW)
        with pytest.raises(AccessDenied):
            declare(session, owner, HEAT)
        with pytest.raises(AccessDenied):
            list_products(session, owner.narrowed(frozenset({1}), owner.permissions))


def test_a_bad_wafer_leads_to_its_modules_and_a_module_to_its_wafers(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    mes = scopes["mes"]
    wafers = [{"kind": "lot", "series": "wafer", "number": f"W{n}"} for n in range(3)]
    dies = [
        {"kind": "piece", "series": "die", "number": f"W{w}-{d}",
         "made_from": [{"series": "wafer", "number": f"W{w}", "position": f"x{d} y0"}]}
        for w in range(3) for d in range(8)
    ]  # fmt: skip
    modules = [
        {"kind": "piece", "series": "module", "number": f"M{m}",
         "made_from": [{"series": "die", "number": f"W{w}-{d}"} for w in (m % 3, (m + 1) % 3)
                       for d in range(m, m + 2)]}
        for m in range(3)
    ]  # fmt: skip
    with metadata.session() as session:
        ids = declare(session, mes, *wafers, *dies, *modules)
        number = {row.id: row.number for row in list_products(session, mes)}
        hit = trace(session, mes, ids[0], upwards=False)
        assert {number[row.id] for row in hit if row.series == "module"} == {"M0", "M2"}
        backward = trace(session, mes, ids[-1], upwards=True)
        assert {row.number: row.depth for row in backward if row.series == "wafer"} == {"W0": 2, "W2": 2}
        assert {row.number for row in trace(session, mes, ids[-1], upwards=True, depth=1)} == {
            "W2-2", "W2-3", "W0-2", "W0-3",
        }  # fmt: skip
        pages, after = [], 0
        while page := trace(session, mes, ids[0], upwards=False, after=after, limit=3):
            pages += page
            after = page[-1].id
        assert pages == hit
        assert all(row.made_from == [ids[0]] for row in hit if row.series == "die")
        assert len(hit) < MAX_PAGE
