"""Alerts on requests, judged by promtool on simulated meshes: odd ways in which requests end and proxies report.

That each alert fires above its limits, is quiet below them and recovers is proven by the generated tests.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from observe.model import LatencyObjective, Objectives
from observe.simulation import Answer, Pod, Recorder, Restart, failure, turned_away
from observe.simulation.reports import IN_PLAINTEXT, OUTSIDE, WEB, Caller, pods_of_service
from tests.alerting.incidents import (
    BEFORE,
    CRITICAL,
    EJECTING,
    HIGH,
    LATENCY,
    MTLS,
    OVERFLOWING,
    PLAINTEXT,
    QUIET,
    SLOW,
    always_quiet,
    client_fault,
    ejected,
    failing,
    flow,
    healthy,
    once,
    outbound,
    plaintext,
    recorder,
    slow,
)
from tests.alerting.proof import FIRING, PENDING, Case, prove, rules_of
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory, Port, Service
    from tests.servers.prometheus_server import Promtool

BOTH: Final = {HIGH: FIRING, CRITICAL: FIRING}


@pytest.fixture(params=["catalog/pricing-service", "catalog/search-service"], ids=["http", "grpc"])
def service(request: pytest.FixtureRequest, shop: Inventory) -> Service:
    """Two services of the example with the objectives that everybody has: one speaks HTTP, one gRPC."""
    return shop.by_id[request.param]


def restarted(*pods: Pod) -> Recorder:
    """The pods' counters begin at zero again after 16 minutes."""
    return recorder(restarts={pod: Restart(16) for pod in pods})


def replaced(pod: Pod) -> Recorder:
    """Another pod takes over after 16 minutes."""
    return recorder(restarts={pod: Restart(16, Pod(pod.namespace, f"{pod.name[:-5]}zzzzz"))})


