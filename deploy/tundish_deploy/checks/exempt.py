"""What may reach rows of several tenants, each with its reason; an entry nothing needs fails the check."""

from __future__ import annotations

from typing import Final

_PLATFORM: Final = "platform/tundish_platform"
_STORE: Final = f"{_PLATFORM}/store"
_DEPLOY: Final = "deploy/tundish_deploy"
_PUBLISHING: Final = f"{_PLATFORM}/marketplace/publishing"

EXEMPT: Final[dict[str, str]] = {
    f"{_PLATFORM}/tenancy/accounts.py::principal_of_user": "a person's roles in all tenants",
    f"{_PLATFORM}/tenancy/accounts.py::token_holder": "a token's roles in all tenants",
    f"{_PLATFORM}/tenancy/accounts.py::_held": "the key's tenant is found by the slug that was given",
    f"{_PLATFORM}/people/invitations.py::look_at": "by the digest of the token: whose it is, the row says",
    f"{_PLATFORM}/people/invitations.py::_taken": "by the digest of the token: whose it is, the row says",
    f"{_PLATFORM}/alarms/watching.py::watched_tenants": "which tenants have rules; gives slugs only",
    f"{_PLATFORM}/alarms/notify/notifier.py::tenants_to_escalate": "who has alarms to tell; slugs only",
    f"{_PLATFORM}/alarms/notify/sending.py::tenants_with_mail": "who has messages; gives slugs only",
    f"{_PLATFORM}/assets/search.py::_matched": "joins the index to a question that names the tenant",
    f"{_PLATFORM}/jobs/claiming.py::claim_job": "counts the turns of all tenants that the worker serves",
    f"{_PLATFORM}/jobs/claiming.py::_hold_turns": "a write that finds no row, to have the database alone",
    f"{_PLATFORM}/jobs/claiming.py::_next_tenant": "whose turn it is, of the tenants that are served",
    f"{_PLATFORM}/jobs/claiming.py::_take_from_silent": "jobs of all tenants that the worker serves",
    f"{_PLATFORM}/jobs/schedules.py::ask_due": "schedules of all tenants that the worker serves",
    f"{_PLATFORM}/products/codes.py::published_thing": "by a code that its tenant published to everybody",
    f"{_PUBLISHING}/versions.py::_views": "a version with its key and publisher; who asks says which ones",
    f"{_PUBLISHING}/versions.py::move": "by the number of a version that the caller looked up",
    f"{_PUBLISHING}/approved.py::ApprovedPackages.__call__": "what is approved is everybody's",
    f"{_PUBLISHING}/review.py::stop_orphans": "a withdrawn version stops for every subscriber",
    f"{_STORE}/lifecycle/policy.py::Policies.refresh": "the writer limits every tenant",
    f"{_STORE}/lifecycle/retained.py::RetainedSegments.oldest": "the writer's round begins at the oldest day",
    f"{_STORE}/lifecycle/retention.py::_record": "by the key of a record of the tenant that is being handled",
    f"{_STORE}/lifecycle/retention.py::Retention.finish": "what a fallen writer left, of whichever tenant",
    f"{_STORE}/lifecycle/retention.py::pending_files": "what a fallen writer left, of whichever tenant",
    f"{_STORE}/lifecycle/traces.py::marks": "a removed tenant's words must be nobody else's",
    f"{_STORE}/segments/catalog.py::SegmentCatalog.totals": "sizes of the whole store, for its operator",
}
"""By module and function: statements on tenants' tables that name no tenant."""

ABOVE: Final[dict[str, str]] = {
    f"{_PLATFORM}/alarms/watcher.py": "lists the tenants that have rules, then works in each by its scope",
    f"{_PLATFORM}/alarms/notify/notifier.py": "lists the tenants with something due, then works by scopes",
    f"{_PLATFORM}/api/code_routes.py": "resolves codes that their tenants published to everybody",
    f"{_PLATFORM}/api/ghosts.py": "looks at all registered enterprises, each by the scope of its plant",
    f"{_PLATFORM}/api/job_routes.py": "whose job is next, of the tenants in which the key may analyse",
    f"{_PLATFORM}/api/adoption.py": "facts of all registered enterprises, for the bureau's aggregates",
    f"{_PLATFORM}/api/publishing_routes.py": "packages are their publishers', and run for subscribers",
    f"{_PLATFORM}/api/review_routes.py": "the operator reviews what all publishers send",
    f"{_PUBLISHING}/approved.py": "approved versions of all publishers make the catalogue",
    f"{_PLATFORM}/api/people_routes.py": "who accepts an invitation is in no tenant yet",
    f"{_PLATFORM}/api/session_routes.py": "who logs in, and the person's own sessions and factors",
    f"{_PLATFORM}/tenancy/principals.py": "who holds the token",
    f"{_PLATFORM}/store/remote/writer.py": "the writer keeps the manifest of all tenants",
    "dashboards/tundish_dashboards/account/own.py": "a person at their own page, whatever their tenants",
    "dashboards/tundish_dashboards/developer/page.py": "a withdrawn version stops for every subscriber",
    "dashboards/tundish_dashboards/developer/review.py": "the operator reviews what all publishers send",
    "dashboards/tundish_dashboards/invitations.py": "who accepts an invitation is in no tenant yet",
    "dashboards/tundish_dashboards/providers.py": "whom a provider knows",
    "dashboards/tundish_dashboards/sessions.py": "who sits at the browser",
    f"{_DEPLOY}/campaigns/strangers.py": "sets a campaign's plants up",
    f"{_DEPLOY}/commands/audit.py": "an operator's command",
    f"{_DEPLOY}/commands/city.py": "an operator's command",
    f"{_DEPLOY}/commands/jobs.py": "an operator's command",
    f"{_DEPLOY}/commands/people.py": "an operator's command",
    f"{_DEPLOY}/commands/store.py": "an operator's command",
    f"{_DEPLOY}/commands/tenants.py": "an operator's command",
    f"{_DEPLOY}/demo/accounts.py": "sets the demonstration up",
    f"{_DEPLOY}/stores.py": "the writer keeps the manifest of all tenants",
    f"{_DEPLOY}/up.py": "makes the operator's log-in at the first start",
}
"""By module: who may open sessions above tenants."""
