"""The Flask application: every route below ``/api/v1``, default deny, errors and headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from flask import Blueprint, request

from tundish_platform.api import (
    alarm_routes,
    alert_routes,
    annotation_routes,
    asset_routes,
    audit_routes,
    billing_routes,
    catalogue_routes,
    code_routes,
    contract_routes,
    data_routes,
    document_routes,
    drill_routes,
    external_routes,
    figure_routes,
    guard,
    handover_routes,
    job_routes,
    key_routes,
    live,
    live_routes,
    maintenance_record_routes,
    maintenance_routes,
    marketplace_routes,
    model_routes,
    money_routes,
    notice_routes,
    people_routes,
    planning_routes,
    product_routes,
    programme_routes,
    publishing_routes,
    rates,
    rating_routes,
    record_routes,
    register_files,
    register_routes,
    report_routes,
    review_routes,
    sealed_routes,
    series_routes,
    session_routes,
    sharing_routes,
    table_routes,
    telemetry_routes,
    tenant_routes,
    trial_routes,
    upgrade_routes,
    window_routes,
)
from tundish_platform.api.answers import JsonProvider
from tundish_platform.api.application import Application
from tundish_platform.api.context import EXTENSION
from tundish_platform.api.errors import API_ROOT, install_errors
from tundish_platform.api.ids import Number
from tundish_platform.api.ingest import MAX_BODY
from tundish_platform.api.marking import SimulatedMark, install_mark
from tundish_platform.api.rates import RateLimits
from tundish_platform.api.repeats import answer_repeat, keep_answer
from tundish_platform.api.tags import tagged
from tundish_platform.tenancy.principals import Principals

if TYPE_CHECKING:
    from flask import Flask, Response

    from tundish_platform.api.context import PlatformContext

PREFIX: Final = "/api/v1"

_CHILDREN: Final = (
    tenant_routes.routes,
    people_routes.routes,
    key_routes.routes,
    session_routes.routes,
    telemetry_routes.routes,
    alarm_routes.routes,
    alert_routes.routes,
    notice_routes.routes,
    maintenance_routes.routes,
    maintenance_record_routes.routes,
    asset_routes.routes,
    audit_routes.routes,
    data_routes.routes,
    live_routes.routes,
    window_routes.routes,
    marketplace_routes.routes,
    billing_routes.routes,
    money_routes.routes,
    record_routes.routes,
    sealed_routes.routes,
    catalogue_routes.routes,
    trial_routes.routes,
    rating_routes.routes,
    annotation_routes.routes,
    handover_routes.routes,
    upgrade_routes.routes,
    publishing_routes.routes,
    review_routes.routes,
    contract_routes.routes,
    planning_routes.routes,
    table_routes.routes,
    product_routes.routes,
    model_routes.routes,
    job_routes.routes,
    code_routes.routes,
    programme_routes.routes,
    register_routes.routes,
    register_files.routes,
    series_routes.routes,
    drill_routes.routes,
    external_routes.routes,
    figure_routes.routes,
    sharing_routes.routes,
    report_routes.routes,
    document_routes.routes,
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": document_routes.CLOSED,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """What can be set about the API.

    Attributes:
        behind_tls: a reverse proxy ends TLS, so browsers are told to come back by HTTPS only.
        rates: how many requests a key and a tenant may send to this process.
        streams: how many live streams this process may have; the server needs a thread for each.
    """

    behind_tls: bool = False
    rates: RateLimits = field(default_factory=RateLimits)
    streams: live.StreamLimits = field(default_factory=live.StreamLimits)


def create_app(context: PlatformContext, settings: ApiSettings | None = None) -> Flask:
    """The application that answers below ``/api/v1``; pages may be attached to it afterwards."""
    settings = settings or ApiSettings()
    app = Application(__name__, static_folder=None)
    app.json = JsonProvider(app)
    app.url_map.converters["int"] = Number
    app.extensions[EXTENSION] = context
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.extensions[guard.EXTENSION] = Principals(context.metadata)
    app.extensions[rates.EXTENSION] = rates.Rates(settings.rates)
    app.extensions[live.EXTENSION] = live.Streams(settings.streams)
    app.before_request(guard.deny_by_default)
    app.before_request(answer_repeat)
    api = Blueprint("api", __name__, url_prefix=PREFIX)
    for child in _CHILDREN:
        api.register_blueprint(child)
    install_errors(app, api)
    app.register_blueprint(api)
    _install_headers(app, settings)
    install_mark(app, SimulatedMark(context.metadata))
    # The last one that is named here is the first to see an answer.
    app.after_request(rates.tell_rates)
    app.after_request(tagged)
    app.after_request(keep_answer)
    return app


def _install_headers(app: Flask, settings: ApiSettings) -> None:
    @app.after_request
    def add_headers(response: Response) -> Response:
        if request.path.startswith(API_ROOT):
            said = {name.lower() for name, _ in response.headers}
            # One look at what stands; `setdefault` would take two for each name.
            response.headers.extend(one for one in _HEADERS.items() if one[0].lower() not in said)
        if settings.behind_tls:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response
