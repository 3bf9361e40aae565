import pytest

from tundish_platform.tenancy import (
    AccessDenied,
    Permission,
    Principal,
    Role,
    TenantScope,
    access_programme,
    access_tenant,
)

MANAGER = Principal(7, "manager", {"steel": (3, frozenset({Role.PLANT_MANAGER}))})
OFFICER = Principal(8, "officer", {}, frozenset({Role.BUREAU_OFFICER}))


def test_a_scope_comes_only_through_the_guard() -> None:
    with pytest.raises(TypeError):
        TenantScope(3, "steel", "manager", frozenset(Permission))


def test_a_manager_reads_the_own_tenant_and_no_other() -> None:
    scope = access_tenant(MANAGER, "steel", Permission.READ)
    assert (scope.tenant_id, scope.slug) == (3, "steel")
    with pytest.raises(AccessDenied):
        access_tenant(MANAGER, "igbt", Permission.READ)


def test_a_manager_cannot_ingest() -> None:
    with pytest.raises(AccessDenied):
        access_tenant(MANAGER, "steel", Permission.INGEST)


def test_the_bureau_sees_the_programme_and_no_tenant() -> None:
    access_programme(OFFICER)
    with pytest.raises(AccessDenied):
        access_tenant(OFFICER, "steel", Permission.READ)
    with pytest.raises(AccessDenied):
        access_programme(MANAGER)


def test_narrowing_only_takes_away() -> None:
    scope = access_tenant(MANAGER, "steel", Permission.READ)
    app = scope.narrowed(frozenset({1, 2}), frozenset({Permission.READ, Permission.INGEST}))
    assert (app.tenant_id, app.slug, app.permissions) == (3, "steel", {Permission.READ})
    assert app.narrowed(frozenset({2, 3}), frozenset({Permission.READ})).signals == {2}
    with pytest.raises(AccessDenied):
        app.require(Permission.SUBSCRIBE)
