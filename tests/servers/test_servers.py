"""Each server really is what the other tests take it for; none outlives its test, none leaves loopback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.servers.fixtures import require
from tests.servers.grafana_server import GrafanaServer
from tests.servers.processes import LOOPBACK, ServerError, accepted, free_port, running, wait_until
from tests.servers.prometheus_server import PrometheusServer

if TYPE_CHECKING:
    from tests.servers.alertmanager_server import Amtool, Start
    from tests.servers.helm import Helm
    from tests.servers.istioctl import Istioctl
    from tests.servers.kubernetes_api import KubernetesApi
    from tests.servers.prometheus_server import Promtool


def file_server(port: int) -> list[str]:
    """A server that every machine with this Python has."""
    return [sys.executable, "-m", "http.server", "--bind", LOOPBACK, str(port)]


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((LOOPBACK, port)) == 0


def virtual_service(namespace: str, **spec: Any) -> dict[str, Any]:
    host = "web.shop.svc.cluster.local"
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"hosts": [host], "http": [{"route": [{"destination": {"host": host}}]}], **spec},
    }


def virtual_services(namespace: str) -> str:
    return f"/apis/networking.istio.io/v1/namespaces/{namespace}/virtualservices"


def dashboard(uid: str) -> dict[str, Any]:
    return {"dashboard": {"uid": uid, "title": f"Title of {uid}", "panels": []}}


def uids(server: GrafanaServer) -> list[str]:
    return [found["uid"] for found in server.dashboards()]


def write_yaml(path: Path, *documents: Any) -> Path:
    path.write_text(yaml.safe_dump_all(documents))
    return path


def rules(*rule: dict[str, str]) -> dict[str, Any]:
    return {"groups": [{"name": "web", "rules": list(rule)}]}


def test_a_server_ends_with_its_block_also_by_an_exception(tmp_path: Path) -> None:
    port = free_port()

    def interrupted() -> None:
        with running(file_server(port), tmp_path / "log", lambda: listens(port)):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not listens(port)


def test_a_server_ends_also_when_the_test_run_is_killed(tmp_path: Path) -> None:
    """No `finally` runs then, so this is the work of the guard."""
    port = free_port()
    program = (
        "import os, pathlib, sys\n"
        "from tests.servers.processes import running\n"
        "from tests.servers.test_servers import file_server, listens\n"
        "port = int(sys.argv[1])\n"
        "with running(file_server(port), pathlib.Path(sys.argv[2]), lambda: listens(port)):\n"
        "    print('ready', flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    here = Path(__file__).resolve().parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", program, str(port), tmp_path / "log"],
        cwd=here,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert (killed.returncode, killed.stdout) == (-9, "ready\n")
    wait_until(lambda: not listens(port), "the server ended", 10)


def test_a_server_that_exits_early_shows_its_log(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "import sys; sys.exit('port in use')"]
    with pytest.raises(ServerError, match=r"exited with status 1 before it was ready(.|\n)*port in use"):
        running(argv, tmp_path / "log", lambda: False).__enter__()


def test_a_server_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(ServerError, match=r"ready: not within 0.5 s; the last lines of .*log"):
        running(file_server(port), tmp_path / "log", lambda: False, limit=0.5).__enter__()
    assert not listens(port)


def test_what_a_server_started_ends_with_it(tmp_path: Path) -> None:
    """As Envoy does, which pilot-agent leaves behind when it is killed."""
    port = free_port()
    parent = ["sh", "-c", '"$@" & wait', "sh", *file_server(port)]
    with running(parent, tmp_path / "log", lambda: listens(port)):
        pass
    wait_until(lambda: not listens(port), "the child ended", 10)


@pytest.mark.usefixtures("kubernetes_api", "grafana_server", "prometheus_server")
def test_no_server_listens_beyond_loopback() -> None:
    """As the kernel sees it: the addresses of the listening sockets of all processes started here."""
    if not Path("/proc/self/net/tcp").exists():
        pytest.skip("the kernel's list of sockets is read from /proc, which is Linux's")
    addresses = [address for pid in children() for address in listening_addresses(pid)]
    assert len(addresses) >= len(("etcd clients", "etcd peers", "API server", "Grafana", "Prometheus"))
    assert set(addresses) == {"0100007F"}  # 127.0.0.1, lowest byte first


def children() -> list[str]:
    """The ids of the processes whose parent is this one."""
    parent = f"PPid:\t{os.getpid()}\n"
    return [path.parent.name for path in Path("/proc").glob("[0-9]*/status") if parent in read(path)]


def listening_addresses(pid: str) -> list[str]:
    process = Path("/proc") / pid
    own = {str(descriptor.readlink()) for descriptor in (process / "fd").iterdir()}
    rows = [line.split() for table in ("tcp", "tcp6") for line in read(process / "net" / table).splitlines()]
    return [row[1].partition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in own]


def read(path: Path) -> str:
    """The content of a file of /proc, or nothing if its process has ended meanwhile."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_a_missing_server_skips_its_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OBSERVE_SERVERS", str(tmp_path))
    monkeypatch.delenv("OBSERVE_REQUIRE_SERVERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="etcd is not installed; run make servers"):
        require("etcd")


def test_a_missing_server_fails_a_run_that_requires_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OBSERVE_SERVERS", str(tmp_path))
    monkeypatch.setenv("OBSERVE_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match="etcd is not installed; run make servers"):
        require("etcd")


def test_kubernetes_applies_a_virtual_service(kubernetes_api: KubernetesApi, namespace: str) -> None:
    path = f"{virtual_services(namespace)}/web"
    created = kubernetes_api.apply(path, virtual_service(namespace), params={"fieldValidation": "Strict"})
    again = kubernetes_api.apply(path, virtual_service(namespace))
    assert (created.status_code, again.status_code) == (201, 200)
    (owner,) = again.json()["metadata"]["managedFields"]
    assert (owner["manager"], owner["operation"]) == ("tests", "Apply")


def test_kubernetes_refuses_an_unknown_field(kubernetes_api: KubernetesApi, namespace: str) -> None:
    path = f"{virtual_services(namespace)}/web"
    refused = kubernetes_api.apply(path, virtual_service(namespace, hostz=[]), params={"fieldValidation": "Strict"})
    assert refused.status_code == 500  # a server-side apply that does not fit the schema is not answered by 400
    assert "hostz" in refused.json()["message"]


def test_kubernetes_knows_prometheus_rules(kubernetes_api: KubernetesApi, namespace: str) -> None:
    path = f"/apis/monitoring.coreos.com/v1/namespaces/{namespace}/prometheusrules/web"
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": rules({"record": "job:up:sum", "expr": "sum by (job) (up)"}),
    }
    assert kubernetes_api.apply(path, manifest).status_code == 201


@pytest.mark.parametrize(
    ("version", "plural", "kind", "spec"),
    [
        (
            "gateway.networking.k8s.io/v1",
            "httproutes",
            "HTTPRoute",
            {"hostnames": ["shop.example.com"], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]},
        ),
        (
            "cert-manager.io/v1",
            "certificates",
            "Certificate",
            {"secretName": "shop", "dnsNames": ["shop.example.com"], "issuerRef": {"name": "internal"}},
        ),
    ],
)
def test_kubernetes_knows_what_a_gateway_needs(
    kubernetes_api: KubernetesApi, namespace: str, version: str, plural: str, kind: str, spec: dict[str, Any]
) -> None:
    path = f"/apis/{version}/namespaces/{namespace}/{plural}/shop"
    manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": "shop"}, "spec": spec}
    strict = {"fieldValidation": "Strict"}
    refused = kubernetes_api.apply(path, {**manifest, "spec": {**spec, "hostz": []}}, params=strict)
    assert "hostz" in refused.json()["message"]
    assert kubernetes_api.apply(path, manifest, params=strict).status_code == 201


