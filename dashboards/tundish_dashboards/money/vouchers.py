"""The bureau's vouchers: a form to give one, what was given, and sums in which no enterprise can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import Input, Output, State, html, no_update
from pydantic import ValidationError

from tundish_dashboards import components, wishes
from tundish_dashboards.money.amounts import yuan
from tundish_dashboards.theme import Tone
from tundish_platform.api.adoption import UnknownEnterprise, rounding_of
from tundish_platform.api.errors import Problem
from tundish_platform.api.vouchers import VoucherCell, give_voucher, voucher_sums, vouchers_issued
from tundish_platform.marketplace.billing.vouchers import VoucherTerms
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person

_SHOWN: Final = 200
_FIELDS: Final = ("uscc", "yuan", "from", "to", "apps", "industries", "purpose")
_LONGEST: Final = 400


def voucher_panel(pages: Pages, person: Person) -> Component:
    """The form, and what was given so far."""
    t = person.t
    fields = [dmc.TextInput(id=f"voucher-{name}", label=t(f"voucher.{name}"), value="", size="xs")
              for name in _FIELDS]  # fmt: skip
    return components.panel(
        t("voucher.title"),
        [
            html.P(t("voucher.words"), className="muted"),
            html.Div(fields, className="form"),
            html.Div(
                dmc.Button(t("voucher.give"), id="voucher-give", size="xs"), className="entry-buttons left"
            ),
            html.Div(id="voucher-message", role="status", **components.announced()),
            html.Div(_given(pages, person), id="voucher-given"),
        ],
        id="bureau-vouchers",
    )


def register_vouchers(pages: Pages) -> None:
    """Giving a voucher."""

    @pages.on_programme(
        Output("voucher-message", "children"),
        Output("voucher-given", "children"),
        Input("voucher-give", "n_clicks"),
        *(State(f"voucher-{name}", "value") for name in _FIELDS),
        initially=False,
    )
    def give(person: Person, clicks: object, *values: object) -> tuple[Any, ...]:
        if not clicks:
            return no_update, no_update
        said = {
            name: wishes.word(value, name, _LONGEST).strip()
            for name, value in zip(_FIELDS, values, strict=True)
        }
        return _give(pages, person, said), _given(pages, person)


def _give(pages: Pages, person: Person, said: dict[str, str]) -> Component:
    t = person.t
    try:
        terms = VoucherTerms.model_validate(
            {
                "amount_fen": round(float(said["yuan"]) * 100), "valid_from": said["from"],
                "valid_to": said["to"], "apps": _list(said["apps"]), "industries": _list(said["industries"]),
                "purpose": said["purpose"],
            }
        )  # fmt: skip
        with pages.context.metadata.above(Above.BILLING).session() as session:
            made = give_voucher(session, person.principal, said["uscc"], terms, utc_now())
    except UnknownEnterprise:
        return components.notice(Tone.BAD, t("voucher.unknown"), t("voucher.unknown_then"))
    except Problem as problem:
        return components.notice(Tone.BAD, t("voucher.refused"), t.of(problem.message_zh, problem.message))
    except (ValidationError, ValueError, OverflowError):
        return components.notice(Tone.BAD, t("voucher.refused"), t("voucher.refused_then"))
    return components.done(t("voucher.given", code=made.code, name=t.of(made.name_zh, made.name_en)))


def _given(pages: Pages, person: Person) -> list[Component]:
    t, formats = person.t, person.formats
    today, secret = utc_now().astimezone(formats.zone).date(), rounding_of(pages.context)
    with pages.context.metadata.above(Above.BILLING).session() as session:
        given = vouchers_issued(session, 0, _SHOWN)
        sums = voucher_sums(session, today, secret)
    if not given:
        return [components.nothing(t("voucher.none"), t("voucher.none_then"))]
    head = [t(f"voucher.{name}") for name in ("code", "enterprise", "purpose", "valid", "amount")]
    rows = [
        [html.Span(one.code, className="code"), t.of(one.name_zh, one.name_en), one.purpose,
         f"{one.valid_from} – {one.valid_to}", yuan(formats, one.amount_fen)]
        for one in reversed(given)
    ]  # fmt: skip
    return [
        html.P(t("voucher.rounded", base=yuan(formats, sums.rounded_to_fen)), className="muted small"),
        _sums(person, t("voucher.in_all"), [sums.total]),
        _sums(person, t("voucher.by_region"), sums.by_region),
        _sums(person, t("voucher.by_industry"), sums.by_industry),
        components.more(t("voucher.list", n=len(given)), components.table(head, rows, t("voucher.title"))),
    ]


def _sums(person: Person, caption: str, cells: Any) -> Component:  # noqa: ANN401 - cells of a kind
    t, formats = person.t, person.formats
    head = [caption, *(t(f"voucher.{name}") for name in ("enterprises", "issued", "redeemed", "expired"))]

    def shown(cell: VoucherCell) -> Iterable[object]:
        if cell.suppressed:
            return [cell.key, t("voucher.few"), "", "", ""]
        sums = (cell.issued_fen, cell.redeemed_fen, cell.expired_fen)
        told = [t("voucher.few") if fen is None else yuan(formats, fen) for fen in sums]
        return [cell.key, cell.enterprises, *told]

    return components.table(head, [shown(cell) for cell in cells], caption)


def _list(said: str) -> tuple[str, ...]:
    return tuple(part for part in said.replace(",", " ").replace(",", " ").split() if part)
