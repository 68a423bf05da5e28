"""What istiod makes of gateways, rate limits and faults: the Envoy configuration of gateways and sidecars.

The same inventory is said twice, in Istio's own resources and in those of the Kubernetes Gateway API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from observe.inventory import parse
from tests.istio import envoy
from tests.istio.deployed import Deployed, deployed
from tests.servers.fixtures import require, require_kubernetes
from tests.servers.xds import Proxy, Snapshot, ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.servers.istioctl import Istioctl

TEXT = """
mesh:
  name: acme
  istio_version: "1.31"
  runbook_base_url: https://runbooks.example.com
  routing: {routing}
  gateways:
    web:
      hosts: [shop.example.com, api.example.com]
      secret: web-tls
      issuer: {{name: ca}}
      rate_limits:
        - {{name: per-address, requests: 11, unit: minute}}
        - {{name: per-key, requests: 12, unit: second, header: x-api-key}}
    partners:
      hosts: [partners.example.com]
      secret: partners-tls
      redirect: false
  rate_limit_service: {{namespace: limits, on_failure: deny}}
defaults: {{namespace: shop, owner: team-a, tier: high, replicas: 3, injection: explicit}}
services:
  cart:
    role: sync
    service_account: cart
    ports: [{{name: http, number: 80, target_port: 8080}}, {{name: tcp-admin, number: 81, protocol: tcp}}]
    endpoints:
      - {{method: GET, path: /cart/changes, timeout: 50s}}
      - {{method: GET, path: "/cart/{{id}}", timeout: 9s}}
    rate_limit: {{requests: 50}}
    faults: [{{name: slow, expires: 2099-12-31, delay: {{duration: 1s, percent: 10}}}}]
    exposures:
      - {{gateway: web, host: shop.example.com, path: /cart, port: 80, timeout: 4s}}
      - {{gateway: partners, host: partners.example.com, port: 80}}
{versions}
  front:
    role: gateway
    service_account: front
    ports: [{{name: http, number: 80}}]
    exposures: [{{gateway: web, host: shop.example.com}}]
    calls: [{{service: cart, port: 80}}]
"""
VERSIONS = """
    versions: [{name: v1, weight: 90}, {name: v2, weight: 10, headers: {x-beta: "on"}}]
"""
LIMIT = "envoy.filters.http.ratelimit"
ACCOUNT = "istio-ingressgateway-service-account"


def running(routing: str, folder: Path) -> AbstractContextManager[Deployed]:
    require("istio")
    require_kubernetes()
    versions = VERSIONS if routing == "istio" else ""
    return deployed(parse([("mesh.yaml", TEXT.format(routing=routing, versions=versions))]), folder)


@pytest.fixture(scope="module")
def istio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with running("istio", tmp_path_factory.mktemp("istio")) as mesh:
        yield mesh


@pytest.fixture(scope="module")
def gateway_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with running("gateway-api", tmp_path_factory.mktemp("gateway-api")) as mesh:
        yield mesh


def gateway(mesh: Deployed, name: str) -> Snapshot:
    """What the pods of a gateway get; those that istiod deploys have a label that says whose they are."""
    labels = {"istio": "ingressgateway"}
    if mesh.inventory.mesh.routing == "gateway-api":
        labels["gateway.networking.k8s.io/gateway-name"] = name
    number = list(mesh.inventory.mesh.gateways).index(name)
    proxy = Proxy("istio-system", f"{name}-istio", labels, ACCOUNT, f"10.0.200.{number + 1}", kind="router")
    return ask(mesh.istiod, proxy)


def chains(snapshot: Snapshot) -> dict[tuple[str, ...], list[str]]:
    """The HTTP filters of a gateway's filter chains, by the hosts of the TLS handshake."""
    found = {}
    for listener in snapshot.listeners.values():
        for chain in listener["filter_chains"]:
            (manager,) = [one["typed_config"] for one in chain["filters"]]
            hosts = tuple(sorted(chain.get("filter_chain_match", {}).get("server_names", ())))
            found[hosts] = [one["name"] for one in manager["http_filters"]]
    return found


def virtual_host(snapshot: Snapshot, name: str) -> dict[str, Any]:
    """A host as it is reached with TLS."""
    (found,) = [
        one
        for routes in snapshot.routes.values()
        for one in routes.get("virtual_hosts", ())
        if name in one["domains"] and routes["name"].startswith("https.")
    ]
    return dict(found)