ENDINGS: Final = (
    Case(
        "an answer never seen before",
        lambda service: failing(service, 25, told=recorder(history=None)),
        {14: BOTH, 32: QUIET},
    ),
    Case(
        "everything fails, and then nobody calls any more",
        lambda service: healthy(service, 100, BEFORE).requests(
            service, flow((BEFORE, 0), (5, 100), (15, 0)), failure(service)
        ),
        {14: BOTH, 20.5: {CRITICAL: FIRING}, 25: QUIET},
    ),
    Case("no instance is reached", lambda service: failing(service, 25, answer=turned_away(service, "UH")), {14: BOTH}),
    Case(
        "connections fail, and the retries run out",
        lambda service: failing(service, 25, answer=turned_away(service, "UF,URX")),
        {14: BOTH},
    ),
    Case(
        "a pool limit turns requests away",
        lambda service: failing(service, 25, answer=turned_away(service, "UO")),
        {14: {**BOTH, OVERFLOWING: FIRING}},
    ),
    Case("requests time out", lambda service: failing(service, 25, answer=turned_away(service, "UT")), {14: BOTH}),
    Case("no response came", lambda service: failing(service, 25, answer=Answer("0", flags="UR")), {14: BOTH}),
    Case("clients go away", lambda service: failing(service, 25, answer=Answer("0", flags="DC")), always_quiet()),
    Case(
        "clients go away after retries",
        lambda service: failing(service, 25, answer=Answer("0", flags="URX,DC")),
        always_quiet(),
    ),
    Case(
        "clients ask for what is not there",
        lambda service: failing(service, 25, answer=client_fault(service)),
        always_quiet(),
    ),
    Case(
        "another service of the namespace fails",
        lambda service: failing(replace(service, name=f"{service.name}-2"), 25),
        always_quiet(),
    ),
    Case(
        "callers from outside, whom nobody else reports, where they should be refused",
        lambda service: failing(service, 25, caller=OUTSIDE),
        {9: {MTLS: FIRING, PLAINTEXT: FIRING}, 14: {**BOTH, MTLS: FIRING, PLAINTEXT: FIRING}},
    ),
)
PODS: Final = (
    Case(
        "counters begin anew amid the failures",
        lambda service: failing(service, 25, told=restarted(WEB.pods[0], pods_of_service(service)[0])),
        {16: BOTH, 17: BOTH, 18: BOTH},
    ),
    Case(
        "a caller's pod is replaced amid the failures",
        lambda service: failing(service, 25, told=replaced(WEB.pods[0])),
        {16: BOTH, 17: BOTH, 18: BOTH},
    ),
    Case(
        "counters begin anew while all is well",
        lambda service: failing(service, 0, told=restarted(WEB.pods[0], pods_of_service(service)[0])),
        always_quiet(),
    ),
)
LATENCIES: Final = (
    Case(
        "one slow request where there are just enough",
        lambda service: once(service, milliseconds=SLOW, per_minute=28),
        always_quiet(),
    ),
    Case(
        "slow for a little while",
        lambda service: healthy(service, 1_000).requests(
            service, flow((BEFORE, 0), (0.25, 600), (19, 0)), milliseconds=SLOW
        ),
        {11: {LATENCY: PENDING}, 16: QUIET, 20: QUIET},
    ),
    Case(
        "a pool limit turns requests away at once, which makes nobody faster",
        lambda service: slow(
            service, 20, told=recorder().requests(service, flow((30, 2)), turned_away(service, "UH"), milliseconds=1)
        ),
        {9: QUIET, 17: {LATENCY: FIRING}},
    ),
)
EJECTIONS: Final = (
    Case(
        "one of three callers ejects an instance",
        ejected,
        {9: QUIET, 10.5: {EJECTING: PENDING}, 11.5: {EJECTING: FIRING}, 14.5: {EJECTING: FIRING}, 16: QUIET},
    ),
    Case(
        "an instance behind a subset is ejected",
        lambda service: ejected(service, outbound(service).replace("||", "|canary|")),
        {11.5: {EJECTING: FIRING}},
    ),
    Case(
        "a waypoint ejects an instance",
        lambda service: ejected(service, outbound(service).replace("outbound|80||", "inbound-vip|80|http|")),
        {11.5: {EJECTING: FIRING}},
    ),
    Case("a host outside is ejected", lambda s: ejected(s, "outbound|443||api.example.com"), always_quiet()),
    Case("an application is ejected by its own proxy", lambda s: ejected(s, "inbound|8080||"), always_quiet()),
)
NOTHING: Final = (
    Case("no traffic", lambda service: healthy(service, per_minute=0), always_quiet()),
    Case("no telemetry", lambda _: recorder(), always_quiet()),
    Case("all is well", healthy, always_quiet()),
)


TABLES: Final = {"endings": ENDINGS, "pods": PODS, "latency": LATENCIES, "ejections": EJECTIONS, "nothing": NOTHING}


@pytest.mark.parametrize("cases", TABLES.values(), ids=TABLES)
def test_alerts_tell_incidents_from_everyday(
    promtool: Promtool, tmp_path: Path, shop: Inventory, service: Service, cases: tuple[Case, ...]
) -> None:
    prove(promtool, tmp_path, rules_of(shop, service), service, *cases)


def test_minimum_traffic_is_the_services_own(promtool: Promtool, tmp_path: Path) -> None:
    """A service that is called a hundred times in a window is too quiet for one that wants a thousand."""
    service = a_service(objectives=Objectives(minimum_requests=1_000, error_rate=0.2))
    case = Case("a fifth of a few requests fails", lambda service: failing(service, 4, of=20), always_quiet())
    prove(promtool, tmp_path, rules_of(an_inventory(service), service), service, case)


def test_latency_is_judged_at_the_services_own_quantile(promtool: Promtool, tmp_path: Path) -> None:
    """P95 needs fewer requests than P99 before one slow request is no accident."""
    service = a_service(objectives=Objectives(latency=LatencyObjective(quantile=0.95, limit=500)))
    case = Case("few requests", lambda service: slow(service, 1, of=7, milliseconds=800), {20: {LATENCY: FIRING}})
    prove(promtool, tmp_path, rules_of(an_inventory(service), service), service, case)


