"""Requests and connections that fail or are slow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.runbooks.guides.guide import Guide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.naming import AlertName

_FAILURE: Final = """\
A failure is an HTTP 5xx, a gRPC status that blames the server (2, 4, 12, 13, 14, 15), or no response at all. A client
that went away (`DC`) is none, nor is a 4xx. Requests are counted by the caller's proxy, which also sees those that
never arrived; in ambient by the waypoint."""

_FEW: Final = """\
- **Quiet** with fewer requests than `objectives.minimum_requests` in the window, and with one failure alone:
  ServiceFailingAtLowTraffic looks at those over an hour.
- **Quiet** for what callers without a proxy cannot reach: nobody counts it."""

_CLIENT: Final = """\
- **Misleads** when a client sends what the application answers with 500 instead of 400: one caller, one operation.
- **Misleads** when a callee is the cause: then the callee's own alert names it, and this one ends with it."""

_MEND: Final = """\
1. A roll-out began it: undo it, and look for the reason afterwards.
2. A callee is the cause: help its team. Do not raise retries here, they would bury it.
3. `UH`, `UF`, `UC`: bring instances back. `UO`: see ServiceConnectionPoolOverflowing. `UT`: see ServiceLatencyHigh.
4. One instance alone: delete its pod.
5. None of it: take load away, by turning off what is optional at the callers or at the gateway."""

_REVIEW: Final = """\
Write down when it began, who was hurt and what ended it. If nobody was hurt, the objective is too strict, or the
wrong thing is counted: change `objectives` in the inventory, have it reviewed, and publish."""

_BUDGET: Final = """\
Over 28 or 30 days a promise such as 99.9 % leaves a budget of bad requests. This alert compares how fast it is used
up with how fast it may be: one window says that it matters, a shorter one that it still goes on. Both must agree, so
it ends soon after the cause does."""

