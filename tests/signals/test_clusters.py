"""Two clusters in one Prometheus: what is recorded, fires and is shown of one is what it would be if it were alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from observe.alerting import Alert, Record, rule_groups
from observe.boards import boards
from observe.boards.panel import Measured, Table
from observe.clients.prometheus import Answer, Instant
from observe.drills.laboratory import EPOCH, laboratory
from observe.graph import Graph
from observe.inventory import load
from observe.promql import sum_by
from observe.signals import catalogue
from observe.simulation import Telemetry, incident, simulate
from tests.conftest import ROOT
from tests.servers.fixtures import require
from tests.servers.prometheus_server import binary
from tests.signals.worlds import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.drills.laboratory import Laboratory
    from observe.model import Inventory
    from tests.signals.expected import Key

MINUTES: Final = 25
HAPPENS: Final = {"north": None, "south": "leaf-database"}
"""In one of them nothing does."""
VARIABLES: Final = {"$namespace": ".+", "$__range": "20m", "$baseline": "1d"}
"""What is chosen on the dashboards beside the cluster."""


def inventory_of(cluster: str) -> Inventory:
    inventory = load(str(ROOT / "examples" / "every-feature"))
    mesh = replace(inventory.mesh, installation=replace(inventory.mesh.installation, cluster=cluster))
    return replace(inventory, mesh=mesh)


def told(cluster: str) -> Telemetry:
    inventory, name = inventory_of(cluster), HAPPENS[cluster]
    happening = incident(inventory, name) if name else None
    return simulate(inventory, happening, minutes=MINUTES, begin=10, epoch=EPOCH)


@pytest.fixture(scope="module")
def labs() -> Iterator[dict[str, Laboratory]]:
    """A Prometheus for each cluster, and one for both."""
    require("prometheus")
    inventory = inventory_of("north")
    groups = rule_groups(Graph(inventory), catalogue(inventory))
    north, south = (told(cluster) for cluster in HAPPENS)
    both = Telemetry(north.step, (*north.series, *south.series))
    program = binary("prometheus")
    with (
        laboratory(north, groups, program=program) as one,
        laboratory(south, groups, program=program) as other,
        laboratory(both, groups, program=program) as together,
    ):
        yield {"north": one, "south": other, "both": together}


def now(lab: Laboratory, expression: str) -> dict[Key, float]:
    answer = lab.client.ask(Instant(expression, lab.end))
    return {key_of(series.labels): series.points[-1][1] for series in answer.series}


def rules(kind: type[Record] | type[Alert]) -> list[str]:
    inventory = inventory_of("north")
    groups = rule_groups(Graph(inventory), catalogue(inventory))
    return sorted({rule.name for group in groups for rule in group.rules if isinstance(rule, kind)})


def test_every_record_of_both_is_what_each_alone_has(labs: dict[str, Laboratory]) -> None:
    """No series of one cluster is added to another's, divided by it or hidden by it; and each says whose it is."""
    for name in rules(Record):
        alone = [now(labs[cluster], name) for cluster in HAPPENS]
        together = now(labs["both"], name)
        assert together == pytest.approx(alone[0] | alone[1]), name
        assert len(together) == len(alone[0]) + len(alone[1]), name


def test_alerts_of_one_cluster_say_which_and_leave_the_other_alone(labs: dict[str, Laboratory]) -> None:
    firing = [set(now(labs[name], 'ALERTS{alertstate="firing"}')) for name in ("north", "south", "both")]
    assert firing[0] == set()
    assert firing[1]
    assert firing[2] == firing[1]
    assert {dict(alert)["cluster"] for alert in firing[2]} == {"south"}


def test_panels_of_a_chosen_cluster_are_those_that_it_has_alone(labs: dict[str, Laboratory]) -> None:
    """Also where the other one has series of the same services."""
    inventory = inventory_of("north")
    texts = set()
    for board in boards(inventory, Graph(inventory), catalogue(inventory)):
        for panel in board.panels:
            for query in panel.queries if isinstance(panel, Measured) else ():
                keys = tuple(key.label for key in panel.keys) if isinstance(panel, Table) else None
                texts.add(str(query.expr if keys is None else sum_by(keys, query.expr)))
    assert len(texts) > 100
    for cluster in HAPPENS:
        questions = {text: Instant(_filled(text, cluster), labs["both"].end) for text in texts}
        alone = labs[cluster].client.ask_all(questions.values())
        together = labs["both"].client.ask_all(questions.values())
        for text, question in questions.items():
            assert _values(together[question]) == pytest.approx(_values(alone[question])), text


def _filled(text: str, cluster: str) -> str:
    for variable, chosen in {**VARIABLES, "$cluster": cluster}.items():
        text = text.replace(variable, chosen)
    return text


def _values(answer: object) -> dict[Key, float]:
    assert isinstance(answer, Answer), answer
    return {key_of(series.labels): series.points[-1][1] for series in answer.series}
