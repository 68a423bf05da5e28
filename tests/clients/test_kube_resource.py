"""Names and paths of Kubernetes kinds."""

from __future__ import annotations

import pytest

from observe.clients.kube_resource import ObjectName, Resource


@pytest.mark.parametrize(
    ("api_version", "kind", "full_name"),
    [
        ("networking.istio.io/v1", "VirtualService", "virtualservices.networking.istio.io"),
        ("networking.istio.io/v1", "Gateway", "gateways.networking.istio.io"),
        ("networking.istio.io/v1", "ServiceEntry", "serviceentries.networking.istio.io"),
        ("security.istio.io/v1", "AuthorizationPolicy", "authorizationpolicies.security.istio.io"),
        ("telemetry.istio.io/v1", "Telemetry", "telemetries.telemetry.istio.io"),
        ("monitoring.coreos.com/v1", "PrometheusRule", "prometheusrules.monitoring.coreos.com"),
        ("v1", "ConfigMap", "configmaps"),
    ],
)
def test_the_plural_of_every_kind(api_version: str, kind: str, full_name: str) -> None:
    assert Resource(api_version, kind).full_name == full_name


def test_paths_of_one_of_all_in_a_namespace_and_of_all() -> None:
    resource = Resource("networking.istio.io/v1", "Sidecar")
    root = "/apis/networking.istio.io/v1"
    assert resource.path() == f"{root}/sidecars"
    assert resource.path("shop") == f"{root}/namespaces/shop/sidecars"
    assert ObjectName(resource, "shop", "web").path == f"{root}/namespaces/shop/sidecars/web"
    assert Resource("v1", "ConfigMap").path("shop") == "/api/v1/namespaces/shop/configmaps"
