"""A synthetic inventory of any size: layered like a real one, the same on every machine."""

from __future__ import annotations

from typing import Any

import yaml

ROLES = ("sync", "orchestrator", "external", "worker", "data")
TIERS = ("critical", "high", "medium", "low")


def inventory(services: int) -> str:
    """YAML text of an inventory with so many services; each calls up to three that come after it."""
    mesh = {"name": "bench", "istio_version": "1.30", "runbook_base_url": "https://runbooks.example.com"}
    mesh["grafana"] = {"url": "https://grafana.example.com"}  # type: ignore[assignment]
    body = {f"service-{number:05}": _service(number, services) for number in range(services)}
    document = {"mesh": mesh, "defaults": {"injection": "explicit"}, "services": body}
    text: str = yaml.dump(document, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False)
    return text


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
