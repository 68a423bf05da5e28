"""What the person who is paged gets to read: every label and annotation of each alert, as Alertmanager gets them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from observe.signals import Catalogue, Signal, catalogue
from tests.alerting.incidents import CRITICAL, EJECTING, HIGH, LATENCY, MTLS, ejected, failing, plaintext, slow
from tests.alerting.proof import Case, prove, rules_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from observe.model import Inventory, Service
    from tests.alerting.simulation import Simulation
    from tests.servers.prometheus_server import Promtool

BOARD = "https://grafana.example.com/d/shop-svc-catalog-search-service-471f543f"
LABELS = {
    "mesh": "shop",
    "owner": "catalog",
    "service": "search-service",
    "service_namespace": "catalog",
    "tier": "medium",
    "destination_service_name": "search-service",
    "destination_service_namespace": "catalog",
}


@dataclass(frozen=True)
class Page:
    """An alert, what leads to it, and what it says."""

    alert: str
    severity: str
    minute: int
    happens: Callable[[Service], Simulation]
    summary: str
    signal: Callable[[Catalogue], Signal]
    panel: int

    def expected(self, signals: Catalogue) -> dict[str, Any]:
        """As promtool's `alert_rule_test` takes it."""
        annotations = {
            "summary": f"catalog/search-service: {self.summary}",
            "description": f"{self.signal(signals).description} Owner: catalog. Tier: medium. Role: sync.",
            "runbook_url": f"https://runbooks.example.com/shop/{self.alert}.md",
            "dashboard_url": BOARD,
            "panel_url": f"{BOARD}?viewPanel={self.panel}",
        }
        alert = {"exp_labels": {**LABELS, "severity": self.severity}, "exp_annotations": annotations}
        return {"alertname": self.alert, "eval_time": f"{self.minute}m", "exp_alerts": [alert]}


PAGES = [
    Page(
        HIGH,
        "warning",
        24,
        lambda service: failing(service, 25),
        "25% of requests fail, more than 5%",
        lambda signals: signals.errors,
        13655021,
    ),
    Page(
        CRITICAL,
        "critical",
        24,
        lambda service: failing(service, 25),
        "25% of requests fail, more than 20%",
        lambda signals: signals.fast_errors,
        7387144,
    ),
    Page(
        LATENCY,
        "warning",
        24,
        lambda service: slow(service, 20),
        "P99 latency is 3750 ms, more than 2s",
        lambda signals: signals.latency(0.99),
        16494741,
    ),
    Page(
        EJECTING,
        "warning",
        14,
        ejected,
        "1 of its instances ejected by a caller",
        lambda signals: signals.ejections,
        16119513,
    ),
    Page(
        MTLS,
        "warning",
        24,
        lambda service: plaintext(service, 20),
        "only 80% of what arrives is mutual TLS, less than 95%",
        lambda signals: signals.coverage,
        14973821,
    ),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.alert)
def test_page_says_what_is_wrong_whose_it_is_and_where_to_look(
    promtool: Promtool, tmp_path: Path, shop: Inventory, page: Page
) -> None:
    service = shop.by_id["catalog/search-service"]
    case = Case("a page", page.happens, alerts=(page.expected(catalogue(shop)),))
    prove(promtool, tmp_path, rules_of(shop, service), service, case)
