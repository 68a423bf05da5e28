"""Rules as Prometheus and its operator read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from observe.alerting import Alert, Group, Record
from observe.model import Grafana, Mesh, Prometheus
from observe.promql import Binary, Number, Selector
from observe.render.rules import prometheus_rule, rule_file
from observe.render.text import to_yaml
from tests.alerting.proof import rules_of
from tests.samples import GRPC, TCP, a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Service
    from tests.servers.prometheus_server import Promtool

RECORD = Record("service:a:sum", Selector("a"))
ALERT = Alert(
    name="ServiceErrorRateHigh",
    expression=Binary(">", Selector("service:a:sum"), Number(0.05)),
    hold=90_000,
    keep=120_000,
    severity="warning",
    labels=(("severity", "warning"), ("owner", "team-a")),
    annotations=(("summary", "It is {{ $value }}: bad"),),
)
GROUP = Group("g", 30_000, (RECORD, ALERT))
PLAIN = {
    "groups": [
        {
            "name": "g",
            "interval": "30s",
            "rules": [
                {"record": "service:a:sum", "expr": "a"},
                {
                    "alert": "ServiceErrorRateHigh",
                    "expr": "service:a:sum > 0.05",
                    "for": "90s",
                    "keep_firing_for": "2m",
                    "labels": {"severity": "warning", "owner": "team-a"},
                    "annotations": {"summary": "It is {{ $value }}: bad"},
                },
            ],
        }
    ]
}


def mesh() -> Mesh:
    return a_mesh(prometheus=Prometheus(namespace="watch", rule_labels={"role": "rules"}))


def test_rule_file_says_all_that_a_rule_is_and_nothing_else() -> None:
    assert rule_file((GROUP,)) == PLAIN


def test_object_has_the_same_rules_as_the_file() -> None:
    """So what promtool says of the file holds for the object."""
    assert prometheus_rule(mesh(), "n", (GROUP,))["spec"] == rule_file((GROUP,))


def test_object_lies_where_the_operator_looks_and_carries_the_labels_it_selects_by() -> None:
    found = prometheus_rule(mesh(), "shop.cart", (GROUP,), owner="team-a")
    assert found["metadata"] == {
        "name": "shop.cart",
        "namespace": "watch",
        "labels": {"role": "rules", "app.kubernetes.io/managed-by": "observe", "app.kubernetes.io/part-of": "acme"},
        "annotations": {"observe/owner": "team-a"},
    }


def test_rules_of_the_mesh_belong_to_nobody_in_particular() -> None:
    assert "annotations" not in prometheus_rule(mesh(), "records", (GROUP,))["metadata"]


def test_labels_of_the_pack_win_over_those_of_the_operator() -> None:
    """The program finds its own objects by them again."""
    own = a_mesh(prometheus=Prometheus(rule_labels={"app.kubernetes.io/part-of": "somebody-else"}))
    assert prometheus_rule(own, "n", (GROUP,))["metadata"]["labels"]["app.kubernetes.io/part-of"] == "acme"


def alerts(service: Service, mesh: Mesh | None = None) -> dict[str, dict[str, str]]:
    """The annotations of a service's alerts."""
    groups = rules_of(an_inventory(service, mesh=mesh), service)["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    return {
        rule["alert"]: rule["annotations"] for rule in rules if rule.get("labels", {}).get("service") == service.name
    }


def test_without_grafanas_address_alerts_have_no_links_to_it() -> None:
    for found in alerts(a_service(), a_mesh(grafana=Grafana())).values():
        assert found.keys() == {"summary", "description", "runbook_url"}


def test_service_without_requests_has_the_alerts_that_connections_allow() -> None:
    assert alerts(a_service(ports=(TCP,))).keys() == {
        "ServiceCircuitBreakerEjecting",
        "ServiceConnectionPoolOverflowing",
        "ServiceConnectionsFailing",
        "ServiceEjectionsDenied",
        "ServiceGone",
        "ServiceMtlsCoverageLow",
        "ServicePlaintextCaller",
        "ServiceRequestsDenied",
        "ServiceTelemetryLost",
    }


def test_interval_is_the_meshs_own_and_a_minute_where_that_is_often_enough() -> None:
    service = a_service(ports=(GRPC,))
    own = a_mesh(prometheus=Prometheus(evaluation_interval=45_000))
    groups = rules_of(an_inventory(service, mesh=own), service)["groups"]
    assert {group["interval"] for group in groups if group["name"] != "acme-objectives"} == {"45s"}
    assert {group["interval"] for group in groups if group["name"] == "acme-objectives"} == {"1m"}


def test_promtool_accepts_what_was_written_as_text(promtool: Promtool, tmp_path: Path) -> None:
    """The bytes themselves, for a mesh that differs from the example in all that rules depend on."""
    service = a_service(ports=(GRPC, TCP))
    own = a_mesh(
        istio_version="1.29",
        data_plane="ambient",
        cluster_domain="k8s.example.com",
        prometheus=Prometheus(scrape_interval=90_000),
    )
    file = tmp_path / "rules.yaml"
    file.write_bytes(to_yaml(rules_of(an_inventory(service, mesh=own), service)))
    done = promtool.check_rules(file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert yaml.safe_load(file.read_bytes())["groups"][0]["name"] == "acme-requests"