FAILURES: Final[Mapping[AlertName, Guide]] = {
    "ServiceErrorRateHigh": Guide(
        meaning=f"More requests fail than the service's objective allows.\n\n{_FAILURE}",
        impact="Some callers get errors. Retries may hide part of it, at the price of more load.",
        misleads=f"{_FEW}\n{_CLIENT}",
        now=_MEND,
        later=_REVIEW,
    ),
    "ServiceErrorRateCritical": Guide(
        meaning=f"""\
A large part of the requests fails: four times what the objective allows, over a short window.

{_FAILURE}""",
        impact="The service is down for many of its callers; whoever depends on it degrades now.",
        misleads=f"{_FEW}\n{_CLIENT}",
        now=f"{_MEND}\n\nTell the callers' teams (the service's page names them) before you look for the reason.",
        later=_REVIEW,
    ),
    "ServiceLatencyHigh": Guide(
        meaning="""\
The slowest requests take longer than the service's objective, as the caller's proxy measures it: all tries, waits and
queues included. With sidecars the comparison itself is exact, since the proxies have a bucket at the objective; the
value shown is interpolated. In ambient both are.""",
        impact="Callers wait, hold connections, and run into their own time-outs; slowness travels up the call chain.",
        misleads="""\
- **Quiet** with so few requests that a single slow one could move the quantile; the service's row says how many.
- **Quiet** for requests that never end: they are counted when they do.
- **Misleads** with streams and long polls that are not declared `streaming`: they are meant to be long.
- **Misleads** for the callers of a slow callee: look at the callees first.""",
        now="""\
1. A callee is as slow: it is the incident, go there.
2. A roll-out began it: undo it.
3. Saturated (CPU, connections, a pool): more instances, or less load.
4. Retries: `UT` that is tried again doubles what callers measure. Turn the retries off for the time being.""",
        later="""\
If callers can live with it, the objective is out of date: change `objectives.latency` in the inventory. If they
cannot, look at the time-outs along the chain: a caller that waits longer than its own caller does works for nobody.""",
    ),
    "ServiceErrorBudgetBurningFast": Guide(
        meaning=f"Failures use up the error budget so fast that it is gone within days.\n\n{_BUDGET}\n\n{_FAILURE}",
        impact="Users notice now: this is the pace at which 2 % of the whole budget goes in an hour, or 5 % in six.",
        misleads=f"""\
- **Quiet** with fewer than five failures in an hour, whatever their share: chance alone makes as many. Of so few
  requests ServiceFailingAtLowTraffic writes a ticket. Quiet also for what callers without a proxy cannot reach.
- **Fires late** after the first installation: windows fill up first.
- **Goes on** up to the length of the short window after the cause has ended.
{_CLIENT}""",
        now=_MEND,
        later="""\
Look at how much of the budget is left (the service's dashboard). With little left, stop risky roll-outs of this
service until it has recovered: that is what the budget is for.""",
    ),
    "ServiceErrorBudgetBurningSlow": Guide(
        meaning=f"Failures use up the error budget faster than it is given, for many hours.\n\n{_BUDGET}\n\n{_FAILURE}",
        impact="""\
Few users notice at any moment, so it is a ticket and no page. But at this pace the promise is broken before the
period is over.""",
        misleads=f"""\
- **Fires late**, by hours: that is its purpose. What is fast has alerts of its own.
- **Goes on** for hours after a short, heavy outage, whose failures stay in the long windows.
{_CLIENT}""",
        now="""\
Nothing tonight, unless a fast alert fires too. Check that it is not an outage that is over: then nothing is to be
done.""",
        later="""\
In working hours: find the one operation, caller or instance that fails steadily (the service's page), and mend it. It
is usually one: a broken client, a time-out that is a little too short, an instance on a bad node.""",
    ),
    "ServiceLatencyBudgetBurningFast": Guide(
        meaning=f"""\
Requests that are too slow use up the latency budget so fast that it is gone within days.

{_BUDGET}""",
        impact="So many requests are slow now that users notice; time-outs of callers may turn it into failures.",
        misleads="""\
- **Quiet** for requests that never end, and with fewer than five slow requests in an hour.
- **Misleads** for streams that are not declared `streaming`.
- In ambient, slow means above the next of Istio's own bucket limits, since proxies there have no bucket at the
  objective: it errs on the quiet side.""",
        now="As for ServiceLatencyHigh: a callee, a roll-out, saturation, retries; in this order.",
        later="With little budget left, stop risky roll-outs of this service until it has recovered.",
    ),
    "ServiceLatencyBudgetBurningSlow": Guide(
        meaning=f"""\
Requests that are too slow use up the latency budget faster than it is given, for many hours.

{_BUDGET}""",
        impact="Some users wait too long, every hour. It is a ticket: at this pace the promise is broken in the end.",
        misleads="""\
- **Fires late** and **goes on** for hours after a short, heavy slowdown.
- Nightly jobs that are slow by nature belong to a service, port or operation of their own.""",
        now="Nothing tonight, unless a fast alert fires too.",
        later="""\
In working hours: which operation is slow (access log, traces), and since when? Compare with roll-outs and with the
growth of data. If callers can live with it, change `objectives.latency`.""",
    ),
    "ServiceFailingAtLowTraffic": Guide(
        meaning=f"""\
The service has too few requests for the other alerts, and of the few too many fail. An hour is judged, and chance is
allowed for: three or more failures, and even the lower end of the share's interval (Wilson's, 3.29 standard
deviations, which chance alone undercuts once in two thousand times) is above the objective. The value in the alert is
that lower end; the share that was seen is higher.

{_FAILURE}""",
        impact="Few requests, but each of them may matter: a nightly payment run, an administrator's page.",
        misleads="""\
- **Quiet** with one or two failures in the hour, whatever their share: no formula is honest about so few.
- **Fires late:** it takes some failures, minutes to an hour apart.
- **Goes on** for up to an hour after the last failure, since that long is looked back.""",
        now=_MEND,
        later="""\
A check from outside that calls the service every minute finds this in minutes rather than in an hour. Lower
`objectives.minimum_requests` only where single failures are rare.""",
    ),
    "ServiceConnectionsFailing": Guide(
        meaning="""\
Callers cannot open TCP connections to the service: refused, timed out, or no instance to dial. Callers' proxies count
it when the attempt ends.""",
        impact="""\
New connections fail. Those that are open go on, so applications with pools notice it late and all at once.""",
        misleads="""\
- **Quiet** for what breaks after a connection was opened, such as a database that accepts and then hangs: the mesh
  does not look into TCP.
- **Quiet** while nobody opens connections.""",
        now="""\
1. No instance is ready: bring it back. It holds data, so read its log before you restart it.
2. Instances are ready, and connections are refused: container port, NetworkPolicy, the server's own limit of
   connections.
3. One caller alone: its identity (mTLS, policies) or its network.""",
        later="Readiness probes that ask what callers ask keep such instances out of load balancing.",
    ),
}
