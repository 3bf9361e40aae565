"""The jobs' page: what is asked for appears, its progress shows, and a click cancels it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform import jobs
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from conftest import Site

UPDATE, ORIGIN = "/_dash-update-component", {"Origin": "http://localhost"}
PATH = "/jobs/own-plant"
LINE = "OWN-Site/Shop/L1"
FORM = {"job-kind": "train", "job-line": LINE, "job-target": None, "job-cron": ""}


def act(site: Site, trigger: str, path: str = PATH, login: str = "insider", **form: object) -> Any:  # noqa: ANN401 - JSON
    """Click the button that asks, or one of a list; returns the answer."""
    (output,) = (name for name in site.dash.callback_map if name.startswith("..jobs-message.children"))
    body = site.body(output, path)
    said = FORM | {name.replace("_", "-"): value for name, value in form.items()}
    body["state"] = [
        part | {"value": said[part["id"]]} if isinstance(part, dict) and part["id"] in said else part
        for part in body["state"]
    ]
    if trigger == "job-ask":
        body["inputs"][0]["value"] = 1
        body["changedPropIds"] = ["job-ask.n_clicks"]
    else:
        role, number = trigger.split()
        place = {"job-cancel": 1, "schedule-remove": 2}[role]
        button = {"number": int(number), "role": role}
        body["inputs"][place] = [{"id": button, "property": "n_clicks", "value": 1}]
        body["changedPropIds"] = [f'{{"number":{number},"role":"{role}"}}.n_clicks']
    return site.visitor(login).post(UPDATE, json=body, headers=ORIGIN)


def known(site: Site) -> list[jobs.JobInfo]:
    with site.context.metadata.session() as session:
        scope = access_tenant(job_principal(session, "t", Role.ANALYST), "own-plant", Permission.ANALYSE)
        return jobs.list_jobs(session, scope)


@pytest.fixture(autouse=True)
def page(site: Site) -> None:
    site.visitor("insider").get(PATH)


def test_a_job_is_asked_for_seen_running_and_cancelled(site: Site) -> None:
    answer = act(site, "job-ask")
    job, *_ = known(site)
    assert (job.state, job.arguments, job.asked_by) == ("queued", {"line": LINE}, "In Sider")
    assert f'"number": {job.id}' in answer.text or f'"number":{job.id}' in answer.text
    with site.context.metadata.session() as session:
        scope = access_tenant(job_principal(session, "w", Role.ANALYST), "own-plant", Permission.ANALYSE)
        served, hour = {scope.tenant_id: "own-plant"}, timedelta(hours=1)
        held = jobs.claim_job(session, served, list(jobs.JobKind), "w", hour, utc_now())
        assert held is not None
        words = ("读取历史", "Reading history")
        jobs.report_progress(session, scope, jobs.Hold(held.id, held.lease), 0.37, words, hour, utc_now())
    (tick,) = (name for name in site.dash.callback_map if name.startswith("..jobs-list.children"))
    shown = site.visitor("insider").post(UPDATE, json=site.body(tick, PATH, 1), headers=ORIGIN).get_json()
    assert "37 % · " in str(shown)
    assert "In Sider" in str(shown)
    act(site, f"job-cancel {job.id}")
    assert known(site)[0].cancelled_by == "In Sider"


def test_times_make_a_schedule_and_wrong_ones_are_refused(site: Site) -> None:
    before = len(known(site))
    assert "jobs-schedules" in act(site, "job-ask", job_cron="0 0 30 2 *").text
    act(site, "job-ask", job_cron="0 3 * * 1")
    with site.context.metadata.session() as session:
        scope = access_tenant(job_principal(session, "t", Role.ANALYST), "own-plant", Permission.ANALYSE)
        (made,) = jobs.list_schedules(session, scope)
    assert (made.cron, made.arguments, len(known(site))) == ("0 3 * * 1", {"line": LINE}, before)
    act(site, f"schedule-remove {made.id}")
    with site.context.metadata.session() as session:
        assert jobs.list_schedules(session, scope) == []


def test_a_job_without_a_line_and_a_neighbours_page_change_nothing(site: Site) -> None:
    before = len(known(site))
    assert act(site, "job-ask", job_line=None).status_code == 200
    assert act(site, "job-ask", job_kind="train-machines").status_code == 200
    assert act(site, "job-ask", "/jobs/canary-plant").status_code == 404
    assert act(site, "job-ask", login="viewer").status_code == 404
    assert len(known(site)) == before
