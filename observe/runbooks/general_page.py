"""An alert's general runbook: what it means whatever the service, and for which services it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import naming
from observe.alerting import HOLD
from observe.boards import markdown
from observe.model import format_duration
from observe.promql import Aggregation, Number
from observe.runbooks import flags
from observe.runbooks.families import FAMILIES
from observe.runbooks.fires import fires, mesh_fires
from observe.runbooks.guides import GUIDES
from observe.runbooks.step import ask, numbered
from observe.runbooks.steps.platform import STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from observe.alerting.draft import Draft
    from observe.model import Inventory, Service
    from observe.naming import AlertName
    from observe.signals import Catalogue

LEAST_IS_WORST = frozenset({"ServiceMtlsCoverageLow", "ServiceGone"})


def general_page(
    inventory: Inventory, signals: Catalogue, alert: AlertName, concerned: Sequence[tuple[Service, Draft]]
) -> str:
    """The page of an alert that these services have."""
    diagnosis = [
        "The steps are on the page of the service: follow its row below, or the alert's `runbook_url`.",
        str(ask(inventory.mesh, "The five services in which it is worst now:", _worst(concerned[0][1]))),
    ]
    if alert in FAMILIES[0].alerts:
        diagnosis += ["What the proxies say about a failed request, and what to look at next:", flags.table()]
    return _page(
        alert,
        f"It fires after the condition held for {format_duration(HOLD[alert])}.",
        diagnosis,
        ["## Services", *_services(signals, alert, concerned)],
    )


def mesh_page(inventory: Inventory, signals: Catalogue, alert: AlertName) -> str:
    """The page of an alert of the mesh."""
    steps = list(numbered(STEPS[alert](inventory, signals)))
    when = f"It fires when {mesh_fires(alert)}, and that held for {format_duration(HOLD[alert])}."
    return _page(alert, f"{when} It goes to the team {markdown.escape(inventory.mesh.owner)}.", steps, [])


def _page(alert: AlertName, when: str, diagnosis: Sequence[str], more: Sequence[str]) -> str:
    guide = GUIDES[alert]
    parts = [
        f"# {alert}",
        f"## Meaning\n\n{guide.meaning}\n\n{when}",
        f"## Impact\n\n{guide.impact}",
        f"## Quiet or misleading\n\n{guide.misleads}",
        "## Diagnosis",
        *diagnosis,
        f"## Mitigation\n\n### Now\n\n{guide.now}\n\n### Later\n\n{guide.later}",
        *more,
    ]
    return "\n\n".join(parts) + "\n"


def _worst(draft: Draft) -> Aggregation:
    """The five services in which the alert's own signal is worst."""
    operator = "bottomk" if draft.name in LEAST_IS_WORST else "topk"
    return Aggregation(operator, (), draft.signal.where(), Number(5))


def _services(signals: Catalogue, alert: AlertName, concerned: Sequence[tuple[Service, Draft]]) -> Iterator[str]:
    """When it fires, each wording once, and for whom: with a thousand services most wordings are the same."""
    said = [fires(signals, service, alert) for service, _ in concerned]
    numbers = {words: number for number, words in enumerate(dict.fromkeys(said), 1)}
    yield "It fires when, by the last column:\n\n" + "\n".join(
        f"{number}. {words}" for words, number in numbers.items()
    )
    rows = (_row(service, draft, numbers[words]) for (service, draft), words in zip(concerned, said, strict=True))
    yield markdown.table(("service", "team", "tier", "severity", "fires when"), rows)


def _row(service: Service, draft: Draft, number: int) -> tuple[str, ...]:
    steps = f"[{service.id}]({service.namespace}/{service.name}.md#{naming.runbook_anchor(draft.name)})"
    return steps, markdown.escape(service.owner), service.tier, draft.severity, str(number)
