"""Incidents that callers of a service suffer from: failures, delays, full pools, retries, no traffic."""

from __future__ import annotations

from typing import Final

from observe.simulation.cast import Cast, need
from observe.simulation.conditions import MeshCondition, OnMesh, between, on
from observe.simulation.incident import Scene, plan

NOBODY_CALLS: Final = "no service with a proxy is called in requests that a proxy reports"
DAY: Final = 24 * 60
"""Minutes."""
NOBODY_EJECTS: Final = "no service has several instances of which one may be ejected"


@plan("errors", "A service fails requests")
def errors(cast: Cast) -> Scene:
    """The busiest service answers every third request with an error."""
    service = need(cast.busiest(), NOBODY_CALLS)
    story = f"A release of {service.name} fails every third request."
    return Scene(story=story, services=(service,), effects=(on(service, errors=0.33),))


@plan("slow", "A service becomes slow")
def slow(cast: Cast) -> Scene:
    """The busiest service takes longer than it promises for everything."""
    service = need(cast.busiest(), NOBODY_CALLS)
    limit = service.objectives.latency.limit
    story = f"{service.name} takes {limit * 1.3:g} ms longer than usual; {limit} ms are promised."
    return Scene(story=story, services=(service,), effects=(on(service, delay=limit * 1.3),))


@plan("instance-down", "One instance fails")
def instance_down(cast: Cast) -> Scene:
    """One instance of a service fails everything, until its callers' proxies eject it, again and again."""
    service = need(cast.busiest(cast.ejectable), NOBODY_EJECTS)
    story = f"One of {service.replicas} instances of {service.name} has lost its configuration and fails everything."
    alerts = (("ServiceCircuitBreakerEjecting", service.id),)
    return Scene(story=story, services=(service,), effects=(on(service, bad_instances=1),), alerts=alerts, worst=())


@plan("all-down", "A service is gone")
def all_down(cast: Cast) -> Scene:
    """No instance of a service is left: nothing arrives, and its own proxies report nothing either."""
    service = need(cast.busiest(), NOBODY_CALLS)
    story = f"All instances of {service.name} are evicted, and none can be scheduled."
    alerts = (("ServiceGone", service.id),) if cast.sidecars else ()
    return Scene(story=story, services=(service,), effects=(on(service, gone=True),), alerts=alerts)


@plan("leaf-database", "A database fails under everything")
def leaf_database(cast: Cast) -> Scene:
    """The data service that most others wait for fails everything, and so do they."""
    service = need(cast.leaf(), "no service waits for another one")
    story = f"{service.name} has no space left and fails everything; {len(cast.waiting(service))} services wait for it."
    return Scene(story=story, services=(service,), effects=(on(service, errors=1.0, code="503"),))


@plan("overflow", "A connection pool is full")
def overflow(cast: Cast) -> Scene:
    """Callers may have one request open at a time, and answers take longer: the rest is turned away."""
    service = need(cast.busiest(), NOBODY_CALLS)
    rate = max(cast.traffic.rates[service.id], 0.1)
    delay = min(max(12_000 / rate, 200), 900)
    story = f"A change leaves callers of {service.name} one open request each, while it takes {delay:.0f} ms longer."
    effects = (on(service, pool=1, delay=delay, demand=max(1.0, 40 / rate)),)
    alerts = (("ServiceConnectionPoolOverflowing", service.id),)
    return Scene(story=story, services=(service,), effects=effects, alerts=alerts)


@plan("retry-storm", "Retries multiply the load")
def retry_storm(cast: Cast) -> Scene:
    """Half of the requests to a service fail, and its callers try each four times more."""
    service = need(cast.busiest(), NOBODY_CALLS)
    story = f"{service.name} fails half of its requests, and a change lets its callers try each four times more."
    eager = (between(link, retries=4) for link in cast.callers(service))
    effects = (on(service, errors=0.5, code="503"), *eager)
    return Scene(story=story, services=(service,), effects=effects, alerts=(("ServiceRetryStorm", service.id),))


@plan("ejections-denied", "More instances fail than may be ejected")
def ejections_denied(cast: Cast) -> Scene:
    """Every instance of a service fails, more than its circuit breaker may eject."""
    service = need(cast.busiest(cast.ejectable), NOBODY_EJECTS)
    story = f"Every instance of {service.name} fails everything, and not all of them may be ejected."
    alerts = (("ServiceEjectionsDenied", service.id), ("ServiceCircuitBreakerEjecting", service.id))
    return Scene(story=story, services=(service,), effects=(on(service, errors=1.0, code="503"),), alerts=alerts)


@plan("low-traffic", "A service fails that is rarely called")
def low_traffic(cast: Cast) -> Scene:
    """At night a service gets two requests a minute, too few for its error rate, and begins to fail them all."""
    service = need(cast.busiest(lambda service: all(link.origin for link in cast.callers(service))), NOBODY_CALLS)
    quiet = on(service, demand=2 / (cast.traffic.rates[service.id] * 60), begin=-DAY, end=DAY)
    broken = on(service, errors=1.0)
    story = f"It is night, {service.name} gets two requests a minute, and begins to fail all of them."
    alerts = (("ServiceFailingAtLowTraffic", service.id),)
    return Scene(story=story, services=(service,), effects=(quiet, broken), alerts=alerts, worst=(), lasts=40)


@plan("traffic-stops", "Traffic stops")
def traffic_stops(cast: Cast) -> Scene:
    """Nobody calls from outside any more: a wrong DNS record, a load balancer without targets."""
    entered = {link.service.id for link in cast.traffic.entries}
    service = need(cast.busiest(lambda service: service.id in entered), "nobody calls from outside, as far as is seen")
    story = f"A DNS record is wrong, and nobody reaches {service.name} from outside any more."
    effects = (OnMesh(condition=MeshCondition(demand=0)),)
    alerts = (("ServiceTrafficStopped", service.id),)
    return Scene(story=story, services=(service,), effects=effects, alerts=alerts, lasts=30)


@plan("payment-latency-spike", "Payments become slow")
def payment_latency_spike(cast: Cast) -> Scene:
    """The payment service takes longer than anybody waits; its callers wait and try again, and whoever waits for them
    backs up.
    """
    service = need(cast.named("payment", "billing", role="external"), NOBODY_CALLS)
    story = f"{service.name} waits for its provider: every answer takes 12 seconds longer."
    return Scene(story=story, services=(service,), effects=(on(service, delay=12_000),), lasts=12)


@plan("inventory-migration", "A database migration")
def inventory_migration(cast: Cast) -> Scene:
    """A migration locks a service's tables: it is slow at first, then fails, and whoever waits for it fails too."""
    service = need(cast.named("inventory", "stock", "warehouse", role="data"), NOBODY_CALLS)
    effects = (on(service, delay=1_500), on(service, errors=0.7, code="503", begin=3))
    story = f"A migration locks tables of {service.name}: slow for three minutes, then seven of ten requests fail."
    return Scene(story=story, services=(service,), effects=effects, lasts=40)


OF_REQUESTS: Final = (
    errors,
    slow,
    instance_down,
    all_down,
    leaf_database,
    overflow,
    retry_storm,
    ejections_denied,
    low_traffic,
    traffic_stops,
    payment_latency_spike,
    inventory_migration,
)
