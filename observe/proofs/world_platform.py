"""What else the small mesh reports: statistics of proxies, certificates, istiod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.proofs.scale import MINUTE
from observe.simulation import Pod

if TYPE_CHECKING:
    from observe.proofs.world import World

BUILDS: Final = {name: {"component": name, "tag": "1.30.0"} for name in ("proxy", "ztunnel", "pilot")}


def statistics(world: World) -> None:
    """What two callers' proxies count of a service's instances, and of clusters that stand for none."""
    one, other = Pod("front", "web-5d9c7b6f48-2xkqp"), Pod("front", "batch-5d9c7b6f48-7hzwm")
    names = (
        telemetry.EJECTIONS_DENIED, *telemetry.overflow_counters(world.mesh), telemetry.RETRIES,
        telemetry.RETRIES_SUCCEEDED, telemetry.RETRIES_EXHAUSTED, *telemetry.TLS_FAILURES,
    )  # fmt: skip
    gauges = (telemetry.EJECTIONS_ACTIVE, telemetry.ACTIVE_REQUESTS, telemetry.ACTIVE_CONNECTIONS)
    for service in world.services:
        host = f"{service.name}.{service.namespace}.svc.{world.mesh.cluster_domain}"
        clusters = (f"outbound|80||{host}", f"outbound|80|canary|{host}", f"inbound-vip|80|http|{host}")
        for number, name in enumerate(names):
            for place, cluster in enumerate(clusters):
                labels = {"cluster_name": cluster}
                world.count(name, labels, one if place < 2 else other, 15 * (number + place + 1), told=True)
        for number, name in enumerate(
            (telemetry.EJECTIONS_ACTIVE, telemetry.ACTIVE_REQUESTS, telemetry.ACTIVE_CONNECTIONS)
        ):
            world.gauge(name, {"cluster_name": clusters[0]}, one, number + 3)
            world.gauge(name, {"cluster_name": clusters[1]}, other, number + 4)
            world.gauge(name, {"cluster_name": clusters[2]}, other, 0)
    for cluster in ("inbound|8080||", "outbound|443||api.example.com", "xds-grpc"):
        for name in names:
            world.count(name, {"cluster_name": cluster}, one, 15)
        for name in gauges:
            world.gauge(name, {"cluster_name": cluster}, one, 9)
    for verdict in (
        {"authz_enforce_result": "denied"},
        {"authz_enforce_result": "allowed"},
        {"authz_dry_run_result": "denied"},
    ):
        for number, rule in enumerate(("a", "b"), 1):
            world.count(telemetry.RBAC, {**verdict, "policy": rule}, other, 15 * number * (1 + len(verdict)), told=True)


def platform(world: World) -> None:
    """Proxies, certificates, istiod."""
    job = world.mesh.prometheus.istiod_job
    istiods = [Pod(world.mesh.root_namespace, f"istiod-6f7d9c5b48-{end}", job, 15014) for end in ("2xkqp", "7hzwm")]
    one, other = Pod("front", "web-5d9c7b6f48-2xkqp"), Pod("back", "store-5d9c7b6f48-7hzwm")
    for number, pod in enumerate((one, other, Pod("back", "shelf-5d9c7b6f48-7hzwm")), 1):
        world.gauge(telemetry.BUILD, BUILDS["proxy"], pod, 1)
        world.gauge(telemetry.UP, {}, pod, 1)
        world.gauge(telemetry.CERTIFICATE_EXPIRY, {"resource_name": "default"}, pod, 1_000 * number)
        world.gauge(telemetry.CERTIFICATE_EXPIRY, {"resource_name": "default", "source": "before"}, pod, 9_000 * number)
        world.gauge(telemetry.CERTIFICATE_EXPIRY, {"resource_name": "ROOTCA"}, pod, 10)
        world.gauge(telemetry.PROXY_MEMORY, {"container": telemetry.PROXY_CONTAINER}, pod, 2_000 * number)
        world.gauge(telemetry.PROXY_MEMORY, {"container": telemetry.PROXY_CONTAINER, "id": "before"}, pod, 100)
        world.gauge(telemetry.PROXY_MEMORY, {"container": "app"}, pod, 9_000)
        world.count(telemetry.PROXY_CPU, {"container": telemetry.PROXY_CONTAINER}, pod, 15 * number, told=True)
        world.count(telemetry.PROXY_CPU, {"container": telemetry.PROXY_CONTAINER, "id": "before"}, pod, 30, told=True)
        world.count(telemetry.PROXY_CPU, {"container": "app"}, pod, 150)
    world.gauge(telemetry.BUILD, BUILDS["ztunnel"], Pod(world.mesh.root_namespace, "ztunnel-2xkqp"), 1)
    world.gauge(telemetry.BUILD, BUILDS["pilot"], istiods[0], 1)
    for name, last in (("lost-5d9c7b6f48-2xkqp", 35), ("gone-5d9c7b6f48-2xkqp", 5)):
        pod = Pod("front", name)
        there = (1.0,) * (last * MINUTE // world.step) + (None,)
        world.recorder.gauge(telemetry.BUILD, BUILDS["proxy"], pod, there)
        world.gauge(telemetry.UP, {}, pod, 0)
    for number, pod in enumerate(istiods, 1):
        world.gauge(telemetry.UP, {}, pod, 1)
        world.gauge(telemetry.XDS_CONNECTIONS, {"version": "1"}, pod, 10 * number)
        world.gauge(telemetry.ROOT_EXPIRY, {}, pod, 100_000 * number)
        world.gauge(telemetry.CHAIN_EXPIRY, {}, pod, 200_000 * number)
        for place, name in enumerate(telemetry.CONFLICTS):
            world.gauge(name, {}, pod, place + number)
        for place, kind in enumerate(("cds", "lds", "cds_senderr", "eds_builderr"), 1):
            world.count(telemetry.XDS_PUSHES, {"type": kind}, pod, 15 * place * number, told=True)
        for place, kind in enumerate(("cds", "lds"), 1):
            world.count(telemetry.XDS_REJECTS, {"type": kind}, pod, 15 * place * number, told=True)
        world.count(telemetry.INJECTION_SUCCESSES, {}, pod, 15 * number, told=True)
        world.count(telemetry.INJECTION_FAILURES, {}, pod, 30 * number, told=True)
        for place, resource in enumerate(("virtualservices", "gateways"), 1):
            labels = {"resource": resource, "reason": "invalid_resource"}
            world.count(telemetry.VALIDATION_FAILURES, labels, pod, 15 * place * number, told=True)
        for place, limit in enumerate(("1", "3", "10", "+Inf"), 1):
            world.count(telemetry.CONVERGENCE_BUCKET, {"le": limit}, pod, 30 * place, told=True)
