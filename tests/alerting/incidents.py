"""What may happen to a service, and which alerts must follow: pending, firing, or nothing at all.

Every incident begins after ten healthy minutes. The table is used twice: against the rules as they are, which
must come out as it says, and against rules that somebody broke, of which it must notice every one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tests.alerting.proof import FIRING, PENDING, Case
from tests.alerting.simulation import (
    IN_PLAINTEXT,
    WEB,
    Answer,
    Caller,
    Restart,
    Simulation,
    failure,
    flow,
    turned_away,
)

if TYPE_CHECKING:
    from observe.model import Service

BEFORE: Final = 10
"""Healthy minutes."""
HIGH: Final = "ServiceErrorRateHigh"
CRITICAL: Final = "ServiceErrorRateCritical"
LATENCY: Final = "ServiceLatencyHigh"
EJECTING: Final = "ServiceCircuitBreakerEjecting"
MTLS: Final = "ServiceMtlsCoverageLow"
QUIET: Final[dict[str, str]] = {}
SLOW: Final = 4_000
"""Milliseconds; slower than any objective in the table."""


def always_quiet(*minutes: float) -> dict[float, dict[str, str]]:
    return dict.fromkeys(minutes or (9, 11, 12, 13, 14, 16, 18, 20, 25), QUIET)


def healthy(service: Service, per_minute: float = 60, minutes: float = 30) -> Simulation:
    return Simulation().requests(service, flow((minutes, per_minute)))


def failing(
    service: Service,
    per_minute: float,
    *,
    of: float = 100,
    minutes: float = 15,
    answer: Answer | None = None,
    caller: Caller = WEB,
    simulation: Simulation | None = None,
) -> Simulation:
    """So many of the requests fail, for so many minutes; then all is well again."""
    bad = flow((BEFORE, 0), (minutes, per_minute), (15, 0))
    good = flow((BEFORE, of), (minutes, of - per_minute), (15, of))
    simulation = simulation or Simulation()
    simulation.requests(service, good, caller=caller)
    return simulation.requests(service, bad, answer or failure(service), caller=caller)


def slow(
    service: Service,
    per_minute: float,
    *,
    of: float = 1_000,
    milliseconds: float = SLOW,
    simulation: Simulation | None = None,
) -> Simulation:
    """So many of the requests are slow, for fifteen minutes."""
    simulation = simulation or Simulation()
    simulation.requests(service, flow((BEFORE, of), (15, of - per_minute), (15, of)))
    return simulation.requests(service, flow((BEFORE, 0), (15, per_minute), (15, 0)), milliseconds=milliseconds)


def plaintext(
    service: Service,
    per_minute: float,
    *,
    of: float = 100,
    caller: Caller = IN_PLAINTEXT,
    simulation: Simulation | None = None,
) -> Simulation:
    """So many of the requests come in plaintext, for fifteen minutes."""
    simulation = simulation or Simulation()
    simulation.requests(service, flow((BEFORE, of), (15, of - per_minute), (15, of)))
    return simulation.requests(service, flow((BEFORE, 0), (15, per_minute), (15, 0)), caller=caller)


def once_in_plaintext(service: Service, per_minute: float) -> Simulation:
    calm = healthy(service, per_minute=per_minute)
    return calm.requests(service, flow((12, 0), (0.25, 4), (17.75, 0)), caller=IN_PLAINTEXT)


def restarted(*pods: str) -> Simulation:
    """The pods' counters begin at zero again after 16 minutes."""
    return Simulation(restarts={pod: Restart(16) for pod in pods})


def client_fault(service: Service) -> Answer:
    """404, or gRPC status NOT_FOUND."""
    return Answer(grpc="5") if service.speaks_grpc else Answer("404")


def outbound(service: Service) -> str:
    return f"outbound|80||{service.name}.{service.namespace}.svc.cluster.local"


def ejected(service: Service, cluster_name: str | None = None) -> Simulation:
    """One client pod of three ejects an instance, for five minutes."""
    cluster = cluster_name or outbound(service)
    return (
        healthy(service)
        .ejected("web-0", cluster, (BEFORE, 0), (5, 1), (15, 0))
        .ejected("web-1", cluster, (30, 0))
        .ejected("cart-0", cluster, (30, 0))
    )


def once(
    service: Service, answer: Answer | None = None, *, milliseconds: float = 20, per_minute: float = 4
) -> Simulation:
    """Barely enough traffic to be judged, and among it one request like this."""
    calm = healthy(service, per_minute)
    return calm.requests(service, flow((12, 0), (0.25, 4), (17.75, 0)), answer, milliseconds=milliseconds)


