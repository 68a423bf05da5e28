"""A whole mesh for an hour: what is sent is counted by whoever sees it, and by nobody twice."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import pytest

from observe import policy, telemetry
from observe.graph import Graph
from observe.inventory import load
from observe.simulation import incident, simulate
from observe.simulation.conditions import OnService
from observe.simulation.fleet import bucket_limits
from observe.simulation.reports import pods_of
from observe.simulation.traffic import Traffic
from tests.conftest import EXAMPLES, INVENTORIES, ROOT
from tests.simulation.reading import by_name, increase, increases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.model import Inventory
    from observe.simulation import Telemetry

REQUESTS = "istio_requests_total"
MINUTES = 10
EDGE = ("source_workload", "destination_service_namespace", "destination_service_name")
AMBIENT = ROOT / "examples" / "ambient"
EVERY_FEATURE = ROOT / "examples" / "every-feature"


@pytest.fixture(scope="module")
def healthy(shop: Inventory) -> Telemetry:
    return simulate(shop, minutes=MINUTES)


@pytest.fixture(scope="module")
def ambient() -> Telemetry:
    return simulate(load(str(AMBIENT)), minutes=MINUTES)


@pytest.fixture(scope="module")
def every_feature() -> Telemetry:
    return simulate(load(str(EVERY_FEATURE)), minutes=MINUTES)


def declared(inventory: Inventory) -> Mapping[tuple[str, str, str], float]:
    """Requests in ten minutes on each link, by the labels of `EDGE`."""
    traffic = Traffic(Graph(inventory))
    moment: dict[tuple[str, str, str], float] = {}
    for link in traffic.links:
        rate = link.calls * (1 if link.steady else traffic.rates[link.key[0]])
        key = (link.caller.workload, link.service.namespace, link.service.name)
        moment[key] = moment.get(key, 0) + rate * MINUTES * 60
    return moment


def test_what_callers_report_is_what_is_sent_along_the_declared_calls(shop: Inventory, healthy: Telemetry) -> None:
    """On every edge of the call graph and from every gateway; what Stripe sends nobody reports who sent it."""
    counted = increases(healthy, REQUESTS, *EDGE, reporter="source")
    wanted = {edge: rate for edge, rate in declared(shop).items() if edge[0] != "unknown"}
    assert counted.keys() == wanted.keys()
    for edge, rate in wanted.items():
        # Each stream of an edge may have saved up less than one request at the end.
        assert counted[edge] == pytest.approx(rate, abs=6), edge
    assert counted["order-service", "payments", "payment-service"] == pytest.approx(20 * 600, abs=6)


def test_both_sides_agree_on_every_edge(healthy: Telemetry) -> None:
    """As long as nothing fails, to the request: and what comes without a proxy only the callee counts."""
    callers = increases(healthy, REQUESTS, *EDGE, "response_code", "grpc_response_status", reporter="source")
    callees = increases(healthy, REQUESTS, *EDGE, "response_code", "grpc_response_status", reporter="destination")
    outside = {key: count for key, count in callees.items() if key not in callers}
    assert {key: count for key, count in callees.items() if key in callers} == callers
    assert {key[:3] for key in outside} == {("unknown", "payments", "stripe-webhook")}


def test_requests_are_split_by_operation_at_the_callee(healthy: Telemetry) -> None:
    """Order-service declares three operations, and each gets an even share."""
    counted = increases(
        healthy, REQUESTS, "request_endpoint", reporter="destination", destination_service_name="order-service"
    )
    assert set(counted) == {("POST /orders",), ("GET /orders/{id}",), ("DELETE /orders/{id}",)}
    assert max(counted.values()) - min(counted.values()) <= 2


def test_everything_between_sidecars_is_encrypted_and_stripe_is_not(healthy: Telemetry) -> None:
    secured = increases(healthy, REQUESTS, "source_workload", "connection_security_policy", reporter="destination")
    assert {caller for caller, security in secured if security != "mutual_tls"} == {"unknown"}
    assert {security for _, security in increases(healthy, REQUESTS, "reporter", "connection_security_policy")} >= {
        "unknown",
        "mutual_tls",
    }


def test_a_quiet_day_fails_nothing(healthy: Telemetry) -> None:
    """But a hundredth of what comes from outside asks for what is not there, which is no failure of the service."""
    codes = increases(healthy, REQUESTS, "response_code", "grpc_response_status", "response_flags", reporter="source")
    assert {key[0] for key in codes} == {"200", "404"}
    assert {key[1] for key in codes} <= {"", "0"}
    assert {key[2] for key in codes} == {"-"}
    assert codes["404", "", "-"] == pytest.approx(0.01 * 20 * 600, abs=2)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_a_quiet_day_keeps_every_latency_objective(example: object) -> None:
    """All requests but so many as the quantile leaves out are below the limit."""
    inventory = load(str(example))
    seen = simulate(inventory, minutes=MINUTES)
    limits = bucket_limits(inventory)
    for service in inventory.in_mesh:
        limit = min(limit for limit in limits if limit >= service.objectives.latency.limit)
        here = {"destination_service_name": service.name, "destination_service_namespace": service.namespace}
        name = telemetry.DURATION_BUCKET
        within = increases(seen, name, **here, le=str(float(limit)))[()]
        everything = increases(seen, name, **here, le="+Inf")[()]
        assert within >= everything * service.objectives.latency.quantile, service.id


@pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda path: path.rsplit("/", 1)[-1])
def test_every_inventory_gives_telemetry(inventory: str) -> None:
    """Whatever an inventory holds: something is reported, each series once and with a value for each scrape."""
    loaded = load(inventory)
    seen = simulate(loaded, minutes=5)
    step = loaded.mesh.prometheus.scrape_interval // 1000
    assert (seen.step, seen.scrapes) == (step, 5 * 60 // step + 1)
    assert {len(series.values) for series in seen.series} == {seen.scrapes}
    assert len(by_name(seen.series)) == len(seen.series)
    assert seen.named("up")


def test_counters_never_fall(healthy: Telemetry, shop: Inventory) -> None:
    """Only a pod that is replaced begins anew: on a quiet day, and amid errors and ejections."""
    for seen in (healthy, simulate(shop, incident(shop, "instance-down"), minutes=25)):
        for series in seen.series:
            counted = "upstream" in series.name and not series.name.endswith("_active")
            if counted or series.name.endswith(("_total", "_bucket", "_count", "_sum")):
                values = [value for value in series.values if value is not None]
                assert values == sorted(values), str(series)


def test_buckets_are_cumulative_at_every_scrape(healthy: Telemetry) -> None:
    """A wider bucket never holds less, and the widest holds what `_count` does."""
    found: dict[tuple[tuple[str, str], ...], dict[float, tuple[float | None, ...]]] = {}
    for series in healthy.named(telemetry.DURATION_BUCKET):
        rest = tuple(pair for pair in series.labels if pair[0] != "le")
        found.setdefault(rest, {})[float(series.label("le"))] = series.values
    counts = {series.labels: series.values for series in healthy.named("istio_request_duration_milliseconds_count")}
    assert found.keys() == counts.keys()
    for labels, buckets in found.items():
        ordered = [buckets[limit] for limit in sorted(buckets)]
        for column in zip(*ordered, strict=True):
            assert list(column) == sorted(column, key=lambda value: value or 0)
        assert ordered[-1] == counts[labels]


def test_the_same_arguments_give_the_same_telemetry(shop: Inventory) -> None:
    once, again = (simulate(shop, incident(shop, "errors"), minutes=20, begin=5) for _ in range(2))
    assert once == again


class TestPools:
    """What a calling proxy has open at once, in whole numbers."""

    ACTIVE: ClassVar = (telemetry.ACTIVE_REQUESTS, telemetry.ACTIVE_CONNECTIONS)

    def test_an_ordinary_day_is_far_from_every_limit(self, healthy: Telemetry) -> None:
        for name in self.ACTIVE:
            values = [value for series in healthy.named(name) for value in series.values]
            assert values
            assert all(value == int(value or 0) for value in values)
            assert max(value or 0 for value in values) < 16

    def test_requests_in_flight_are_their_rate_by_their_duration(self, shop: Inventory) -> None:
        """By Little's law, of one calling pod: what the histogram added up in a second."""
        seen = simulate(shop, incident(shop, "payment-latency-spike"), minutes=12, begin=2)
        edge = {"source_workload": "order-service", "destination_service_name": "payment-service", "reporter": "source"}
        begun, ended = 20, 40
        durations = seen.named("istio_request_duration_milliseconds_sum", **edge)
        spent = sum((one.values[ended] or 0) - (one.values[begun] or 0) for one in durations) / 1000
        replicas = policy.instances(next(one for one in shop.services if one.name == "order-service"))
        expected = spent / ((ended - begun) * seen.step) / replicas
        gauges = [one for one in seen.named(telemetry.ACTIVE_REQUESTS) if one.label("pod").startswith("order-service")]
        (open_,) = {one.values[ended] for one in gauges if "|payment-service." in one.label("cluster_name")}
        assert expected > 2
        assert open_ == pytest.approx(expected, abs=0.51)

    def test_a_pool_that_overflows_is_full(self, shop: Inventory) -> None:
        """At its limit as long as it turns requests away, and not beyond."""
        happening = incident(shop, "overflow")
        (effect,) = (one for one in happening.effects if isinstance(one, OnService))
        seen = simulate(shop, happening, minutes=12, begin=2)
        host = f"|{effect.service.partition('/')[2]}."
        full = 0
        for series in seen.named(telemetry.ACTIVE_REQUESTS):
            overflowed = seen.named(
                "envoy_cluster_upstream_rq_active_overflow",
                pod=series.label("pod"), cluster_name=series.label("cluster_name"),
            )  # fmt: skip
            if host in series.label("cluster_name") and increase(overflowed[0].values):
                assert set(series.values[12:]) == {effect.condition.pool}
                full += 1
        assert full

    def test_nothing_is_open_to_who_is_gone(self, shop: Inventory) -> None:
        happening = incident(shop, "all-down")
        seen = simulate(shop, happening, minutes=12, begin=2)
        host = f"|{happening.services[0].partition('/')[2]}."
        for name in self.ACTIVE:
            gauges = [one for one in seen.named(name) if host in one.label("cluster_name")]
            assert {one.values[-1] for one in gauges} == {0}
        assert max(one.values[0] or 0 for one in gauges) > 0


