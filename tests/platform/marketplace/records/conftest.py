"""Two tenants, each subscribed to an app that reads every kind of records, and something of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from tundish_platform.alarms import Transition, handle, list_alarms, take_reports
from tundish_platform.alarms.maintenance import WindowSpec, plan_maintenance
from tundish_platform.assets import Heartbeat, save_heartbeat, upsert_signals
from tundish_platform.marketplace import Catalogue, subscribe
from tundish_platform.marketplace.records import Sealer
from tundish_platform.products import ProductSpec, declare_products
from tundish_platform.samples import AlarmReport, SignalSpec
from tundish_platform.sdk import RECORDS
from tundish_platform.sdk.questionnaire import read_questionnaire
from tundish_platform.tenancy import Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tundish_platform.sdk import Manifest
    from tundish_platform.sdk.questionnaire import Questionnaire
    from tundish_platform.tenancy.metadata import Metadata

HEAD = """
id = "reader"
version = "1.2.3"
entry = "tundish_app_reader.app:run"
publisher = "x"
problems = ["quality"]
schedule_s = 60
window_s = 600
name = { zh = "名", en = "name" }
description = { zh = "名", en = "name" }
data_use = { zh = "名", en = "name" }
[[documents]]
key = "paper"
name = { zh = "名", en = "name" }
[[outputs]]
key = "number"
name = { zh = "名", en = "name" }
"""
QUESTIONS = """
version = "1"
source = { zh = "名", en = "name" }
groups = [{ key = "g", text = { zh = "名", en = "name" } }]
[[questions]]
key = "q"
group = "g"
text = { zh = "名", en = "name" }
choices = [{ key = "yes", text = { zh = "是", en = "yes" } }, { key = "no", text = { zh = "否", en = "no" } }]
[[questions]]
key = "n"
group = "g"
kind = "number"
high = 10
text = { zh = "名", en = "name" }
"""
ROLES = frozenset({Role.OWNER, Role.ANALYST, Role.COLLECTOR})


@dataclass
class House:
    """What the tests work with; ``steel`` and ``power`` have the same of everything, under other numbers."""

    metadata: Metadata
    catalogue: Catalogue
    questions: Questionnaire
    sealer: Sealer
    scopes: dict[str, TenantScope]
    now: datetime

    @property
    def manifest(self) -> Manifest:
        return self.catalogue.app("reader").manifest


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    folder = tmp_path / "shelf" / "reader" / "tundish_app_reader"
    folder.mkdir(parents=True)
    wishes = [
        f'[[records]]\nkind = "{kind}"\nneed = "optional"\nfields = {list(schema.names)}\n'
        'purpose = { zh = "名", en = "name" }\n'
        for kind, schema in RECORDS.items()
    ]
    (folder / "app.toml").write_text(HEAD + "".join(wishes), encoding="utf-8")
    (folder / "questionnaire.toml").write_text(QUESTIONS, encoding="utf-8")
    return Catalogue.find(tmp_path / "shelf", installed=False)


@pytest.fixture
def house(metadata: Metadata, catalogue: Catalogue) -> House:
    now = datetime.now(UTC)
    scopes = {}
    with metadata.session() as session:
        for slug in ("steel", "power"):
            row = create_tenant(session, slug, f"{slug} 厂", slug)
            who = Principal(1, f"owner of {slug}", {slug: (row.id, ROLES)}, person=True)
            scopes[slug] = scope = access_tenant(who, slug, Permission.READ)
            subscribe(session, scope, catalogue, "reader", ())
            fill(session, scope, slug, now)
    questions = read_questionnaire(catalogue.app("reader").folder)
    return House(metadata, catalogue, questions, Sealer(SecretStr("k")), scopes, now)


def fill(session: Session, scope: TenantScope, slug: str, now: datetime) -> None:
    """One of each thing, named after its tenant."""
    names = {"name_zh": "名", "name_en": "name"}
    path = f"{slug}/A/L/M/C/V"
    upsert_signals(session, scope, "gate", [SignalSpec(path=path, semantic="pressure.x", **names)])
    save_heartbeat(session, scope, "gate", Heartbeat.model_validate({"state": "running"}))
    report = AlarmReport(key="k", active=True, ts=now - timedelta(minutes=5), **names)
    take_reports(session, scope, "gate", [report], now - timedelta(minutes=4))
    (alarm,) = list_alarms(session, scope, now)
    handle(session, scope, alarm.id, Transition.ACKNOWLEDGED, now=now - timedelta(minutes=3))
    window = {"path": f"{slug}/A/L", "starts_at": now - timedelta(hours=1), "ends_at": now, "reason": "r"}
    plan_maintenance(session, scope, WindowSpec.model_validate(window), now - timedelta(hours=2))
    stay = {"path": f"{slug}/A/L/M", "starts_at": now - timedelta(hours=2), "ends_at": now}
    made = [
        {"kind": "order", "series": "order", "number": f"{slug}-1"},
        {"kind": "lot", "series": "heat", "number": f"{slug}-2", "material": "Q355B"},
        {
            "kind": "piece", "series": "slab", "number": f"{slug}-3", "stays": [stay],
            "order": {"series": "order", "number": f"{slug}-1"},
            "made_from": [{"series": "heat", "number": f"{slug}-2"}],
        },
    ]  # fmt: skip
    declare_products(session, scope, [ProductSpec.model_validate(one) for one in made], now)