WEBHOOK: Final = (
    Case(
        "plaintext from outside, as declared", lambda service: plaintext(service, 100, caller=OUTSIDE), always_quiet()
    ),
    Case(
        "a caller with a proxy turns off encryption amid much from outside",
        lambda service: plaintext(service, 30).requests(service, flow((30, 1_000)), caller=OUTSIDE),
        {9: QUIET, 17: {MTLS: FIRING}, 30: QUIET},
    ),
)


def test_exception_for_outside_callers_hides_nothing_of_those_inside(
    promtool: Promtool, tmp_path: Path, shop: Inventory
) -> None:
    """stripe-webhook is PERMISSIVE, since Stripe has no certificate of the mesh."""
    service = shop.by_id["payments/stripe-webhook"]
    prove(promtool, tmp_path, rules_of(shop, service), service, *WEBHOOK)


MIXED: Final = (
    Case(
        "plaintext connections beside encrypted requests",
        lambda service: healthy(service).connections(service, flow((BEFORE, 0), (15, 4), (5, 0)), IN_PLAINTEXT),
        {9: QUIET, 13: {MTLS: PENDING, PLAINTEXT: FIRING}, 17: {MTLS: FIRING, PLAINTEXT: FIRING}},
    ),
    Case(
        "one plaintext connection beside encrypted requests",
        lambda service: healthy(service).connections(service, flow((12, 0), (0.25, 4), (17.75, 0)), IN_PLAINTEXT),
        always_quiet(),
    ),
    Case(
        "encrypted connections beside encrypted requests",
        lambda service: healthy(service).connections(service, flow((30, 20))),
        always_quiet(),
    ),
)


@pytest.mark.parametrize("port", [HTTP, GRPC], ids=["http", "grpc"])
def test_requests_and_connections_are_judged_apart(promtool: Promtool, tmp_path: Path, port: Port) -> None:
    """Few connections would vanish among many requests."""
    service = a_service(ports=(port, TCP))
    prove(promtool, tmp_path, rules_of(an_inventory(service), service), service, *MIXED)


AMBIENT_MESH: Final = a_mesh(data_plane="ambient", waypoints=True)


def ambient(service: Service, caller: Caller) -> Recorder:
    """Through a waypoint, and past it for TCP."""
    told = recorder(AMBIENT_MESH).requests(service, flow((30, 100))).connections(service, flow((30, 20)))
    return told.connections(service, flow((BEFORE, 0), (15, 10)), caller)


UNENCRYPTED: Final = {MTLS: FIRING, PLAINTEXT: FIRING}
AMBIENT: Final = (
    Case("all is encrypted", lambda service: ambient(service, WEB), always_quiet()),
    Case("ztunnel sees plaintext", lambda service: ambient(service, IN_PLAINTEXT), {9: QUIET, 20: UNENCRYPTED}),
    Case(
        "a waypoint sees plaintext",
        lambda service: plaintext(service, 30, told=recorder(AMBIENT_MESH)),
        {9: QUIET, 20: UNENCRYPTED},
    ),
    Case("requests fail", lambda service: failing(service, 25, told=recorder(AMBIENT_MESH)), {9: QUIET, 14: BOTH}),
)


@pytest.mark.parametrize("port", [HTTP, GRPC], ids=["http", "grpc"])
def test_ambient_mesh_is_judged_by_its_waypoints_and_ztunnels(promtool: Promtool, tmp_path: Path, port: Port) -> None:
    """Ztunnel has no word for plaintext: it says `unknown`."""
    service = a_service(ports=(port,))
    inventory = an_inventory(service, mesh=AMBIENT_MESH)
    prove(promtool, tmp_path, rules_of(inventory, service), service, *AMBIENT)
