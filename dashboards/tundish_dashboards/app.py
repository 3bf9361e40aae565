"""Putting the pages on the platform's server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dash import Dash

from tundish_dashboards.account.page import account_page, register_account
from tundish_dashboards.alarms.page import alarms_page, register_alarms
from tundish_dashboards.alerts.page import alerts_page, register_alerts
from tundish_dashboards.audit.page import audit_export, audit_page, register_audit
from tundish_dashboards.bureau.page import bureau_page, register_bureau
from tundish_dashboards.bureau.reports import report_files
from tundish_dashboards.callbacks import Pages
from tundish_dashboards.cockpit.page import cockpit_page, register_cockpit
from tundish_dashboards.developer.page import developer_page, register_developer
from tundish_dashboards.developer.review import register_review, review_page
from tundish_dashboards.energy.page import energy_page, register_energy
from tundish_dashboards.explorer.files import explorer_files
from tundish_dashboards.explorer.page import explorer_page
from tundish_dashboards.explorer.steps import register_explorer
from tundish_dashboards.guard import harden_dispatch, install_guard, install_headers
from tundish_dashboards.handover.andon import andon_pages
from tundish_dashboards.handover.files import handover_files
from tundish_dashboards.handover.page import handover_page, register_handover
from tundish_dashboards.invitations import invitation_pages
from tundish_dashboards.jobs.page import jobs_page, register_jobs
from tundish_dashboards.live import door
from tundish_dashboards.live.hub import Hub
from tundish_dashboards.machine.page import machine_page, register_machine
from tundish_dashboards.market.detail import app_page, register_app
from tundish_dashboards.market.page import market_page, register_market
from tundish_dashboards.models.page import models_page, register_models
from tundish_dashboards.money.billing import billing_page, register_billing
from tundish_dashboards.money.page import register_statements, statement_files, statements_page
from tundish_dashboards.notices.page import alarm_settings_page, register_alarm_settings
from tundish_dashboards.overview.page import overview_page, register_overview
from tundish_dashboards.people.page import people_page, register_people
from tundish_dashboards.plant.chosen import register_chosen_line
from tundish_dashboards.plant.page import plant_page, register_plant
from tundish_dashboards.providers import provider_pages
from tundish_dashboards.quality.answers import register_quality
from tundish_dashboards.quality.page import quality_page
from tundish_dashboards.register.entry import enterprise_page
from tundish_dashboards.register.external import external_files, register_external
from tundish_dashboards.register.files import register_files
from tundish_dashboards.register.imports import import_page, register_imports
from tundish_dashboards.register.page import register_page, register_register
from tundish_dashboards.register.steps import register_enterprise_steps
from tundish_dashboards.routes import Page
from tundish_dashboards.sessions import Sessions, current_language, login_pages
from tundish_dashboards.sharing.page import register_sharing, sharing_page
from tundish_dashboards.shell import register_shell, shell_layout
from tundish_dashboards.trials.page import register_trials, trial_documents, trials_page

if TYPE_CHECKING:
    from flask import Flask

    from tundish_dashboards.settings import DashboardSettings
    from tundish_platform.api.context import PlatformContext

_LAYOUTS: Final = {
    Page.OVERVIEW: overview_page,
    Page.PLANT: plant_page,
    Page.MACHINE: machine_page,
    Page.QUALITY: quality_page,
    Page.ENERGY: energy_page,
    Page.EXPLORER: explorer_page,
    Page.ALARMS: alarms_page,
    Page.ALERTS: alerts_page,
    Page.ALARM_SETTINGS: alarm_settings_page,
    Page.HANDOVER: handover_page,
    Page.MODELS: models_page,
    Page.JOBS: jobs_page,
    Page.MARKET: market_page,
    Page.APP: app_page,
    Page.STATEMENTS: statements_page,
    Page.BILLING: billing_page,
    Page.TRIALS: trials_page,
    Page.DEVELOPER: developer_page,
    Page.REVIEW: review_page,
    Page.PEOPLE: people_page,
    Page.AUDIT: audit_page,
    Page.SHARING: sharing_page,
    Page.BUREAU: bureau_page,
    Page.COCKPIT: cockpit_page,
    Page.REGISTER: register_page,
    Page.ENTERPRISE: enterprise_page,
    Page.REGISTER_IMPORT: import_page,
    Page.ACCOUNT: account_page,
}
_INDEX = """<!DOCTYPE html>
<html lang="LANGUAGE">
  <head>
    {%metas%}
    <title>{%title%}</title>
    <link rel="icon" href="/assets/tundish.svg" type="image/svg+xml">
    <script src="/assets/scheme.js"></script>
    {%css%}
  </head>
  <body>
    {%app_entry%}
    <footer>
      {%config%}
      {%scripts%}
      {%renderer%}
    </footer>
  </body>
