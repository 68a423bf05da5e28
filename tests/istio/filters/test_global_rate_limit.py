"""Global rate limits: what gateways ask, and what the service that counts is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from observe.istio.filters.global_rate_limit import global_rate_limits
from observe.model import Gateway, GlobalRateLimit, RateLimitService
from observe.provenance import plain
from tests.samples import a_mesh

PER_ADDRESS = GlobalRateLimit(name="per-address", requests=11, unit="hour")
PER_KEY = GlobalRateLimit(name="per-key", requests=12, header="x-api-key")
WEB = Gateway(hosts=("shop.example.com", "api.example.com"), secret="tls", rate_limits=(PER_ADDRESS, PER_KEY))
API = Gateway(hosts=("b2b.example.com",), secret="b2b", namespace="edge", rate_limits=(PER_ADDRESS,))
SERVICE = RateLimitService(namespace="limits", service="counter", port=9081, timeout=40)


def made(**changes: Any) -> dict[tuple[str, str], dict[str, Any]]:
    mesh = a_mesh(**{"gateways": {"web": WEB}, "rate_limit_service": SERVICE, **changes})
    objects = [plain(one) for one in global_rate_limits(mesh)]
    return {(one["kind"], one["metadata"]["name"]): one for one in objects}


def patches(name: str, **changes: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The HTTP filters of a gateway, and the one patch of its virtual hosts."""
    *filters, actions = made(**changes)["EnvoyFilter", f"{name}-rate-limits"]["spec"]["configPatches"]
    return filters, actions


def test_service_is_told_of_the_limits_of_all_gateways_in_its_own_namespace() -> None:
    told = made(gateways={"web": WEB, "api": API})["ConfigMap", "acme-rate-limits"]
    assert told["metadata"]["namespace"] == "limits"
    assert "spec" not in told
    config = yaml.safe_load(told["data"]["config.yaml"])
    assert config == json.loads(told["data"]["config.yaml"])
    assert config["domain"] == "acme"
    assert [one["value"] for one in config["descriptors"]] == ["api.per-address", "web.per-address", "web.per-key"]
    assert config["descriptors"][2] == {
        "key": "generic_key",
        "value": "web.per-key",
        "descriptors": [{"key": "x-api-key", "rate_limit": {"unit": "minute", "requests_per_unit": 12}}],
    }


def test_what_is_asked_is_what_the_service_knows() -> None:
    """Descriptors are compared by key and value: a limit whose words differ is none."""
    _, actions = patches("web")
    asked = []
    for limit in actions["patch"]["value"]["rate_limits"]:
        name, counted = limit["actions"]
        by = counted["request_headers"]["descriptor_key"] if "request_headers" in counted else "remote_address"
        asked.append((name["generic_key"]["descriptor_value"], by))
    config = yaml.safe_load(made()["ConfigMap", "acme-rate-limits"]["data"]["config.yaml"])
    assert asked == [(one["value"], one["descriptors"][0]["key"]) for one in config["descriptors"]]


def test_filter_asks_the_service_in_time_and_lets_pass_when_it_does_not_answer() -> None:
    (one,), _ = patches("web")
    config = one["patch"]["value"]["typed_config"]
    fqdn = "counter.limits.svc.cluster.local"
    assert config["rate_limit_service"]["grpc_service"]["envoy_grpc"] == {
        "cluster_name": f"outbound|9081||{fqdn}",
        "authority": fqdn,
    }
    assert config["domain"] == "acme"
    assert config["timeout"] == "0.040s"
    assert config["failure_mode_deny"] is False


def test_an_outage_of_the_service_may_be_one_of_everything() -> None:
    (one,), _ = patches("web", rate_limit_service=RateLimitService(namespace="limits", on_failure="deny"))
    assert one["patch"]["value"]["typed_config"]["failure_mode_deny"] is True


def test_filter_stands_once_in_the_gateway_s_only_chain() -> None:
    """Twice in a chain it would count every request twice. All hosts of Istio's Gateway share one chain."""
    filters, actions = patches("web")
    assert [one["match"]["listener"]["filterChain"]["sni"] for one in filters] == ["shop.example.com"]
    assert actions["match"] == {"context": "GATEWAY", "routeConfiguration": {"gateway": "istio-system/web"}}


def test_gateways_with_the_same_pods_count_their_own_requests() -> None:
    other = Gateway(hosts=("b2b.example.com",), secret="b2b", rate_limits=(PER_KEY,))
    filters, actions = patches("other", gateways={"web": WEB, "other": other})
    assert [one["match"]["listener"]["filterChain"]["sni"] for one in filters] == ["b2b.example.com"]
    assert actions["match"]["routeConfiguration"] == {"gateway": "istio-system/other"}


def test_gateway_api_has_a_chain_and_pods_of_its_own_for_each_gateway() -> None:
    """A listener has one host, and the pods are those that istiod deploys."""
    filters, actions = patches("web", routing="gateway-api")
    assert [one["match"]["listener"]["filterChain"]["sni"] for one in filters] == list(WEB.hosts)
    assert actions["match"] == {"context": "GATEWAY"}
    selector = made(routing="gateway-api")["EnvoyFilter", "web-rate-limits"]["spec"]["workloadSelector"]
    assert selector == {"labels": {"gateway.networking.k8s.io/gateway-name": "web"}}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"rate_limit_service": None}, id="nobody to ask"),
        pytest.param({"gateways": {"web": Gateway(hosts=("a.example.com",), secret="tls")}}, id="nothing to ask"),
    ],
)
def test_nothing(changes: dict[str, Any]) -> None:
    assert made(**changes) == {}
