"""The samples behind a look of the explorer, as files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from flask import Blueprint, Response, abort, request

from tundish_dashboards import wishes
from tundish_dashboards.explorer.reading import CHARTED, MOST_SIGNALS, newest_of, visible_signals
from tundish_dashboards.explorer.steps import FORMS
from tundish_dashboards.explorer.window import wished_window
from tundish_dashboards.routes import Page, Route
from tundish_platform.api.answers import download
from tundish_platform.api.params import micros
from tundish_platform.api.raw import heard_until
from tundish_platform.samples import SampleKind
from tundish_platform.store.query.export import ExportForm
from tundish_platform.tenancy import AccessDenied

if TYPE_CHECKING:
    from tundish_dashboards.callbacks import Pages

_KIND: Final = SampleKind.NUMERIC
_FORM: Final = FORMS[0]


def explorer_files(pages: Pages) -> Blueprint:
    """Every sample of the chosen signals over the window, however many there are."""
    routes = Blueprint("explorer", __name__)

    @routes.get("/explorer/<tenant>/export")
    def export(tenant: str) -> Response:
        try:
            view = pages.view(Route(Page.EXPLORER, tenant).path)
        except AccessDenied:
            abort(404)
        form = ExportForm(wishes.one_of(request.args.get("form"), "the form of the file", FORMS, _FORM))
        asked = [one for one in request.args.get("signals", "").split(",") if one]
        signals = visible_signals(view, wishes.numbers(asked, "the signals", MOST_SIGNALS))
        newest, _ = newest_of(view, signals)
        wish = {name: request.args.get(name) for name in ("from", "to", "span")}
        window = wished_window(wish, view.formats.zone, newest)
        # A file has values of one type.
        kind = SampleKind(wishes.one_of(request.args.get("kind"), "the kind", sorted(CHARTED), _KIND))
        members = [signal for signal in signals if signal.kind is kind]
        telemetry = view.context.telemetry
        until = heard_until(telemetry, view.scope, [s.id for s in members], window.start, window.end)
        windows = np.array([[micros(window.start), micros(until)]])
        name = f"{view.scope.slug}-{kind}-{window.start:%Y%m%dT%H%M%SZ}-{window.end:%Y%m%dT%H%M%SZ}.{form}"
        return download(telemetry.export(view.scope, members, windows, kind, form), form.media_type, name)

    return routes
