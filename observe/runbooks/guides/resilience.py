"""Circuit breakers, connection pools and retries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.runbooks.guides.guide import Guide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.naming import AlertName

RESILIENCE: Final[Mapping[AlertName, Guide]] = {
    "ServiceCircuitBreakerEjecting": Guide(
        meaning="""\
At least one caller's proxy keeps an instance of the service out of load balancing, because it failed several requests
in a row. Every proxy judges for itself; the worst view counts.""",
        impact="""\
The remaining instances carry the load. Callers notice little, until so many are out that `UH` answers them at once.""",
        misleads="""\
- **Fires** for a caller that sends what makes every instance fail: one caller ejects, the others do not.
- **Quiet** in between: an instance that returns and fails again is out at intervals, and the alert waits a minute.
- **Quiet** for one instance: the only one is never ejected.""",
        now="""\
1. One instance: delete its pod; the new one is a new endpoint and is not ejected.
2. All: treat it as ServiceErrorRateCritical. It is not the breaker's fault.
3. It ends by itself: an instance returns after the ejection time multiplied by the number of its ejections, at most
   five minutes.""",
        later="""\
An instance that fails again and again on one node: drain the node. Readiness probes should find it first.""",
    ),
    "ServiceEjectionsDenied": Guide(
        meaning="""\
Instances fail so often that they should be ejected, and may not be: as many are out as `maxEjectionPercent` allows.""",
        impact="Callers go on calling instances that fail; the rest of them carries more than its share.",
        misleads="""\
- **Fires** also when a callee makes all instances fail: ejecting more would not help.
- With few replicas the allowed share is a few whole instances: of three at 50 %, one.""",
        now="""\
1. Restore instances: restart the failing ones, undo the roll-out.
2. A callee is the cause: go there.
3. Do not raise the share during the incident: what is left would get all the load, and fall over.""",
        later="""\
More replicas make the same share more instances. `breaker.max_ejection_percent` says how many may be out.""",
    ),
    "ServiceConnectionPoolOverflowing": Guide(
        meaning="""\
A limit of the connection pool turns requests or connections away: callers get 503 with the flag `UO` at once, and
Envoy never retries those. Limits count for each calling proxy; where requests arrive, for all callers together.""",
        impact="Some requests fail fast, so that the others are served. It is protection that works, at its limit.",
        misleads="""\
- **Fires** because of slowness more often than because of load: requests in flight are rate times duration.
- The gauges of requests in flight are looked at every few seconds only, and miss bursts; the flag misses none.
- A caller with few pods reaches the limit sooner, since it counts for each proxy.""",
        now="""\
1. The service became slow: that is the incident (ServiceLatencyHigh). Do not raise the limit.
2. One caller sends too much at once: slow it down, or give it more pods.
3. Neither, and pods are idle: raise the limit of `breaker` in the inventory, and publish.""",
        later="""\
Set limits from the traffic of the busiest hour: requests in flight of the busiest caller, and half as many more.""",
    ),
    "ServiceRetryStorm": Guide(
        meaning="""\
Callers retry so many requests that it is load of its own. The limit is Envoy's own retry budget: one retry for five
requests.""",
        impact="""\
A service that is short of capacity gets more requests than it can serve because it fails some: it may not recover
alone.""",
        misleads="""\
- **Quiet** for retries in the applications' own code: the mesh sees them as requests.
- **Quiet** with few requests: as for error rates.
- **Fires** when retries succeed and nobody notices a failure: still a fifth more load, and a sign of what fails
  first.""",
        now="""\
1. What fails first is the cause: flags and codes, as for ServiceErrorRateHigh.
2. Retries do not help (few succeed): turn them off for the time being, at the busiest caller first.
3. Then bring the service back, and the retries after it.""",
        later="""\
Retry in one place of a chain only, best next to the service. Retries of each level multiply: three levels with two
retries make 27 requests of one.""",
    ),
}