</html>
"""


class _Index(Dash):
    """Dash with the reader's language in the page's ``lang``, for fonts and screen readers."""

    def interpolate_index(self, **parts: str) -> str:  # type: ignore[override] # Dash calls it with keywords only
        page: str = super().interpolate_index(**parts)  # type: ignore[no-untyped-call] # Dash left it so
        return page.replace("LANGUAGE", current_language().value, 1)


def attach_dashboards(server: Flask, context: PlatformContext, settings: DashboardSettings) -> Dash:
    """Put log-in and pages at ``/`` of a server; the API below ``/api/`` is left alone.

    Args:
        server: the platform's Flask application, before its first request.
        context: the platform's parts.
        settings: of sessions and pages.

    Returns:
        The Dash application; its server is the given one.
    """
    server.secret_key = settings.secret_key.get_secret_value()
    server.config.update(
        SESSION_COOKIE_NAME="tundish_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookie,
    )
    sessions = Sessions(context.metadata, settings, context.people)
    # Before Dash, whose own before-request hook would otherwise run for people who are not logged in.
    install_guard(server, sessions, settings)
    server.register_blueprint(login_pages(sessions))
    server.register_blueprint(invitation_pages(sessions, context.metadata))
    server.register_blueprint(provider_pages(sessions, context.metadata))
    dash = _Index(
        "tundish_dashboards",
        server=server,  # type: ignore[arg-type] # Dash takes servers, its annotation forgot them
        index_string=_INDEX,
        title="Tundish",
        update_title="",
        serve_locally=True,
        suppress_callback_exceptions=True,
        enable_mcp=False,
        add_log_handler=False,
    )
    _register(Pages(dash, context, sessions, settings), server)
    install_headers(server, dash.csp_hashes())
    harden_dispatch(server)
    return dash


def _register(pages: Pages, server: Flask) -> None:
    """All pages and their callbacks."""
    server.register_blueprint(audit_export(pages))
    server.register_blueprint(statement_files(pages))
    server.extensions[door.EXTENSION] = hub = Hub(pages.settings.live)
    server.register_blueprint(door.live_door(pages, hub))
    server.register_blueprint(explorer_files(pages))
    server.register_blueprint(trial_documents(pages))
    server.register_blueprint(register_files(pages))
    server.register_blueprint(external_files(pages))
    server.register_blueprint(report_files(pages))
    server.register_blueprint(handover_files(pages))
    server.register_blueprint(andon_pages(pages))
    pages.dash.layout = lambda: shell_layout(pages)
    register_shell(pages, _LAYOUTS)
    register_overview(pages)
    register_plant(pages)
    register_chosen_line(pages)
    register_machine(pages)
    register_quality(pages)
    register_energy(pages)
    register_explorer(pages)
    register_alarms(pages)
    register_alerts(pages)
    register_alarm_settings(pages)
    register_handover(pages)
    register_models(pages)
    register_jobs(pages)
    register_market(pages)
    register_app(pages)
    register_trials(pages)
    register_developer(pages)
    register_review(pages)
    register_statements(pages)
    register_billing(pages)
    register_people(pages)
    register_audit(pages)
    register_sharing(pages)
    register_bureau(pages)
    register_cockpit(pages)
    register_register(pages)
    register_enterprise_steps(pages)
    register_imports(pages)
    register_external(pages)
    register_account(pages)