def test_kubernetes_user_has_the_given_rights_only(kubernetes_api: KubernetesApi, namespace: str) -> None:
    rule = {"apiGroups": ["networking.istio.io"], "resources": ["virtualservices"], "verbs": ["list"]}
    path = virtual_services(namespace)
    reader = kubernetes_api.user("reader", [rule], namespace)
    (account,) = yaml.safe_load(reader.kubeconfig.read_text())["users"]
    assert account["user"]["token"] == reader.token
    assert kubernetes_api.request("GET", path, token=reader.token).status_code == 200
    assert kubernetes_api.request("DELETE", f"{path}/web", token=reader.token).status_code == 403
    assert kubernetes_api.request("GET", virtual_services("default"), token=reader.token).status_code == 403


def test_kubernetes_user_loses_earlier_rights(kubernetes_api: KubernetesApi, namespace: str) -> None:
    rule = {"apiGroups": ["networking.istio.io"], "resources": ["virtualservices"], "verbs": ["list"]}
    everywhere = kubernetes_api.user("reader", [rule])
    assert kubernetes_api.request("GET", virtual_services("x"), token=everywhere.token).status_code == 200
    nowhere = kubernetes_api.user("reader", [], namespace)
    assert kubernetes_api.request("GET", virtual_services("x"), token=nowhere.token).status_code == 403


