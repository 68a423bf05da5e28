"""Global rate limits: what a gateway asks the rate limit service, and what that service is told to answer.

Each limit is a descriptor of two parts: its own name, and what it counts by. The gateway sends the descriptors of a
request, the service (envoyproxy/ratelimit) counts each against the limit that its configuration has for it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from observe.istio.filters.envoy_filter import GLOBAL_RATE_LIMIT_PRIORITY, at_gateway, envoy_filter, insert, seconds
from observe.istio.metadata import Manifest, manifest
from observe.naming import gateway_rate_limits, host
from observe.provenance import Origin, Sourced, of_mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Gateway, GlobalRateLimit, Mesh, RateLimitService

FILTER: Final = "envoy.filters.http.ratelimit"
MESSAGE: Final = "envoy.extensions.filters.http.ratelimit.v3.RateLimit"
NAME_KEY: Final = "generic_key"
"""The descriptor key of a limit's name; Envoy's own choice for fixed values."""
ADDRESS_KEY: Final = "remote_address"

GATEWAY_NAME_LABEL: Final = "gateway.networking.k8s.io/gateway-name"
"""On the pods that istiod deploys for a Gateway of the Kubernetes Gateway API."""


def global_rate_limits(mesh: Mesh) -> Iterator[Manifest]:
    """An EnvoyFilter for each gateway with limits, and one ConfigMap for the service that counts.

    Nothing without that service: a gateway that cannot ask would only wait.
    """
    service = mesh.rate_limit_service
    limited = [name for name, gateway in sorted(mesh.gateways.items()) if gateway.rate_limits]
    if service is None or not limited:
        return
    yield _configuration(mesh, service, limited)
    for name in limited:
        yield _filter(mesh, service, name)


def _configuration(mesh: Mesh, service: RateLimitService, limited: list[str]) -> Manifest:
    """JSON is YAML, which the service reads."""
    descriptors = [
        {
            "key": NAME_KEY,
            "value": _descriptor(name, limit),
            "descriptors": [
                {
                    "key": limit.header or ADDRESS_KEY,
                    "rate_limit": {"unit": limit.unit, "requests_per_unit": limit.requests},
                }
            ],
        }
        for name in limited
        for limit in mesh.gateways[name].rate_limits
    ]
    text = json.dumps({"domain": mesh.name, "descriptors": descriptors}, indent=2) + "\n"
    data = {"config.yaml": Sourced(text, of_mesh("gateways", why="the rate limits of all gateways"))}
    name = gateway_rate_limits(mesh.name)
    return manifest(mesh, "v1", "ConfigMap", service.namespace, name, data, content="data")


def _descriptor(gateway: str, limit: GlobalRateLimit) -> str:
    """A dot cannot stand in either part."""
    return f"{gateway}.{limit.name}"


def _filter(mesh: Mesh, service: RateLimitService, name: str) -> Manifest:
    gateway, origin = mesh.gateways[name], of_mesh("rate_limit_service")
    filters = [
        insert(at_gateway(chain), Sourced(FILTER, origin), MESSAGE, _config(mesh, service), origin)
        for chain in _chains(mesh, name)
    ]
    return envoy_filter(
        mesh,
        gateway.namespace,
        gateway_rate_limits(name),
        _pods(mesh, name, gateway),
        Sourced(GLOBAL_RATE_LIMIT_PRIORITY, Origin("said, so that it does not depend on the time of creation")),
        [*filters, _actions(mesh, name)],
    )


def _chains(mesh: Mesh, name: str) -> list[Sourced[str]]:
    """The hosts that tell the gateway's filter chains: one for all of its hosts, or one for each listener. The filter
    must not stand twice in a chain, where every request would be counted twice.
    """
    hosts = mesh.gateways[name].hosts if mesh.routing == "gateway-api" else mesh.gateways[name].hosts[:1]
    return [Sourced(one, of_mesh("gateways", name, "hosts", index)) for index, one in enumerate(hosts)]


def _pods(mesh: Mesh, name: str, gateway: Gateway) -> Sourced[dict[str, str]]:
    if mesh.routing == "gateway-api":
        return Sourced({GATEWAY_NAME_LABEL: name}, of_mesh("gateways", name, why="the pods that istiod deploys for it"))
    return Sourced(dict(gateway.labels), of_mesh("gateways", name, "labels"))


def _config(mesh: Mesh, service: RateLimitService) -> Manifest:
    fqdn = host(service.namespace, service.service, mesh.cluster_domain)
    failure = of_mesh("rate_limit_service", "on_failure")
    return {
        "domain": Sourced(mesh.name, of_mesh("name", why="as in the service's configuration")),
        "failure_mode_deny": Sourced(service.on_failure == "deny", failure),
        "timeout": Sourced(seconds(service.timeout), of_mesh("rate_limit_service", "timeout")),
        "rate_limited_as_resource_exhausted": Sourced(
            True, Origin("what gRPC clients know as a limit; UNAVAILABLE asks them to try again")
        ),
        "rate_limit_service": {
            "grpc_service": {"envoy_grpc": {"cluster_name": f"outbound|{service.port}||{fqdn}", "authority": fqdn}},
            "transport_api_version": "V3",
        },
    }


def _actions(mesh: Mesh, name: str) -> Manifest:
    """What a request is counted as: on every host of the gateway.

    The routes of an HTTPS server are its own, and named after the gateway (istio `rc_patch.go`). Gateways of the
    Gateway API share their pods with nobody, so there all routes of the pods are meant.
    """
    limits = [
        Sourced({"actions": _action(name, limit)}, of_mesh("gateways", name, "rate_limits", index))
        for index, limit in enumerate(mesh.gateways[name].rate_limits)
    ]
    place: Manifest = {"context": "GATEWAY"}
    if mesh.routing == "istio":
        place["routeConfiguration"] = {"gateway": f"{mesh.gateways[name].namespace}/{name}"}
    patch = {"operation": "MERGE", "value": {"rate_limits": limits}}
    origin = of_mesh("gateways", name, "rate_limits", why="what requests through the gateway are counted as")
    return {
        "applyTo": Sourced("VIRTUAL_HOST", origin),
        "match": Sourced(place, origin),
        "patch": Sourced(patch, origin),
    }


def _action(name: str, limit: GlobalRateLimit) -> list[Manifest]:
    """Envoy drops the whole descriptor of a request that lacks the header: it is not limited."""
    named = {"generic_key": {"descriptor_value": _descriptor(name, limit)}}
    if limit.header is None:
        return [named, {"remote_address": {}}]
    return [named, {"request_headers": {"header_name": limit.header, "descriptor_key": limit.header}}]