def test_a_configuration_without_contradictions_is_said_to_have_none(healthy: Telemetry) -> None:
    """Zero is said, from the first push on."""
    for name in telemetry.CONFLICTS:
        assert {value for series in healthy.named(name) for value in series.values} == {0}


class TestAmbient:
    """The waypoint counts requests, ztunnels count connections, the gateway reports for itself."""

    def test_reporters(self, ambient: Telemetry) -> None:
        counted = increases(ambient, REQUESTS, "reporter", "source_workload", "destination_service_name")
        assert counted.keys() == {("waypoint", "basket", "fruit"), ("source", "web-istio", "basket")}
        assert counted["waypoint", "basket", "fruit"] == pytest.approx(10 * 600, abs=2)

    def test_a_callee_behind_a_waypoint_sees_the_waypoint(self, ambient: Telemetry) -> None:
        name = "istio_tcp_connections_opened_total"
        counted = increases(ambient, name, "reporter", "source_workload", "destination_service_name")
        assert counted.keys() >= {("source", "basket", "fruit"), ("destination", "waypoint", "fruit")}
        assert ("destination", "basket", "fruit") not in counted
        assert counted["source", "basket", "stock-db"] == counted["destination", "basket", "stock-db"] > 0

    def test_the_waypoint_has_the_statistics(self, ambient: Telemetry) -> None:
        pods = {series.label("pod") for series in ambient.named(telemetry.RETRIES)}
        assert pods == {pod.name for pod in (*pods_of("sales", "waypoint"), *pods_of("ingress", "web-istio"))}
        clusters = {series.label("cluster_name") for series in ambient.named(telemetry.RETRIES)}
        assert "inbound-vip|9000|http|fruit.sales.svc.cluster.local" in clusters

    def test_gateways_are_called_as_istiod_deploys_them(self) -> None:
        """After the Gateway, whatever the account is called."""
        inventory = load(str(AMBIENT))
        web = replace(inventory.mesh.gateways["web"], service_account="edge")
        mesh = replace(inventory.mesh, gateways={"web": web})
        callers = {link.caller.workload for link in Traffic(Graph(replace(inventory, mesh=mesh))).entries}
        assert callers == {"web-istio"}


