"""Calls as a client makes them: they fill the world, and torn they get deeper than what is made up whole."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tundish_platform.programme.uscc import check_digit, organisation_digit
from tundish_platform.sdk.package import package_of
from tundish_platform.sdk.signing import fingerprint, key_text, new_key, package_text, public_part, sign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_platform.sdk.package import Package

APP, LINE = "spc-monitor", "S/fuzz/L1"
ENTERPRISES: Final = tuple(
    body + organisation_digit(body[8:]) + check_digit(body + organisation_digit(body[8:]))
    for body in (f"91999900FA00000{number}" for number in range(8))
)
"""The first is the plant's own; the last is merged into another one."""
_PLANT: Final = "/tenants/{tenant}"
_REGISTER: Final = "/programme/register"
_NAMES: Final = {"name_zh": "泵", "name_en": "Pump"}
_CSV: Final = "text/csv"
_SIGNING: Final = new_key()
_MANIFEST: Final = """
id = "probe"
version = "{version}"
entry = "tundish_app_probe.app:run"
publisher = "Acme"
problems = ["quality"]
schedule_s = 60
window_s = 600
name = {{ zh = "测试", en = "test" }}
description = {{ zh = "测试", en = "test" }}
data_use = {{ zh = "不使用", en = "none" }}
inputs = [{{ key = "any", semantic = "pressure.*", name = {{ zh = "压力", en = "pressure" }} }}]
outputs = [{{ key = "number", name = {{ zh = "数", en = "number" }} }}]
"""
_CODE: Final = """
from tundish_platform.sdk import AppOutputs, window_values


def run(inputs):
    if inputs.missing():
        return AppOutputs(missing=inputs.missing())
    return AppOutputs(values=window_values({"number": 1.0}, inputs.end))
"""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is answered with success while its world is new.

    Attributes:
        path: as the document writes it, below the API's root.
        body: JSON, or bytes of another type.
        named: values of the address's places that are not the world's usual ones.
        gives: the place of an address that names what the call makes; ``""`` if it makes nothing.
        field: of the answer, which says that name.
    """

    method: str
    path: str
    body: Any = None
    media: str = "application/json"
    named: tuple[tuple[str, str], ...] = ()
    gives: str = ""
    field: str = "id"


def calls(signal: int, now: datetime | None = None) -> list[Call]:
    """All of them, in an order in which each finds what it needs.

    Args:
        signal: number of a numeric signal of pressure.
        now: the clock's time; the present without.
    """
    moment = now or datetime.now(UTC)
    return [
        *_of_alarms(signal, moment), *_of_assets(moment), *_of_models(moment), *_of_people(),
        *_of_packages(moment), *_of_apps(signal, moment), *_of_programme(moment),
    ]  # fmt: skip


def _of_alarms(signal: int, now: datetime) -> Iterator[Call]:
    rule = {"signal": signal, "kind": "high", "threshold": 5.0, **_NAMES}
    yield Call("POST", f"{_PLANT}/alarm-rules", rule, gives=f"{_PLANT}/alarm-rules/{{rule}}")
    yield Call("PUT", f"{_PLANT}/alarm-rules/{{rule}}", {"version": 1, "rule": rule | {"threshold": 6.0}})
    robot = {"kind": "wecom", "name": "w", "url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=s"}
    way = f"{_PLANT}/alarm-channels"
    yield Call("POST", way, robot, gives=f"{way}/{{channel}}")
    yield Call("PUT", f"{way}/{{channel}}", {"version": 1, "channel": robot | {"name": "v"}})
    yield Call("PUT", f"{way}/{{channel}}/enabled", {"version": 2, "enabled": True})
    yield Call("POST", f"{way}/{{channel}}/test")
    policy = {"name": "night", "steps": [{"after_minutes": 0, "channels": [1]}]}
    yield Call("POST", f"{_PLANT}/alarm-policies", policy, gives=f"{_PLANT}/alarm-policies/{{policy}}")
    yield Call("PUT", f"{_PLANT}/alarm-policies/{{policy}}", {"version": 1, "policy": policy})
    yield Call("PUT", f"{_PLANT}/alarm-contacts/{{user}}", {"mail": "w@steel.example"})
    report = {"key": "k", "active": True, "ts": _at(now), **_NAMES}
    yield Call("PUT", f"{_PLANT}/sources/{{name}}/alarms", {"alarms": [report]})
    yield Call("POST", f"{_PLANT}/alarms/{{alarm}}", {"transition": "acknowledged", "comment": "seen"})
    alert = dict.fromkeys(("target_zh", "target_en", "label_zh", "label_en", "check_zh", "check_en"), "x")
    alert |= dict.fromkeys(("since", "opened_at", "judged_to", "window_start", "window_end"), _at(now))
    sure: dict[str, Any] = {"confidence": 0.9, "sureness": "interval", "completeness": 1.0, "priority": 2}
    named = {"model": "m", "version": "1", "line": LINE, "target": "t"}
    yield Call("POST", f"{_PLANT}/alerts", alert | sure | named)
    yield Call("POST", f"{_PLANT}/alerts/{{alert}}/feedback", {"verdict": "confirmed", "note": "n"})
    stay = {"path": "S", "starts_at": _at(now, 1), "ends_at": _at(now, 2), "reason": "r"}
    yield Call("POST", f"{_PLANT}/maintenance", stay, gives=f"{_PLANT}/maintenance/{{window}}")
    yield Call("POST", f"{_PLANT}/maintenance/{{window}}/end")
    failed = {"path": "S", "failed_at": _at(now, -1), "note": "n"}
    yield Call("POST", f"{_PLANT}/failures", failed, gives=f"{_PLANT}/failures/{{number}}")


def _of_assets(now: datetime) -> Iterator[Call]:
    velocity = {**_NAMES, "semantic": "vibration.velocity.rms", "unit": "mm/s"}
    tree = f"{_PLANT}/assets"
    yield Call("POST", tree, {"code": "F9", **_NAMES}, gives=f"{tree}/{{asset}}")
    yield Call("POST", tree, {"code": "F8", "parent": 1, **_NAMES})
    yield Call("PATCH", f"{tree}/{{asset}}", {"version": 1, "position": 3})
    yield Call("POST", f"{tree}/{{asset}}/move", {"version": 2, "parent": 1})
    yield Call("PUT", f"{_PLANT}/asset-types/{{name}}", {**_NAMES, "signals": {"Pump/V": velocity}})
    yield Call("PUT", f"{tree}/{{asset}}/type", {"version": 3, "type": "opc", "type_version": 1})
    yield Call("POST", f"{_PLANT}/kits/{{name}}", {"apply": False}, named=(("name", "plate-line"),))
    spec = {"path": f"{LINE}/M/C/Pressure", "unit": "bar", "semantic": "pressure.x", **_NAMES}
    yield Call("PUT", f"{_PLANT}/signals", {"source": "opc", "signals": [spec]})
    row = {"path": spec["path"], "ts": _at(now), "value": 1.0}
    yield Call("POST", f"{_PLANT}/telemetry", [row])
    yield Call("PUT", f"{_PLANT}/sources/{{name}}", {"state": "running", "counts": {"sent": 1}})
    term = {"path": spec["path"], "unit": "bar", "semantic": "pressure.x"}
    yield Call("PUT", f"{_PLANT}/contracts/{{name}}", {"source": "opc", "signals": [term]})
    heat = {
        "kind": "lot",
        "series": "heat",
        "number": "1",
        "stays": [{"path": f"{LINE}/M", "starts_at": _at(now)}],
    }
    coil = {
        "kind": "piece",
        "series": "coil",
        "number": "1",
        "made_from": [{"series": "heat", "number": "1"}],
    }
    yield Call("PUT", f"{_PLANT}/products", {"products": [heat, coil]})
    yield Call("PUT", f"{_PLANT}/code-prefix", {"prefix": "88.123.45678"})
    code = {"suffix": "c1", "product": {"series": "coil", "number": "1"}}
    yield Call("PUT", f"{_PLANT}/codes", {"codes": [code]})
    yield Call("POST", f"{_PLANT}/codes/publish", {"codes": ["88.123.45678/c1"], "published": True})
    yield Call("PUT", f"{_PLANT}/tables/assets", b"path,name_zh,name_en\nS,\xe5\x8e\x82,Works\n", _CSV)
    yield Call("PUT", f"{_PLANT}/tables/signals", f"path,name_en\n{spec['path']},P\n".encode(), _CSV)


def _of_models(now: datetime) -> Iterator[Call]:
    card = {
        "trained_from": _at(now), "trained_to": _at(now), "cases": 1, "features": ["x"], "code": "c",
        "protocol_zh": "p", "protocol_en": "p", "metrics": {"f1": 0.9}, "limits_zh": "l", "limits_en": "l",
    }  # fmt: skip
    model = {"line": LINE, "model": "m", "version": "2", "digest": "b" * 64, "card": card}
    yield Call("POST", f"{_PLANT}/models", model, gives=f"{_PLANT}/models/{{model}}")
    report = {"kind": "drift", "level": "watch", "moment": _at(now), "evidence": {"psi": 0.3}}
    yield Call("POST", f"{_PLANT}/models/{{model}}/reports", report)
    yield Call("POST", f"{_PLANT}/models/{{model}}/decision", {"decision": "approve", "reason": "r"})
    train = {"kind": "train", "arguments": {"line": LINE}}
    yield Call("POST", f"{_PLANT}/jobs", train, gives=f"{_PLANT}/jobs/{{job}}")
    cron = train | {"cron": "0 3 1 1 *"}
    yield Call("POST", f"{_PLANT}/job-schedules", cron, gives=f"{_PLANT}/job-schedules/{{schedule}}")
    yield Call("POST", "/jobs/claim", {"kinds": ["train"], "worker": "w", "lease_s": 60.0, "wait_s": 0.0})
    held = {"lease": "nobody-held-this"}
    yield Call("POST", f"{_PLANT}/jobs/{{job}}/progress", held | {"share": 0.5})
    yield Call("POST", f"{_PLANT}/jobs/{{job}}/done", held | {"result": {"models": 1}})
    yield Call("POST", f"{_PLANT}/jobs/{{job}}/failed", held | {"zh": "坏", "en": "bad", "again": True})
    yield Call("POST", f"{_PLANT}/jobs/{{job}}/cancel")


def _of_people() -> Iterator[Call]:
    viewer = {"role": "viewer", "place": LINE}
    key = {"name": "fuzz", "roles": [viewer], "days": 1}
    yield Call("POST", f"{_PLANT}/keys", key, gives=f"{_PLANT}/keys/{{key}}")
    guest = {"login": "guest@steel", "roles": [viewer]}
    yield Call("POST", f"{_PLANT}/invitations", guest, gives=f"{_PLANT}/invitations/{{invitation}}")
    yield Call("POST", f"{_PLANT}/members/{{person}}/roles", {"role": "viewer", "place": ""})
    yield Call("POST", "/sessions", {"login": "manager", "password": "manager of the test"})
    yield Call("POST", "/me/second-factor", {"password": "manager of the test"})
    yield Call("POST", "/me/passkeys/options")
    yield Call("POST", "/sessions/passkey/options")
    yield Call("POST", "/me/invitations", {"token": "nobody-gave-this"})
    accepted = {"token": "nobody-gave-this", "name": "n", "password": "a long password"}
    yield Call("POST", "/invitations/accept", accepted)


def _of_packages(now: datetime) -> Iterator[Call]:
    public, mine = public_part(_SIGNING), f"{_PLANT}/publisher"
    yield Call("PUT", mine, {"name": "Acme"})
    proof = sign(_SIGNING, key_text("steel", public)).hex()
    yield Call("POST", f"{mine}/keys", {"public_key": public, "proof": proof})
    mark = (("mark", fingerprint(public)),)
    yield Call("POST", "/review/keys/{mark}/confirmation", named=mark)
    for number, version in enumerate(("1.0.0", "1.1.0"), 1):
        made = _package(version)
        signed = sign(_SIGNING, package_text("probe", version, made.digest)).hex()
        sent = {"archive": base64.b64encode(made.data).decode(), "signature": signed}
        yield Call("POST", f"{_PLANT}/versions", sent)
        named = (("app_id", "probe"), ("version", version))
        yield Call("POST", f"{_PLANT}/versions/{{app_id}}/{{version}}/check", named=named)
        approval = {"act": "approve", "reason": "r"}
        which = (("number", str(number)),)
        yield Call("POST", "/review/versions/{number}/decision", approval, named=which)
        if number == 1:
            # While there is no newer version yet.
            yield Call("POST", f"{_PLANT}/subscriptions", {"app": "probe"})
    on = (("app_id", "probe"),)
    yield Call("POST", f"{_PLANT}/subscriptions/{{app_id}}/upgrades", {"version": "1.1.0"}, named=on)
    tried = {"new": {"version": "1.1.0", "outcome": "ok"}}
    yield Call("POST", f"{_PLANT}/upgrades/{{upgrade}}/shadow", tried)
    yield Call("POST", f"{_PLANT}/upgrades/{{upgrade}}/decision", {"take": True})
    yield Call("PUT", f"{_PLANT}/subscriptions/{{app_id}}/follow", {"follow": "patches"}, named=on)
    yield Call("POST", f"{_PLANT}/subscriptions/{{app_id}}/rollback", named=on)
    yield Call("POST", f"{_PLANT}/upgrades/patches")
    gone = {"since": _at(now, 365), "reason": "r"}
    yield Call("POST", f"{mine}/keys/{{mark}}/revocation", gone, named=(("mark", "0" * 64),))
    yield Call("POST", "/review/keys/{mark}/revocation", gone, named=(("mark", "0" * 64),))
    taken = (("app_id", "probe"), ("version", "0.9.0"))
    yield Call("POST", f"{_PLANT}/versions/{{app_id}}/{{version}}/withdrawal", {"reason": "r"}, named=taken)


def _of_apps(signal: int, now: datetime) -> Iterator[Call]:
    use = f"{_PLANT}/subscriptions/{{app_id}}"
    yield Call("POST", f"{_PLANT}/subscriptions", {"app": APP, "parameters": {}})
    for app in ("product-passport", "peer-benchmark", "maturity-check"):
        yield Call("POST", f"{_PLANT}/subscriptions", {"app": app})
    run = {
        "app": APP, "version": "0.1.0", "outcome": "ok", "started_at": _at(now), "seconds": 1.0,
        "window_start": _at(now, -1), "window_end": _at(now), "rows_in": 1, "values_out": 0,
        "isolation": "process", "filtered": True, "screen": None,
    }  # fmt: skip
    yield Call("POST", f"{_PLANT}/runs", run)
    own = (("app_id", APP),)
    yield Call("PUT", f"{_PLANT}/apps/{{app_id}}/stars", {"stars": 5, "text": "good"}, named=own)
    yield Call("PUT", "/review/stars/{number}/hiding", {"reason": "r"}, named=(("number", "1"),))
    yield Call("PUT", f"{_PLANT}/apps/{{app_id}}/matching", {"inputs": {"values": [signal]}}, named=own)
    passport, peers = (("app_id", "product-passport"),), (("app_id", "peer-benchmark"),)
    yield Call("PUT", f"{_PLANT}/grants/{{app_id}}/records", {"kinds": ["product_events"]}, named=passport)
    paper = {"documents": [{"key": "passport", "subject": "coil 1", "content": {"a": 1}}]}
    papers = f"{_PLANT}/documents/{{number}}"
    yield Call("POST", f"{_PLANT}/apps/{{app_id}}/documents", paper, named=passport)
    yield Call("POST", f"{papers}/share", {"until": _at(now, 30)}, gives="/documents/{code}", field="code")
    yield Call("PUT", f"{_PLANT}/grants/{{app_id}}/records", {"kinds": ["peers"]}, named=peers)
    yield Call("POST", f"{_PLANT}/grants/{{app_id}}/peer-figures", {"figures": {"oee": 0.5}}, named=peers)
    told = {"answers": {"equipment": "fully"}}
    yield Call("POST", f"{_PLANT}/apps/{{app_id}}/answers", told, named=(("app_id", "maturity-check"),))
    yield Call("PUT", f"{_PLANT}/grants/{{app_id}}/{{number}}", named=(("number", str(signal)),))
    yield Call("POST", f"{use}/plan", {"plan": "free"})
    yield Call("POST", f"{use}/pause")
    yield Call("POST", f"{use}/resume")
    yield Call("POST", f"{use}/restart")
    yield Call("POST", f"{_PLANT}/trials", {"app": APP, "parameters": {}})
    result = {"lease": "nobody-held-this", "result": {"step_s": 60.0, "windows": []}}
    yield Call("POST", f"{_PLANT}/trials/{{trial}}/result", result)
    yield Call("POST", f"{_PLANT}/trials/{{trial}}/cancel")
    gone = (("app_id", "maturity-check"),)
    yield Call("POST", f"{use}/cancellation", {"outputs": "remove"}, named=gone)


def _of_programme(now: datetime) -> Iterator[Call]:
    of = f"{_REGISTER}/enterprises/{{uscc}}"
    fields = {"name_zh": "一厂", "industry": "C3130", "region": "431382"}
    for uscc in ENTERPRISES[1:]:
        yield Call("POST", _REGISTER, {"uscc": uscc, "fields": fields, "demo": True, "note": "n"})
    yield Call("PATCH", of, {"fields": {"staff": "12"}, "note": "n"})
    yield Call("POST", f"{of}/contacts", {"name": "x"}, gives=f"{of}/contacts/{{number}}")
    file = f"uscc,name_zh\n{ENTERPRISES[1]},x\n".encode()
    yield Call("POST", f"{_REGISTER}/imports", file, _CSV, gives=f"{_REGISTER}/imports/{{number}}")
    yield Call("POST", f"{_REGISTER}/imports/{{number}}/confirm", {"digest": "0" * 64, "skip_wrong": True})
    merged = {"merged": ENTERPRISES[-1], "kept": ENTERPRISES[1], "note": "n"}
    yield Call("POST", f"{_REGISTER}/merges", merged, gives=f"{_REGISTER}/merges/{{number}}")
    yield Call("POST", f"{_REGISTER}/merges/{{number}}/undo", {"note": "n"})
    target = {"year": now.year, "stage": "on_cloud", "kind": "ever", "value": 240, "source": "s"}
    yield Call("POST", "/programme/targets/versions", target)
    fact = {
        "kind": "other", "name": "n", "issuer": "i", "issued_on": "2026-01-01", "file_name": "a.pdf",
        "document": base64.b64encode(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\n").decode(),
    }  # fmt: skip
    at = "/programme/external/{number}"
    yield Call("POST", "/programme/enterprises/{uscc}/external/entries", fact, gives=at)
    yield Call("POST", f"{at}/withdrawal", {"reason": "r"}, named=(("number", "99"),))
    money = {"amount_fen": 100, "valid_from": "2026-01-01", "valid_to": "2030-12-31", "purpose": "p"}
    yield Call("POST", "/programme/enterprises/{uscc}/vouchers", money)
    yield Call("POST", "/programme/figures", {"reason": "r"})
    month = (now.replace(day=1) - timedelta(days=3)).strftime("%Y-%m")
    yield Call("POST", "/billing/statements", {"tenant": "steel", "month": month})
    bill = {"tenant": "steel", "number": 1, "act": "issue", "said": "s"}
    yield Call("POST", "/billing/invoices/decision", bill)


def _package(version: str) -> Package:
    top, manifest = "tundish_app_probe", _MANIFEST.format(version=version)
    return package_of(
        {
            f"{top}/__init__.py": b"", f"{top}/app.py": _CODE.encode(), f"{top}/app.toml": manifest.encode(),
            f"{top}/card_zh.md": "说明".encode(), f"{top}/card_en.md": b"card",
        }
    )  # fmt: skip


def _at(now: datetime, days: int = 0) -> str:
    return (now + timedelta(days=days)).isoformat()
