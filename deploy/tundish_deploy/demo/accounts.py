"""Tenants, people and tokens of the demonstration; each secret is made at set-up, none is preset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_deploy.demo.plan import BUREAU_LOGIN, OPERATOR_LOGIN, PLANTS, UNCONNECTED, DemoPlant
from tundish_deploy.secrets import new_password, private_file
from tundish_platform.migrations import upgrade
from tundish_platform.programme import register_enterprise
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_tenant, create_token, create_user, find_tenant
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_deploy.demo.state import DemoState


def make_accounts(state: DemoState, database: str) -> None:
    """Create everything in one transaction, or nothing: a set-up that was cut off starts again cleanly."""
    metadata = Metadata(database)
    try:
        upgrade(metadata)
        with metadata.above(Above.OPERATOR).session() as session:
            logins = _people(session)
            tokens = _tokens(session)
            _register(session)
            for name, token in tokens.items():
                private_file(state.secret(f"{name}.token"), token)
            state.logins = logins
            state.accounts = True
        state.save()
    finally:
        metadata.close()


def _people(session: Session) -> dict[str, str]:
    logins: dict[str, str] = {}

    def person(login: str, name: str, tenants: dict[str, list[Role]], roles: list[Role]) -> None:
        logins[login] = new_password()
        create_user(session, login, name, logins[login], tenants, roles)

    for plant in PLANTS:
        create_tenant(session, plant.slug, plant.name_zh, plant.name_en, uscc=plant.uscc)
        person(plant.manager, f"{plant.name_zh} 厂长", {plant.slug: [Role.PLANT_MANAGER]}, [])
        person(plant.owner, f"{plant.name_zh} 企业主", {plant.slug: [Role.OWNER]}, [])
    person(BUREAU_LOGIN, "工信局 (演示)", {}, [Role.BUREAU_OFFICER])
    person(OPERATOR_LOGIN, "平台运营 (演示)", {}, [Role.PLATFORM_OPERATOR])
    return logins


def _tokens(session: Session) -> dict[str, str]:
    tokens = {
        f"collect-{plant.slug}": create_token(
            session, f"collect-{plant.slug}", {plant.slug: [Role.COLLECTOR]}
        )
        for plant in PLANTS
    }
    worker = {plant.slug: [Role.ANALYST] for plant in PLANTS}
    tokens["worker"] = create_token(session, "worker", worker)
    # What the demo check looks through: one plant's own eyes each, and the bureau's.
    for plant in PLANTS:
        name = f"check-{plant.slug}"
        tokens[name] = create_token(session, name, {plant.slug: [Role.PLANT_MANAGER]})
    tokens["check-bureau"] = create_token(session, "check-bureau", {}, [Role.BUREAU_OFFICER])
    return tokens


def _register(session: Session) -> None:
    for one in (*PLANTS, UNCONNECTED):
        tenant = find_tenant(session, one.slug) if isinstance(one, DemoPlant) else None
        register_enterprise(
            session,
            uscc=one.uscc,
            name_zh=one.name_zh,
            name_en=one.name_en,
            industry=one.industry,
            region=one.region,
            demo=True,
            tenant_id=None if tenant is None else tenant.id,
        )