class TestOutsiders:
    """Services that have no proxy report nothing, and others report what they see of them."""

    def test_a_caller_without_a_proxy_is_unknown(self, every_feature: Telemetry) -> None:
        counted = increases(every_feature, REQUESTS, "reporter", "source_workload", destination_service_name="reports")
        assert counted.keys() == {("destination", "unknown")}

    def test_a_callee_without_a_proxy_is_reported_by_its_callers(self, every_feature: Telemetry) -> None:
        counted = increases(every_feature, REQUESTS, "reporter", "pod", destination_service_name="billing")
        assert {reporter for reporter, _ in counted} == {"source"}
        assert not every_feature.named("up", namespace="legacy")

    def test_a_service_outside_the_cluster_goes_by_its_host(self, every_feature: Telemetry) -> None:
        names = {key[0] for key in increases(every_feature, REQUESTS, "destination_service_name")}
        assert {"ledger.dc1.example.com", "vat.tax.example.com"} <= names
        tcp = increases(every_feature, "istio_tcp_connections_opened_total", "destination_service_name", "reporter")
        assert tcp.keys() >= {("tariffs.dc1.example.com", "source"), ("api.fuel.example.com", "source")}
        assert ("tariffs.dc1.example.com", "destination") not in tcp

    def test_another_mesh_is_known_by_its_identity(self, every_feature: Telemetry) -> None:
        """Its proxy is not scraped here, so only the callee reports."""
        labels = ("reporter", "source_principal", "connection_security_policy")
        counted = increases(every_feature, REQUESTS, *labels, source_workload="desk")
        assert counted.keys() == {("destination", "spiffe://sister.example.com/ns/sales/sa/desk", "mutual_tls")}

    def test_a_gateway_takes_the_declared_peak_by_half(self, every_feature: Telemetry) -> None:
        """Storefront declares 1800 requests per second, through two exposures."""
        counted = increases(
            every_feature, REQUESTS, "source_workload", "reporter", destination_service_name="storefront"
        )
        assert counted["istio-ingress", "source"] == pytest.approx(900 * 600, abs=10)


