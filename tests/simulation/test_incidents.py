"""What happens in each incident, to whom, and what of it is seen."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from benchmarks import synthetic
from observe import telemetry
from observe.errors import UsageError
from observe.inventory import load
from observe.simulation import INCIDENTS, Impossible, Telemetry, incident, incidents, simulate
from observe.simulation.cast import Cast
from observe.simulation.reports import pods_of
from tests.conftest import ROOT, SHOP
from tests.samples import a_service, an_inventory
from tests.simulation.reading import by_name, increases

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory

MINUTES, BEGIN = 40, 5
REQUESTS = "istio_requests_total"
EXPIRY = telemetry.CERTIFICATE_EXPIRY
CATALOG, PRODUCTS, USERS, SESSIONS = (
    [pod.name for pod in pods_of(namespace, workload)]
    for namespace, workload in (
        ("data", "catalog-data"), ("catalog", "product-service"), ("accounts", "user-service"),
        ("accounts", "session-service"),
    )
)  # fmt: skip
CALLER, CALLEE = "source_workload", "destination_service_name"

ALERTS = {
    "ServiceErrorRateHigh", "ServiceErrorRateCritical", "ServiceLatencyHigh", "ServiceConnectionsFailing",
    "ServiceCircuitBreakerEjecting", "ServiceGone", "ServiceConnectionPoolOverflowing", "ServiceRetryStorm",
    "ServiceEjectionsDenied", "ServiceFailingAtLowTraffic", "ServiceTrafficStopped", "ServiceTelemetryLost",
    "MeshTelemetryLost", "ServicePlaintextCaller", "ServiceMtlsCoverageLow", "ServiceRequestsDenied",
    "ServiceEgressBlocked", "MeshWorkloadCertificateExpiring", "MeshCaCertificateExpiring", "ControlPlaneDown",
    "ControlPlaneConfigurationRejected", "ControlPlanePushFailing", "ControlPlaneConvergenceSlow",
    "SidecarInjectionFailing",
}  # fmt: skip


@pytest.fixture(scope="module")
def healthy(shop: Inventory) -> Telemetry:
    return simulate(shop, minutes=MINUTES)


@cache
def in_the_shop(name: str) -> Telemetry:
    """The example during an incident; each is simulated once."""
    return happened(load(str(SHOP)), name)


def happened(inventory: Inventory, name: str) -> Telemetry:
    return simulate(inventory, incident(inventory, name), minutes=MINUTES, begin=BEGIN)


def different(one: Telemetry, other: Telemetry) -> set[str]:
    """The names of the series that differ."""
    here, there = by_name(one.series), by_name(other.series)
    return {name for name in here.keys() | there.keys() if here.get(name) != there.get(name)}


def failing(seen: Telemetry) -> dict[str, int]:
    """Share in per cent of the requests that fail during the incident, by service, as callers report them."""
    scrape = (BEGIN + 5) * 4
    counted: dict[str, list[float]] = {}
    for series in seen.named(REQUESTS):
        if series.label("reporter") == "destination":
            continue
        events = (series.values[scrape] or 0) - (series.values[scrape - 12] or 0)
        bad = series.label("response_code").startswith("5") or series.label("grpc_response_status") not in (
            "",
            "0",
            "5",
            "7",
        )
        found = counted.setdefault(series.label(CALLEE), [0, 0])
        found[0] += events
        found[1] += events * bad
    return {name: round(100 * bad / whole) for name, (whole, bad) in counted.items() if whole}


class TestEvery:
    """What holds for all incidents of the catalogue."""

    def test_each_happens_in_the_example(self, shop: Inventory) -> None:
        assert [one.name for one in incidents(shop)] == list(INCIDENTS)

    @pytest.mark.parametrize("name", sorted(set(INCIDENTS) - {"low-traffic"}))
    def test_it_changes_what_is_seen_and_only_once_it_has_begun(self, healthy: Telemetry, name: str) -> None:
        """Until then every series has the same values as on a quiet day, and none is there that has not been. Only at
        night, when there is little traffic, no day is like it.
        """
        seen, quiet = by_name(in_the_shop(name).series), by_name(healthy.series)
        until = BEGIN * 4
        for series in seen.keys() | quiet.keys():
            empty = (None,) * until
            assert seen.get(series, empty)[:until] == quiet.get(series, empty)[:until], series
        assert seen != quiet

    @pytest.mark.parametrize("name", INCIDENTS)
    def test_it_says_what_happens_and_what_must_be_noticed(self, shop: Inventory, name: str) -> None:
        """Alerts by their names, about services of the inventory, the root among them where there is one."""
        found = incident(shop, name)
        assert found.story.endswith(".")
        assert INCIDENTS[name].about.endswith(".")
        assert found.expects
        assert {alert for alert, _ in found.expects} <= ALERTS
        assert {service for _, service in found.expects} <= {"", *shop.by_id}
        assert set(found.services) <= shop.by_id.keys()
        if found.services and name != "certificate":
            assert set(found.services) & {service for _, service in found.expects}

    @pytest.mark.parametrize("example", ["ambient", "every-feature"])
    def test_other_inventories_have_them_too(self, example: str) -> None:
        """As far as they can happen; those that can do change what is seen."""
        inventory = load(str(ROOT / "examples" / example))
        quiet = simulate(inventory, minutes=MINUTES)
        found = incidents(inventory)
        assert len(found) >= len(INCIDENTS) * 2 // 3
        for one in found:
            assert different(simulate(inventory, one, minutes=MINUTES, begin=BEGIN), quiet), one.name

    def test_what_an_ambient_mesh_cannot_see_is_not_expected(self) -> None:
        """Pods there report nothing themselves, so that they are gone is known by what their callers get alone: through
        a waypoint, and from the gateway, which goes around it.
        """
        inventory = load(str(ROOT / "examples" / "ambient"))
        assert incident(inventory, "all-down").expects == (
            ("ServiceErrorRateCritical", "sales/basket"),
            ("ServiceErrorRateHigh", "sales/basket"),
            ("ServiceErrorRateCritical", "sales/fruit"),
            ("ServiceErrorRateHigh", "sales/fruit"),
        )
        assert incident(inventory, "leaf-database").expects == (
            ("ServiceErrorRateCritical", "sales/basket"),
            ("ServiceErrorRateHigh", "sales/basket"),
            ("ServiceConnectionsFailing", "stores/stock-db"),
        )

    def test_an_unknown_name_is_told_the_known_ones(self, shop: Inventory) -> None:
        with pytest.raises(UsageError, match="there is no incident fire; take one of errors, slow, "):
            incident(shop, "fire")

    def test_what_cannot_happen_says_why(self) -> None:
        """A single service that nobody calls."""
        alone = an_inventory(a_service())
        assert {one.name for one in incidents(alone)} == {
            "authority-certificate", "prometheus-blind", "control-plane-down", "configuration-rejected",
            "pushes-failing", "convergence-slow", "injection-failing",
        }  # fmt: skip
        with pytest.raises(Impossible, match="no service with a proxy is called"):
            incident(alone, "errors")
        with pytest.raises(Impossible, match="lets everything out"):
            incident(alone, "egress-blocked")


class TestRequests:
    """What callers suffer from."""

    def test_errors_go_up_the_call_graph(self) -> None:
        """Catalog-data is gRPC without declared operations, so nothing is tried again: a third of its requests fails,
        and of search-service's. Product-service asks both: two thirds of two thirds are left.
        """
        share = failing(in_the_shop("errors"))
        assert share["catalog-data"] == pytest.approx(33, abs=1)
        assert share["search-service"] == pytest.approx(33, abs=1)
        assert share["product-service"] == pytest.approx(100 * (1 - 0.67**2), abs=1)
        assert share["api-gateway"] > share["product-service"]
        assert {name for name in share if not share[name]} >= {"payment-service", "user-service", "email-worker"}

    def test_a_database_takes_everything_above_it_down(self, shop: Inventory) -> None:
        share = failing(in_the_shop("leaf-database"))
        above = {service.rpartition("/")[2] for service in Cast(shop).waiting(shop.by_id["data/catalog-data"])}
        # Image-processor waits for it too, but nobody calls that.
        assert {name for name, part in share.items() if part == 100} == {"catalog-data", *above} - {"image-processor"}

    def test_gone_services_report_nothing_and_their_callers_uh(self) -> None:
        seen = in_the_shop("all-down")
        scrape = (BEGIN + 5) * 4
        assert not [one for one in seen.named("up", pod=CATALOG[0]) if one.values[scrape] is not None]
        assert not [one for one in seen.named(REQUESTS, pod=CATALOG[0]) if one.values[scrape] is not None]
        away = seen.named(REQUESTS, response_flags="UH")
        assert {one.label(CALLEE) for one in away} == {"catalog-data"}
        assert {one.label("reporter") for one in away} == {"source"}
        assert {one.label("destination_workload") for one in away} == {"unknown"}

    def test_one_bad_instance_is_ejected_for_longer_and_longer(self) -> None:
        """A failure or two in between, while it is let in again."""
        seen = in_the_shop("instance-down")
        gauges = seen.named(telemetry.EJECTIONS_ACTIVE, pod=PRODUCTS[0])
        (gauge,) = [one for one in gauges if "catalog-data" in one.label("cluster_name")]
        assert set(gauge.values) == {0, 1}
        assert gauge.values[: BEGIN * 4 + 1] == (0,) * (BEGIN * 4 + 1)
        assert sum(filter(None, gauge.values)) > 60
        assert 0 < failing(seen)["catalog-data"] < 10

    def test_a_slow_service_is_slow_for_its_callers(self, healthy: Telemetry) -> None:
        """For twenty minutes everything takes 650 ms longer than a few; before and afterwards all is as ever."""
        before, after = (
            increases(seen, telemetry.DURATION_BUCKET, "le", destination_service_name="catalog-data")
            for seen in (healthy, in_the_shop("slow"))
        )
        # The 500 ms of the objective are a limit of a bucket.
        assert before["25.0",] == before["+Inf",]
        # Twenty of forty minutes; while it was slow, inventory-service tried its reads again, which are more then.
        assert after["500.0",] == pytest.approx(before["+Inf",] / 2, rel=0.01)
        assert after["1000.0",] == after["+Inf",]

    def test_retries_multiply_what_arrives(self) -> None:
        """Half fails and is tried four times more: 1 + 1/2 + 1/4 + 1/8 + 1/16 tries, of which 15/16 are retries."""
        seen = in_the_shop("retry-storm")
        scrape = (BEGIN + 5) * 4

        def events(name: str, **labels: str) -> float:
            found = seen.named(name, **labels)
            return sum((one.values[scrape] or 0) - (one.values[scrape - 12] or 0) for one in found)

        sent = events(REQUESTS, reporter="source", destination_service_name="catalog-data")
        arrived = events(REQUESTS, reporter="destination", destination_service_name="catalog-data")
        assert arrived / sent == pytest.approx(1.9375, rel=0.01)
        cluster = "outbound|9000||catalog-data.data.svc.cluster.local"
        assert events(telemetry.RETRIES, cluster_name=cluster) / sent == pytest.approx(0.9375, rel=0.01)
        gave_up = events("envoy_cluster_upstream_rq_retry_limit_exceeded", cluster_name=cluster)
        assert gave_up / sent == pytest.approx(1 / 32, rel=0.05)

    def test_full_pools_turn_requests_away(self) -> None:
        seen = in_the_shop("overflow")
        assert {one.label(CALLEE) for one in seen.named(REQUESTS, response_flags="UO")} == {"catalog-data"}
        opened = seen.named("envoy_cluster_circuit_breakers_default_rq_open", pod=PRODUCTS[0])
        assert {max(filter(None, one.values), default=0) for one in opened if "catalog-data" in str(one)} == {1}

    def test_more_fail_than_may_be_ejected(self) -> None:
        """Of three instances one may be out; the other two are counted as refused, over and over."""
        seen = in_the_shop("ejections-denied")
        cluster = "outbound|9000||catalog-data.data.svc.cluster.local"
        active = seen.named(telemetry.EJECTIONS_ACTIVE, cluster_name=cluster)
        assert {max(filter(None, one.values)) for one in active} == {1}
        assert increases(seen, "envoy_cluster_outlier_detection_ejections_overflow", cluster_name=cluster)[()] > 100

    def test_few_requests_all_of_which_fail(self) -> None:
        """Two a minute, before and afterwards, and none of them is answered well any more."""
        seen = in_the_shop("low-traffic")
        first, last = BEGIN * 4, (BEGIN + 10) * 4
        counted: dict[str, float] = {}
        for series in seen.named(REQUESTS, reporter="source", destination_service_name="catalog-data"):
            status = series.label("grpc_response_status")
            counted[status] = counted.get(status, 0) + (series.values[last] or 0) - (series.values[first] or 0)
        assert counted["14"] == pytest.approx(20, abs=4)
        assert counted["0"] <= 1

    def test_nobody_calls_from_outside(self) -> None:
        """Workers go on with what they do by themselves."""
        seen = in_the_shop("traffic-stops")
        begin, later = (BEGIN + 1) * 4, (BEGIN + 20) * 4
        moving = {
            (one.label(CALLER), one.label(CALLEE))
            for one in seen.named(REQUESTS)
            if one.values[begin] != one.values[later]
        }
        assert moving == {
            ("analytics-processor", "order-data"), ("analytics-processor", "customer-data"),
            ("image-processor", "catalog-data"), ("report-processor", "ledger-service"),
            ("report-processor", "order-data"), ("ledger-service", "order-data"),
        }  # fmt: skip


class TestStories:
    """The incidents that others had."""

    def test_slow_payments_time_out_and_orders_back_up(self, healthy: Telemetry) -> None:
        """Order-service waits for its timeout and tries reads again; whoever waits for orders gives up before."""
        seen = in_the_shop("payment-latency-spike")
        late = {one.label(CALLEE) for one in seen.named(REQUESTS, response_code="504")}
        assert late == {"payment-service", "order-service"}
        gone = {one.label(CALLEE) for one in seen.named(REQUESTS, reporter="destination", response_flags="DC")}
        assert gone >= {"payment-service", "order-service"}
        retries = increases(seen, telemetry.RETRIES, "cluster_name", namespace="orders")
        assert retries["outbound|80||payment-service.payments.svc.cluster.local",] > 1_000
        share = failing(seen)
        assert share["payment-service"] == share["order-service"] == share["api-gateway"] == 100
        untouched = {name for name in different(seen, healthy) if f'{CALLEE}="product-service"' in name}
        assert not untouched

    def test_a_migration_is_slow_before_it_fails(self) -> None:
        seen = in_the_shop("inventory-migration")
        broken = seen.named(REQUESTS, response_code="503", destination_service_name="inventory-service")
        assert {next(place for place, value in enumerate(one.values) if value) for one in broken} == {
            (BEGIN + 3) * 4 + 1
        }
        share = failing(seen)
        assert share["order-service"] > 20
        assert share["payment-service"] == 0

    def test_strict_too_early_silences_who_has_no_sidecar(self) -> None:
        """What user-service sends is refused and reported by nobody; its callers see it fail."""
        seen = in_the_shop("strict-too-early")
        scrape = (BEGIN + 5) * 4
        for one in seen.named(REQUESTS, source_workload="user-service"):
            assert one.values[scrape] in (None, one.values[BEGIN * 4 + 1], one.values[BEGIN * 4]), str(one)
        assert not [one for one in seen.named("up", pod=USERS[0]) if one.values[scrape] is not None]
        assert failing(seen)["user-service"] == 100
        assert "session-service" not in failing(seen)

    def test_strict_too_early_hits_callers_without_a_proxy(self, tmp_path: Path) -> None:
        """Where some services have none, their requests vanish at their callees."""
        file = tmp_path / "inventory.yaml"
        file.write_text(synthetic.inventory(24, legacy=True))
        inventory = load(str(file))
        seen = happened(inventory, "strict-too-early")
        unknown = seen.named(REQUESTS, source_workload="unknown", reporter="destination")
        assert unknown
        for one in unknown:
            assert one.values[(BEGIN + 1) * 4] == one.values[(BEGIN + 25) * 4], str(one)
        assert failing(seen)["service-00011"] == 100


class TestMesh:
    """What concerns telemetry, encryption and the control plane leaves everything else as it is."""

    def test_a_caller_in_plaintext_keeps_calling(self, healthy: Telemetry) -> None:
        """As often as before, and nothing fails; from then on its callee says `none`."""
        seen = in_the_shop("plaintext")
        edge = {"source_workload": "user-service", "destination_service_name": "session-service"}
        security = increases(seen, REQUESTS, "connection_security_policy", reporter="destination", **edge)
        assert security.keys() == {("mutual_tls",), ("none",)}
        assert increases(seen, REQUESTS, **edge, reporter="source")[()] == pytest.approx(
            increases(healthy, REQUESTS, **edge, reporter="source")[()], abs=200
        )
        assert all('"session-service"' in name for name in different(seen, healthy) if name.startswith("istio_"))

    def test_denied_requests_arrive_and_are_counted(self) -> None:
        seen = in_the_shop("requests-denied")
        denied = increases(seen, "envoy_http_rbac", "pod", authz_enforce_result="denied")
        assert {pod for (pod,), count in denied.items() if count} == {
            pod.name for pod in pods_of("accounts", "session-service")
        }
        refused = sum(one.values[-1] or 0 for one in seen.named(REQUESTS, response_code="403", reporter="destination"))
        assert sum(denied.values()) == pytest.approx(refused, abs=4)

    def test_blocked_egress_goes_into_the_black_hole(self, healthy: Telemetry) -> None:
        seen = in_the_shop("egress-blocked")
        new = [one for one in seen.named(REQUESTS) if one.label(CALLEE) == "BlackHoleCluster"]
        assert {(one.label("reporter"), one.label("response_code")) for one in new} == {("source", "502")}
        assert different(seen, healthy) == {str(one) for one in seen.series if one.label(CALLEE) == "BlackHoleCluster"}

    def test_a_certificate_that_is_not_renewed(self, healthy: Telemetry) -> None:
        seen = in_the_shop("certificate")
        changed = different(seen, healthy)
        assert changed == {str(one) for one in seen.named(EXPIRY) if one.label("pod").startswith("catalog-data")}
        (one, *_) = seen.named(EXPIRY, pod=CATALOG[0])
        assert one.values[BEGIN * 4 : BEGIN * 4 + 3] == (3600, 3585, 3570)

    def test_failed_scrapes(self, healthy: Telemetry) -> None:
        """Only what the pods themselves report is gone, and `up` says why."""
        seen = in_the_shop("exporter-stopped")
        gone = different(seen, healthy)
        assert gone == {
            str(one) for one in healthy.series if one.label("job") == "envoy-stats" and one.label("pod") in CATALOG
        }
        (up,) = seen.named("up", pod=CATALOG[0])
        assert set(up.values) == {0, 1}

    def test_a_blind_prometheus_has_nothing(self) -> None:
        seen = in_the_shop("prometheus-blind")
        assert not list(seen.scrape(BEGIN * 4))
        assert list(seen.scrape(BEGIN * 4 - 1))

    @pytest.mark.parametrize(
        ("name", "series"),
        [
            ("configuration-rejected", {"pilot_total_xds_rejects"}),
            ("pushes-failing", {"pilot_xds_pushes"}),
            ("convergence-slow", {"pilot_proxy_convergence_time_bucket"}),
            (
                "injection-failing",
                {
                    "sidecar_injection_failure_total",
                    "sidecar_injection_success_total",
                    "sidecar_injection_requests_total",
                },
            ),
            (
                "authority-certificate",
                {"citadel_server_root_cert_expiry_timestamp", "citadel_server_cert_chain_expiry_timestamp"},
            ),
        ],
    )
    def test_the_control_plane_says_so(self, healthy: Telemetry, name: str, series: set[str]) -> None:
        """Exactly these metrics change."""
        assert {one.partition("{")[0] for one in different(in_the_shop(name), healthy)} == series

    def test_a_control_plane_that_is_down_is_a_target_that_fails(self, shop: Inventory, healthy: Telemetry) -> None:
        seen = in_the_shop("control-plane-down")
        job = shop.mesh.prometheus.istiod_job
        assert {set(one.values) == {0, 1} for one in seen.named("up", job=job)} == {True}
        assert different(seen, healthy) == {str(one) for one in healthy.series if one.label("job") == job}
