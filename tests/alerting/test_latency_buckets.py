"""A latency objective between two of Istio's bucket limits is judged rightly with the buckets that are generated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from observe.istio.install import objective_limits
from observe.telemetry import BUCKETS, bucket_limits
from tests.alerting.incidents import LATENCY, QUIET, flow, recorder
from tests.alerting.proof import FIRING, Case, prove, rules_of
from tests.samples import a_service, an_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Service
    from observe.simulation import Recorder
    from tests.servers.prometheus_server import Promtool

INVENTORY = an_inventory(a_service())
"""One service with the default objective: P99 within 2 s, which lies between 1 s and 2.5 s."""
GENERATED = bucket_limits(objective_limits(INVENTORY))


def five_percent_take(milliseconds: float, limits: tuple[float, ...]) -> Case:
    """A case without expectations; the states are added where it is used."""

    def happens(service: Service) -> Recorder:
        simulation = recorder(limits=limits).requests(service, flow((30, 95)))
        return simulation.requests(service, flow((30, 5)), milliseconds=milliseconds)

    return Case(f"five per cent take {milliseconds:g} ms", happens)


@pytest.mark.parametrize(
    ("milliseconds", "limits", "state"),
    [
        (1_200, GENERATED, QUIET),
        (1_999, GENERATED, QUIET),
        (2_001, GENERATED, {LATENCY: FIRING}),
        # Why the buckets are generated: without them this service is paged for answers within its objective.
        (1_200, BUCKETS, {LATENCY: FIRING}),
    ],
)
def test_an_objective_between_two_limits(
    promtool: Promtool, tmp_path: Path, milliseconds: float, limits: tuple[float, ...], state: dict[str, str]
) -> None:
    (service,) = INVENTORY.services
    case = five_percent_take(milliseconds, limits)
    judged = Case(case.name, case.happens, {20: state})
    prove(promtool, tmp_path, rules_of(INVENTORY, service), service, judged)
