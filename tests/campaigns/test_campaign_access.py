"""A small part of the access campaign, its control, and every callback by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_dashboards.callbacks import ACCESS, ANY_PERSON, OPERATOR, PROGRAMME
from tundish_deploy.campaigns import access
from tundish_deploy.campaigns.strangers import Strangers, strangers
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY = 11
# What each callback must ask for, by its first output. One that is not here fails the test below.
EXPECTED: dict[str, str] = {
    "page.children": ANY_PERSON,
    "location.pathname": ANY_PERSON,
    "overview-basis.children": Permission.READ,
    "plant-strip-fresh.data": Permission.READ,
    "line-choice.value": Permission.READ,
    "machine-choice.value": Permission.READ,
    "machine-name.children": Permission.READ,
    "machine-chart.figure": Permission.READ,
    "record-place.data": Permission.READ,
    "machine-noted.data": Permission.HANDLE,
    "trend-figure.data": Permission.READ,
    "quality-line.data": Permission.READ,
    "quality-chart.figure": Permission.READ,
    "quality-pareto.children": Permission.READ,
    "quality-genealogy.children": Permission.READ,
    "energy-figures.children": Permission.READ,
    "explorer-found.children": Permission.READ,
    "explorer-chosen.data": Permission.READ,
    "explorer-chart.figure": Permission.READ,
    "explorer-noted.data": Permission.HANDLE,
    "signal-rows.data": Permission.READ,
    "signal-grid.rowTransaction": Permission.READ,
    "model-detail.children": Permission.READ,
    "model-list.children": Permission.READ,
    "model-dialog.opened": Permission.CONFIGURE,
    "market-cards.children": Permission.READ,
    "market-screens.children": Permission.READ,
    "app-panels.children": Permission.READ,
    "match-inputs.children": Permission.READ,
    "app-result.children": Permission.READ,
    "market-confirm.opened": Permission.SUBSCRIBE,
    "market-message.children": Permission.SUBSCRIBE,
    "life-dialog.opened": Permission.SUBSCRIBE,
    "stars-dialog.opened": Permission.SUBSCRIBE,
    "missed-dialog.opened": Permission.HANDLE,
    "missed-list.children": Permission.HANDLE,
    "upgrade-dialog.opened": Permission.SUBSCRIBE,
    "statement-list.children": Permission.SUBSCRIBE,
    "billing-message.children": OPERATOR,
    "billing-dialog.opened": OPERATOR,
    "voucher-message.children": PROGRAMME,
    "developer-dialog.opened": Permission.PUBLISH,
    "review-dialog.opened": OPERATOR,
    "alarms-flood.children": Permission.READ,
    "alarm-events.opened": Permission.READ,
    "alarm-dialog.opened": Permission.HANDLE,
    "alerts-outcomes.children": Permission.READ,
    "alert-dialog.opened": Permission.HANDLE,
    "channel-form.children": Permission.CONFIGURE,
    "alarm-channels.children": Permission.CONFIGURE,
    "notice-log.children": Permission.CONFIGURE,
    "policy-form.children": Permission.CONFIGURE,
    "alarm-policies.children": Permission.CONFIGURE,
    "contact-form.children": Permission.CONFIGURE,
    "alarm-contacts.children": Permission.CONFIGURE,
    "contact-after.data": Permission.CONFIGURE,
    "maintenance-windows.children": Permission.CONFIGURE,
    "trial-list.children": Permission.READ,
    "trial-report.children": Permission.READ,
    "trial-message.children": Permission.SUBSCRIBE,
    "handover-shift.data": Permission.READ,
    "handover-report.children": Permission.READ,
    "handover-doing.data": Permission.HANDLE,
    "handover-message.children": Permission.HANDLE,
    "handover-plan.children": Permission.CONFIGURE,
    "handover-plan-message.children": Permission.CONFIGURE,
    "jobs-list.children": Permission.CONFIGURE,
    "jobs-message.children": Permission.CONFIGURE,
    "people-invitations.children": Permission.MANAGE,
    "people-keys.children": Permission.MANAGE,
    "people-dialog.opened": Permission.MANAGE,
    "people-members.children": Permission.MANAGE,
    "members-after.data": Permission.MANAGE,
    "audit-entries.children": Permission.MANAGE,
    "audit-verdict.children": Permission.MANAGE,
    "sharing-body.children": Permission.MANAGE,
    "account-sessions.children": ANY_PERSON,
    "password-message.children": ANY_PERSON,
    "account-factor.children": ANY_PERSON,
    "passkey-offer.data": ANY_PERSON,
    "account-passkeys.children": ANY_PERSON,
    "account-invited.children": ANY_PERSON,
    "bureau-figures.children": PROGRAMME,
    "bureau-months.children": PROGRAMME,
    "bureau-chosen.data": PROGRAMME,
    "bureau-page.data": PROGRAMME,
    "bureau-enterprises.children": PROGRAMME,
    "target-message.children": PROGRAMME,
    "publish-dialog.opened": PROGRAMME,
    "issuing-dialog.opened": PROGRAMME,
    "bureau-evidence.children": PROGRAMME,
    "bureau-atlas.children": PROGRAMME,
    "atlas-place.data": PROGRAMME,
    "bureau-drill.children": PROGRAMME,
    "cockpit-body.children": PROGRAMME,
    "register-list.children": PROGRAMME,
    "register-new-message.children": PROGRAMME,
    "entry-dialog.opened": PROGRAMME,
    "merge-dialog.opened": PROGRAMME,
    "entry-body.children": PROGRAMME,
    "import-body.children": PROGRAMME,
}


@pytest.fixture(scope="module")
def world() -> Iterator[Strangers]:
    with strangers() as made:
        yield made


def test_every_callback_is_listed_with_what_it_asks_for(world: Strangers) -> None:
    world.client(world.asker("manager")).get("/plant/steel")
    found = {
        output.strip(".").split("...")[0].partition("@")[0]: getattr(spec["callback"], ACCESS, "nothing")
        for output, spec in world.dash.callback_map.items()
        if "callback" in spec
    }
    assert found == EXPECTED


def test_who_may_not_gets_nothing_and_who_may_sees_the_canary(world: Strangers) -> None:
    tally = access.asked(world, EVERY)
    assert (tally.wrong, tally.leaks, tally.unmarked) == ([], [], [])
    assert tally.asked.total() > 200
    assert tally.seen


def test_holes_are_found() -> None:
    holes = access.control()
    assert "hole-callback.children" in holes.unmarked
    found = {hole for hole in access.HOLES if any(hole in text for text in (*holes.leaks, *holes.unmarked))}
    assert found == set(access.HOLES)
