from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import sessionmaker
from sqlalchemy.orm.exc import StaleDataError

from tundish_platform.api import queries
from tundish_platform.api.answers import BATCHES_MIME
from tundish_platform.samples import SampleKind, encode_batch, encode_frames
from tundish_platform.store.lifecycle.policy import Policy
from tundish_platform.store.lifecycle.quota import LimitSizes

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World
    from werkzeug.test import TestResponse

    from tundish_platform.samples import SampleBatch

ROOT = "/api/v1/tenants/steel"
WINDOW = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}


def get(world: World, path: str, who: str = "all", **query: Any) -> TestResponse:  # noqa: ANN401 - JSON of any shape
    return world.app.test_client().get(path, query_string=query, headers=world.header(who))


def assert_problem(answer: TestResponse, status: int) -> None:
    assert answer.status_code == status, answer.text
    error = answer.get_json()
    assert set(error) >= {"type", "title", "status", "detail", "code", "message", "message_zh"}
    assert answer.mimetype == "application/problem+json"
    assert (error["status"], error["detail"]) == (status, error["message"])
    assert error["type"] == f"urn:tundish:problem:{error['code']}"
    assert error["message"].isascii() or "—" in error["message"]
    assert any("\u4e00" <= character <= "\u9fff" for character in error["message_zh"])
    assert "Traceback" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("samples", {}),
        ("samples", {"signals": "1"}),
        ("samples", {"signals": "1", **WINDOW, "start": "2026-01-01T00:00:00"}),
        ("samples", {"signals": "1", **WINDOW, "start": "yesterday"}),
        ("samples", {"signals": "1", **WINDOW, "start": "0001-01-01T00:00:00+14:00"}),
        ("samples", {"signals": "1", **WINDOW, "start": "2026-01-03T00:00:00Z"}),
        ("samples", {"signals": "1", **WINDOW, "start": "0001-01-01T00:00:00Z"}),
        (
            "samples",
            {"signals": "1", **WINDOW, "start": "1969-12-31T23:59:59Z", "end": "1970-01-02T00:00:00Z"},
        ),
        ("samples", {"signals": "1,", **WINDOW}),
        ("samples", {"signals": "-1", **WINDOW}),
        ("samples", {"signals": "4294967296", **WINDOW}),
        ("samples", {"signals": "١", **WINDOW}),
        ("samples", {"signals": ",".join(["1"] * 501), **WINDOW}),
        ("samples", {"signals": "1", **WINDOW, "kind": "gap"}),
        ("samples", {"signals": "1", **WINDOW, "format": "pickle"}),
        ("samples", {"signals": "1", **WINDOW, "surprise": "1"}),
        ("samples", {"signals": ["1", "2"], **WINDOW}),
        ("trend", {"signals": "1", **WINDOW, "max_points": "1"}),
        ("trend", {"signals": "1", **WINDOW, "max_points": "20001"}),
        ("trend", {"signals": "1", **WINDOW, "max_points": "1e3"}),
        ("wide", {"signals": "1", **WINDOW}),
        ("wide", {"signals": "1", **WINDOW, "step_s": "nan"}),
        ("wide", {"signals": "1", **WINDOW, "step_s": "-1"}),
        ("wide", {"signals": "1", **WINDOW, "step_s": "0.001"}),
        ("wide", {"signals": "1", **WINDOW, "step_s": "60", "interpolation": "cubic"}),
        ("trend", {"signals": "1", **WINDOW, "thinning": "average"}),
        ("export", {"signals": "1", **WINDOW, "format": "xlsx"}),
        ("export", {"signals": "1", **WINDOW, "kind": "gap"}),
        ("export", {**WINDOW}),
        ("latest", {"signals": "x"}),
        ("latest", {"signals": "1\x00"}),
        ("signals", {"tenant": "power"}),
    ],
)
def test_bad_parameters_are_named(world: World, path: str, query: dict[str, Any]) -> None:
    assert_problem(get(world, f"{ROOT}/{path}", **query), 400)


def test_control_characters_are_refused_wherever_they_stand(world: World) -> None:
    assert get(world, f"{ROOT}/members", search="li").status_code == 200
    for text in ("li\0", "\x1b[2J", "li\nwei"):
        assert_problem(get(world, f"{ROOT}/members", search=text), 400)


def test_a_token_without_its_scheme_is_none(world: World) -> None:
    token, client = world.tokens["all"], world.app.test_client()
    for header in (token, f"Token {token}", f"bearer{token}", f"Basic {token}"):
        answer = client.get("/api/v1/me", headers={"Authorization": header})
        assert_problem(answer, 401)
    assert client.get("/api/v1/me", headers=world.header("all")).status_code == 200


