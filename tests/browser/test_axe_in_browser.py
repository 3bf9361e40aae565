"""axe finds no serious fault on any page, light or dark, in either language."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import expect

from tundish_dashboards.routes import NEEDED, Page, Route

if TYPE_CHECKING:
    from conftest import Visit
    from playwright.sync_api import Page as Tab

pytestmark = [pytest.mark.browser, pytest.mark.integration]

PATIENT_MS = 60_000
PLANT: Final = "xianghe-cylinder"
# Every page of a tenant; an app's own page is named by its app.
OF_OWNER: Final = (
    *(Route(page, PLANT).path for page in NEEDED if page is not Page.APP),
    Route(Page.APP, PLANT, "spc-monitor").path,
    Route(Page.ACCOUNT).path,
)
OF_BUREAU: Final = tuple(Route(page).path for page in (Page.BUREAU, Page.REGISTER, Page.COCKPIT))
RUN: Final = """async () => {
  const told = await axe.run(document, {
    runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
  });
  return told.violations.map(one => ({
    rule: one.id, impact: one.impact, what: one.help,
    where: one.nodes.slice(0, 5).map(node => node.target.join(" ") + " | " + node.failureSummary),
  }));
}"""


def axe() -> str:
    """The judge's own script."""
    script = Path(__file__).parent / "peers" / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        pytest.fail("axe-core is missing. Run: deploy/ci/npm-packages.sh")
    return script.read_text("utf-8")


def faults(page: Tab) -> list[dict[str, Any]]:
    """What axe calls serious or critical on the page as it stands."""
    # By the debugger, not by a tag: the pages' own policy refuses scripts that are not theirs.
    page.evaluate(axe())
    found: list[dict[str, Any]] = page.evaluate(RUN)
    return [one for one in found if one["impact"] in {"serious", "critical"}]


def settle(page: Tab, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#page h1, #cockpit h1")
    expect(page.locator(".loading")).to_have_count(0)
    # A page with values that move is never without a connection, so idleness of the network says nothing.
    expect(page.locator("[data-dash-is-loading=true]")).to_have_count(0)


@pytest.mark.parametrize("who", ["owner", "bureau"])
@pytest.mark.parametrize(
    ("visit", "scheme"),
    [
        ({"locale": "zh-CN"}, "light"),
        ({"locale": "en-GB", "width": 390, "height": 844}, "dark"),
    ],
    indirect=["visit"],
)
def test_axe_finds_nothing_serious(visit: Visit, who: str, scheme: str) -> None:
    expect.set_options(timeout=PATIENT_MS)
    page = visit.page
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(f"{visit.world.url}/login")
    found = {"/login": faults(page)}
    visit.log_in(who)
    for path in OF_OWNER if who == "owner" else OF_BUREAU:
        settle(page, visit.world.url + path)
        assert page.locator("html").get_attribute("data-mantine-color-scheme") == scheme
        found[path] = faults(page)
    told = [
        f"{path} {one['rule']}: {where}"
        for path, all_ in found.items()
        for one in all_
        for where in one["where"]
    ]
    assert not told, "\n".join(told)


def test_axe_finds_what_is_wrong(visit: Visit) -> None:
    visit.page.goto(f"{visit.world.url}/login")
    visit.page.evaluate("document.querySelector('label[for=login]').remove()")
    assert [one["rule"] for one in faults(visit.page)] == ["label"]


def test_the_switch_is_kept_and_the_system_decides_without_one(visit: Visit) -> None:
    expect.set_options(timeout=PATIENT_MS)
    page, root = visit.page, visit.page.locator("html")
    page.emulate_media(color_scheme="dark")
    visit.log_in("owner", "/account")
    expect(root).to_have_attribute("data-mantine-color-scheme", "dark")
    page.click("#scheme")
    expect(root).to_have_attribute("data-mantine-color-scheme", "light")
    page.reload()
    page.wait_for_selector("#page h1")
    expect(root).to_have_attribute("data-mantine-color-scheme", "light")
