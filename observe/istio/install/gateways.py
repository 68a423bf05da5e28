"""The pods of ingress gateways, where Istio's installer deploys them.

With `routing: gateway-api` istiod deploys them itself, one Deployment for each Gateway; then only its defaults for them
are set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe.provenance import Origin, Sourced, of_mesh

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.istio.metadata import Manifest
    from observe.model import Mesh

ACCOUNT_SUFFIX: Final = "-service-account"
"""What the charts of istioctl append to a gateway's name (`manifests/charts/gateways/istio-ingress`)."""
USUAL_LABELS: Final = {"istio": "ingressgateway"}


@dataclass(frozen=True, slots=True)
class GatewayPods:
    """A Deployment of gateway pods. Several gateways of the inventory may share it."""

    namespace: Sourced[str]
    service_account: Sourced[str]
    labels: Mapping[str, Sourced[str]]
    """What gateways select the pods by."""

    @property
    def name(self) -> str:
        """The Deployment's: so that with istioctl the service account is as declared."""
        return self.service_account.value.removesuffix(ACCOUNT_SUFFIX) or self.service_account.value

    @property
    def all_labels(self) -> Manifest:
        """With the two that the charts put there anyway, by which they select."""
        by_name = Origin("what the charts call it", self.service_account.origin.path)
        usual = {"app": self.name, "istio": self.name.removeprefix("istio-")}
        return {**{key: Sourced(value, by_name) for key, value in usual.items()}, **self.labels}


def gateway_pods(mesh: Mesh) -> tuple[GatewayPods, ...]:
    """The Deployments that the inventory's gateways need, by namespace and service account; the one that is declared
    under `ingress` when there are no gateways.
    """
    if mesh.routing == "gateway-api":
        return ()
    found: dict[tuple[str, str], GatewayPods] = {}
    for name in sorted(mesh.gateways):
        made = _of_gateway(mesh, name)
        key = made.namespace.value, made.service_account.value
        known = found.get(key, made)
        found[key] = GatewayPods(known.namespace, known.service_account, {**made.labels, **known.labels})
    return tuple(found[key] for key in sorted(found)) or (_of_ingress(mesh),)


def _of_gateway(mesh: Mesh, name: str) -> GatewayPods:
    gateway = mesh.gateways[name]
    origin = of_mesh("gateways", name, "labels")
    return GatewayPods(
        Sourced(gateway.namespace, of_mesh("gateways", name, "namespace")),
        Sourced(gateway.service_account, of_mesh("gateways", name, "service_account")),
        {key: Sourced(value, origin) for key, value in sorted(gateway.labels.items())},
    )


def _of_ingress(mesh: Mesh) -> GatewayPods:
    return GatewayPods(
        Sourced(mesh.ingress.namespace, of_mesh("ingress", "namespace")),
        Sourced(mesh.ingress.service_account, of_mesh("ingress", "service_account")),
        {},
    )