def test_unknown_signals_are_named(world: World) -> None:
    answer = get(world, f"{ROOT}/samples", signals="1,999", **WINDOW)
    assert_problem(answer, 422)
    assert "999" in answer.json["message"]  # type: ignore[index]


def test_a_plus_sign_that_was_not_escaped_is_understood(world: World) -> None:
    query = "signals=1&start=2026-01-01T08:00:00+08:00&end=2026-01-02T08:00:00%2B08:00"
    answer = world.app.test_client().get(f"{ROOT}/gaps?{query}", headers=world.header("all"))
    assert answer.status_code == 200


def test_errors_of_flask_itself_speak_the_same_way(world: World) -> None:
    client, header = world.app.test_client(), world.header("all")
    assert_problem(client.get("/api/v1/nothing", headers=header), 404)
    assert_problem(client.get(f"{ROOT}/sources/a%00b", headers=header), 405)
    refused = client.delete("/api/v1/me", headers=header)
    assert_problem(refused, 405)
    assert "GET" in refused.headers["Allow"]
    put = f"{ROOT}/signals"
    assert_problem(client.put(put, data="{", content_type="application/json", headers=header), 400)
    assert_problem(client.put(put, data="{}", content_type="text/plain", headers=header), 415)
    assert_problem(client.put(put, json={"source": "x"}, headers=header), 422)
    assert_problem(client.put(put, json=[], headers=header), 422)
    assert_problem(client.put(f"{ROOT}/sources/a%00b", json={"state": "down"}, headers=header), 404)
    assert_problem(client.put(f"{ROOT}/sources/{'x' * 121}", json={"state": "down"}, headers=header), 422)
    surrogate = '{"state": "down", "message_en": "\\ud800"}'
    answer = client.put(f"{ROOT}/sources/a", data=surrogate, content_type="application/json", headers=header)
    assert_problem(answer, 400)


@pytest.mark.parametrize("path", ["/api/v1/sessions", f"{ROOT}/signals"])
@pytest.mark.parametrize("deep", [b"[" * 1_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b"[" * 100_000])
def test_a_body_nested_too_deeply_is_a_bad_request(world: World, path: str, deep: bytes) -> None:
    send = world.app.test_client().open
    method = "PUT" if path.endswith("signals") else "POST"
    session = world.header("all")
    answer = send(path, method=method, data=deep, content_type="application/json", headers=session)
    assert_problem(answer, 400)


def test_a_body_may_be_nested_as_deeply_as_anything_needs(world: World) -> None:
    loads = world.app.json.loads
    assert loads(b"[" * 199 + b"]" * 199) != []
    with pytest.raises(ValueError, match="recursion"):
        loads(b"[" * 900 + b"]" * 900)
    # What JSON lacks and Python's reader took stays taken; models refuse it where it matters.
    assert loads(b'{"n": Infinity, "big": 123456789012345678901234567890}') == {
        "n": float("inf"),
        "big": 123456789012345678901234567890,
    }


def test_a_number_that_no_database_holds_is_nobodys(world: World) -> None:
    numbered = [rule for rule in world.app.url_map.iter_rules() if "<int:" in rule.rule]
    assert len(numbered) > 50
    for rule in numbered:
        for number in (10**10, 2**63, 10**400):
            path = re.sub(r"<int:\w+>", str(number), rule.rule).replace("<tenant>", "steel")
            for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
                answer = world.app.test_client().open(path, method=method, headers=world.header("all"))
                assert answer.status_code == 404, (method, path)


def test_a_result_of_a_job_has_numbers_that_databases_hold(world: World) -> None:
    for number, status in ((2**63, 409), (2**64, 422), (-(2**70), 422)):
        body = {"lease": "nobody-held-this", "result": {"models": number}}
        done = world.app.test_client().post(f"{ROOT}/jobs/1/done", json=body, headers=world.header("all"))
        assert_problem(done, status)


def test_a_body_beyond_the_limit_is_413(world: World) -> None:
    client, header = world.app.test_client(), world.header("all")
    for path, limit, kind in (("ingest", 64, BATCHES_MIME), ("signals", 64, "application/json")):
        send = client.post if path == "ingest" else client.put
        body = bytes(limit * 1024 * 1024 + 1)
        assert_problem(send(f"{ROOT}/{path}", data=body, content_type=kind, headers=header), 413)
    body = bytes(8 * 1024 * 1024 + 1)
    answer = client.put(f"{ROOT}/sources/opc", data=body, content_type="application/json", headers=header)
    assert_problem(answer, 413)


