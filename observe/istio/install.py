"""The part of Istio's installation that the pack's alerts and panels cannot do without."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.istio.metadata import Manifest, manifest

if TYPE_CHECKING:
    from observe.model import Inventory

KIND: Final = "IstioOperator"
API_VERSION: Final = "install.istio.io/v1alpha1"


def istio_operator(inventory: Inventory) -> Manifest:
    """An overlay for `istioctl install -f`: what proxies do not report unasked, and signals need.

    The stats matcher, without which there are no breaker statistics; and buckets at the latency objectives' limits,
    without which quantiles near them are guesses. It is an input of the installer, not an object of the cluster.
    Proxies take it at their next start.
    """
    mesh = inventory.mesh
    matcher = {"inclusionRegexps": list(telemetry.stats_matcher(mesh))}
    spec: Manifest = {"meshConfig": {"defaultConfig": {"proxyStatsMatcher": matcher}}}
    limits = telemetry.bucket_limits(objective_limits(inventory))
    if limits != telemetry.BUCKETS and telemetry.buckets_at_objectives(mesh):
        buckets = {telemetry.BUCKETS_ANNOTATION: json.dumps({telemetry.BUCKETS_PREFIX: limits})}
        spec["values"] = {"sidecarInjectorWebhook": {"injectedAnnotations": buckets}}
    return manifest(mesh, API_VERSION, KIND, mesh.root_namespace, f"{mesh.name}-telemetry", spec)


def objective_limits(inventory: Inventory) -> set[int]:
    """The latencies, in milliseconds, that some service is held to."""
    return {service.objectives.latency.limit for service in inventory.services if service.request_ports}