def test_kubernetes_knows_no_other_tokens(kubernetes_api: KubernetesApi) -> None:
    guessed = "guessed"
    assert kubernetes_api.request("GET", "/version", token=guessed).status_code == 401


def test_grafana_saves_and_lists_a_dashboard_with_a_token(grafana: GrafanaServer) -> None:
    saved = grafana.request("POST", "/api/dashboards/db", token=grafana.token("Editor"), json=dashboard("web"))
    assert saved.status_code == 200
    assert uids(grafana) == ["web"]


def test_grafana_forbids_a_viewer_to_save(grafana: GrafanaServer) -> None:
    refused = grafana.request("POST", "/api/dashboards/db", token=grafana.token("Viewer"), json=dashboard("web"))
    assert refused.status_code == 403


def test_grafana_is_emptied_by_a_reset(grafana: GrafanaServer) -> None:
    """A folder with an alert rule is the hard case: Grafana keeps it unless told otherwise."""
    token = grafana.token("Admin")
    source = {"name": "Metrics", "uid": "metrics", "type": "prometheus", "access": "proxy", "url": "http://x"}
    query = {"refId": "A", "datasourceUid": "metrics", "relativeTimeRange": {"from": 600, "to": 0}}
    rule = {
        "uid": "rule", "title": "Down", "ruleGroup": "web", "folderUID": "shop", "orgID": 1, "for": "1m",
        "condition": "A", "noDataState": "NoData", "execErrState": "Error",
        "data": [{**query, "model": {"refId": "A", "expr": "up == 0", "instant": True}}],
    }  # fmt: skip
    for path, content in (
        ("/api/datasources", source),
        ("/api/folders", {"uid": "shop", "title": "Shop"}),
        ("/api/dashboards/db", {**dashboard("inside"), "folderUid": "shop"}),
        ("/api/dashboards/db", dashboard("outside")),
        ("/api/v1/provisioning/alert-rules", rule),
    ):
        accepted(grafana.request("POST", path, json=content))
    grafana.reset()
    for path in ("/api/search", "/api/folders", "/api/datasources", "/api/v1/provisioning/alert-rules"):
        assert grafana.request("GET", path).json() == [], path
    assert grafana.request("GET", "/api/search", token=token).status_code == 401


def test_grafana_protects_provisioned_dashboards(tmp_path: Path) -> None:
    require("grafana")
    files = tmp_path / "files"
    files.mkdir()
    (files / "web.json").write_text(json.dumps(dashboard("web")["dashboard"]))
    with GrafanaServer(tmp_path / "grafana", provisioned=files) as server:
        refused = server.request("POST", "/api/dashboards/db", json={**dashboard("web"), "overwrite": True})
        server.reset()
        assert (refused.status_code, refused.json()["message"]) == (400, "Cannot save provisioned dashboard")
        assert uids(server) == ["web"]


