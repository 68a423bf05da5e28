"""What the person who is paged gets to read: every label and annotation of each alert, as Alertmanager gets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.alerting.incidents import CRITICAL, EJECTING, HIGH, LATENCY, MTLS, ejected, failing, plaintext, slow
from tests.alerting.proof import Case, prove, rules_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from observe.model import Inventory, Service
    from tests.alerting.simulation import Simulation
    from tests.servers.prometheus_server import Promtool

BOARD = "https://grafana.example.com/d/shop-svc-catalog-search-service-c1f6f3ed"
LABELS = {
    "mesh": "shop",
    "owner": "catalog",
    "service": "search-service",
    "service_namespace": "catalog",
    "tier": "medium",
    "destination_service_name": "search-service",
    "destination_service_namespace": "catalog",
}
WHOSE = "Owner: catalog. Tier: medium. Role: sync."


def page(name: str, severity: str, panel: str, summary: str, description: str) -> dict[str, Any]:
    return {
        "alertname": name,
        "exp_alerts": [
            {
                "exp_labels": {**LABELS, "severity": severity},
                "exp_annotations": {
                    "summary": f"catalog/search-service: {summary}",
                    "description": f"{description} {WHOSE}",
                    "runbook_url": f"https://runbooks.example.com/shop/{name}.md",
                    "dashboard_url": BOARD,
                    "panel_url": f"{BOARD}?viewPanel={panel}",
                },
            }
        ],
    }


FAILURES = "Share of requests that fail: HTTP 5xx, gRPC statuses that blame the server, and no response."
PAGES: list[tuple[Callable[[Service], Simulation], dict[str, Any]]] = [
    (lambda service: failing(service, 25), page(HIGH, "warning", "0", "25% of requests fail, more than 5%", FAILURES)),
    (lambda service: failing(service, 25), page(CRITICAL, "critical", "0", "25% of requests fail, more than 20%", FAILURES)),
    (lambda service: slow(service, 20), page(LATENCY, "warning", "0", "P99 latency is 3.75k ms, more than 2s", "99 %")),
    (ejected, page(EJECTING, "warning", "0", "1 of its instances ejected by a caller", "Instances")),
    (lambda service: plaintext(service, 20), page(MTLS, "warning", "0", "only 80% of what arrives is mutual TLS, less than 95%", "Share")),
]


@pytest.mark.parametrize(("happens", "expected"), PAGES, ids=[expected["alertname"] for _, expected in PAGES])
def test_alert_says_what_is_wrong_whose_it_is_and_where_to_look(
    promtool: Promtool,
    tmp_path: Path,
    shop: Inventory,
    happens: Callable[[Service], Simulation],
    expected: dict[str, Any],
) -> None:
    service = shop.by_id["catalog/search-service"]
    minute = "14m" if expected["alertname"] == EJECTING else "24m"
    case = Case("a page", happens, alerts=({**expected, "eval_time": minute},))
    prove(promtool, tmp_path, rules_of(shop, service), service, case)
