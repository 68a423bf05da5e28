"""Runbooks: a page for every alert, true for every service in it, with queries that run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

import pytest

from observe.alerting import HOLD, Alert, service_alerts
from observe.model import Grafana, Inventory, LatencyObjective, Mtls, Objectives, format_duration
from observe.naming import AlertName
from observe.runbooks import PAGES, runbook, worst
from observe.signals import catalogue
from tests.samples import TCP, a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from tests.servers.prometheus_server import PrometheusServer

ALERTS: tuple[AlertName, ...] = get_args(AlertName)
EVERY_KIND = an_inventory(
    a_service("plain"),
    a_service("database", ports=(TCP,)),
    a_service("legacy", in_mesh=False),
    a_service("alone", replicas=1),
    a_service("open", mtls=Mtls(mode="DISABLE", reason="old")),
    a_service(
        "strict",
        owner="team-b",
        objectives=Objectives(error_rate=0.011, latency=LatencyObjective(quantile=0.995, limit=1_500)),
    ),
)


def page(alert: AlertName, inventory: Inventory = EVERY_KIND) -> str:
    return runbook(inventory, catalogue(inventory), alert)


def rows(alert: AlertName, inventory: Inventory = EVERY_KIND) -> dict[str, list[str]]:
    """The table's cells by service."""
    lines = [line for line in page(alert, inventory).splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]
    return {service: rest for service, *rest in cells}


def alerts_of(inventory: Inventory, alert: AlertName) -> set[str]:
    """The services that have an alert."""
    signals = catalogue(inventory)
    return {
        service.id
        for service in inventory.services
        for rule in service_alerts(inventory.mesh, signals, service).rules
        if isinstance(rule, Alert) and rule.name == alert
    }


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    assert set(ALERTS) == PAGES.keys() == HOLD.keys()


@pytest.mark.parametrize("alert", ALERTS)
def test_page_has_what_somebody_who_is_paged_needs(alert: AlertName) -> None:
    text = page(alert)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    assert headings == [alert, "Meaning", "Impact", "Diagnosis", "Mitigation", "Services"]
    assert f"held for {format_duration(HOLD[alert])}." in text
    assert text.endswith("|\n")


@pytest.mark.parametrize("alert", ALERTS)
def test_table_lists_the_services_that_have_the_alert(alert: AlertName, shop: Inventory) -> None:
    assert rows(alert).keys() == alerts_of(EVERY_KIND, alert)
    assert rows(alert, shop).keys() == alerts_of(shop, alert)


def test_alerts_that_make_no_sense_for_a_service_are_neither_made_nor_explained() -> None:
    missing = {alert: {service.name for service in EVERY_KIND.services} - {id_.split("/")[1] for id_ in rows(alert)}
               for alert in ALERTS}  # fmt: skip
    assert missing == {
        "ServiceErrorRateHigh": {"database"},
        "ServiceErrorRateCritical": {"database"},
        "ServiceLatencyHigh": {"database"},
        "ServiceCircuitBreakerEjecting": {"alone"},
        "ServiceMtlsCoverageLow": {"legacy", "open"},
    }


@pytest.mark.parametrize(
    ("alert", "limit"),
    [
        ("ServiceErrorRateHigh", "> 1.1%"),
        ("ServiceErrorRateCritical", "> 4.4%"),
        ("ServiceLatencyHigh", "P99.5 > 1500ms"),
        ("ServiceCircuitBreakerEjecting", "> 0"),
        ("ServiceMtlsCoverageLow", "< 95%"),
    ],
)
def test_table_names_owner_tier_and_the_services_own_threshold(alert: AlertName, limit: str) -> None:
    assert rows(alert)["shop/strict"][:3] == ["team-b", "high", limit]


def test_table_links_to_dashboards_where_grafanas_address_is_known() -> None:
    (known,) = rows("ServiceErrorRateHigh", an_inventory(a_service())).values()
    (unknown,) = rows("ServiceErrorRateHigh", an_inventory(a_service(), mesh=a_mesh(grafana=Grafana()))).values()
    assert re.fullmatch(r"\[(acme-svc-shop-checkout-\w{8})\]\(https://grafana\.example\.com/d/\1\)", known[-1])
    assert re.fullmatch(r"`acme-svc-shop-checkout-\w{8}`", unknown[-1])


@pytest.mark.parametrize("alert", ALERTS)
def test_query_runs_and_reads_what_the_alert_reads(prometheus_server: PrometheusServer, alert: AlertName) -> None:
    signals = catalogue(EVERY_KIND)
    query = str(worst(alert, signals))
    assert prometheus_server.query(query) == []
    (read,) = re.findall(r"\w+:\w+:\w+", query)
    assert read in {signal.record for signal in signals.recorded}
    assert any(read in str(rule.expression) for rule in _rules(alert))
    assert f"```promql\n{query}\n```" in page(alert)


def _rules(alert: AlertName) -> list[Any]:
    signals, service = catalogue(EVERY_KIND), a_service()
    return [rule for rule in service_alerts(EVERY_KIND.mesh, signals, service).rules if rule.name == alert]


@pytest.mark.parametrize("alert", ALERTS)
def test_worst_is_the_right_end(alert: AlertName) -> None:
    """The least coverage is the worst, and the most of everything else."""
    query = str(worst(alert, catalogue(EVERY_KIND)))
    assert query.startswith("bottomk" if alert == "ServiceMtlsCoverageLow" else "topk")
