from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from tundish_platform.tenancy import (
    AccessDenied,
    Permission,
    Role,
    access_programme,
    access_tenant,
    passwords,
)
from tundish_platform.tenancy.accounts import (
    LoginRefused,
    check_password,
    check_token,
    create_tenant,
    create_token,
    create_user,
    grant_role,
    job_principal,
    login_of,
    principal_of_user,
    revoke_role,
    revoke_token,
    set_password,
    tenant_of_scope,
    tenants_of,
)
from tundish_platform.tenancy.metadata import Metadata

PASSWORD = "tap hole 42"
START = datetime(2026, 3, 1, 8, tzinfo=UTC)

Clock = Callable[[timedelta], None]


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same hash with little work in it, so that tests can log in hundreds of times."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    passwords._decoy.cache_clear()
    yield
    passwords._decoy.cache_clear()


@pytest.fixture
def plants(metadata: Metadata, cheap_hashes: None) -> Metadata:
    del cheap_hashes
    with metadata.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel")
        create_tenant(session, "power", "电厂", "Power", "Europe/Berlin")
        create_user(session, "Li.Wei", "李伟", PASSWORD, {"steel": [Role.PLANT_MANAGER]})
        create_user(session, "bureau", "Officer", PASSWORD, roles=[Role.BUREAU_OFFICER])
    return metadata


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    now = [START]
    monkeypatch.setattr(passwords, "utc_now", lambda: now[0])

    def forward(by: timedelta) -> None:
        now[0] += by

    return forward


def log_in(metadata: Metadata, login: str, password: str) -> str:
    try:
        with metadata.session() as session:
            return check_password(session, login, password).name
    except LoginRefused as refusal:
        return refusal.code


def test_real_hashes_are_argon2id_and_dear() -> None:
    assert passwords.hash_password(PASSWORD).startswith("$argon2id$")
    assert passwords._hasher.memory_cost >= 19 * 1024, "KiB; below what OWASP asks of Argon2id"
    assert passwords.matches(passwords.hash_password(PASSWORD), PASSWORD)
    assert not passwords.matches("not a hash", PASSWORD)


def test_a_person_gets_the_roles_given_and_no_others(plants: Metadata) -> None:
    with plants.session() as session:
        manager = check_password(session, "  li.wei ", PASSWORD)
        officer = check_password(session, "BUREAU", PASSWORD)
    assert access_tenant(manager, "steel", Permission.SUBSCRIBE).slug == "steel"
    with pytest.raises(AccessDenied):
        access_tenant(manager, "power", Permission.READ)
    access_programme(officer)
    assert officer.tenants == {}


def test_unknown_name_and_wrong_password_are_told_apart_by_nobody(plants: Metadata) -> None:
    texts = []
    for login, password in (("li.wei", "not the password"), ("nobody", PASSWORD)):
        with pytest.raises(LoginRefused) as caught, plants.session() as session:
            check_password(session, login, password)
        texts.append((caught.value.code, caught.value.message_zh, caught.value.message_en))
    assert texts[0] == texts[1]