def test_a_failure_of_ours_is_500_and_says_nothing_of_its_inside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(queries, "signals_page", fail)
    answer = get(world, f"{ROOT}/latest")
    assert_problem(answer, 500)
    assert "secret" not in answer.text


def test_an_unreachable_database_is_503(world: World) -> None:
    with world.context.metadata.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE signal")
    answer = get(world, f"{ROOT}/signals")
    assert_problem(answer, 503)
    assert answer.headers["Retry-After"] == "5"


def test_a_database_that_is_locked_for_too_long_is_503_and_one_without_connections_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = world.context.metadata.engine.url
    impatient = create_engine(
        url, pool_size=1, max_overflow=0, pool_timeout=0.1, connect_args={"timeout": 0.1}
    )
    monkeypatch.setattr(world.context.metadata, "_sessions", sessionmaker(impatient, expire_on_commit=False))
    body = {"login": "li", "roles": [{"role": "viewer"}]}

    def invite() -> TestResponse:
        return world.app.test_client().post(f"{ROOT}/invitations", json=body, headers=world.header("all"))

    with world.context.metadata.engine.begin() as writer:
        writer.exec_driver_sql("UPDATE tenant SET slug = slug")
        locked = invite()
        assert_problem(locked, 503)
        assert int(locked.headers["Retry-After"]) >= 1
    with impatient.connect():
        empty = invite()
        assert_problem(empty, 503)
        assert int(empty.headers["Retry-After"]) >= 1
    assert invite().status_code in {200, 201}
    impatient.dispose()


@pytest.mark.parametrize("kind", [StaleDataError, IntegrityError])
def test_what_somebody_else_changed_at_the_same_time_is_409(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def fail(*_arguments: object) -> None:
        raise kind("", None, ValueError()) if kind is IntegrityError else kind("0 rows matched")

    monkeypatch.setattr(queries, "signals_page", fail)
    assert_problem(get(world, f"{ROOT}/latest"), 409)


@pytest.mark.parametrize("body", [b"garbage", b"\x05\x00\x00\x00hello", b"\xff\xff\xff\xff"])
def test_bytes_that_are_no_batches_are_400(world: World, body: bytes) -> None:
    answer = world.app.test_client().post(
        f"{ROOT}/ingest", data=body, content_type=BATCHES_MIME, headers=world.header("all")
    )
    assert_problem(answer, 400)


TEXT = st.text(max_size=12)
IDS = st.one_of(TEXT, st.lists(st.integers(-1, 9), max_size=4).map(lambda ids: ",".join(map(str, ids))))
TIMES = st.one_of(
    TEXT,
    st.datetimes().map(datetime.isoformat),
    st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
    st.integers(-200, 200).map(lambda n: (datetime.now(UTC) + timedelta(minutes=n)).isoformat()),
)
NUMBERS = st.one_of(TEXT, st.integers().map(str), st.floats().map(str))
WORDS = st.one_of(
    TEXT,
    st.sampled_from(["numeric", "integer", "text", "array", "gap", "json", "arrow", "csv", "feather"]),
    st.sampled_from(["signal", "step", "line", "extremes", "raw", "shape"]),
)
BY = st.sampled_from(["hour", "shift", "production_day", "day", "week", "month", "step", "", "minute"])
SHIFTS = st.one_of(TEXT, st.lists(st.times().map("{:%H:%M}".format), max_size=4).map(",".join))
ZONES = st.one_of(
    TEXT, st.sampled_from(["Europe/Berlin", "Asia", "..", "/etc/passwd", "UTC", "Pacific/Apia"])
)
QUERY = st.fixed_dictionaries(
    {},
    optional={
        "signals": IDS,
        "start": TIMES,
        "end": TIMES,
        "kind": WORDS,
        "format": WORDS,
        "max_points": NUMBERS,
        "step_s": NUMBERS,
        "by": BY,
        "shifts": SHIFTS,
        "day_begins": SHIFTS,
        "zone": ZONES,
        "interpolation": WORDS,
        "thinning": WORDS,
        "app": TEXT,
        "rule": TEXT,
    },
)


OWN = {
    "aggregate": ("by", "step_s", "shifts", "day_begins", "zone", "interpolation"),
    "states": ("by", "step_s", "shifts", "day_begins", "zone"),
    "export": ("kind", "format"),
    "trend": ("thinning", "max_points"),
}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), query=QUERY)
def test_no_query_makes_the_platform_fail(world: World, data: st.DataObject, query: dict[str, str]) -> None:
    paths = sorted(rule.rule for rule in world.app.url_map.iter_rules() if "GET" in rule.methods)
    path = data.draw(st.sampled_from(paths))
    values = {"<tenant>": "steel", "<app_id>": "spc", "<uscc>": "x"}
    for name, value in values.items():
        path = path.replace(name, value)
    # Many drawn keys are foreign to the drawn route; without those, its own values are reached too.
    known = data.draw(st.booleans())
    more = OWN.get(path.rsplit("/", maxsplit=1)[1], ())
    if known:
        query = {name: value for name, value in query.items() if name in {"signals", "start", "end", *more}}
    answer = get(world, path, **query)
    # A live stream ends only when its reader goes.
    answer.close()
    # Where only people are answered, services are refused.
    assert answer.status_code in {200, 400, 403, 404, 422}, (path, query)
    if answer.status_code != 200:
        assert answer.get_json()["message_zh"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SIGNAL = st.fixed_dictionaries(
    {
        "path": st.text(max_size=8),
        "name_zh": st.text(max_size=4),
        "name_en": st.just("n"),
        "semantic": st.just("s"),
    },
    optional={"period_s": st.floats(), "low": st.floats(), "kind": WORDS, "unit": st.text(max_size=4)},
)
BODY = st.one_of(
    JSON,
    st.fixed_dictionaries({"source": st.text(max_size=4), "signals": st.lists(SIGNAL, max_size=3)}),
    st.fixed_dictionaries({"state": st.just("running"), "message_zh": st.text(max_size=4), "counts": JSON}),
    st.fixed_dictionaries({"app": st.text(max_size=4), "parameters": JSON}),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), body=BODY)