class TestBackground:
    """What pods, istiod and the kubelet report of themselves."""

    def test_every_workload_is_scraped_by_at_most_two_of_its_pods(self, shop: Inventory, healthy: Telemetry) -> None:
        pods: dict[str, set[str]] = {}
        for series in healthy.named("up", job="envoy-stats"):
            pods.setdefault(series.label("pod").rsplit("-", 2)[0], set()).add(series.label("pod"))
        assert pods.keys() == {service.name for service in shop.services} | {"istio-ingressgateway"}
        assert {workload for workload, found in pods.items() if len(found) == 1} == {"report-processor"}
        assert max(map(len, pods.values())) == 2

    def test_versions(self, healthy: Telemetry) -> None:
        built = {(one.label("component"), one.label("tag")) for one in healthy.named("istio_build")}
        assert built == {("proxy", "1.30.0"), ("pilot", "1.30.0")}

    def test_certificates_live_half_to_all_of_their_life(self, healthy: Telemetry) -> None:
        for series in healthy.named(telemetry.CERTIFICATE_EXPIRY, resource_name="default"):
            assert all(value and 12 * 3600 < value <= 24 * 3600 for value in series.values), str(series)
            first, second = series.values[:2]
            assert first is not None
            assert second in (first - 15, first - 15 + 12 * 3600)

    @pytest.mark.parametrize("epoch", [0, 1_700_000_000])
    def test_timestamps_count_from_the_epoch(self, shop: Inventory, epoch: int) -> None:
        """Rule tests begin in 1970, blocks when they say."""
        seen = simulate(shop, minutes=1, epoch=epoch)
        for name in ("root_cert", "cert_chain"):
            (first, *_) = seen.named(f"citadel_server_{name}_expiry_timestamp")
            assert first.values[0] == epoch + 10 * 365 * 86_400

    def test_who_is_let_in_is_counted_by_the_callee(self, healthy: Telemetry) -> None:
        """As many as arrive."""
        allowed = increases(healthy, "envoy_http_rbac", "namespace", authz_enforce_result="allowed")
        arrived = increases(healthy, REQUESTS, "destination_service_namespace", reporter="destination")
        for (namespace,), count in arrived.items():
            assert allowed[namespace,] == pytest.approx(count, abs=30)
        assert not sum(increases(healthy, "envoy_http_rbac", authz_enforce_result="denied").values())

    def test_istiod_has_the_job_that_the_inventory_says(self, shop: Inventory, healthy: Telemetry) -> None:
        jobs = {one.label("job") for one in healthy.named("istio_build", component="pilot")}
        assert jobs == {shop.mesh.prometheus.istiod_job}

    def test_busier_proxies_use_more_cpu(self, healthy: Telemetry) -> None:
        name = "container_cpu_usage_seconds_total"
        busy, idle = (
            increases(healthy, name, container="istio-proxy", pod=pods_of(namespace, workload)[0].name)[()]
            for namespace, workload in (("data", "catalog-data"), ("messaging", "sms-worker"))
        )
        assert busy > idle > 0


