"""The cockpit on a wall says that nothing has come for a while, and stops saying so once something has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.integration]

PATIENT_MS = 60_000
CALLBACKS = "**/_dash-update-component*"


@pytest.mark.parametrize("server", ["gone", "silent"])
def test_a_cockpit_that_hears_nothing_says_since_when_and_recovers(visit: Visit, server: str) -> None:
    expect.set_options(timeout=PATIENT_MS)
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    page.clock.install()
    # The browser tells of requests that were cut off; these are cut off on purpose.
    visit.expected = ("ERR_FAILED", "Failed to fetch", "Callback failed")
    visit.log_in("bureau", "/cockpit")
    stale, fresh = page.locator("#cockpit-stale-words"), page.locator("#cockpit-fresh-words")
    expect(fresh).to_contain_text(":")
    expect(stale).to_be_hidden()
    page.route(CALLBACKS, lambda route: route.abort() if server == "gone" else None)
    heard = page.locator("#cockpit-fresh").text_content()
    page.clock.fast_forward("05:00")
    expect(stale).to_be_visible()
    expect(fresh).to_be_hidden()
    expect(page.locator("#cockpit-stale")).to_have_text(heard or "nothing")
    expect(page.locator("#cockpit")).to_have_class("cockpit cockpit-old")
    page.unroute(CALLBACKS)
    page.clock.fast_forward("05:00")
    expect(stale).to_be_hidden()
    expect(fresh).to_be_visible()
