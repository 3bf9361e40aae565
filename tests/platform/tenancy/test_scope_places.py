import pytest
from sqlalchemy import text

from tundish_platform.assets import find_signals, list_places, list_signals, seen, upsert_signals
from tundish_platform.samples import SampleKind, SignalSpec
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, access_tenant, within
from tundish_platform.tenancy.accounts import (
    check_place,
    check_token,
    create_tenant,
    create_token,
    create_user,
    grant_role,
    job_principal,
    principal_of_user,
    revoke_role,
)
from tundish_platform.tenancy.metadata import Metadata

L1, L2 = "Works/Melt/L1", "Works/Melt/L2"
PATHS = [
    f"{L1}/M/A", f"{L1}/M/B", f"{L2}/M/A", "Works/Melt/L10/M/A", "works/melt/l1/M/A", "Works/Melt/L1%/M/A",
    "Mill/Roll/L1/M/A", "Works/Melt/L1",
]  # fmt: skip


def principal(*held: tuple[Role, str]) -> Principal:
    whole = frozenset(role for role, place in held if not place)
    placed = frozenset(one for one in held if one[1])
    return Principal(7, "li", {"steel": (1, whole)}, frozenset(), {"steel": placed}, person=True)


def test_eight_roles_of_people_exist() -> None:
    people = {"owner", "plant_manager", "engineer", "shift_operator", "viewer", "app_developer",
    "bureau_officer", "platform_operator"}  # fmt: skip
    assert people <= set(Role)


def test_a_place_holds_what_lies_below_it_and_nothing_beside_it() -> None:
    places = frozenset({L1})
    assert [path for path in PATHS if within(path, places)] == [f"{L1}/M/A", f"{L1}/M/B", L1]
    assert all(within(path, None) for path in PATHS)
    assert not within(L1, frozenset())


def test_a_permission_at_a_place_is_none_in_the_tenant() -> None:
    scope = access_tenant(principal((Role.ENGINEER, L1)), "steel", Permission.CONFIGURE)
    assert scope.allows(Permission.CONFIGURE, f"{L1}/M/A")
    assert not scope.allows(Permission.CONFIGURE, f"{L2}/M/A")
    assert not scope.allows(Permission.SUBSCRIBE, f"{L1}/M/A")
    for permission in (Permission.CONFIGURE, Permission.HANDLE, Permission.MANAGE):
        with pytest.raises(AccessDenied):
            scope.require(permission)
    with pytest.raises(AccessDenied):
        scope.require_at(Permission.CONFIGURE, L2)
    with pytest.raises(AccessDenied):
        scope.require_all_signals()
    assert scope.places(Permission.HANDLE) == {L1}
    viewer = access_tenant(principal((Role.VIEWER, "")), "steel", Permission.READ)
    with pytest.raises(AccessDenied):
        viewer.places(Permission.HANDLE)
    with pytest.raises(AccessDenied):
        access_tenant(principal((Role.ENGINEER, L1)), "steel", Permission.SUBSCRIBE)


def test_a_scope_whose_signals_nobody_looked_up_sees_none() -> None:
    assert access_tenant(principal((Role.VIEWER, L1)), "steel", Permission.READ).signals == frozenset()
    whole = access_tenant(principal((Role.VIEWER, "")), "steel", Permission.READ)
    assert whole.signals is None
    with pytest.raises(TypeError):
        whole.seeing(frozenset({1}))


def test_a_role_for_the_whole_tenant_and_another_for_a_line_add_up() -> None:
    both = principal((Role.VIEWER, ""), (Role.SHIFT_OPERATOR, L1), (Role.ENGINEER, L2))
    scope = access_tenant(both, "steel", Permission.HANDLE)
    assert scope.signals is None
    assert scope.places() is None
    assert scope.allows(Permission.READ, "Mill/Roll/L1")
    assert [scope.allows(Permission.HANDLE, line) for line in (L1, L2, "Mill/Roll/L1")] == [True, True, False]
    assert [scope.allows(Permission.CONFIGURE, line) for line in (L1, L2)] == [False, True]


def test_an_app_s_grant_inside_a_place_is_told_by_signals_only() -> None:
    scope = access_tenant(principal((Role.VIEWER, L1)), "steel", Permission.READ).seeing(frozenset({1, 2}))
    app = scope.narrowed(frozenset({2, 3}), frozenset({Permission.READ}))
    assert app.signals == {2}
    with pytest.raises(AccessDenied):
        app.places()


