"""Small inventories for tests: one good value each, of which a test changes what it is about."""

from __future__ import annotations

from typing import Any

from observe.model import Grafana, Inventory, Mesh, Port, Service

HTTP = Port(name="http", number=80, target_port=8080)
GRPC = Port(name="grpc", number=9000, protocol="grpc")
TCP = Port(name="tcp-db", number=5432, protocol="tcp")


def a_mesh(**changes: Any) -> Mesh:
    """A mesh of sidecars."""
    good: dict[str, Any] = {
        "name": "acme",
        "istio_version": "1.30",
        "runbook_base_url": "https://runbooks.example.com",
        "grafana": Grafana(url="https://grafana.example.com"),
    }
    return Mesh(**{**good, **changes})


def a_service(name: str = "checkout", **changes: Any) -> Service:
    """A service with one HTTP port and an account of its own."""
    good: dict[str, Any] = {
        "name": name,
        "namespace": "shop",
        "owner": "team-a",
        "tier": "high",
        "role": "sync",
        "ports": (HTTP,),
        "replicas": 3,
        "service_account": name,
        "injection": "explicit",
    }
    return Service(**{**good, **changes})


def an_inventory(*services: Service, mesh: Mesh | None = None) -> Inventory:
    """An inventory of these services, sorted as the loader sorts them."""
    ordered = sorted(services, key=lambda service: (service.namespace, service.name))
    return Inventory(mesh or a_mesh(), tuple(ordered))
