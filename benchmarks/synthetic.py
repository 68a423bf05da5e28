"""A synthetic inventory of any size: layered like a real one, the same on every machine."""

from __future__ import annotations

from typing import Any

import yaml

ROLES = ("sync", "orchestrator", "external", "worker", "data")
TIERS = ("critical", "high", "medium", "low")


def inventory(services: int, *, legacy: bool = False) -> str:
    """YAML text of an inventory with so many services; each calls up to three that come after it.

    With `legacy`, one in twenty has no proxy: it calls on in plaintext, and who it calls has an exception for that.
    """
    mesh = {"name": "bench", "istio_version": "1.30", "runbook_base_url": "https://runbooks.example.com"}
    mesh["grafana"] = {"url": "https://grafana.example.com"}  # type: ignore[assignment]
    body = {f"service-{number:05}": _service(number, services) for number in range(services)}
    if legacy:
        _take_out(body, [number for number in range(services) if number % 20 == 11])
    document = {"mesh": mesh, "defaults": {"injection": "explicit"}, "services": body}
    text: str = yaml.dump(document, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False)
    return text


def _take_out(body: dict[str, dict[str, Any]], numbers: list[int]) -> None:
    """Leave services out of the mesh; the services that they call accept their plaintext."""
    for number in numbers:
        body[f"service-{number:05}"] |= {"in_mesh": False, "injection": "namespace"}
    for number in numbers:
        for call in body[f"service-{number:05}"]["calls"]:
            callee = body[call["service"]]
            if callee.get("in_mesh", True):
                callee["mtls"] = {"mode": "PERMISSIVE", "reason": f"service-{number:05} has no proxy yet"}


def _service(number: int, services: int) -> dict[str, Any]:
    grpc = number % 4 == 3
    callees = sorted({number + step for step in (1, 7, 31) if number % 5 != 4 and number + step < services})
    port = (
        {"name": "grpc", "number": 9000, "protocol": "grpc"}
        if grpc
        else {"name": "http", "number": 80, "target_port": 8080}
    )
    endpoints: list[dict[str, Any]] = (
        [{"grpc": f"bench.v1.Service{number}/Get", "idempotent": True}]
        if grpc
        else [{"method": "GET", "path": "/items/{id}"}, {"method": "POST", "path": "/items"}]
    )
    return {
        "namespace": f"team-{number % 40:02}",
        "owner": f"team-{number % 40:02}",
        "tier": TIERS[number % len(TIERS)],
        "role": "gateway" if number == 0 else ROLES[number % len(ROLES)],
        "service_account": f"service-{number:05}",
        "replicas": 1 + number % 7,
        "ports": [port],
        "endpoints": endpoints,
        "application": {"timeout": "5s", "retries": 1},
        "calls": [{"service": f"service-{callee:05}"} for callee in callees],
        "objectives": {"error_rate": "2%", "latency": {"limit": "1s"}, "availability": "99.9%"},
    }