def test_only_what_the_stats_matcher_lets_out_is_exported(shop: Inventory, healthy: Telemetry) -> None:
    """A statistic that the generated installation does not ask for does not exist in the simulation either."""
    patterns = [re.compile(pattern) for pattern in telemetry.stats_matcher(shop)]
    clusters = {one.label("cluster_name") for one in healthy.series if one.name.startswith("envoy_cluster_")}
    assert "outbound|80||order-service.orders.svc.cluster.local" in clusters
    assert not any("stripe.com" in cluster for cluster in clusters)
    for cluster in clusters:
        assert any(pattern.fullmatch(f"cluster.{cluster};.upstream_rq_retry") for pattern in patterns)


@pytest.mark.parametrize(("version", "counter"), [("1.29", "pending"), ("1.30", "active")])
def test_overflow_is_counted_where_the_version_counts_it(shop: Inventory, version: str, counter: str) -> None:
    inventory = replace(shop, mesh=replace(shop.mesh, istio_version=version))
    seen = simulate(inventory, incident(inventory, "overflow"), minutes=10, begin=5)
    counted = {
        name: sum(increases(seen, f"envoy_cluster_upstream_rq_{name}_overflow").values())
        for name in ("pending", "active")
    }
    assert [name for name, count in counted.items() if count] == [counter]
    turned_away = sum(series.values[-1] or 0 for series in seen.named(REQUESTS, response_flags="UO"))
    assert counted[counter] == pytest.approx(turned_away, abs=10)
    assert turned_away > 1_000
