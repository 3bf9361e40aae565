"""Each id stands once on a page, those that Mantine makes out of ours included."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tundish_dashboards.routes import Page, Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Site

UPDATE = "/_dash-update-component"
ORIGIN = {"Origin": "http://localhost"}
MANTINE = "dash_mantine_components"
# What Mantine adds to the id of a component for the parts inside it.
INNER = {
    "Modal": ("title", "body"),
    "TextInput": ("label", "error", "description"),
    "PasswordInput": ("label", "error", "description"),
    "Select": ("label", "error", "description"),
    "MultiSelect": ("label", "error", "description"),
}
ABOVE_TENANTS = {
    Page.BUREAU: "bureau",
    Page.COCKPIT: "bureau",
    Page.ACCOUNT: "insider",
    Page.BILLING: "operator",
}


def ids(part: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Ids of a layout as the browser gets it, and those that its components make."""
    if isinstance(part, list):
        for one in part:
            yield from ids(one)
    elif isinstance(part, dict):
        own = part.get("props", {}).get("id") if "namespace" in part else None
        if own is not None:
            yield str(own)
            if part["namespace"] == MANTINE:
                yield from (f"{own}-{inner}" for inner in INNER.get(part["type"], ()))
        for one in part.values():
            yield from ids(one)


def layout(site: Site, page: Page) -> Any:  # noqa: ANN401 - JSON
    """What the browser gets: the frame, and the page that is put into it."""
    tenant = None if page in ABOVE_TENANTS else "own-plant"
    path = Route(page, tenant, "spc-monitor").path
    client = site.visitor(ABOVE_TENANTS.get(page, "insider"))
    frame = client.get("/_dash-layout").json
    output = next(one for one in site.dash.callback_map if one.startswith("..page.children"))
    answer = client.post(UPDATE, json=site.body(output, path), headers=ORIGIN)
    assert answer.status_code == 200, path
    return [frame, *(part for given in answer.json["response"].values() for part in given.values())]


@pytest.mark.parametrize("page", Page)
def test_each_id_stands_once(site: Site, page: Page) -> None:
    found = Counter(ids(layout(site, page)))
    assert len(found) > 10
    assert [one for one, count in found.items() if count > 1] == []


def test_a_title_named_as_mantine_names_it_is_found() -> None:
    title = {"type": "Span", "namespace": "dash_html_components", "props": {"id": "ask-title"}}
    modal = {"type": "Modal", "namespace": MANTINE, "props": {"id": "ask", "title": title}}
    assert Counter(ids([modal]))["ask-title"] == 2
