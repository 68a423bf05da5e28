"""The pods of ingress gateways, where Istio's installer deploys them.

With `routing: gateway-api` istiod deploys them itself, one Deployment for each Gateway; then only its defaults for them
are set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from observe.naming import gateway_deployments, ingress_deployment
from observe.provenance import Origin, Sourced, of_mesh

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.istio.metadata import Manifest
    from observe.model import Mesh


@dataclass(frozen=True, slots=True)
class GatewayPods:
    """A Deployment of gateway pods. Several gateways of the inventory may be on it."""

    name: Sourced[str]
    """The Deployment's; what appends the suffix is the service account, wherever that is possible."""
    namespace: Sourced[str]
    service_account: Sourced[str]
    labels: Mapping[str, Sourced[str]]
    """What gateways select the pods by."""
    makes_account: bool = True
    """Whether the service account comes with this Deployment, and not with an earlier one."""

    @property
    def all_labels(self) -> Manifest:
        """With the two that the charts put there anyway, by which they select."""
        usual = {"app": self.name.value, "istio": self.name.value.removeprefix("istio-")}
        by_name = Origin("what the charts call it", self.name.origin.path)
        return {**{key: Sourced(value, by_name) for key, value in usual.items()}, **self.labels}


def gateway_pods(mesh: Mesh) -> tuple[GatewayPods, ...]:
    """The Deployments that the inventory's gateways need, one for each namespace and set of labels; the one that is
    declared under `ingress` when there are no gateways.
    """
    if mesh.routing == "gateway-api":
        return ()
    deployments = gateway_deployments(mesh)
    found: dict[tuple[str, str], GatewayPods] = {}
    for key in sorted(mesh.gateways):
        place = mesh.gateways[key].namespace, deployments[key]
        if place not in found:
            found[place] = _of_gateway(mesh, key, deployments[key], tuple(found.values()))
    return tuple(found.values()) or (_of_ingress(mesh),)


def _of_gateway(mesh: Mesh, key: str, name: str, others: tuple[GatewayPods, ...]) -> GatewayPods:
    gateway = mesh.gateways[key]
    account = Sourced(gateway.service_account, of_mesh("gateways", key, "service_account"))
    accounts = {(other.namespace.value, other.service_account.value) for other in others}
    labels = of_mesh("gateways", key, "labels")
    return GatewayPods(
        _named_after(account, name),
        Sourced(gateway.namespace, of_mesh("gateways", key, "namespace")),
        account,
        {label: Sourced(value, labels) for label, value in sorted(gateway.labels.items())},
        (gateway.namespace, gateway.service_account) not in accounts,
    )


def _of_ingress(mesh: Mesh) -> GatewayPods:
    account = Sourced(mesh.ingress.service_account, of_mesh("ingress", "service_account"))
    return GatewayPods(
        _named_after(account, ingress_deployment(mesh)),
        Sourced(mesh.ingress.namespace, of_mesh("ingress", "namespace")),
        account,
        {},
    )


def _named_after(account: Sourced[str], name: str) -> Sourced[str]:
    return Sourced(name, Origin("after its service account", account.origin.path))
