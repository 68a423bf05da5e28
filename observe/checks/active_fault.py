"""Faults that are injected on purpose, listed so that nobody forgets one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.checks.finding import Finding, Severity, about
from observe.model import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Graph
    from observe.model import Fault

CODE = "OBS131"
TITLE = "A fault is injected on purpose"


def find(graph: Graph) -> Iterator[Finding]:
    """A finding for each fault that is not over (that is OBS130)."""
    day = graph.inventory.day
    for service in graph.inventory.services:
        for index, fault in enumerate(service.faults):
            if day is None or day <= fault.expires:
                problem = f"has the fault {fault.name} until {fault.expires}: {_effect(fault)}"
                remedy = "remove it when the experiment is over"
                below = ("faults", index)
                yield about(graph.inventory, service, below, CODE, Severity.WARNING, problem, remedy)


def _effect(fault: Fault) -> str:
    said = []
    if fault.delay:
        said.append(f"{fault.delay.percent} % of requests are held back for {format_duration(fault.delay.duration)}")
    if fault.abort:
        grpc = f"gRPC status {fault.abort.grpc_status}"
        status = grpc if fault.abort.status is None else str(fault.abort.status)
        said.append(f"{fault.abort.percent} % are answered with {status}")
    whose = " and ".join(f"{name}: {value}" for name, value in fault.headers.items())
    return " and ".join(said) + (f", of those with {whose}" if whose else ", whoever sends them")
