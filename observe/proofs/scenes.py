"""What happens to a service in its proof: a stretch of time for each family of alerts.

Within each the same story is told: all is well, just below the limits, above them, counters begin anew, recovery,
and nothing is there any more. How many requests there are follows from the service's own limits, so that just below
and just above differ by whole requests.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from observe import policy, telemetry
from observe.naming import SERVICE_LABELS
from observe.proofs.burning import burning, four_requests, one_request
from observe.proofs.scale import ABOVE, BELOW, MINUTE
from observe.proofs.scene import Scene, added
from observe.proofs.stage import BATCH, receives
from observe.simulation.reports import IN_PLAINTEXT, OUTSIDE, WEB, Answer, failure, turned_away

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observe.proofs.stage import Stage
    from observe.simulation import Flow
    from observe.simulation.reports import Pod

BAD: Final = 20
"""Bad events per scrape at a limit, so that a tenth more or less of them is a whole number."""
TOO_FEW: Final = 0.88
BARELY: Final = 1.15
"""Of a number of requests that is enough; single requests make more of a difference here."""
CLEAR: Final = 1.0
"""Minutes after which a window is surely full, or surely empty again."""


def scenes(stage: Stage) -> Iterator[Scene]:
    """All scenes of a service."""
    service, mesh = stage.service, stage.signals.mesh
    if stage.sees_requests:
        yield failing(stage)
        yield strained(stage)
        yield few(stage)
        yield one_among_few(stage)
    if policy.watches_mtls(service) and (stage.sees_requests or policy.watches_connections(mesh, service)):
        yield in_plaintext(stage)
        if not stage.sees_requests:
            yield few_connections(stage)
    if stage.sees_requests or policy.watches_proxies(mesh, service):
        yield missing(stage)
    if stage.sees_requests and service.objectives.availability is not None:
        yield one_request(stage)
        yield four_requests(stage)
        yield burning(stage)
    if stage.sees_lost_connections:
        yield disconnected(stage)
    if not service.request_ports and service.outside is None and policy.has_envoy(mesh, service):
        yield overflowing(stage)


def failing(stage: Stage) -> Scene:
    """Requests fail by the service's own fault and on the way to it, and a service that it calls fails too."""
    slow, fast, limits = stage.slow / MINUTE, stage.fast / MINUTE, stage.limits
    warning, critical = limits.error_rate.value, limits.error_rate_critical.value
    phases = (
        (slow + CLEAR, 0.0),
        (slow + CLEAR, BELOW * warning),
        (slow + 4, ABOVE * warning),
        (fast + 2, BELOW * critical),
        (slow + 3, ABOVE * critical),
        (slow + CLEAR, 0.0),
        (2, ABOVE * critical),
    )
    ends = _ends(*(length for length, _ in phases))
    whole = _events(stage, warning)
    scene = Scene(
        stage, "requests fail", ends[-1] + slow + CLEAR / 2, reset=ends[3] + 1, blind=ends[-1], again=ends[-2]
    )
    bad = [round(share * whole) for _, share in phases]
    lost = scene.flow(*zip(ends, (each // 3 for each in bad), strict=True))
    own = scene.flow(*zip(ends, (each - each // 3 for each in bad), strict=True))
    first, last = _endpoints(stage)
    scene.request(scene.rest(whole, own, lost), endpoint=last)
    scene.request(own, answer=failure(stage.service), failed=True, endpoint=first)
    scene.request(lost, stage.other(BATCH), turned_away(stage.service, "UF,URX"), failed=True)
    _failing_elsewhere(scene, 4 * whole)
    if stage.callee:
        scene.sent(stage.callee, scene.flow((scene.length, 30)))
        scene.sent(stage.callee, scene.flow((ends[2], 0), (scene.length, 20)), failure(stage.callee), failed=True)
    return scene


def _failing_elsewhere(scene: Scene, each: int) -> None:
    """Requests to a service with nearly the same name fail in other ways, all of the time."""
    service = scene.stage.service
    grpc = {"response_code": "200", "request_protocol": "grpc", "grpc_response_status": "14", "response_flags": "UT"}
    lost = {"response_code": "0", "request_protocol": "http", "response_flags": "UC"}
    late = {"response_code": "504", "request_protocol": "http", "response_flags": "UT"}
    for answer in (grpc, lost, late):
        for report in scene.stage.requests(scene.stage.caller):
            if scene.stage.counts(report):
                named = {**report.labels, **answer, "destination_service_name": f"{service.name}-2"}
                scene.recorder.counter(telemetry.REQUESTS, named, report.pods[0], scene.flow((scene.length, each)))


def strained(stage: Stage) -> Scene:
    """Slow answers, retries, full pools, ejected instances, refusals and undeclared hosts, one after the other."""
    slow = stage.slow / MINUTE
    ends = _ends(slow + CLEAR, slow + CLEAR, 2 * slow + 3, slow + 1.5, 2)
    scene = Scene(
        stage, "strained", ends[-1] + slow + CLEAR / 2,
        buckets=_buckets(stage), reset=ends[1] + 6, blind=ends[-1], again=ends[-2],
    )  # fmt: skip
    limits = stage.limits
    whole = _events(stage, min(limits.turned_away.value, limits.retries.value), limits.minimum_for_quantile)
    _slow_and_turned_away(scene, whole, ends)
    if stage.service.outside is None:
        limit = limits.retries.value * whole
        tries = _story(scene, ends, round(BELOW * limit), round(ABOVE * limit), later=1)
        scene.counted("retry", telemetry.RETRIES, {"cluster_name": stage.cluster}, stage.client, tries)
    if policy.watches_ejections(stage.service):
        _ejections(scene, ends)
    if policy.watches_proxies(stage.signals.mesh, stage.service):
        _refusals(scene, ends)
    return scene


def _slow_and_turned_away(scene: Scene, whole: int, ends: tuple[float, ...]) -> None:
    stage = scene.stage
    limit, pool = stage.limits.latency.value, stage.limits.turned_away.value * whole
    below, above = (_taking(stage, scene.buckets, part * limit) for part in (BELOW, ABOVE))
    dragged = _story(scene, ends, round(below[1] * whole), 0)
    late = _story(scene, ends, 0, round(above[1] * whole))
    away = _story(scene, ends, round(BELOW * pool), round(ABOVE * pool), later=2)
    first, _ = _endpoints(stage)
    scene.request(scene.rest(whole, dragged, late, away), endpoint=first)
    scene.request(dragged, endpoint=first, milliseconds=below[0])
    scene.request(late, endpoint=first, milliseconds=above[0])
    scene.request(away, stage.other(BATCH), turned_away(stage.service, "UO"), failed=True, milliseconds=0.1)
    if stage.callee:
        scene.sent(stage.callee, scene.flow((scene.length, 100)), milliseconds=below[0])


def _ejections(scene: Scene, ends: tuple[float, ...]) -> None:
    stage = scene.stage
    _, before, bad, well, again = ends
    cluster = {"cluster_name": stage.cluster}
    scene.counted("ejection denied", telemetry.EJECTIONS_DENIED, cluster, stage.client, _rarely(scene, ends, 0))
    one = scene.phases((before + 0.5, 0), (bad, 1), (well, 0), (again, 1))
    two = scene.phases((before + 2.5, 0), (bad, 2), (well, 0))
    scene.gauge("ejected", telemetry.EJECTIONS_ACTIVE, cluster, stage.client, one)
    scene.gauge("ejected", telemetry.EJECTIONS_ACTIVE, cluster, BATCH.pods[0], two)
    for other in stage.neighbours:
        scene.recorder.gauge(telemetry.EJECTIONS_ACTIVE, {"cluster_name": other}, stage.client, [1])
        _bad_elsewhere(scene, telemetry.EJECTIONS_DENIED, {"cluster_name": other}, stage.client)


def _refusals(scene: Scene, ends: tuple[float, ...]) -> None:
    """What the service's own proxies refuse: callers by policy, and undeclared hosts."""
    stage = scene.stage
    service = stage.service
    refused = _rarely(scene, ends, 1)
    verdict = {"authz_enforce_result": "denied"}
    for pod in stage.pods:
        scene.counted("refusal", telemetry.RBAC, verdict, pod, scene.share(refused, pod))
    for pod in stage.pods_of_neighbours:
        _bad_elsewhere(scene, telemetry.RBAC, verdict, pod)
    code = Answer(grpc="7") if service.speaks_grpc else Answer("403")
    scene.request(refused, IN_PLAINTEXT, code, refused=True, milliseconds=0.1, only=stage.counts)
    if policy.watches_egress(stage.signals.mesh, service):
        labels = {
            "reporter": "source",
            "source_workload": service.workload_name,
            "source_workload_namespace": service.namespace,
            "destination_service_name": telemetry.BLOCKED.value,
        }
        scene.counted("blocked", telemetry.TCP_OPENED, labels, stage.pods[0], _rarely(scene, ends, 2))
        for label in ("source_workload", "source_workload_namespace"):
            _bad_elsewhere(scene, telemetry.TCP_OPENED, {**labels, label: f"{labels[label]}-2"}, stage.pods[0])


def _bad_elsewhere(scene: Scene, name: str, labels: Mapping[str, str], pod: Pod) -> None:
    """What goes wrong all the time, and is none of the service's."""
    scene.recorder.counter(name, labels, pod, scene.flow((scene.length, 4)))


def few(stage: Stage) -> Scene:
    """Few requests: one fails, later another, then a third; many that do not. Then just too few to judge and just
    enough, all of them bad in every way: for one alert after the other, since each asks for more.
    """
    slow = stage.slow / MINUTE
    levels = _levels(stage)
    begin = 3 * slow + 6
    ends = _ends(2 * slow + 6, slow, 3, *(length for _, length in levels), slow + 4)
    scene = Scene(stage, "few requests", ends[-1], buckets=_buckets(stage))
    nearly = levels[0][0]
    alone = scene.once(1, slow + 2, 2 * slow + 3, ends[-2] + slow + CLEAR)
    fine = scene.flow((ends[0], 0), (ends[1], nearly), (ends[-2], 0), (ends[-1], BARELY / TOO_FEW * nearly))
    bad = scene.flow((begin, 0), *((end, each) for end, (each, _) in zip(ends[3:], levels, strict=False)))
    failed = added(alone, bad)
    late = max(scene.buckets)
    scene.request(fine)
    scene.request(failed, stage.other(IN_PLAINTEXT), failure(stage.service), failed=True, milliseconds=late)
    if stage.service.outside is None:
        scene.counted("retry", telemetry.RETRIES, {"cluster_name": stage.cluster}, stage.client, failed)
    return scene


def one_among_few(stage: Stage) -> Scene:
    """Requests that are just enough to judge. One of them is bad, which is none; later two are.

    First each is a failure, not encrypted, and tried again; then each is turned away; then there are requests enough
    for the shorter window too.
    """
    slow, fast = stage.slow / MINUTE, stage.fast / MINUTE
    pause = slow + CLEAR
    single = pause, 3 * pause, 5 * pause + fast + CLEAR
    twice = tuple(minute + pause for minute in single)
    scene = Scene(stage, "one bad request among few", twice[-1] + pause, looks=tuple(one + CLEAR for one in single))
    enough = BARELY * stage.limits.minimum_requests * stage.step
    scene.request(scene.flow((5 * pause, enough / stage.slow), (scene.length, enough / stage.fast)))
    failed, away = (
        # Of a series that is new the first event is not seen.
        scene.once(1, *(minute for place in places for minute in (single[place], twice[place], twice[place])))
        for places in ((0, 2), (1,))
    )
    scene.request(failed, stage.other(IN_PLAINTEXT), failure(stage.service), failed=True)
    scene.request(away, stage.other(BATCH), turned_away(stage.service, "UO"), failed=True)
    if stage.service.outside is None:
        scene.counted("retry", telemetry.RETRIES, {"cluster_name": stage.cluster}, stage.client, failed)
    return scene


def few_connections(stage: Stage) -> Scene:
    """TCP connections in plaintext: just too few to judge, and just enough; then one among just enough."""
    slow = stage.slow / MINUTE
    ends = _ends(slow + 2, slow + 6, slow + 1.5, slow + 3)
    scene = Scene(stage, "few connections", ends[-1], looks=(ends[2] + 1 + CLEAR,))
    nearly, enough = (part * stage.limits.minimum_requests * stage.step / stage.slow for part in (TOO_FEW, BARELY))
    plain = added(scene.flow((ends[0], nearly), (ends[1], enough)), scene.once(ends[2] + 1))
    scene.connection(scene.flow((ends[1], 0), (ends[3], enough)), WEB, only=receives)
    scene.connection(plain, IN_PLAINTEXT, only=receives)
    return scene


def _levels(stage: Stage) -> list[tuple[float, float]]:
    """Requests per scrape, and for how many minutes: around each number of requests that is enough for some alert."""
    slow, fast = stage.slow / MINUTE, stage.fast / MINUTE
    needed = (
        (stage.limits.minimum_requests, stage.slow, slow + 2),
        (stage.limits.minimum_requests, stage.fast, fast + 2),
        (stage.limits.minimum_for_quantile, stage.slow, slow + 2),
    )
    found: list[tuple[float, float]] = []
    for count, window, length in needed:
        for part in (TOO_FEW, BARELY):
            each = part * count * stage.step / window
            if not found or each > found[-1][0]:
                found.append((each, length))
    return found


def in_plaintext(stage: Stage) -> Scene:
    """A caller's connections are not encrypted. Where that is allowed, there had been none such for a while."""
    slow = stage.slow / MINUTE
    lenient = stage.service.mtls.mode != "STRICT"
    ends = _ends(27 if lenient else 2 * slow + 2, slow + CLEAR, 2 * slow + 3, slow + CLEAR, 2)
    scene = Scene(
        stage, "plaintext", ends[-1] + slow + CLEAR / 2, reset=ends[1] + slow + CLEAR, blind=ends[-1], again=ends[-2]
    )
    limit = 1 - stage.limits.mtls.value
    whole = _events(stage, limit)
    # Where nobody may, callers without a proxy may not either.
    dark = OUTSIDE if stage.signals.mesh.data_plane == "sidecar" else IN_PLAINTEXT
    phases = (0, round(BELOW * limit * whole), round(ABOVE * limit * whole), 0, whole)
    plain = added(scene.flow(*zip(ends, phases, strict=True)), scene.once(ends[0] - slow - CLEAR))
    encrypted = tuple(max(whole - each, 0) for each in plain)
    send = scene.request if stage.sees_requests else scene.connection
    send(encrypted, WEB, only=receives)
    send(plain, IN_PLAINTEXT if lenient else dark, only=receives)
    if lenient and stage.signals.mesh.data_plane == "sidecar":
        # Callers without a proxy, for whom there is the exception.
        send(scene.flow((scene.length, whole)), OUTSIDE, only=receives)
    _plaintext_elsewhere(scene)
    return scene


def _plaintext_elsewhere(scene: Scene) -> None:
    """Plaintext that arrives at services which are easily confused with this one."""
    service = scene.stage.service
    for name, namespace in ((f"{service.name}-2", service.namespace), (service.name, f"{service.namespace}-2")):
        labels = {
            "reporter": "destination",
            "connection_security_policy": "none",
            "source_workload": IN_PLAINTEXT.workload,
            "source_workload_namespace": IN_PLAINTEXT.namespace,
            **dict(zip(SERVICE_LABELS, (namespace, name), strict=True)),
        }
        _bad_elsewhere(scene, telemetry.REQUESTS, labels, scene.stage.client)


def missing(stage: Stage) -> Scene:
    """Nobody calls any more, after nearly as many requests as are missed and after a few more; a pod cannot be read;
    pods go, for a moment and for good; Prometheus reads nothing at all.
    """
    scene = Scene(stage, "nobody there", 54, blind=51)
    if stage.sees_requests:
        slow = stage.slow / MINUTE
        expected = 60 * scene.step / MINUTE
        requests = scene.flow((1, 0), (2, BELOW * expected), (12 + slow, 0), (13 + slow, (ABOVE - BELOW) * expected))
        scene.request(requests, only=stage.counts)
    others = scene.phases((scene.length, 1.0))
    present = [others]
    build = {"component": "proxy"}
    scene.gauge("others", telemetry.BUILD, build, WEB.pods[0], others)
    if policy.watches_proxies(stage.signals.mesh, stage.service):
        gone = (18, 19.5), (22, 25.5), (47, 54)
        for number, pod in enumerate(stage.pods):
            unread = (8 + number, 16)
            reports = scene.phases((scene.length, 1.0), without=(unread, *gone))
            up = scene.phases((unread[0], 1.0), (unread[1], 0.0), (scene.length, 1.0), without=gone)
            scene.gauge("proxies", telemetry.BUILD, build, pod, reports)
            scene.gauge("up", telemetry.UP, {}, pod, up)
            scene.gauges.setdefault("targets down", []).append(tuple(1.0 if value == 0 else None for value in up))
            present.append(reports)
        for pod in stage.pods_of_neighbours:
            # Gone from the beginning, and down since.
            there = scene.phases((2, 1.0), (scene.length, None))
            scene.gauge("others", telemetry.BUILD, build, pod, there)
            scene.gauge("up", telemetry.UP, {}, pod, scene.phases((scene.length, 0.0)))
            present.append(there)
        # Records of others: pods that cannot be read, and later go; before, nobody calls them any more.
        scene.elsewhere(stage.signals.presence.reporting.record, (30, 2.0), (scene.length, None))
        scene.elsewhere(stage.signals.presence.silent.record, (scene.length, 1.0))
        scene.elsewhere(stage.signals.availability.hours[1].record, (5, 100.0), (scene.length, 0.0))
    scene.gauges["proxies of the mesh"] = present
    return scene


def disconnected(stage: Stage) -> Scene:
    """TCP connections cannot be opened: of few first one, which is none, and two; then of many."""
    slow, fast, limit = stage.slow / MINUTE, stage.fast / MINUTE, stage.limits.connections.value
    single, twice = fast + CLEAR, 2 * (fast + CLEAR)
    ends = _ends(twice + fast + CLEAR, slow + fast + CLEAR, slow + 2, fast + CLEAR, 2)
    scene = Scene(
        stage, "connections fail", ends[-1] + slow + CLEAR / 2,
        reset=ends[1] + 1, blind=ends[-1], again=ends[-2], looks=(single + CLEAR,),
    )  # fmt: skip
    whole = _events(stage, limit)
    shares = (0.0, BELOW * limit, ABOVE * limit, 0.0, 1.0)
    bad = scene.flow(*((end, round(share * whole)) for end, share in zip(ends, shares, strict=True)))
    bad = added(bad, scene.once(1, single, twice, twice))
    every = scene.flow((ends[0], scene.step / MINUTE), (scene.length, whole))
    scene.connection(tuple(max(each - lost, 0) for each, lost in zip(every, bad, strict=True)), WEB)
    scene.connection(bad, WEB, flags="UF,URX", arrived=False)
    return scene


def overflowing(stage: Stage) -> Scene:
    """Pool limits turn connections away."""
    slow = stage.slow / MINUTE
    ends = _ends(slow + CLEAR, slow + CLEAR, 2 * slow + 3, slow + 1.5, 2)
    scene = Scene(
        stage, "pools overflow", ends[-1] + slow + CLEAR / 2, reset=ends[1] + 6, blind=ends[-1], again=ends[-2]
    )
    cluster = {"cluster_name": stage.cluster}
    away = _rarely(scene, ends, 1)
    counters = telemetry.overflow_counters(stage.signals.mesh)
    scene.counted("overflow", counters[0], cluster, stage.client, away)
    for other in stage.neighbours:
        _bad_elsewhere(scene, counters[0], {"cluster_name": other}, stage.client)
    if policy.watches_ejections(stage.service):
        _ejections(scene, ends)
    if policy.watches_proxies(stage.signals.mesh, stage.service):
        _refusals(scene, ends)
    return scene


def _ends(*lengths: float) -> tuple[float, ...]:
    """When phases of so many minutes end."""
    return tuple(sum(lengths[: number + 1]) for number in range(len(lengths)))


def _story(scene: Scene, ends: tuple[float, ...], below: float, above: float, later: float = 0) -> Flow:
    """So many events per scrape just below a limit and just above it, and once more before nothing is there."""
    well, before, bad, again, end = ends
    return scene.flow((well, 0), (before, below), (before + later, 0), (bad, above), (again, 0), (end, above))


def _rarely(scene: Scene, ends: tuple[float, ...], kind: int) -> Flow:
    """One event, which is none; then one every other minute, then several with every scrape; each kind a bit later."""
    slow = scene.stage.slow / MINUTE
    well, before, bad, again, end = ends
    later = kind * scene.interval / MINUTE
    first = before + 2 + later
    single = scene.once(well + 0.5 + later, *(first + 2 * number for number in range(math.ceil(slow / 2))))
    return added(single, scene.flow((first + slow, 0), (bad, 2 + kind), (again, 0), (end, 2 + kind)))


def _events(stage: Stage, share: float, least: int = 0) -> int:
    """Events per scrape: so many that a tenth of the share is whole, and that there are enough to judge."""
    enough = 2 * max(stage.limits.minimum_requests, least) * stage.step / stage.fast
    return 10 * math.ceil(max(BAD / share, enough) / 10)


def _endpoints(stage: Stage) -> tuple[str, str]:
    """The first and the last declared operation; empty where none is declared."""
    titles = [endpoint.title for endpoint in stage.service.endpoints]
    return (titles[0], titles[-1]) if titles else ("", "")


def _buckets(stage: Stage) -> tuple[float, ...]:
    """The limits of the latency buckets around the objective."""
    limit = stage.limits.latency.value
    known = {*telemetry.BUCKETS, *([limit] if telemetry.buckets_at_objectives(stage.signals.mesh) else [])}
    lower = max((bound for bound in known if bound < BELOW * limit), default=min(known))
    upper = min((bound for bound in known if bound > ABOVE * limit), default=max(known))
    return tuple(bound for bound in sorted(known) if lower <= bound <= upper)


def _taking(stage: Stage, buckets: tuple[float, ...], told: float) -> tuple[float, float]:
    """How long slow requests take, and which share of all they are, for the quantile to be told at so many
    milliseconds: only the bucket that they fall into is known of them.
    """
    upper = min((bound for bound in buckets if bound >= told), default=2 * buckets[-1])
    lower = max((bound for bound in buckets if bound < told), default=0.0)
    inside = (told - lower) / (upper - lower)
    share = 1 - stage.service.objectives.latency.quantile
    return upper, 1.0 if share + inside >= 1 else share / (1 - inside)
