"""What istiod makes of routes, versions, hosts outside and scopes: the facts that the builders rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from observe import policy
from observe.graph import Graph
from observe.model import Breaker, Call, Endpoint, ExternalHost, Outside, Retries, Route, Version
from observe.model.installation import Installation, Tracing
from tests.istio import envoy
from tests.istio.deployed import Deployed, deployed
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service, an_inventory
from tests.servers.fixtures import require, require_kubernetes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Inventory
    from tests.servers.xds import Snapshot

QUOTES = "quotes.shop.svc.cluster.local"
PRICES = "prices.shop.svc.cluster.local"
COLLECTOR = "otel.observability.svc.cluster.local"
LEDGER, BANK = "ledger.example.com", "api.bank.example.com"


def inventory() -> Inventory:
    quotes = a_service(
        "quotes",
        ports=(HTTP, TCP),
        replicas=3,
        breaker=Breaker(max_ejection_percent=34, max_requests=13),
        versions=(
            Version(name="v1", weight=90),
            Version(name="v2", weight=10, replicas=2),
            Version(name="v3", replicas=1, headers={"x-next": "1"}),
        ),
        endpoints=(Endpoint(method="GET", path="/quotes/{id}", timeout=8_000), Endpoint(method="POST", path="/quotes")),
    )
    watch = Endpoint(grpc="acme.v1.Prices/Watch", streaming=True)
    prices = a_service("prices", ports=(GRPC,), replicas=1, endpoints=(watch,), route=Route(timeout=2_000))
    web = a_service(
        "web",
        calls=(
            Call(service="shop/quotes", port=80, timeout=1_500, retries=Retries(attempts=1)),
            Call(service="shop/prices"),
            Call(service="vm/ledger"),
        ),
        external_hosts=(
            ExternalHost(host=BANK),
            ExternalHost(host=BANK, port=80, protocol="http", originate_tls=True),
            ExternalHost(host="known.example.com", port=5432, protocol="tcp", addresses=("192.0.2.5",)),
            ExternalHost(host="unknown.example.com", port=6379, protocol="tcp"),
        ),
    )
    admin = a_service("admin", labels={"app": "web"}, calls=(Call(service="shop/quotes", port=5432),))
    outside = Outside(host=LEDGER, addresses=("192.0.2.7", "192.0.2.8"), tls=True)
    ledger = a_service("ledger", namespace="vm", in_mesh=False, outside=outside, ports=(HTTP,))
    loud = a_service("loud", namespace="vm", calls=(Call(service="shop/quotes", port=80),))
    tracing = Tracing(service=COLLECTOR)
    return an_inventory(
        quotes, prices, web, admin, ledger, loud, mesh=a_mesh(installation=Installation(tracing=tracing))
    )


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    require("istio")
    require_kubernetes()
    with deployed(inventory(), tmp_path_factory.mktemp("traffic")) as found:
        yield found


@pytest.fixture(scope="module")
def web(mesh: Deployed) -> Snapshot:
    """What the sidecar of web gets, whose pods admin has too."""
    return mesh.seen_by("web")


def named(snapshot: Snapshot, host: str) -> dict[str, dict[str, Any]]:
    return {route["name"]: route for route in envoy.routes_to(snapshot, host)}


def test_stream_has_no_timeout_and_other_grpc_has_one_for_its_clients_deadlines_too(web: Snapshot) -> None:
    stream, rest = (route["route"] for route in envoy.routes_to(web, PRICES))
    assert (stream["timeout"], stream["max_grpc_timeout"]) == ("0s", "0s")
    assert (rest["timeout"], rest["max_grpc_timeout"]) == ("2s", "2s")
    assert "per_try_timeout" not in stream["retry_policy"]


def test_callers_own_choice_reaches_its_pods_alone_and_an_endpoints_choice_goes_before_it(
    mesh: Deployed, web: Snapshot
) -> None:
    own = [(name, route["route"]["timeout"]) for name, route in named(web, QUOTES).items() if "-to-" not in name]
    assert own == [
        ("http-endpoint-get-quotes-id-from-shop-web", "8s"),  # with one retry, others have two
        ("http-endpoint-get-quotes-id", "8s"),
        ("http-from-shop-web-idempotent", "1.500s"),
        ("http-from-shop-web-any", "1.500s"),
    ]
    others = [(name, route["route"]["timeout"]) for name, route in named(mesh.seen_by("loud"), QUOTES).items()]
    assert [one for one in others if "-to-" not in one[0]] == [
        ("http-endpoint-get-quotes-id", "8s"),
        ("http-default-idempotent", "3s"),
        ("http-default-any", "3s"),
    ]


def test_requests_are_shared_by_weight_and_a_header_asks_for_the_dark_version(web: Snapshot) -> None:
    found = named(web, QUOTES)
    shared = found["http-from-shop-web-any"]["route"]["weighted_clusters"]["clusters"]
    assert [(one["name"], one["weight"]) for one in shared] == [
        (f"outbound|80|v1|{QUOTES}", 90),
        (f"outbound|80|v2|{QUOTES}", 10),
    ]
    dark = found["http-from-shop-web-any-to-v3"]
    assert dark["route"]["cluster"] == f"outbound|80|v3|{QUOTES}"
    assert dark["route"]["timeout"] == "1.500s"
    assert [header["name"] for header in dark["match"]["headers"]] == ["x-next"]


def test_tcp_connections_are_shared_by_weight(web: Snapshot) -> None:
    chains = [chain for listener in web.listeners.values() for chain in listener.get("filter_chains", ())]
    proxies = [one["typed_config"] for chain in chains for one in chain["filters"] if one["name"].endswith("tcp_proxy")]
    shared = [one["weighted_clusters"]["clusters"] for one in proxies if "weighted_clusters" in one]
    assert [[(one["name"], one["weight"]) for one in clusters] for clusters in shared] == [
        [(f"outbound|5432|v1|{QUOTES}", 90), (f"outbound|5432|v2|{QUOTES}", 10)]
    ]


def test_each_version_ejects_by_the_number_of_its_own_pods(web: Snapshot) -> None:
    """34 per cent is one of three, and none of two; nor is a version's only pod ejected."""
    percent = {
        subset: envoy.cluster(web, QUOTES, 80, subset)["outlier_detection"]["max_ejection_percent"]
        for subset in ("v1", "v2", "v3")
    }
    assert percent == {"v1": 34, "v2": 50, "v3": 34}
    assert percent["v1"] >= 100 / 3
    assert percent["v2"] >= 100 / 2
    assert percent["v3"] < 100 / 1