def summary(routes: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Path, timeout and cluster of each route, in the order in which they are tried."""
    return [(_path(route["match"]), route["route"]["timeout"], _clusters(route["route"])) for route in routes]


def _path(match: dict[str, Any]) -> str:
    dark = " dark" if any(one["name"] == "x-beta" for one in match.get("headers", ())) else ""
    keys = ("prefix", "path", "path_separated_prefix")
    found: str = next((match[key] for key in keys if key in match), match.get("safe_regex", {}).get("regex", ""))
    return found + dark


def _clusters(action: dict[str, Any]) -> str:
    shares = action.get("weighted_clusters", {}).get("clusters")
    if not shares:
        return str(action["cluster"])
    return " ".join(f"{one['weight']}:{one['name'].split('|')[2]}" for one in shares)


CART, FRONT = (f"outbound|80||{name}.shop.svc.cluster.local" for name in ("cart", "front"))
V2 = "outbound|80|v2|cart.shop.svc.cluster.local"


def test_gateway_knows_weights_dark_launches_and_timeouts(istio: Deployed) -> None:
    shop = virtual_host(gateway(istio, "web"), "shop.example.com")
    *special, dark, cart, front = summary(shop["routes"])
    assert [dark, cart, front] == [
        ("/cart dark", "4s", V2),
        ("/cart", "4s", "90:v1 10:v2"),
        ("/", "15s", FRONT),
    ]
    assert ("/cart/changes", "50s", "90:v1 10:v2") in special
    assert ("/cart/[^/]+", "9s", "90:v1 10:v2") in special
    assert special.index(("/cart/changes dark", "50s", V2)) < special.index(("/cart/[^/]+ dark", "9s", V2))


def test_gateway_tries_again_only_what_never_arrived(istio: Deployed) -> None:
    routes = virtual_host(gateway(istio, "web"), "shop.example.com")["routes"]
    safe = ("connect-failure,refused-stream,reset-before-request", 2)
    assert {
        (one["route"]["retry_policy"]["retry_on"], one["route"]["retry_policy"]["num_retries"]) for one in routes
    } == {safe}


def test_plaintext_is_redirected_where_declared(istio: Deployed) -> None:
    """One pod serves both gateways here, and what is not redirected has no route on 80 at all."""
    snapshot = gateway(istio, "web")
    (plaintext,) = [routes for name, routes in snapshot.routes.items() if name.startswith("http.")]
    assert {one["name"]: one.get("require_tls") for one in plaintext["virtual_hosts"]} == {
        "shop.example.com:80": "ALL",
        "api.example.com:80": "ALL",
    }


def test_filters_of_a_gateway_s_rate_limits_stand_once_and_only_in_its_own_chain(istio: Deployed) -> None:
    found = chains(gateway(istio, "web"))
    assert found.keys() == {("api.example.com", "shop.example.com"), ("partners.example.com",), ()}
    limited = found["api.example.com", "shop.example.com"]
    assert limited[-2:] == [LIMIT, "envoy.filters.http.router"]
    assert limited.count(LIMIT) == 1
    assert LIMIT not in found[("partners.example.com",)] + found[()]


def test_requests_are_counted_as_declared_and_the_service_that_counts_is_known(istio: Deployed) -> None:
    snapshot = gateway(istio, "web")
    by_address, by_key = virtual_host(snapshot, "shop.example.com")["rate_limits"]
    assert by_address["actions"][0]["generic_key"]["descriptor_value"] == "web.per-address"
    assert by_key["actions"][1]["request_headers"]["header_name"] == "x-api-key"
    assert "rate_limits" not in virtual_host(snapshot, "partners.example.com")
    assert "outbound|8081||ratelimit.limits.svc.cluster.local" in snapshot.clusters


def test_limit_and_faults_of_a_service_stand_before_the_router_of_its_own_port(istio: Deployed) -> None:
    snapshot = istio.seen_by("cart")
    names = [one["name"] for one in envoy.http_filters(snapshot, 8080)]
    assert names[-3:] == [
        "envoy.filters.http.local_ratelimit",
        "envoy.filters.http.fault.slow",
        "envoy.filters.http.router",
    ]
    everywhere = [
        one["name"]
        for chain in snapshot.listeners["virtualInbound"]["filter_chains"]
        for network in chain["filters"]
        for one in network.get("typed_config", {}).get("http_filters", ())
    ]
    assert everywhere.count("envoy.filters.http.local_ratelimit") == 1


def test_gateway_api_says_the_same_of_hosts_and_timeouts(gateway_api: Deployed) -> None:
    """But for the template: at a gateway it could never be met."""
    shop = virtual_host(gateway(gateway_api, "web"), "shop.example.com")
    assert summary(shop["routes"]) == [
        ("/cart/changes", "50s", CART),
        ("/cart", "4s", CART),
        ("/", "15s", FRONT),
    ]


def test_gateway_api_inside_the_mesh_tries_templates_before_the_rest(gateway_api: Deployed) -> None:
    routes = envoy.routes_to(gateway_api.seen_by("front"), "cart.shop.svc.cluster.local")
    assert summary(routes) == [
        ("/cart/changes", "50s", CART),
        ("/cart/[^/]+", "9s", CART),
        ("/.*", "3s", CART),
    ]


def test_gateway_api_has_limits_once_in_each_chain_of_the_gateway(gateway_api: Deployed) -> None:
    found = chains(gateway(gateway_api, "web"))
    assert {hosts: filters.count(LIMIT) for hosts, filters in found.items()} == {
        ("shop.example.com",): 1,
        ("api.example.com",): 1,
        (): 0,
    }
    assert virtual_host(gateway(gateway_api, "web"), "shop.example.com")["rate_limits"]
    assert LIMIT not in str(chains(gateway(gateway_api, "partners")))


def test_gateway_api_finds_every_reference(gateway_api: Deployed) -> None:
    """Istio's verdict on each HTTPRoute: accepted, and leave to reach what it names."""
    path = "/apis/gateway.networking.k8s.io/v1/httproutes"
    routes = gateway_api.api.request("GET", path).json()["items"]
    assert len(routes) == 5
    for route in routes:
        (parent,) = route["status"]["parents"]
        verdicts = {one["type"]: one["status"] for one in parent["conditions"]}
        assert verdicts == {"Accepted": "True", "ResolvedRefs": "True"}, route["metadata"]["name"]


@pytest.mark.parametrize("mesh", ["istio", "gateway_api"])
def test_istios_analysis_finds_nothing_to_warn_of(
    mesh: str, istioctl: Istioctl, request: pytest.FixtureRequest
) -> None:
    found = istioctl.analyze_cluster(request.getfixturevalue(mesh).api.kubeconfig)
    worse = [one for one in found if one.level in ("Warning", "Error")]
    assert [one for one in worse if one.code not in ACCEPTED] == []


ACCEPTED = {
    "IST0133": "istiod warns of every EnvoyFilter, whatever it says (istio `envoyfilter.go`)",
}
"""Codes of Istio's analysis that may remain, with the reason."""
