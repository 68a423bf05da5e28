"""What is not there: instances, their telemetry, their traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.runbooks.guides.guide import Guide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.naming import AlertName

_THREE: Final = """\
Three alerts, and one of them at a time:

| alert | pods | Prometheus | callers |
|---|---|---|---|
| ServiceGone | none, or without a proxy | has no target of it | fail, if there are any |
| ServiceTelemetryLost | there | has a target that does not answer | are served |
| ServiceTrafficStopped | there | reads them | do not call |

If no proxy of the whole mesh is read, MeshTelemetryLost fires instead of all of them."""

PRESENCE: Final[Mapping[AlertName, Guide]] = {
    "ServiceGone": Guide(
        meaning=f"Instances of the service reported within the last day, and none does any more.\n\n{_THREE}",
        impact="""\
Callers get 503 with the flag `UH`, or `NR` where the Service is gone too. Who waits for it fails as well.""",
        misleads="""\
- **Ends by itself after a day,** whether the service is back or not: nothing is remembered longer.
- **Fires** for a service that was taken away on purpose: take it out of the inventory too, and publish.
- **Fires** when all its pods were made anew without a sidecar: they run, and are out of the mesh.
- **Quiet** while one instance of several is left, and in ambient, where pods have no proxies that could report.""",
        now="""\
1. Look for pods before anything else.
2. Scaled to zero, or undone by a roll-out: undo it. Refused by a webhook, a quota or the scheduler: the events say
   so.
3. A namespace or a cluster that is gone: fail over, and call the platform's team.""",
        later="""\
A PodDisruptionBudget and several replicas on several nodes; a deployment check that fails on zero ready pods.""",
    ),
    "ServiceTelemetryLost": Guide(
        meaning=f"""\
Prometheus read the service's proxies within the hour, still has them as targets, and gets no answer.

{_THREE}""",
        impact="""\
Nobody's requests are hurt by this. But the service's alerts are blind in part, and its panels show too little.""",
        misleads="""\
- **Fires** for a pod that hangs or whose node is lost: then it is a real loss of an instance, and Kubernetes notices
  it minutes later.
- **Quiet** when targets vanish altogether, such as by a deleted PodMonitor: ServiceGone, or MeshTelemetryLost.""",
        now="""\
1. The proxy answers inside its pod: the way to it is closed. NetworkPolicy, STRICT on the metrics' port, Prometheus'
   load.
2. It does not: restart that pod.""",
        later="Watch Prometheus itself: failed targets by job, samples it drops, its memory.",
    ),
    "ServiceTrafficStopped": Guide(
        meaning=f"""\
Nobody calls the service, although there was traffic an hour ago and its instances report.

{_THREE}""",
        impact="Perhaps none, perhaps all: callers may have gone, or cannot reach it and do something else instead.",
        misleads="""\
- **Fires** for traffic that ends by nature: a batch, office hours, a queue that ran dry. The service is expected to
  have at least 60 requests in an hour before its silence counts.
- **Quiet** after an hour and a quarter of silence: then the hour before had no traffic either.
- **Quiet** when traffic falls by nine tenths: only none at all is meant.""",
        now="""\
1. Look at the callers: are they gone, do they fail, do they call something else (a feature flag)?
2. From outside: DNS, load balancer, certificate, gateway routes.
3. Routes that were published last.""",
        later="A check from outside on the way that users take. It knows what this alert can only guess.",
    ),
}
