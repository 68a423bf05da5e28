"""What holds for every proxy."""

from __future__ import annotations

from typing import Any

import pytest

from observe.istio.install.mesh_config import mesh_config
from observe.istio.telemetry.tracing import mesh_tracing
from observe.model import Installation, Tracing
from observe.provenance import plain
from tests.samples import a_mesh, a_service, an_inventory


def config(**mesh: Any) -> dict[str, Any]:
    found: dict[str, Any] = plain(mesh_config(an_inventory(a_service(), mesh=a_mesh(**mesh))))
    return found


def installed(**installation: Any) -> dict[str, Any]:
    return config(installation=Installation(**installation))


def test_what_nobody_chose_is_safe() -> None:
    found = config()
    matcher = found["defaultConfig"].pop("proxyStatsMatcher")
    assert found == {
        "rootNamespace": "istio-system",
        "trustDomain": "cluster.local",
        "enableAutoMtls": True,
        "outboundTrafficPolicy": {"mode": "ALLOW_ANY"},
        "accessLogFile": "/dev/stdout",
        "accessLogEncoding": "JSON",
        "defaultProviders": {"metrics": ["prometheus"]},
        "defaultConfig": {"holdApplicationUntilProxyStarts": True},
    }
    (expression,) = matcher["inclusionRegexps"]
    assert "ejections_" in expression


def test_identities_are_those_that_the_policies_name() -> None:
    found = config(trust_domain="a.example.com", trust_domain_aliases=("b.example.com",), root_namespace="mesh")
    assert found["trustDomain"] == "a.example.com"
    assert found["trustDomainAliases"] == ["b.example.com"]
    assert found["rootNamespace"] == "mesh"


def test_the_access_log_may_be_off() -> None:
    """Said outright: with the profile demo it would be on."""
    found = installed(access_log="off")
    assert found["accessLogFile"] == ""
    assert "accessLogEncoding" not in found


def test_outbound_traffic_may_be_limited_to_known_hosts() -> None:
    assert installed(outbound_policy="REGISTRY_ONLY")["outboundTrafficPolicy"] == {"mode": "REGISTRY_ONLY"}


def test_an_ambient_mesh_has_no_sidecars_to_wait_for() -> None:
    assert list(config(data_plane="ambient")["defaultConfig"]) == ["proxyStatsMatcher"]


COLLECTOR = Tracing(service="otel.observability.svc.cluster.local", port=4319, sampling=0.07)


def test_the_collector_is_told_by_the_name_that_the_telemetry_resource_asks_for() -> None:
    (provider,) = installed(tracing=COLLECTOR)["extensionProviders"]
    assert provider["opentelemetry"] == {"service": "otel.observability.svc.cluster.local", "port": 4319}
    inventory = an_inventory(a_service(), mesh=a_mesh(installation=Installation(tracing=COLLECTOR)))
    telemetry = plain(mesh_tracing(inventory))
    assert telemetry["metadata"]["namespace"] == "istio-system"
    assert telemetry["spec"] == {
        "tracing": [{"providers": [{"name": provider["name"]}], "randomSamplingPercentage": 7.0}]
    }


@pytest.mark.parametrize(("share", "percentage"), [(0.0, 0.0), (0.001, 0.1), (0.29, 29.0), (1.0, 100.0)])
def test_shares_are_percentages_without_the_noise_of_binary_fractions(share: float, percentage: float) -> None:
    tracing = Tracing(service="otel.observability.svc.cluster.local", sampling=share)
    telemetry = mesh_tracing(an_inventory(mesh=a_mesh(installation=Installation(tracing=tracing))))
    assert telemetry
    assert plain(telemetry)["spec"]["tracing"][0]["randomSamplingPercentage"] == percentage


def test_without_a_collector_nothing_is_traced() -> None:
    assert "extensionProviders" not in config()
    assert mesh_tracing(an_inventory(a_service())) is None