def test_no_body_makes_the_platform_fail(world: World, data: st.DataObject, body: Any) -> None:  # noqa: ANN401 - JSON of any shape
    writes = [("put", "signals"), ("put", "sources/opc"), ("post", "subscriptions"), ("post", "runs")]
    method, path = data.draw(st.sampled_from(writes))
    header = {"Content-Type": "application/json", **world.header("all")}
    answer = world.app.test_client().open(
        f"{ROOT}/{path}", method=method, data=json.dumps(body), headers=header
    )
    assert answer.status_code in {200, 400, 404, 422}, (path, body, answer.text)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.integers(0, 2_000),
    flips=st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=4),
)
def test_no_mangled_batch_makes_the_platform_fail(
    world: World,
    mixed_body: bytes,
    cut: int,
    flips: list[tuple[int, int]],
) -> None:
    body = bytearray(mixed_body)
    for position, value in flips:
        body[position % len(body)] = value
    answer = world.app.test_client().post(
        f"{ROOT}/ingest",
        data=bytes(body[: len(body) - cut]),
        content_type=BATCHES_MIME,
        headers=world.header("all"),
    )
    assert answer.status_code in {200, 400, 422}, answer.text


@pytest.fixture
def mixed_body(make_batches: Callable[[], list[SampleBatch]]) -> bytes:
    return encode_frames(encode_batch(one) for one in make_batches())


def test_a_tenant_over_its_quota_is_told_when_to_come_again(
    world: World, make_batch: Callable[..., SampleBatch]
) -> None:
    world.context.telemetry.limits.policy = lambda _: Policy(rows_per_s=0.5, burst_rows=2)
    one = make_batch(SampleKind.NUMERIC, world.ids["pressure"], [1.0, 2.0], datetime.now(UTC))

    def send() -> TestResponse:
        return world.app.test_client().post(
            f"{ROOT}/ingest",
            data=encode_frames([encode_batch(one)]),
            content_type=BATCHES_MIME,
            headers=world.header("collector"),
        )

    assert send().status_code == 200
    refused = send()
    assert_problem(refused, 429)
    assert refused.get_json()["code"] == "over_quota"
    assert 1 <= int(refused.headers["Retry-After"]) <= 4


def test_a_query_that_takes_too_long_is_told_so(world: World) -> None:
    world.context.telemetry.limits.sizes = LimitSizes(query_s=-1.0)
    refused = get(world, f"{ROOT}/samples", signals=str(world.ids["pressure"]), **WINDOW)
    assert_problem(refused, 422)
    assert refused.get_json()["code"] == "query_too_long"
