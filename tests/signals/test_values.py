"""What a real Prometheus records of a simulated mesh is what the simulation put in: every record, every series of it.

Each world is the same from its first scrape to its last, so that windows of five minutes and of three days see the
same; the ledger says what passes in it, the accountant what each record must be, both without PromQL.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from observe.alerting import Record
from tests.signals.expected import Accountant
from tests.signals.ledger import World
from tests.signals.worlds import MINUTES, WORLDS, Seen, seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.signals.expected import Key

COUNTERS_WITHOUT_SUFFIX = {
    "envoy_cluster_outlier_detection_ejections_overflow", "envoy_cluster_ssl_connection_error",
    "envoy_cluster_upstream_cx_overflow", "envoy_cluster_upstream_rq_active_overflow",
    "envoy_cluster_upstream_rq_pending_overflow", "envoy_cluster_upstream_rq_retry",
    "envoy_cluster_upstream_rq_retry_limit_exceeded", "envoy_cluster_upstream_rq_retry_success", "envoy_http_rbac",
    "pilot_total_xds_rejects", "pilot_xds_pushes",
}  # fmt: skip
"""Envoy and istiod call them so; Prometheus infers from a name that ends otherwise that it may be no counter."""
COUNTER = re.compile(r'might not be a counter, .*: "(\w+)"')


@pytest.fixture(scope="module", params=WORLDS, ids=": ".join)
def mesh(request: pytest.FixtureRequest) -> Iterator[Seen]:
    with seen(request.param[0], *WORLDS[request.param]) as found:
        yield found


@pytest.fixture(scope="module")
def values(mesh: Seen) -> dict[str, dict[Key, float]]:
    """What is recorded at the last scrape, by record."""
    records = {rule.name for group in mesh.groups for rule in group.rules if isinstance(rule, Record)}
    return {name: mesh.now(name) for name in sorted(records)}


@pytest.fixture(scope="module")
def firing(mesh: Seen) -> frozenset[tuple[str, str]]:
    """Name, and the service's id; empty for the mesh's own."""
    return frozenset(map(_whose, mesh.now('ALERTS{alertstate="firing"}')))


def _whose(labels: Key) -> tuple[str, str]:
    found = dict(labels)
    mesh = found["service"] == "istiod"
    return found["alertname"], "" if mesh else f"{found['namespace']}/{found['service']}"


def test_every_record_has_the_series_and_values_that_the_simulation_put_in(
    mesh: Seen, values: dict[str, dict[Key, float]]
) -> None:
    expected = mesh.accountant.everything()
    wrong = [
        f"{record} of {sorted(key)}: {found.get(key, 'nothing')}, not {wanted.get(key, 'nothing')}"
        for record, found in values.items()
        for wanted in [expected[record]]
        for key in sorted(found.keys() | wanted.keys(), key=sorted)
        if key not in wanted or key not in found or found[key] not in wanted[key]
    ]
    assert wrong == []


def test_rules_are_evaluated_without_a_warning(mesh: Seen) -> None:
    """Nor with an info, but that some counters are not called as Prometheus would have it."""
    named = {remark.said: COUNTER.search(remark.said) for remark in mesh.laboratory.remarks}
    assert [said for said, found in named.items() if not found] == []
    assert {found[1] for found in named.values() if found} <= COUNTERS_WITHOUT_SUFFIX


def test_what_must_be_noticed_is(mesh: Seen, firing: frozenset[tuple[str, str]]) -> None:
    """The alerts that an incident expects. Several at once hide each other: what is denied fails in no application."""
    if len(mesh.incidents) == 1:
        assert set(mesh.incidents[0].expects) <= firing


def test_no_alert_fires_on_an_ordinary_day(mesh: Seen, firing: frozenset[tuple[str, str]]) -> None:
    assert bool(mesh.incidents) == bool(firing)


def test_expectations_are_narrow_enough_to_tell_worlds_apart(mesh: Seen, values: dict[str, dict[Key, float]]) -> None:
    """What is expected of an ordinary day is not what is recorded when things fail: else equality would mean little."""
    if not mesh.incidents:
        return
    usual = Accountant(World(mesh.world.inventory, (), MINUTES)).everything()
    differ = [
        record
        for record, found in values.items()
        if found.keys() != usual[record].keys()
        or any(found[key] not in wanted for key, wanted in usual[record].items())
    ]
    assert len(differ) >= (35 if len(mesh.incidents) > 1 else 20)


def test_tolerances_are_small(mesh: Seen) -> None:
    """A rate is known to a request in four seconds and a hundredth, an error rate to a hundredth and a half."""
    expected, signals = mesh.accountant.everything(), mesh.accountant.signals
    for wanted in expected[signals.rate.record].values():
        assert wanted.most - wanted.least <= 0.02 * wanted.most + 0.25
    for wanted in expected[signals.errors.record].values():
        assert wanted.most - wanted.least <= 0.03
