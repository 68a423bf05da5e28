"""What is worked out is what the real Alertmanager sends: the same messages to the same receivers in the same order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks.synthetic import inventory as synthetic
from observe.alertmanager import Configuration, Delivery
from observe.drills.notifications import Firing, News, notifications
from observe.graph import Graph
from observe.inventory import load
from observe.model import Call, Inventory
from tests.alertmanager.samples import REQUESTS, configured, labels_of
from tests.drills.replay import by_group, hasty, opened, replay, together
from tests.samples import a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from observe.alertmanager.configuration import Route
    from observe.drills.notifications import Notification
    from observe.model import Service
    from tests.drills.replay import Told
    from tests.servers.alertmanager_server import Start

(CRITICAL, _), (WARNING, _) = REQUESTS
SECOND = 1000
# Alerts change at even seconds and groups are looked at at odd ones: a second of room for a busy machine.
PAGE = Delivery(wait=3 * SECOND, interval=4 * SECOND, repeat=60 * SECOND)
TICKET = replace(PAGE, wait=5 * SECOND)
# Long over at each look, however late the notification before was.
REPEATING = replace(PAGE, repeat=1 * SECOND)
END = 18
"""Seconds; the last look of which something comes is at 15."""

SEVERITY = {CRITICAL: "critical", WARNING: "warning", "ServiceGone": "critical"}

SCENARIOS: dict[str, tuple[str, ...]] = {
    "chain": ("c critical 0 8", "b critical 2 8", "b warning 0 8", "a critical 2 8", "a warning 2"),
    "cycle": ("x critical 0 8", "y critical 0 8", "outer critical 0 8"),
    "warning-then-critical": ("a warning 0", "a critical 2 6"),
    "caller-first": ("a critical 0 10", "b critical 4 14"),
    "over-before-a-look": ("a critical 0 2", "b warning 0 4"),
    "growing": ("a critical 0 8", "a gone 4 12"),
    "repeated": ("a critical 0",),
    "ticket-beside-page": ("b warning 0", "a critical 0", "a warning 0"),
    "again": ("a critical 0 4", "a critical 8"),
    "unknown-team": ("stranger critical 0", "stranger warning 0"),
}
"""Services with what fires, when (seconds), and until when. `a` calls `b`, that calls `c`; `x` and `y` call each other,
and `outer` calls `x`; the team of `stranger` is in no inventory."""


def mesh(name: str) -> Inventory:
    calls = {"a": "b", "b": "c", "c": "", "x": "y", "y": "x", "outer": "x", "stranger": ""}
    services = (
        a_service(caller, owner=f"team-{caller}", calls=(Call(service=f"shop/{callee}"),) if callee else ())
        for caller, callee in calls.items()
    )
    return an_inventory(*services, mesh=a_mesh(name=name))


def parsed(scenario: str) -> Iterator[Firing]:
    """The alerts of a scenario, in a mesh of its name."""
    inventory = mesh(scenario)
    names = {"critical": CRITICAL, "warning": WARNING, "gone": "ServiceGone"}
    for line in SCENARIOS[scenario]:
        service, kind, start, *end = line.split()
        labels = labels_of(
            inventory, inventory.by_id[f"shop/{service}"], names[kind], SEVERITY[names[kind]], "requests"
        )
        if service == "stranger":
            labels["team"] = "nobody"
        yield Firing(tuple(sorted(labels.items())), float(start), float(end[0]) if end else None)


def quick(scenario: str) -> Configuration:
    return hasty(configured(mesh(scenario)), REPEATING if scenario == "repeated" else PAGE, TICKET)


def summary(sent: Iterable[Notification]) -> list[str]:
    return [f"{one.at:g} {one.receiver} {one.news}" for one in sent]


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        # The warnings of b and c are muted; when c and b are well again, what is left of a is told.
        ("chain", ["3 team-c-page opened", "11 team-a-ticket opened", "11 team-c-page resolved"]),
        # Of who waits in a circle each is told, and who calls the circle is not.
        (
            "cycle",
            ["3 team-x-page opened", "3 team-y-page opened", "11 team-x-page resolved", "11 team-y-page resolved"],
        ),
        ("warning-then-critical", ["5 team-a-page opened", "9 team-a-ticket opened", "9 team-a-page resolved"]),
        # Muted at its end, an alert is never told to be over: a limit of Alertmanager.
        ("caller-first", ["3 team-a-page opened", "7 team-b-page opened", "15 team-b-page resolved"]),
        ("over-before-a-look", []),
        (
            "growing",
            ["3 team-a-page opened", "7 team-a-page changed", "11 team-a-page changed", "15 team-a-page resolved"],
        ),
        (
            "repeated",
            ["3 team-a-page opened", "7 team-a-page repeated", "11 team-a-page repeated", "15 team-a-page repeated"],
        ),
        ("ticket-beside-page", ["3 team-a-page opened", "5 team-b-ticket opened"]),
        ("again", ["3 team-a-page opened", "7 team-a-page resolved", "11 team-a-page opened"]),
        ("unknown-team", ["3 platform-page opened"]),
    ],
)
def test_the_notifications_of_a_scenario(scenario: str, expected: list[str]) -> None:
    assert summary(notifications(parsed(scenario), quick(scenario), END)) == expected


def test_alertmanager_sends_the_same(alertmanager: Start) -> None:
    """All scenarios at once, each as a mesh of its own in one configuration, in 18 seconds of real time."""
    configuration = together([quick(scenario) for scenario in SCENARIOS])
    alerts = [alert for scenario in SCENARIOS for alert in parsed(scenario)]
    messages, computed = replay(alertmanager, configuration, alerts, END)
    for scenario in SCENARIOS:
        assert groups(messages, scenario) == groups(computed, scenario), scenario
    assert len(messages) == len(computed)


def groups(told: Iterable[Told], scenario: str) -> dict[tuple[str, object], list[Told]]:
    ours = [one for one in told if dict(one.group)["mesh"] == scenario]
    return by_group(ours, lambda one: (one.receiver, one.group))


def test_without_inhibition_every_alert_is_told() -> None:
    """What the muting saves: the same groups, and nothing muted."""
    for scenario, count in (("chain", 5), ("cycle", 3), ("caller-first", 2), ("ticket-beside-page", 3)):
        assert len(opened(notifications(parsed(scenario), quick(scenario), END, inhibit=False))) == count


def test_what_is_still_to_come_is_not_told() -> None:
    assert summary(notifications(parsed("growing"), quick("growing"), 7)) == [
        "3 team-a-page opened",
        "7 team-a-page changed",
    ]
    assert notifications(parsed("growing"), quick("growing"), 2.9) == ()


def test_nothing_fires_nothing_is_told() -> None:
    assert notifications((), quick("chain"), END) == ()


# "The database of orders is down": what fires in the example when `order-data` answers nothing any more.
WAITING = (
    "ledger-service", "payment-service", "order-service", "api-gateway", "analytics-processor", "report-processor",
)  # fmt: skip


def outage(inventory: Inventory) -> tuple[Firing, ...]:
    """`order-data` and all who wait for it, directly or not: both severities each, callers a little later."""
    services = {service.name: service for service in inventory.services}
    return tuple(
        request_alert(inventory, services[service], name, 2.0 * (service in WAITING))
        for service in ("order-data", *WAITING)
        for name in (CRITICAL, WARNING)
    )


def request_alert(inventory: Inventory, service: Service, name: str, fires_at: float) -> Firing:
    labels = labels_of(inventory, service, name, SEVERITY[name], "requests")
    return Firing(tuple(sorted(labels.items())), fires_at)


def test_a_database_that_is_down_is_one_page(shop: Inventory, alertmanager: Start) -> None:
    """In the real Alertmanager: of fourteen alerts of five teams, one page to the database's team. In a mesh that is
    configured the same but mutes nothing, fourteen pages and tickets.
    """
    bare = replace(shop, mesh=replace(shop.mesh, name="bare"))
    configuration = hasty(together([configured(shop), replace(configured(bare), inhibitions=())]), PAGE, TICKET)
    messages, computed = replay(alertmanager, configuration, (*outage(shop), *outage(bare)), 10)
    assert sorted(map(str, messages)) == sorted(map(str, computed))
    told = by_group(messages, lambda one: dict(one.group)["mesh"])
    assert [one.receiver for one in told["shop"]] == ["data-page"]
    assert len(told["bare"]) == 14


def test_the_page_of_the_database_comes_in_time(shop: Inventory) -> None:
    """With the times that are generated: one page after 45 seconds, and no ticket while it is open."""
    sent = notifications(outage(shop), configured(shop), 3600)
    assert [(one.at, one.receiver, one.news) for one in sent] == [(45, "data-page", News.OPENED)]
    everything = notifications(outage(shop), configured(shop), 3600, inhibit=False)
    kinds = [one.receiver.rpartition("-")[2] for one in opened(everything)]
    assert (kinds.count("page"), kinds.count("ticket")) == (7, 7)


def test_every_alert_of_the_examples_is_told_by_its_route(shop: Inventory) -> None:
    """Nothing gets lost between the routing tree and the notifications."""
    configuration = configured(shop)

    def route(labels: dict[str, str]) -> Route:
        return configuration.route.find(labels)

    for one in opened(notifications(outage(shop), configuration, 3600, inhibit=False)):
        assert {route(dict(labels)).receiver for labels in one.firing} == {one.receiver}


def test_any_leaf_of_a_fleet_that_is_down_is_one_page(tmp_path: Path) -> None:
    """Of 187 services: whatever fails at the end of the calls, and everything that waits for it up to the entry."""
    path = tmp_path / "fleet.yaml"
    path.write_text(synthetic(187))
    inventory = load(str(path))
    graph, configuration = Graph(inventory), configured(inventory)
    for leaf in (service for service in inventory.services if not service.calls):
        failing = waiting_for(graph, leaf)
        alerts = [request_alert(inventory, one, name, 0.0) for one in failing for name in (CRITICAL, WARNING)]
        (page,) = opened(notifications(alerts, configuration, 3600))
        assert page.receiver == f"{leaf.owner}-page"
        assert len(opened(notifications(alerts, configuration, 3600, inhibit=False))) == 2 * len(failing)


def waiting_for(graph: Graph, service: Service) -> list[Service]:
    """The service and all that wait for it, directly or around corners."""
    found, pending = {service.id: service}, [service]
    while pending:
        fresh = [edge.caller for edge in graph.callers(pending.pop()) if edge.caller.id not in found]
        found |= {caller.id: caller for caller in fresh}
        pending += fresh
    return list(found.values())