def test_prometheus_answers_a_query(prometheus_server: PrometheusServer) -> None:
    assert prometheus_server.query("11 + 12")[1] == "23"
    assert prometheus_server.query("up") == []


def test_prometheus_gives_the_reason_of_a_refusal(prometheus_server: PrometheusServer) -> None:
    with pytest.raises(ValueError, match="parse error"):
        prometheus_server.query("sum by (")


def test_prometheus_has_preloaded_samples_and_evaluates_rules(tmp_path: Path) -> None:
    require("prometheus")
    samples = tmp_path / "samples.txt"
    samples.write_text("# TYPE web_requests counter\nweb_requests_total 11 1700000000\n# EOF\n")
    recorded = write_yaml(tmp_path / "rules.yaml", rules({"record": "web:answer", "expr": "vector(42)"}))
    folder = tmp_path / "prometheus"
    with PrometheusServer(folder, rules=[recorded], samples=samples) as server:
        (series,) = server.query("web_requests_total", time=1700000060)
        assert series["value"] == [1700000060, "11"]
        wait_until(lambda: bool(server.query("web:answer")), "the rule evaluated", 30)


def test_promtool_tells_a_good_rule_from_a_broken_one(promtool: Promtool, tmp_path: Path) -> None:
    good = write_yaml(tmp_path / "good.yaml", rules({"record": "job:up:sum", "expr": "sum by (job) (up)"}))
    broken = write_yaml(tmp_path / "broken.yaml", rules({"record": "job:up:sum", "expr": "sum by (job"}))
    assert promtool.check_rules(good).returncode == 0
    refused = promtool.check_rules(broken)
    assert refused.returncode == 1
    assert "unclosed left parenthesis" in refused.stderr


def test_promtool_runs_unit_tests_of_rules(promtool: Promtool, tmp_path: Path) -> None:
    write_yaml(tmp_path / "rules.yaml", rules({"record": "job:up:sum", "expr": "sum by (job) (up)"}))
    series = [{"series": 'up{job="web",instance="a"}', "values": "1"}]
    for value, status in ((1, 0), (2, 1)):
        expected = [{"labels": 'job:up:sum{job="web"}', "value": value}]
        case = {"expr": "job:up:sum", "eval_time": "0m", "exp_samples": expected}
        test = {"interval": "1m", "input_series": series, "promql_expr_test": [case]}
        path = write_yaml(tmp_path / "test.yaml", {"rule_files": ["rules.yaml"], "tests": [test]})
        assert promtool.test_rules(path).returncode == status, value


ALL_TO_ONE: dict[str, Any] = {
    "route": {"receiver": "web", "group_by": ["team"], "group_wait": "100ms"},
    "receivers": [{"name": "web"}],
}


def test_alertmanager_tells_its_receiver_of_an_alert(alertmanager: Start) -> None:
    with alertmanager(ALL_TO_ONE) as (server, receiver):
        server.post([{"labels": {"alertname": "Down", "team": "a"}}, {"labels": {"alertname": "Slow", "team": "a"}}])
        assert sorted(found["labels"]["alertname"] for found in server.alerts()) == ["Down", "Slow"]
        wait_until(lambda: bool(receiver.notifications), "a notification", 30)
        (notification,) = receiver.notifications
    assert (notification["receiver"], notification["groupLabels"]) == ("web", {"team": "a"})
    assert sorted(alert["labels"]["alertname"] for alert in notification["alerts"]) == ["Down", "Slow"]


def test_alertmanager_gives_the_reason_of_a_refusal(alertmanager: Start) -> None:
    with alertmanager(ALL_TO_ONE) as (server, _), pytest.raises(ServerError, match="at least one label pair required"):
        server.post([{"labels": {}}])


def test_amtool_tells_a_good_configuration_from_a_broken_one(amtool: Amtool, tmp_path: Path) -> None:
    good = write_yaml(tmp_path / "good.yaml", ALL_TO_ONE)
    broken = write_yaml(tmp_path / "broken.yaml", {**ALL_TO_ONE, "receivers": [{"name": "other"}]})
    assert amtool.check_config(good).returncode == 0
    refused = amtool.check_config(broken)
    assert refused.returncode == 1
    assert 'undefined receiver "web" used in route' in refused.stdout + refused.stderr
    assert amtool.routes_test(good, {"team": "a"}).stdout.strip() == "web"


