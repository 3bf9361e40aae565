"""Who reaches whom by the chart's network policies, worked out as Kubernetes defines them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

HERE = Path(__file__).parent
CHART = HERE.parents[2] / "deploy" / "helm" / "tundish"
LABEL = "app.kubernetes.io/component"
PARTS = {"api", "dashboards", "keeper", "writer", "worker", "apps", "jobs", "log", "upgrade"}
# Stand for what is outside: the peers that the values name, the ingress controller, and anybody else.
OUTSIDE = {"database", "objects", "ingress", "dns", "anybody"}

Object = dict[str, Any]


@pytest.fixture(scope="module", params=["smallest", "plant", "parts-elsewhere"])
def objects(request: pytest.FixtureRequest) -> tuple[Object, list[Object]]:
    values = yaml.safe_load((HERE / "values" / f"{request.param}.yaml").read_text("utf-8"))
    values.setdefault("workers", {}).setdefault("tenants", ["steel"])
    # Peers that this test can tell apart from each other.
    values["database"]["to"] = [{"podSelector": {"matchLabels": {LABEL: "database"}}}]
    values["objects"]["to"] = [{"podSelector": {"matchLabels": {LABEL: "objects"}}}]
    with helm_python.Chart.load(str(CHART)) as chart:
        files = chart.render(values, name="plant", namespace="prod")
        merged = chart.merge_values(values)
    found = [
        one
        for file, text in files.items()
        if file.endswith("yaml")
        for one in yaml.safe_load_all(text)
        if one
    ]
    return merged, found


def labels_of(objects: list[Object]) -> dict[str, dict[str, str]]:
    templates = [one["spec"]["template"] for one in objects if "template" in one.get("spec", {})]
    return {one["metadata"]["labels"][LABEL]: one["metadata"]["labels"] for one in templates}


def selects(selector: Object, labels: dict[str, str]) -> bool:
    same = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    wanted = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in wanted)
    return same and all(labels.get(one["key"]) in one["values"] for one in wanted)


def is_peer(peer: Object, who: str, labels: dict[str, dict[str, str]]) -> bool:
    if "namespaceSelector" in peer:
        name = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        return who == {"ingress-nginx": "ingress", "kube-system": "dns"}[name]
    return selects(peer["podSelector"], labels.get(who, {LABEL: who}))


def lets(
    policies: list[Object], mine: str, way: str, other: str, port: int, labels: dict[str, dict[str, str]]
) -> bool:
    """Whether the policies of one end let it: none that selects it and speaks of this way lets everything."""
    side = {"Ingress": "from", "Egress": "to"}[way]
    about = [p["spec"] for p in policies if mine in labels and selects(p["spec"]["podSelector"], labels[mine])
             and way in p["spec"]["policyTypes"]]  # fmt: skip
    rules = [rule for spec in about for rule in spec.get(way.lower(), [])]
    return not about or any(
        any(one["port"] == port for one in rule["ports"])
        and (side not in rule or any(is_peer(peer, other, labels) for peer in rule[side]))
        for rule in rules
    )


def reached(objects: list[Object]) -> set[tuple[str, str, int]]:
    policies = [one for one in objects if one["kind"] == "NetworkPolicy"]
    labels = labels_of(objects)
    ends = set(labels) | OUTSIDE
    ports = (22, 53, 443, 587, 4222, 5432, 6222, 6432, 8050, 8051, 8222, 8333, 8786)
    return {
        (a, b, port)
        for a in ends for b in ends - {a} for port in ports
        if not {a, b} <= OUTSIDE
        and lets(policies, a, "Egress", b, port, labels) and lets(policies, b, "Ingress", a, port, labels)
    }  # fmt: skip


def test_every_part_reaches_what_it_needs(objects: tuple[Object, list[Object]]) -> None:
    values, found = objects
    can, parts = reached(found), set(labels_of(found))
    assert parts <= PARTS
    servers = {"api", "dashboards", "keeper"}
    needed = {(part, "database", values["database"]["port"]) for part in servers | {"writer", "upgrade"}}
    needed |= {(part, "objects", values["objects"]["port"]) for part in servers | {"writer"}}
    log = "log" if values["log"]["enabled"] else "anybody"
    needed |= {(part, log, 4222) for part in servers | {"writer"}}
    needed |= {("ingress", part, 8050) for part in ("api", "dashboards")}
    needed |= {(part, "dns", 53) for part in parts}
    needed |= {("keeper", "anybody", port) for port in (443, 587)}
    way = ("api", 8050) if values["plainInside"] else ("anybody", 443)
    needed |= {(part, *way) for part in parts & {"worker", "apps", "jobs"}}
    assert needed - can == set()


def test_nobody_reaches_what_they_need_not(objects: tuple[Object, list[Object]]) -> None:
    values, found = objects
    can, parts = reached(found), set(labels_of(found))
    workers, servers = parts & {"worker", "apps", "jobs"}, {"api", "dashboards", "keeper"}
    # Nothing comes in but to servers and log, and to these only from whom it must.
    into = {(a, b) for a, b, _ in can if b in parts}
    allowed = {("ingress", "api"), ("ingress", "dashboards")}
    allowed |= {(a, "log") for a in servers | {"writer"}}
    allowed |= {(a, b) for a in workers for b in ("api", "dashboards")} if values["plainInside"] else set()
    assert into <= allowed
    # Who runs other people's apps has a way to the database only where it is let to everybody.
    assert not {(a, b, p) for a, b, p in can if a in workers and b == "log"}
    assert (
        not {(a, b, p) for a, b, p in can if a in workers and b == "database"}
        - {(a, "database", 443) for a in workers}
        - {(a, "database", 8786) for a in workers}
    )
    assert not {(a, b, p) for a, b, p in can if a == "upgrade" and b not in {"database", "dns"}}
    assert not {(a, b, p) for a, b, p in can if a in parts and p in {22, 8051, 8222}}


def test_without_the_policy_that_lets_nothing_others_come_in(objects: tuple[Object, list[Object]]) -> None:
    _, found = objects
    without = [one for one in found if one["metadata"]["name"] != "plant-nothing"]
    assert ("anybody", "writer", 22) in reached(without) - reached(found)