def test_an_unknown_name_costs_as_many_hashes_as_a_known_one(
    plants: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(plants, "nobody", PASSWORD)
    hashes: list[str] = []
    verify = passwords._hasher.verify

    class Counting:
        def verify(self, password_hash: str, password: str) -> bool:
            hashes.append(password_hash.split("$")[3])
            return verify(password_hash, password)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    log_in(plants, "li.wei", "not the password")
    log_in(plants, "nobody", "not the password")
    assert len(hashes) == 2
    assert hashes[0] == hashes[1], "the decoy must cost what real hashes cost"


@pytest.mark.parametrize("login", ["li.wei", "nobody"])
def test_many_wrong_passwords_close_a_name_for_a_while(plants: Metadata, clock: Clock, login: str) -> None:
    for _ in range(passwords.MAX_FAILURES):
        assert log_in(plants, login, "not the password") == "wrong"
    assert log_in(plants, login, PASSWORD) == "locked"
    clock(passwords.LOCK_OUT - timedelta(seconds=1))
    with pytest.raises(LoginRefused) as caught, plants.session() as session:
        check_password(session, login, PASSWORD)
    assert caught.value.retry_after == timedelta(seconds=1)
    assert "1 min" in caught.value.message_en
    assert "1 分钟" in caught.value.message_zh
    clock(timedelta(seconds=1))
    assert log_in(plants, login, PASSWORD) == ("李伟" if login == "li.wei" else "wrong")


def test_after_a_lock_out_counting_starts_afresh(plants: Metadata, clock: Clock) -> None:
    for _ in range(passwords.MAX_FAILURES):
        log_in(plants, "li.wei", "not the password")
    clock(passwords.LOCK_OUT)
    assert log_in(plants, "li.wei", "not the password") == "wrong"
    assert log_in(plants, "li.wei", PASSWORD) == "李伟"


def test_the_right_password_forgives_wrong_ones(plants: Metadata, clock: Clock) -> None:
    for _ in range(3):
        for _ in range(passwords.MAX_FAILURES - 1):
            assert log_in(plants, "li.wei", "not the password") == "wrong"
        assert log_in(plants, "li.wei", PASSWORD) == "李伟"
        clock(timedelta(minutes=1))


def test_names_nobody_tried_for_a_day_are_forgotten(plants: Metadata, clock: Clock) -> None:
    log_in(plants, "guess-1", "not the password")
    clock(timedelta(days=2))
    log_in(plants, "guess-2", "not the password")
    with plants.session() as session:
        assert session.scalar(text("SELECT count(*) FROM login_attempt")) == 1


def test_a_disabled_person_is_refused_everywhere(plants: Metadata) -> None:
    with plants.session() as session:
        number = check_password(session, "li.wei", PASSWORD).id
        session.execute(
            text("UPDATE user_account SET disabled_at = '2026-01-01 00:00:00' WHERE id = :id"), {"id": number}
        )
    assert log_in(plants, "li.wei", PASSWORD) == "wrong"
    with pytest.raises(AccessDenied), plants.session() as session:
        principal_of_user(session, number)


def test_roles_are_read_anew_each_time(plants: Metadata) -> None:
    with plants.session() as session:
        number = check_password(session, "li.wei", PASSWORD).id
        grant_role(session, number, Role.VIEWER, "power")
        grant_role(session, number, Role.VIEWER, "power")
        assert principal_of_user(session, number).permissions("power") == {Permission.READ}
        revoke_role(session, number, Role.VIEWER, "power")
        assert "power" not in principal_of_user(session, number).tenants
        grant_role(session, number, Role.PLATFORM_OPERATOR)
        revoke_role(session, number, Role.PLATFORM_OPERATOR)
        assert principal_of_user(session, number).roles == frozenset()


def test_a_new_password_replaces_the_old_one_and_opens_a_closed_name(plants: Metadata) -> None:
    for _ in range(passwords.MAX_FAILURES):
        log_in(plants, "li.wei", "not the password")
    with plants.session() as session:
        set_password(session, 1, "another tap hole")
    assert log_in(plants, "li.wei", PASSWORD) == "wrong"
    assert log_in(plants, "li.wei", "another tap hole") == "李伟"


@pytest.mark.parametrize(
    ("role", "tenant"), [(Role.BUREAU_OFFICER, "steel"), (Role.OWNER, None), (Role.OWNER, "nowhere")]
)
def test_a_role_in_the_wrong_place_is_refused(plants: Metadata, role: Role, tenant: str | None) -> None:
    with pytest.raises(ValueError, match="tenant"), plants.session() as session:
        grant_role(session, 1, role, tenant)


@pytest.mark.parametrize(
    "slug", ["", "a", "Steel", "-steel", "steel-", "st eel", "../etc", "ste/el", "x" * 41]
)
def test_a_slug_that_could_be_a_path_or_an_address_is_refused(metadata: Metadata, slug: str) -> None:
    with pytest.raises(ValueError, match="slug"), metadata.session() as session:
        create_tenant(session, slug, "钢厂", "Steel")


@pytest.mark.parametrize("zone", ["", "Asia/Nowhere", "../../etc/passwd", "/etc/localtime"])
def test_an_unknown_time_zone_is_refused(metadata: Metadata, zone: str) -> None:
    with pytest.raises(ValueError, match="time zone"), metadata.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel", zone)


def test_a_short_password_is_refused(plants: Metadata) -> None:
    with pytest.raises(ValueError, match="10"), plants.session() as session:
        create_user(session, "new", "New", "short")


def test_a_token_is_kept_as_a_digest_only_and_opens_what_was_granted(plants: Metadata) -> None:
    with plants.session() as session:
        token = create_token(session, "collector", {"steel": [Role.COLLECTOR]}, [Role.BUREAU_OFFICER])
        create_token(
            session, "other", {"power": [Role.OWNER], "steel": [Role.OWNER]}, [Role.PLATFORM_OPERATOR]
        )
    assert token.startswith("tnd_")
    with plants.session() as session:
        principal = check_token(session, token)
        rows = session.execute(text("SELECT * FROM api_token")).all()
    assert principal.permissions("steel") == {Permission.INGEST}
    assert set(principal.tenants) == {"steel"}
    assert principal.roles == {Role.BUREAU_OFFICER}
    assert token not in str(rows)


def test_a_token_ends_when_it_expires_or_is_revoked(plants: Metadata, clock: Clock) -> None:
    with plants.session() as session:
        short = create_token(session, "a", {"steel": [Role.VIEWER]}, expires_at=START + timedelta(hours=1))
        other = create_token(session, "b", {"steel": [Role.VIEWER]})
    clock(timedelta(minutes=59))
    with plants.session() as session:
        assert check_token(session, short).name == "a"
        assert revoke_token(session, "b")
        assert not revoke_token(session, "b")
    clock(timedelta(minutes=1))
    for token in (short, other, "tnd_", "", "tnd_" + "x" * 43, short + " ", "\ud800"):
        with pytest.raises(AccessDenied), plants.session() as session:
            check_token(session, token)


def test_use_of_a_token_is_noted_at_most_once_a_minute(plants: Metadata, clock: Clock) -> None:
    with plants.session() as session:
        token = create_token(session, "a", {"steel": [Role.VIEWER]})
    seen = []
    for _ in range(4):
        with plants.session() as session:
            check_token(session, token)
        with plants.session() as session:
            seen.append(str(session.scalar(text("SELECT last_used_at FROM api_token"))))
        clock(timedelta(seconds=30))
    assert len(set(seen)) == 2


def test_a_person_or_tenant_that_is_gone_is_refused_and_not_taken_for_another(plants: Metadata) -> None:
    with plants.session() as session:
        job = job_principal(session, "test")
        scopes = {slug: access_tenant(job, slug, Permission.READ) for slug in ("steel", "power")}
        for slug, scope in scopes.items():
            assert tenant_of_scope(session, scope).slug == slug
        assert login_of(session, check_password(session, "bureau", PASSWORD).id) == "bureau"
        session.execute(text("DELETE FROM tenant WHERE slug = 'steel'"))
    with plants.session() as session:
        with pytest.raises(AccessDenied, match="gone"):
            tenant_of_scope(session, scopes["steel"])
        with pytest.raises(AccessDenied, match="no user"):
            login_of(session, 99)
        with pytest.raises(ValueError, match="no user"):
            set_password(session, 99, "another tap hole")


def test_a_job_has_one_role_in_every_tenant_and_none_above(plants: Metadata) -> None:
    with plants.session() as session:
        job = job_principal(session, "adoption")
        assert [tenant.slug for tenant in tenants_of(session, job)] == ["power", "steel"]
        scope = access_tenant(job, "power", Permission.READ)
        assert tenant_of_scope(session, scope).timezone == "Europe/Berlin"
    with pytest.raises(AccessDenied):
        access_tenant(job, "power", Permission.INGEST)
    with pytest.raises(AccessDenied):
        access_programme(job)