def test_only_instance_is_in_no_danger(web: Snapshot) -> None:
    assert "outlier_detection" not in envoy.cluster(web, PRICES, 9000)


def test_sidecar_covers_both_services_of_the_pods_and_the_collector(web: Snapshot) -> None:
    outside = {BANK, "known.example.com", "unknown.example.com"}
    assert envoy.outbound(web) == {QUOTES, PRICES, LEDGER, COLLECTOR} | outside


def test_hosts_of_one_namespace_are_unknown_to_another(mesh: Deployed) -> None:
    assert envoy.outbound(mesh.seen_by("loud")) == {QUOTES, COLLECTOR}


def test_pod_takes_what_all_callers_may_send(mesh: Deployed) -> None:
    """Istiod finds no DestinationRule for it otherwise: the Sidecar does not name the pod's own service."""
    quotes = mesh.service("quotes")
    expected = policy.arrivals(Graph(mesh.inventory), quotes).max_requests.value
    (limits,) = mesh.seen_by("quotes").clusters["inbound|8080||"]["circuit_breakers"]["thresholds"]
    assert limits["max_requests"] == expected == 117  # 13 for each of nine pods that call, and one pod of v3


def tls(found: dict[str, Any]) -> tuple[str, list[dict[str, str]], str] | None:
    """Server name, names that the certificate may have, and where its authorities come from."""
    if "transport_socket" not in found:
        return None
    context = found["transport_socket"]["typed_config"]
    trusted = context["common_tls_context"]["combined_validation_context"]
    names = trusted["default_validation_context"]["match_subject_alt_names"]
    return context["sni"], names, trusted["validation_context_sds_secret_config"]["name"]


def test_proxy_speaks_tls_for_plain_http_and_checks_the_certificate(web: Snapshot) -> None:
    plain = envoy.cluster(web, BANK, 80)
    assert tls(plain) == (BANK, [{"exact": BANK}], "file-root:system")
    (endpoints,) = plain["load_assignment"]["endpoints"]
    address = endpoints["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    assert (address["address"], address["port_value"]) == (BANK, 443)
    assert plain["connect_timeout"] == "5s"


def test_tls_that_the_application_speaks_is_left_alone(web: Snapshot) -> None:
    found = envoy.cluster(web, BANK, 443)
    assert tls(found) is None
    assert found["outlier_detection"]["max_ejection_percent"] == 50


def test_service_outside_is_dialled_by_its_host_at_its_addresses(web: Snapshot) -> None:
    found = envoy.cluster(web, LEDGER, 80)
    assert tls(found) == (LEDGER, [{"exact": LEDGER}], "file-root:system")
    (locality,) = web.endpoints[f"outbound|80||{LEDGER}"]["endpoints"]
    addresses = [one["endpoint"]["address"]["socket_address"] for one in locality["lb_endpoints"]]
    assert sorted((one["address"], one["port_value"]) for one in addresses) == [
        ("192.0.2.7", 8080),
        ("192.0.2.8", 8080),
    ]
    assert [route["route"]["timeout"] for route in envoy.routes_to(web, LEDGER)] == ["3s", "3s"]


def test_tcp_host_is_told_by_its_addresses(web: Snapshot) -> None:
    assert "192.0.2.5_5432" in web.listeners
    assert "0.0.0.0_5432" not in web.listeners


def test_tcp_host_without_addresses_lets_everything_on_its_port_go_where_it_was_going(web: Snapshot) -> None:
    assert "0.0.0.0_6379" in web.listeners
    assert envoy.cluster(web, "unknown.example.com", 6379)["type"] == "ORIGINAL_DST"