ERRORS: Final = (
    Case(
        "a few per cent fail",
        lambda service: failing(service, 6),
        {9: QUIET, 13: QUIET, 15.5: {HIGH: PENDING}, 18: {HIGH: FIRING}, 25: {HIGH: FIRING}, 27: QUIET, 30: QUIET},
    ),
    Case("just below the warning", lambda service: failing(service, 49, of=1_000), always_quiet()),
    Case(
        "just above the warning",
        lambda service: failing(service, 52, of=1_000),
        {14: QUIET, 16: {HIGH: PENDING}, 18: {HIGH: FIRING}, 25: {HIGH: FIRING}, 27: QUIET},
    ),
    Case(
        "a quarter fails",
        lambda service: failing(service, 25),
        {
            10.5: QUIET,
            12: {HIGH: PENDING, CRITICAL: PENDING},
            14: {HIGH: FIRING, CRITICAL: FIRING},
            24: {HIGH: FIRING, CRITICAL: FIRING},
            27: {HIGH: FIRING},
            30: QUIET,
        },
    ),
    Case(
        "just below critical",
        lambda service: failing(service, 195, of=1_000),
        {12: {HIGH: PENDING}, 15: {HIGH: FIRING}, 20: {HIGH: FIRING}, 25: {HIGH: FIRING}},
    ),
    Case(
        "just above critical",
        lambda service: failing(service, 205, of=1_000),
        {
            12.5: {HIGH: PENDING, CRITICAL: PENDING},
            14: {HIGH: FIRING, CRITICAL: FIRING},
            20: {HIGH: FIRING, CRITICAL: FIRING},
        },
    ),
    Case(
        "everything fails",
        lambda service: failing(service, 100),
        {
            11: {HIGH: PENDING, CRITICAL: PENDING},
            12: {HIGH: PENDING, CRITICAL: FIRING},
            13: {HIGH: FIRING, CRITICAL: FIRING},
        },
    ),
    Case(
        "everything fails, and then nobody calls any more",
        lambda service: healthy(service, 100, BEFORE).requests(
            service, flow((BEFORE, 0), (5, 100), (15, 0)), failure(service)
        ),
        {14: {HIGH: FIRING, CRITICAL: FIRING}, 20.5: QUIET, 25: QUIET},
    ),
    Case("one request fails where there are few", lambda service: once(service, failure(service)), always_quiet()),
    Case(
        "one request fails where there are fewer still",
        lambda service: once(service, failure(service), per_minute=1),
        always_quiet(),
    ),
    Case("too few requests to judge", lambda service: failing(service, 3, of=3), always_quiet()),
    Case(
        "few requests, and most of them fail",
        lambda service: failing(service, 6, of=8),
        {12: {HIGH: PENDING}, 15: {HIGH: FIRING}, 20: {HIGH: FIRING}},
    ),
    Case(
        "an answer never seen before",
        lambda service: failing(service, 25, simulation=Simulation(history=None)),
        {14: {HIGH: FIRING, CRITICAL: FIRING}, 30: QUIET},
    ),
    Case(
        "counters begin anew amid the failures",
        lambda service: failing(service, 25, simulation=restarted("web-0", service.name + "-0")),
        {
            16: {HIGH: FIRING, CRITICAL: FIRING},
            17: {HIGH: FIRING, CRITICAL: FIRING},
            18: {HIGH: FIRING, CRITICAL: FIRING},
        },
    ),
    Case(
        "a caller's pod is replaced amid the failures",
        lambda service: failing(service, 25, simulation=Simulation(restarts={"web-0": Restart(16, "web-2")})),
        {
            16: {HIGH: FIRING, CRITICAL: FIRING},
            17: {HIGH: FIRING, CRITICAL: FIRING},
            18: {HIGH: FIRING, CRITICAL: FIRING},
        },
    ),
    Case(
        "counters begin anew while all is well",
        lambda service: failing(service, 0, simulation=restarted("web-0", service.name + "-0")),
        always_quiet(),
    ),
    Case(
        "no instance is reached",
        lambda service: failing(service, 25, answer=turned_away(service, "UH")),
        {14: {HIGH: FIRING, CRITICAL: FIRING}, 30: QUIET},
    ),
    Case(
        "connections fail, and the retries run out",
        lambda service: failing(service, 25, answer=turned_away(service, "UF,URX")),
        {14: {HIGH: FIRING, CRITICAL: FIRING}, 30: QUIET},
    ),
    Case(
        "a pool limit turns requests away",
        lambda service: failing(service, 25, answer=turned_away(service, "UO")),
        {14: {HIGH: FIRING, CRITICAL: FIRING}},
    ),
    Case(
        "requests time out",
        lambda service: failing(service, 25, answer=turned_away(service, "UT")),
        {14: {HIGH: FIRING, CRITICAL: FIRING}},
    ),
    Case(
        "no response came",
        lambda service: failing(service, 25, answer=Answer("0", flags="UR")),
        {14: {HIGH: FIRING, CRITICAL: FIRING}},
    ),
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
        "callers from outside, whom nobody else reports",
        lambda service: failing(service, 25, caller=Caller("unknown", "unknown", proxy=False, pods=1)),
        {14: {HIGH: FIRING, CRITICAL: FIRING}},
    ),
)