def test_istioctl_validate_finds_an_unknown_field(istioctl: Istioctl, tmp_path: Path) -> None:
    good = write_yaml(tmp_path / "good.yaml", virtual_service("shop"))
    bad = write_yaml(tmp_path / "bad.yaml", virtual_service("shop", hostz=[]))
    assert istioctl.validate([good]).returncode == 0
    refused = istioctl.validate([good, bad])
    assert refused.returncode != 0
    assert "hostz" in refused.stderr


def test_istioctl_analyze_looks_at_all_objects_together(istioctl: Istioctl, tmp_path: Path) -> None:
    """A subset that no DestinationRule defines is an error only in the light of the other files."""
    host = "web.shop.svc.cluster.local"
    route = [{"route": [{"destination": {"host": host, "subset": "v2"}}]}]
    service = write_yaml(tmp_path / "service.yaml", virtual_service("shop", http=route))
    rule = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"host": host, "subsets": [{"name": "v1", "labels": {"version": "v1"}}]},
    }
    found = istioctl.analyze([service, write_yaml(tmp_path / "rule.yaml", rule)])
    assert found.returncode == 79
    assert "IST0101" in found.stdout + found.stderr


def test_istioctl_analyzes_what_a_cluster_has(
    istioctl: Istioctl, kubernetes_api: KubernetesApi, namespace: str, tmp_path: Path
) -> None:
    """Only there it can tell an unknown host, also of objects that are not applied yet."""
    host = f"web.{namespace}.svc.cluster.local"  # one that no other test's objects name
    manifest = virtual_service(namespace, hosts=[host], http=[{"route": [{"destination": {"host": host}}]}])
    assert "IST0101" not in istioctl.analyze([write_yaml(tmp_path / "web.yaml", manifest)]).stdout
    before = istioctl.analyze_cluster(kubernetes_api.kubeconfig, namespace)
    planned = istioctl.analyze_cluster(kubernetes_api.kubeconfig, namespace, [tmp_path / "web.yaml"])
    accepted(kubernetes_api.apply(f"{virtual_services(namespace)}/web", manifest))
    after = istioctl.analyze_cluster(kubernetes_api.kubeconfig, namespace)
    (unknown,) = set(after) - set(before)
    assert (unknown.code, unknown.level, unknown.origin) == ("IST0101", "Error", f"VirtualService {namespace}/web")
    assert host in unknown.message
    assert unknown in planned


def test_istioctl_says_when_it_could_not_analyze(istioctl: Istioctl, tmp_path: Path) -> None:
    nobody = write_yaml(tmp_path / "kubeconfig", {"apiVersion": "v1", "kind": "Config"})
    with pytest.raises(ServerError, match="istioctl analyze: status"):
        istioctl.analyze_cluster(nobody)


def test_helm_renders_istios_charts_with_values(helm: Helm, tmp_path: Path) -> None:
    values = write_yaml(tmp_path / "istiod.yaml", {"pilot": {"env": {"PILOT_DEBOUNCE_AFTER": "11ms"}}})
    rendered = helm.template("istiod", values)
    deployments = [found for found in yaml.safe_load_all(rendered.stdout) if found and found["kind"] == "Deployment"]
    ((container,),) = (found["spec"]["template"]["spec"]["containers"] for found in deployments)
    assert {"name": "PILOT_DEBOUNCE_AFTER", "value": "11ms"} in container["env"]


def test_helm_refuses_values_that_a_chart_with_a_schema_lacks(helm: Helm, tmp_path: Path) -> None:
    refused = helm.template("gateway", write_yaml(tmp_path / "gateway.yaml", {"replicaz": 11}))
    assert refused.returncode == 1
    assert "'replicaz' not allowed" in refused.stderr
