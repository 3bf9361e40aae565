"""The chart, rendered by Helm itself, held against Kubernetes' schemas and the code that it starts."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import helm_python
import kubernetes_validate
import pytest
import yaml

from tundish_deploy.probes import ALIVE, HEALTH, READY
from tundish_deploy.safety import unsafe

if TYPE_CHECKING:
    from conftest import Code

HERE = Path(__file__).parent
CHART = HERE.parents[2] / "deploy" / "helm" / "tundish"
SETS = sorted(path.stem for path in (HERE / "values").glob("*.yaml"))
VERSIONS = ("1.27", "1.31", "1.36")
SERVERS = {"api", "dashboards", "keeper"}
RANDOM = "kQ7vZ2mX9pL4wR8tY3nB6cF1dH5jG0sA"

Object = dict[str, Any]


def values_of(name: str) -> Object:
    return dict(yaml.safe_load((HERE / "values" / f"{name}.yaml").read_text("utf-8")))


def render(values: Object) -> list[Object]:
    with helm_python.Chart.load(str(CHART)) as chart:
        files = chart.render(values, name="plant", namespace="prod")
    texts = [text for file, text in sorted(files.items()) if file.endswith(".yaml")]
    return [found for text in texts for found in yaml.safe_load_all(text) if found]


@pytest.fixture(scope="module", params=SETS)
def rendered(request: pytest.FixtureRequest) -> list[Object]:
    return render(values_of(request.param))


def pods(objects: list[Object]) -> dict[str, Object]:
    """Pod templates by component."""
    found = [
        one["spec"]["template"]
        for one in objects
        if "template" in one["spec" if "spec" in one else "metadata"]
    ]
    return {one["metadata"]["labels"]["app.kubernetes.io/component"]: one for one in found}


def container(pod: Object) -> Object:
    (only,) = pod["spec"]["containers"]
    return dict(only)


def environment(pod: Object) -> dict[str, str | None]:
    return {one["name"]: one.get("value") for one in container(pod)["env"]}


def by_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def settings_of(objects: list[Object], pod: Object) -> str:
    volume = next(v for v in pod["spec"]["volumes"] if v["name"] == "settings")["configMap"]
    text: str = by_kind(objects, "ConfigMap")[volume["name"]]["data"][volume["items"][0]["key"]]
    return text


def mounted_secrets(pod: Object, made: dict[str, str]) -> dict[str, str]:
    """Files that the pod's secrets put into it, with contents as docs/how-to/install-cluster.md asks for."""
    content = made | {
        "metadata.url": f"postgresql+psycopg://tundish_server:{RANDOM}@db/tundish",
        "objects.key": RANDOM, "worker.token": RANDOM, "ca.crt": "certificate",
    }  # fmt: skip
    files = {}
    places = {m["name"]: m["mountPath"] for m in container(pod)["volumeMounts"]}
    for volume in pod["spec"]["volumes"]:
        if "secret" in volume:
            names = [item["path"] for item in volume["secret"].get("items", [{"path": n} for n in made])]
            files |= {f"{places[volume['name']]}/{name}": content[name] for name in names}
    return files


def platform_pods(objects: list[Object]) -> dict[str, Object]:
    return {name: pod for name, pod in pods(objects).items() if name not in {"log", "upgrade"}}