LATENCIES: Final = (
    Case(
        "two of a hundred requests are slow",
        lambda service: slow(service, 20),
        {9: QUIET, 11: QUIET, 14: {LATENCY: PENDING}, 17: {LATENCY: FIRING}, 25: {LATENCY: FIRING}, 30: QUIET},
    ),
    Case("just fewer are slow than the quantile leaves out", lambda service: slow(service, 9), always_quiet()),
    Case("all are slower, but not too slow", lambda service: slow(service, 1_000, milliseconds=900), always_quiet()),
    Case(
        "one slow request where there are few",
        lambda service: once(service, milliseconds=SLOW),
        always_quiet(),
    ),
    Case(
        "one slow request where there are just enough",
        lambda service: once(service, milliseconds=SLOW, per_minute=20),
        always_quiet(),
    ),
    Case(
        "one slow request where there are a few more",
        lambda service: once(service, milliseconds=SLOW, per_minute=28),
        always_quiet(),
    ),
    Case(
        "counters begin anew amid slow requests",
        lambda service: slow(service, 30, simulation=restarted("web-0", f"{service.name}-0")),
        {16: {LATENCY: FIRING}, 17: {LATENCY: FIRING}, 18: {LATENCY: FIRING}, 20: {LATENCY: FIRING}, 30: QUIET},
    ),
    Case(
        "slow for a little while",
        lambda service: healthy(service, 1_000).requests(
            service, flow((BEFORE, 0), (0.25, 600), (19, 0)), milliseconds=SLOW
        ),
        {11: {LATENCY: PENDING}, 16: QUIET, 20: QUIET},
    ),
)

EJECTIONS: Final = (
    Case(
        "one of three callers ejects an instance",
        ejected,
        {9: QUIET, 10.5: {EJECTING: PENDING}, 11.5: {EJECTING: FIRING}, 14.5: {EJECTING: FIRING}, 16: QUIET},
    ),
    Case(
        "every caller ejects instances",
        lambda service: (
            ejected(service)
            .ejected("web-1", outbound(service), (BEFORE, 0), (5, 2), (15, 0))
            .ejected("cart-0", outbound(service), (BEFORE, 0), (5, 1), (15, 0))
        ),
        {12: {EJECTING: FIRING}},
        values=((12, "max(service:envoy_cluster_outlier_detection_ejections_active:max)", (({}, 2.0),)),),
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
    Case("a host outside the cluster is ejected", lambda s: ejected(s, "outbound|443||api.stripe.com"), always_quiet()),
    Case("an application is ejected by its own proxy", lambda s: ejected(s, "inbound|8080||"), always_quiet()),
    Case(
        "an instance of a service with a longer name is ejected",
        lambda s: ejected(s, outbound(s).replace(s.name, s.name + "-2")),
        always_quiet(),
    ),
    Case(
        "an instance of a namesake is ejected",
        lambda s: ejected(s, outbound(s).replace(s.namespace, "elsewhere")),
        always_quiet(),
    ),
)

PLAINTEXT: Final = (
    Case(
        "a caller turns off encryption",
        lambda service: plaintext(service, 20),
        {9: QUIET, 13: {MTLS: PENDING}, 15: {MTLS: PENDING}, 17: {MTLS: FIRING}, 25: {MTLS: FIRING}, 30: QUIET},
    ),
    Case("just enough is encrypted", lambda service: plaintext(service, 49, of=1_000), always_quiet()),
    Case(
        "just too little is encrypted",
        lambda service: plaintext(service, 55, of=1_000),
        {13: QUIET, 16: {MTLS: PENDING}, 20.5: {MTLS: FIRING}, 25: {MTLS: FIRING}, 27: QUIET},
    ),
    Case("nothing is encrypted", lambda service: plaintext(service, 100), {16: {MTLS: FIRING}, 25: {MTLS: FIRING}}),
    Case("one plaintext request where there are few", lambda service: once_in_plaintext(service, 4), always_quiet()),
    Case(
        "one plaintext request where there are fewer still",
        lambda service: once_in_plaintext(service, 1),
        always_quiet(),
    ),
    Case(
        "one plaintext connection beside encrypted requests",
        lambda service: healthy(service).connections(service, flow((12, 0), (0.25, 4), (17.75, 0)), IN_PLAINTEXT),
        always_quiet(),
    ),
    Case(
        "plaintext connections beside encrypted requests",
        lambda service: healthy(service).connections(service, flow((BEFORE, 0), (15, 4), (5, 0)), IN_PLAINTEXT),
        {9: QUIET, 13: {MTLS: PENDING}, 17: {MTLS: FIRING}},
    ),
    Case(
        "encrypted connections beside encrypted requests",
        lambda service: healthy(service).connections(service, flow((30, 20))),
        always_quiet(),
    ),
    Case(
        "counters begin anew while plaintext arrives",
        lambda service: plaintext(service, 20, simulation=restarted(f"{service.name}-0")),
        {20: {MTLS: FIRING}, 21: {MTLS: FIRING}, 22: {MTLS: FIRING}},
    ),
)

NOTHING: Final = (
    Case("no traffic", lambda service: healthy(service, per_minute=0), always_quiet()),
    Case("no telemetry", lambda _: Simulation(), always_quiet()),
    Case("all is well", healthy, always_quiet()),
)

EVERYTHING: Final = (*ERRORS, *LATENCIES, *EJECTIONS, *PLAINTEXT, *NOTHING)
