"""A mesh with one service of each kind that boards treat differently. No two numbers are equal, so swaps show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from observe.boards import boards
from observe.graph import Graph
from observe.model import Call, ExternalCaller, Inventory, LatencyObjective, Mtls, Objectives
from observe.signals import catalogue
from tests.samples import GRPC, TCP, a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from observe.boards import Board

CHECKOUT = a_service(
    "checkout",
    calls=(Call(service="shop/users"), Call(service="data/orders-db")),
    objectives=Objectives(error_rate=0.03, latency=LatencyObjective(quantile=0.9, limit=700)),
)
USERS = a_service("users", ports=(GRPC,), objectives=Objectives(error_rate=0.02, latency=LatencyObjective(limit=1_300)))
DATABASE = a_service("orders-db", namespace="data", ports=(TCP,), role="data")
WEBHOOK = a_service(
    "webhook",
    mtls=Mtls(mode="PERMISSIVE", ports=(8080,), reason="the bank's sender has no certificate"),
    external_callers=(ExternalCaller(name="the bank", via="direct"),),
)
PLAIN = a_service("metrics", mtls=Mtls(mode="DISABLE", reason="scraped by a box without TLS"))
LEGACY = a_service("legacy", in_mesh=False)


def a_small_mesh(**changes: Any) -> Inventory:
    """One service of each kind."""
    return an_inventory(CHECKOUT, USERS, DATABASE, WEBHOOK, PLAIN, LEGACY, mesh=a_mesh(**changes))


def all_boards(inventory: Inventory) -> tuple[Board, ...]:
    """Every dashboard of an inventory."""
    return tuple(boards(inventory, Graph(inventory), catalogue(inventory)))