@pytest.mark.parametrize("name", SETS)
def test_helm_finds_nothing_to_mend(name: str) -> None:
    found = helm_python.lint(str(CHART), values_of(name), strict=True)
    assert found["errors"] == []
    assert [one["error"] for one in found["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_every_object(rendered: list[Object], version: str) -> None:
    assert len(rendered) > 15
    for one in rendered:
        kubernetes_validate.validate(one, version, strict=True)


def test_the_schemas_would_find_a_wrong_key(rendered: list[Object]) -> None:
    wrong = copy.deepcopy(next(one for one in rendered if one["kind"] == "Deployment"))
    wrong["spec"]["template"]["spec"]["containers"][0]["readinessProb"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_every_command_is_one_and_every_variable_sets_something(rendered: list[Object], code: Code) -> None:
    for name, pod in pods(rendered).items():
        if name == "log":
            continue
        assert code.command_error(container(pod)["args"]) is None, name
        assert code.unknown(environment(pod)) == [], name


def test_the_comparison_would_find_what_was_renamed(code: Code) -> None:
    assert code.command_error(["part", "servers"]) is not None
    assert code.command_error(["part", "writer", "--setting", "x"]) is not None
    assert code.command_error(["part", "writer", "a", "b"]) is not None
    assert code.unknown({"TUNDISH_PROBE_PORTS": "1", "TUNDISH_PROBE_PORT": "1", "POD_NAME": ""}) == [
        "TUNDISH_PROBE_PORTS"
    ]


def test_every_part_reads_its_settings_and_only_its_own_secrets(
    rendered: list[Object], code: Code, made_keys: dict[str, str], tmp_path: Path
) -> None:
    for name, pod in platform_pods(rendered).items():
        variables = {key: value for key, value in environment(pod).items() if value is not None}
        files = mounted_secrets(pod, made_keys)
        folder = tmp_path / name
        folder.mkdir()
        with code.loaded(settings_of(rendered, pod), folder, files, variables) as (settings, file):
            named = set(re.findall(rf'"{folder}(/etc/[^"]+)"', file.read_text()))
            assert {path for path in named if Path(path).suffix} <= set(files), name
            if name in SERVERS:
                assert unsafe(settings, file) == []
                assert settings.store.cluster is not None
            elif name == "writer":
                assert not [path for path in files if "keys" in path]
            else:
                assert settings.model_key is not None
                assert {Path(path).name for path in files} == {"models.key", "worker.token"}


def test_ports_and_probes_are_those_that_the_code_answers(rendered: list[Object]) -> None:
    for name, pod in platform_pods(rendered).items():
        ports = {one["name"]: one["containerPort"] for one in container(pod)["ports"]}
        ready, alive = container(pod)["readinessProbe"], container(pod)["livenessProbe"]
        assert container(pod)["startupProbe"]
        if name in SERVERS:
            assert f"port = {ports['http']}\n" in settings_of(rendered, pod)
            assert ready["httpGet"] == {"path": HEALTH, "port": "http"}
            assert alive["tcpSocket"] == {"port": "http"}
        else:
            assert ports == {"probes": int(environment(pod)["TUNDISH_PROBE_PORT"] or 0)}
            assert ready["httpGet"] == {"path": READY, "port": "probes"}
            assert alive["httpGet"] == {"path": ALIVE, "port": "probes"}


def test_services_and_the_ingress_lead_to_pods(rendered: list[Object]) -> None:
    known = pods(rendered)
    services = by_kind(rendered, "Service")
    for service in services.values():
        pod = known[service["spec"]["selector"]["app.kubernetes.io/component"]]
        named = {one["name"] for one in container(pod)["ports"]}
        assert {one["targetPort"] for one in service["spec"]["ports"]} <= named
    for ingress in by_kind(rendered, "Ingress").values():
        (rule,) = ingress["spec"]["rules"]
        to = {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
        assert to == {"/api/": "plant-api", "/": "plant-dashboards"}
        assert set(to.values()) <= set(services)
        assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]


def test_one_server_alone_watches(rendered: list[Object]) -> None:
    """Each process called ``server`` judges alarms and sends messages."""
    names = {part: container(pod)["args"][2] for part, pod in pods(rendered).items() if part in SERVERS}
    assert names == {"api": "$(POD_NAME)", "dashboards": "$(POD_NAME)", "keeper": "server"}
    assert by_kind(rendered, "Deployment")["plant-keeper"]["spec"]["replicas"] == 1


def weaknesses(pod: Object) -> list[str]:
    """What a pod has that it should not, by name."""
    spec, one = pod["spec"], container(pod)
    of_pod, own = spec["securityContext"], one["securityContext"]
    checks = {
        "root": of_pod.get("runAsNonRoot") and of_pod.get("runAsUser", 0) > 0,
        "escalation": own.get("allowPrivilegeEscalation") is False and not own.get("privileged"),
        "writable root": own.get("readOnlyRootFilesystem") is True,
        "capabilities": own.get("capabilities") == {"drop": ["ALL"]},
        "system calls": of_pod.get("seccompProfile", {}).get("type") == "RuntimeDefault",
        "account": spec.get("automountServiceAccountToken") is False,
        "host": not any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")),
        "host's files": not any("hostPath" in volume for volume in spec["volumes"]),
        "no resources": {"cpu", "memory"} <= one["resources"]["requests"].keys()
        and "memory" in one["resources"]["limits"],
        "image": not one["image"].endswith(":latest") and (":" in one["image"]),
        "secret for all": all(
            v["secret"]["defaultMode"] & 0o007 == 0 for v in spec["volumes"] if "secret" in v
        ),
    }
    return [name for name, well in checks.items() if not well]


def test_no_pod_may_more_than_it_must(rendered: list[Object]) -> None:
    assert {name: weaknesses(pod) for name, pod in pods(rendered).items() if weaknesses(pod)} == {}


@pytest.mark.parametrize(
    ("path", "value", "weakness"),
    [
        (("securityContext", "runAsNonRoot"), False, "root"),
        (("securityContext", "seccompProfile"), {}, "system calls"),
        (("containers", 0, "securityContext", "readOnlyRootFilesystem"), False, "writable root"),
        (("containers", 0, "securityContext", "capabilities"), {}, "capabilities"),
        (("containers", 0, "securityContext", "allowPrivilegeEscalation"), True, "escalation"),
        (("containers", 0, "resources", "limits"), {}, "no resources"),
        (("hostNetwork",), True, "host"),
    ],
)
def test_a_pod_that_may_more_would_be_found(path: tuple[Any, ...], value: object, weakness: str) -> None:
    pod = copy.deepcopy(pods(render(values_of("smallest")))["api"])
    place = pod["spec"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert weaknesses(pod) == [weakness]


def test_only_apps_in_name_spaces_are_given_what_these_need() -> None:
    given = pods(render(values_of("plant")))
    assert container(given["apps"])["securityContext"]["procMount"] == "Unmasked"
    assert given["apps"]["spec"]["hostUsers"] is False
    others = [container(pod)["securityContext"] for name, pod in given.items() if name != "apps"]
    assert not any("procMount" in one or "seccompProfile" in one for one in others)


def test_no_secret_is_in_what_is_rendered(rendered: list[Object]) -> None:
    assert by_kind(rendered, "Secret") == {}
    for pod in pods(rendered).values():
        for name, value in environment(pod).items():
            assert value is None or not re.search(r"(KEY|TOKEN|PASSWORD|SECRET|URL)$", name), name


def test_what_stands_several_times_has_a_budget_and_what_stands_once_has_none(rendered: list[Object]) -> None:
    label = "app.kubernetes.io/component"
    budgets = {one["spec"]["selector"]["matchLabels"][label]: one["spec"]["maxUnavailable"]
               for one in by_kind(rendered, "PodDisruptionBudget").values()}  # fmt: skip
    kept = {one["metadata"]["labels"][label]: one["spec"]["replicas"]
            for one in rendered if one["kind"] in {"Deployment", "StatefulSet"}}  # fmt: skip
    # Nobody waits for a job that is asked for again elsewhere.
    kept.pop("jobs", None)
    assert budgets == {name: 1 for name, count in kept.items() if count > 1}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("host", ""), ("host", "https://tundish.example"), ("proxyNetwork", ""), ("proxyNetwork", "*"),
        ("database.to", []), ("objects.to", []), ("objects.url", "/srv"), ("objects.accessKey", ""),
        ("objects.endpoint", "http://objects.example"), ("image.tag", "latest"), ("hots", "x"),
        ("image.digest", "sha256:12"), ("logLevel", "DEBUG"), ("secrets.keys", ""), ("log.partitions", 0),
        ("log.enabled", False), ("writers.replicas", 0), ("api.resources", {"requests": {"cpu": "much"}}),
    ],
)  # fmt: skip
def test_values_that_cannot_work_are_refused(key: str, value: object) -> None:
    values = values_of("smallest")
    section, _, name = key.rpartition(".")
    place = values.setdefault(section, {}) if section else values
    place[name] = value
    with pytest.raises(helm_python.HelmValuesError, match=key.partition(".")[0]):
        render(values)


@pytest.mark.integration
@pytest.mark.parametrize("name", ["smallest", "plant"])
def test_the_logs_servers_take_their_settings(
    name: str, tmp_path: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = by_kind(render(values_of(name)), "ConfigMap")["plant-log"]["data"]["nats.conf"]
    assert "sync_interval: always" in text
    for path in certificate:
        text = text.replace(f"/etc/nats/tls/{path.name}", str(path))
    file = tmp_path / "nats.conf"
    file.write_text(text.replace("/etc/nats/tls/ca.crt", str(certificate[0])).replace("/data", str(tmp_path)))
    monkeypatch.setenv("POD_NAME", "plant-log-0")
    command = [str(Path(sys.executable).parent / "nats-server"), "-t", "-c", str(file)]
    assert (
        "is valid" in subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr
    )
    file.write_text(text.replace("sync_interval", "sync_intervals"))
    assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode != 0