@pytest.mark.parametrize(
    ("role", "place"),
    [(Role.OWNER, L1), (Role.COLLECTOR, L1), (Role.APP_DEVELOPER, L1), (Role.VIEWER, f"{L1}/M"),
    (Role.VIEWER, "/Works"), (Role.VIEWER, "Works//L1"), (Role.VIEWER, "Works/ "), (Role.VIEWER, "x" * 401),
    (Role.VIEWER, "Works\n")],
)  # fmt: skip
def test_a_role_that_cannot_be_held_at_that_place_is_refused(role: Role, place: str) -> None:
    with pytest.raises(ValueError, match=r"role|path"):
        check_place(role, place)
    check_place(Role.VIEWER, L1)


def test_roles_at_places_are_kept_beside_those_for_the_tenant(metadata: Metadata) -> None:
    with metadata.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel")
        person = create_user(session, "li", "李", "tap hole 42", {"steel": [Role.VIEWER]})
        grant_role(session, person, Role.VIEWER, "steel", L1)
        grant_role(session, person, Role.ENGINEER, "steel", L1)
        grant_role(session, person, Role.ENGINEER, "steel", "Works")
        revoke_role(session, person, Role.VIEWER, "steel")
        found = principal_of_user(session, person)
    assert found.person
    assert found.tenants["steel"][1] == frozenset()
    assert found.held("steel")[Permission.CONFIGURE] == {L1, "Works"}
    with metadata.session() as session:
        revoke_role(session, person, Role.ENGINEER, "steel", L1)
        assert principal_of_user(session, person).held("steel")[Permission.CONFIGURE] == {"Works"}


def test_signals_are_looked_up_by_the_same_rule_on_both_databases(metadata: Metadata) -> None:
    specs = [
        SignalSpec(path=path, kind=SampleKind.NUMERIC, name_zh="", name_en="", semantic="") for path in PATHS
    ]
    with metadata.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel")
        job = job_principal(session, "test", Role.COLLECTOR)
        ids = upsert_signals(session, access_tenant(job, "steel", Permission.INGEST), "opc", specs)
        tokens = {
            place: create_token(session, place, {"steel": [(Role.VIEWER, place)]})
            for place in (L1, "Works", "Mill/Roll", "Nowhere")
        }
    for place, token in tokens.items():
        with metadata.session() as session:
            scope = seen(session, access_tenant(check_token(session, token), "steel", Permission.READ))
            found = list_signals(session, scope)
            expected = sorted(path for path in PATHS if within(path, frozenset({place})))
            assert sorted(signal.path for signal in found) == expected
            assert scope.signals == {ids[path] for path in expected}
            assert len(expected) == {L1: 3, "Works": 6, "Mill/Roll": 1, "Nowhere": 0}[place]
            hidden = [number for path, number in ids.items() if path not in expected]
            with pytest.raises(LookupError):
                find_signals(session, scope, hidden)


def test_two_tenants_with_lines_of_the_same_name_see_each_its_own(metadata: Metadata) -> None:
    with metadata.session() as session:
        job = None
        for slug, paths in (("steel", PATHS), ("power", PATHS[:1])):
            create_tenant(session, slug, slug, slug)
            job = job_principal(session, "test", Role.ANALYST)
            specs = [SignalSpec(path=p, kind="numeric", name_zh="", name_en="", semantic="") for p in paths]
            upsert_signals(session, access_tenant(job, slug, Permission.INGEST), "opc", specs)
        assert job is not None
        key = create_token(session, "power", {"power": [(Role.VIEWER, L1)]})
        one_line = seen(session, access_tenant(check_token(session, key), "power", Permission.READ))
        assert len(one_line.signals or ()) == 1
        whole = access_tenant(job, "power", Permission.READ)
        places = [place.path for place in list_places(session, whole)]
        assert places == ["Works", "Works/Melt", L1]
        collector = access_tenant(job_principal(session, "c", Role.COLLECTOR), "power", Permission.INGEST)
        narrow = whole.narrowed(frozenset({1}), frozenset({Permission.READ}))
        for scope in (collector, narrow, one_line):
            with pytest.raises(AccessDenied):
                list_places(session, scope)


def test_everything_held_before_places_existed_is_held_for_the_whole_tenant(metadata: Metadata) -> None:
    with metadata.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel")
        person = create_user(session, "li", "李", "tap hole 42")
        # As rows were written by the version before.
        session.execute(
            text("INSERT INTO membership (tenant_id, user_id, role) VALUES (1, :user, 'viewer')"),
            {"user": person},
        )
        assert principal_of_user(session, person).held("steel") == {Permission.READ: None}
