"""More rule groups, or larger objects, than what evaluates them takes: none of them would be loaded then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from observe.alerting import mesh_alerts, mesh_records, rule_groups, service_rules
from observe.checks.finding import Finding, Severity, about, about_mesh
from observe.naming import mesh_rule_object
from observe.render.rules import rule_file
from observe.render.text import to_yaml
from observe.signals import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.alerting import Group
    from observe.graph import Graph
    from observe.model import Mesh, Service
    from observe.signals import Catalogue

CODE = "OBS141"
TITLE = "Rules exceed what takes them"

LARGEST: Final = 512 * 1024
"""Bytes of the rules of one PrometheusRule (prometheus-operator `pkg/operator/rules.go`, `MaxConfigMapDataSize`)."""


def find(graph: Graph) -> Iterator[Finding]:
    """A finding when there are more groups than declared, and for each object that the operator would not take."""
    signals = catalogue(graph.inventory)
    yield from _groups(graph, signals)
    yield from _objects(graph, signals)


def _groups(graph: Graph, signals: Catalogue) -> Iterator[Finding]:
    inventory = graph.inventory
    limits = inventory.mesh.prometheus.rule_limits
    if limits.groups is None:
        return
    groups = rule_groups(graph, signals)
    if len(groups) > limits.groups:
        rules = sum(len(group.rules) for group in groups)
        problem = (
            f"has {rules} rules for {len(inventory.services)} services in {len(groups)} groups of at most"
            f" {limits.rules_per_group}, and a tenant may have {limits.groups}: what is beyond is refused"
        )
        least, most = _fewest(graph, signals)
        larger = f", {least} are enough where a group may have {most} rules" if least < len(groups) else ""
        remedy = (
            f"raise the ruler's limit to {len(groups)} (Mimir: ruler_max_rule_groups_per_tenant) and rule_limits with"
            f" it{larger}; or share the services among inventories with tenants of their own"
        )
        below = ("prometheus", "rule_limits", "groups")
        yield about_mesh(inventory, below, CODE, Severity.ERROR, problem, remedy)


def _fewest(graph: Graph, signals: Catalogue) -> tuple[int, int]:
    """How many groups there are when none is split, and how many rules the longest of them has."""
    mesh = signals.mesh
    limits = replace(mesh.prometheus.rule_limits, rules_per_group=1_000)
    unlimited = replace(mesh, prometheus=replace(mesh.prometheus, rule_limits=limits))
    groups = rule_groups(graph, replace(signals, mesh=unlimited))
    return len(groups), max(len(group.rules) for group in groups)


def _objects(graph: Graph, signals: Catalogue) -> Iterator[Finding]:
    inventory, mesh = graph.inventory, graph.inventory.mesh
    parts = {"records": mesh_records(mesh, signals), "alerts": mesh_alerts(mesh, signals)}
    for part, groups in parts.items():
        if (size := _size(groups)) > LARGEST:
            problem = f"has {_too_large(mesh_rule_object(mesh.name, part), size)}"  # type: ignore[arg-type]
            yield about_mesh(inventory, ("prometheus",), CODE, Severity.ERROR, problem, _shorter(mesh))
    for service in _suspects(graph, signals):
        if (size := _size(service_rules(graph, signals, service))) > LARGEST:
            problem = f"has {_too_large('rules', size)}"
            yield about(inventory, service, (), CODE, Severity.ERROR, problem, _shorter(mesh))


def _suspects(graph: Graph, signals: Catalogue) -> tuple[Service, ...]:
    """All services, if the one that calls most has rules of half the size; else none can be too large.

    Names apart, rules differ by a few words for each callee. To write all of them down takes seconds in a large mesh.
    """
    services = graph.inventory.services
    longest = max(services, key=lambda service: len(service.calls), default=None)
    if longest is None or _size(service_rules(graph, signals, longest)) * 2 < LARGEST:
        return ()
    return services


def _size(groups: tuple[Group, ...]) -> int:
    return len(to_yaml(rule_file(groups)))


def _too_large(what: str, size: int) -> str:
    return f"{what} of {size} bytes, and the Prometheus operator takes {LARGEST} in an object"


def _shorter(mesh: Mesh) -> str:
    longest = max(
        ("runbook_base_url", mesh.runbook_base_url),
        ("grafana.url", mesh.grafana.url or ""),
        key=lambda url: len(url[1]),
    )
    return f"give the mesh shorter addresses: {longest[0]}, which each alert repeats, has {len(longest[1])} characters"
