"""The trials' page: a report and its PDF for who may read there, a click that cancels, nothing for others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pypdfium2
import pytest

from tundish_platform import jobs, trials
from tundish_platform.assets import list_signals
from tundish_platform.sdk import Manifest
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.trials.judging import Known
from tundish_platform.trials.report import report_of

if TYPE_CHECKING:
    from conftest import Site
    from werkzeug.test import TestResponse

    from tundish_platform.trials import TrialView

UPDATE, ORIGIN = "/_dash-update-component", {"Origin": "http://localhost"}
NOW = datetime.now(UTC).replace(microsecond=0)
STRETCH = (NOW - timedelta(hours=24), NOW)


def manifest(mark: str, app: str) -> Manifest:
    text, name = {"zh": "应用", "en": "app"}, {"zh": f"{mark}看护", "en": f"{mark} watch"}
    return Manifest.model_validate(
        {
            "id": app, "version": "1.0.0", "entry": "tundish_app_x:run", "publisher": "t", "name": name,
            "problems": ["quality"], "schedule_s": 3600, "window_s": 3600, "description": text,
            "data_use": text, "outputs": [{"key": "x", "name": name, "flags": "above:0"}],
            "inputs": [{"key": "p", "name": text, "semantic": "pressure.*"}],
        }
    )  # fmt: skip


def asked(site: Site, slug: str, mark: str, app: str) -> TrialView:
    with site.context.metadata.session() as session:
        owner = access_tenant(job_principal(session, "t", Role.OWNER), slug, Permission.SUBSCRIBE)
        signals = list_signals(session, owner)
        return trials.start_trial(session, owner, manifest(mark, app), signals, STRETCH, {}, NOW)


def tried(site: Site, slug: str, mark: str) -> int:
    """A trial of the tenant with a report that names it."""
    trial = asked(site, slug, mark, "watch")
    windows = (trials.WindowDone(at=NOW, ended=trials.Ended.OK, seconds=1.0, rows=5, flagged={"x": 3.0}),)
    result = trials.TrialResult(step_s=3600, windows=windows)
    report = report_of(manifest(mark, "watch"), STRETCH, result, Known(), 1, ["2026-03-01"])
    with site.context.metadata.session() as session:
        worker = access_tenant(job_principal(session, "w", Role.ANALYST), slug, Permission.ANALYSE)
        now, hour = datetime.now(UTC), timedelta(hours=1)
        job = jobs.claim_job(session, {worker.tenant_id: slug}, [jobs.JobKind.TRIAL], "w", hour, now)
        assert job is not None
        trials.keep_report(session, worker, trial.id, job.lease, report, now)
        jobs.report_done(session, worker, jobs.Hold(job.id, job.lease), {}, now)
    return trial.id


@pytest.fixture(scope="module")
def numbers(site: Site) -> dict[str, int]:
    found = {
        slug: tried(site, slug, mark) for slug, mark in (("own-plant", "OWN"), ("canary-plant", "CANARY"))
    }
    site.visitor("insider").get("/market/own-plant/trials")
    return found


def send(site: Site, first: str, role: str, number: int, path: str, login: str) -> TestResponse:
    """Click a button of the list that a callback, named by its first output, listens to."""
    (output,) = (name for name in site.dash.callback_map if name.lstrip(".").startswith(first))
    body: dict[str, Any] = site.body(output, path)
    button = {"number": number, "role": role}
    body["inputs"] = [
        [{"id": button, "property": "n_clicks", "value": 1}] if isinstance(part, list) else part
        for part in body["inputs"]
    ]
    body["changedPropIds"] = [f'{{"number":{number},"role":"{role}"}}.n_clicks']
    return site.visitor(login).post(UPDATE, json=body, headers=ORIGIN)


def test_a_report_is_shown_and_its_pdf_says_the_same(site: Site, numbers: dict[str, int]) -> None:
    number, path = numbers["own-plant"], "/market/own-plant/trials"
    shown = str(send(site, "trial-report.children", "trial-show", number, path, "viewer").get_json())
    pdf = site.visitor("viewer").get(f"{path}/{number}.pdf")
    assert (pdf.status_code, pdf.mimetype) == (200, "application/pdf")
    written = "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf.data))
    for text in ("OWN看护 1.0.0", "未评判: 当时无故障记录手段", "above:0", "没有任何记录故障的手段"):
        assert text in shown, text
        assert text in written, text


def test_another_plants_trial_is_not_there(site: Site, numbers: dict[str, int]) -> None:
    number = numbers["canary-plant"]
    own, foreign = "/market/own-plant/trials", "/market/canary-plant/trials"
    assert site.visitor("insider").get(f"{own}/{number}.pdf").status_code == 404
    assert site.visitor("insider").get(f"{foreign}/{number}.pdf").status_code == 404
    assert site.visitor().get(f"{foreign}/{number}.pdf").status_code in {302, 303, 401}
    seen = b""
    for path in (own, foreign):
        seen += send(site, "trial-report.children", "trial-show", number, path, "insider").data
        seen += send(site, "trial-message.children", "trial-cancel", number, path, "insider").data
        (tick,) = (name for name in site.dash.callback_map if name.startswith("..trial-list.children"))
        seen += site.visitor("insider").post(UPDATE, json=site.body(tick, path, 1), headers=ORIGIN).data
    assert b"CANARY" not in seen
    assert "CANARY" in str(
        send(site, "trial-report.children", "trial-show", number, foreign, "neighbour").get_json()
    )


def test_a_click_cancels_where_one_may_subscribe(site: Site, numbers: dict[str, int]) -> None:
    del numbers
    trial, path = asked(site, "own-plant", "OWN", "another"), "/market/own-plant/trials"
    assert send(site, "trial-message.children", "trial-cancel", trial.id, path, "viewer").status_code == 404
    answer = send(site, "trial-message.children", "trial-cancel", trial.id, path, "insider")
    assert answer.status_code == 200
    with site.context.metadata.session() as session:
        scope = access_tenant(job_principal(session, "t", Role.VIEWER), "own-plant", Permission.READ)
        assert trials.find_trial(session, scope, trial.id).state == "cancelled"
