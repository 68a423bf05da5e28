"""Three services that between them have every alert that there is: the rules that are broken on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe.model import Call, Endpoint, Installation, LatencyObjective, Mtls, Objectives
from tests.samples import GRPC, TCP, a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from observe.model import Inventory


def fleet() -> Inventory:
    """One that speaks HTTP, one that speaks gRPC, one that speaks TCP, each with objectives of its own."""
    checkout = a_service(
        "checkout",
        tier="critical",
        objectives=Objectives(error_rate=0.01, availability=0.999, minimum_requests=4),
        endpoints=(Endpoint(method="POST", path="/orders"), Endpoint(method="GET", path="/orders/{id}")),
        calls=(Call(service="shop/pricing"), Call(service="shop/ledger-db")),
    )
    pricing = a_service(
        "pricing",
        tier="low",
        ports=(GRPC,),
        objectives=Objectives(error_rate=0.02, minimum_requests=10, latency=LatencyObjective(quantile=0.95, limit=400)),
        mtls=Mtls(mode="PERMISSIVE", reason="partners call without a proxy"),
        endpoints=(Endpoint(grpc="shop.Pricing/Quote"),),
    )
    ledger = a_service(
        "ledger-db", ports=(TCP,), role="data", objectives=Objectives(error_rate=0.03, minimum_requests=10)
    )
    mesh = a_mesh(installation=Installation(outbound_policy="REGISTRY_ONLY"))
    return an_inventory(checkout, pricing, ledger, mesh=mesh)
