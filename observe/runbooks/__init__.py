"""One page per alert, for whoever is paged: what it means, what to look at, what to do, whom it concerns.

The pages are Markdown; queries in them read the same records as the alert.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import policy
from observe.alerting import HOLD
from observe.boards import markdown
from observe.model import format_duration
from observe.naming import dashboard_url, service_uid
from observe.promql import Aggregation, Number
from observe.runbooks.pages import PAGES

if TYPE_CHECKING:
    from observe.model import Inventory, Service
    from observe.naming import AlertName
    from observe.promql import Expr, Selector
    from observe.runbooks.pages import Page
    from observe.signals import Catalogue

__all__ = ["PAGES", "runbook", "worst"]


def runbook(inventory: Inventory, signals: Catalogue, alert: AlertName) -> str:
    """The page of one alert."""
    page = PAGES[alert]
    parts = [
        f"# {alert}",
        f"## Meaning\n\n{page.meaning}\n\nIt fires after the condition held for {format_duration(HOLD[alert])}.",
        f"## Impact\n\n{page.impact}",
        f"## Diagnosis\n\n{_numbered(page.diagnosis)}",
        f"The worst services right now:\n\n```promql\n{worst(alert, signals)}\n```",
        f"## Mitigation\n\n{_numbered(page.mitigation)}",
        f"## Services\n\n{_table(inventory, page)}",
    ]
    return "\n\n".join(parts) + "\n"


def worst(alert: AlertName, signals: Catalogue) -> Expr:
    """The five services in which the alert's signal is worst."""
    records: dict[AlertName, Selector] = {
        "ServiceErrorRateHigh": signals.errors.where(),
        "ServiceErrorRateCritical": signals.fast_errors.where(),
        "ServiceLatencyHigh": signals.latency(0.99).where(),
        "ServiceCircuitBreakerEjecting": signals.ejections.where(),
        "ServiceMtlsCoverageLow": signals.coverage.where(),
    }
    operator = "bottomk" if alert == "ServiceMtlsCoverageLow" else "topk"
    return Aggregation(operator, (), records[alert], Number(5))


def _numbered(steps: tuple[str, ...]) -> str:
    return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))


def _table(inventory: Inventory, page: Page) -> str:
    rows = (_row(inventory, service, page) for service in inventory.services if page.concerns(service))
    return markdown.table(("service", "owner", "tier", "threshold", "dashboard"), rows)


def _row(inventory: Inventory, service: Service, page: Page) -> tuple[str, ...]:
    limit = page.limit(service, policy.thresholds(service))
    return service.id, service.owner, service.tier, limit, _dashboard(inventory, service)


def _dashboard(inventory: Inventory, service: Service) -> str:
    uid = service_uid(inventory.mesh.name, service.namespace, service.name)
    url = inventory.mesh.grafana.url
    return markdown.link(uid, dashboard_url(url, uid)) if url else f"`{uid}`"
