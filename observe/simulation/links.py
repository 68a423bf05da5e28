"""What proxies and ztunnels report of the requests and connections between services."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from observe.model import Port
from observe.simulation.reports import (
    UNKNOWN,
    Answer,
    Report,
    caller_of,
    connection_reports,
    request_reports,
    success,
    waypoint_of,
)
from observe.simulation.traffic import REQUESTS_PER_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from observe.model import Service
    from observe.simulation.engine import Moment
    from observe.simulation.outcome import Outcome, Told
    from observe.simulation.recorder import Durations
    from observe.simulation.stage import Stage
    from observe.simulation.traffic import Link

CLIENT_FAULTS: Final = 0.01
"""Share of the good requests from outside that ask for what is not there: no failure of the service."""
OUTSIDE_TIME: Final = 120
"""Milliseconds that a host outside the cluster takes."""
HTTP: Final = Port(name="http", number=80)
BLOCKED_RATE: Final = 1.0
"""Requests per second to a host that nobody declared, where one is dialled."""


@dataclass(frozen=True, slots=True)
class _Stream:
    """Requests on a link that end alike and look alike, as one side sees them."""

    sent: bool
    """As the caller sees them, all tries together; else as the callee does, each by itself."""
    answer: Answer
    durations: Durations
    operation: str
    plaintext: bool


def record_links(stage: Stage) -> None:
    """All requests and connections, within the cluster and out of it."""
    for index, link in enumerate(stage.engine.links):
        if link.is_tcp:
            _connections(stage, index, link)
        else:
            _requests(stage, index, link)
            if stage.mesh.data_plane == "ambient":
                _tunnels(stage, index, link)
    for link in stage.engine.traffic.departures:
        _departure(stage, link)
    _blocked(stage)


def passes_waypoint(stage: Stage, link: Link) -> bool:
    """Whether requests on a link pass a waypoint, which then does what the caller's sidecar would."""
    captured = link.caller.proxy and not link.caller.gateway
    return captured and stage.mesh.has_waypoint(link.service.namespace) and not link.is_tcp


def arrivals(index: int, *, denied: bool) -> Callable[[Moment], float]:
    """Requests per second that arrive on a link in a moment: those that are let in, or those that are denied."""

    def rate(moment: Moment) -> float:
        told = moment.outcomes[index].arrived
        return moment.rates[index] * sum(one.part for one in told if _is_denial(one.answer) == denied)

    return rate


def _is_denial(answer: Answer) -> bool:
    return answer.code == "403" or answer.grpc == "7"


def _requests(stage: Stage, index: int, link: Link) -> None:
    """Both sides' reports of the requests on a link."""
    for stream, rates in _streams(stage, index, link).items():
        for report in _reports(stage, link, stream):
            stage.recorder.report(
                report,
                link.service,
                stage.flow(rates),
                stream.answer,
                stream.durations,
                endpoint=stream.operation,
                known=rates[stage.first] > 0,
            )


def _streams(stage: Stage, index: int, link: Link) -> dict[_Stream, list[float]]:
    """The streams of a link, each with its rate per second by moment."""
    streams: dict[_Stream, list[float]] = {}
    for place, moment in enumerate(stage.course.moments):
        plaintext = moment.conditions.between(link.key).plaintext
        for sent, told in _sides(link, moment.outcomes[index]):
            stream = _Stream(sent, told.answer, told.durations, told.operation, plaintext)
            rates = streams.setdefault(stream, [0.0] * len(stage.course.moments))
            rates[place] += moment.rates[index] * told.part
    return streams


def _sides(link: Link, result: Outcome) -> Iterator[tuple[bool, Told]]:
    for sent, seen in ((True, result.sent), (False, result.arrived)):
        for told in seen:
            if link.origin is None and told.answer == success(link.service):
                fault = Answer(grpc="5") if link.service.speaks_grpc else Answer("404")
                yield sent, replace(told, part=told.part * (1 - CLIENT_FAULTS))
                yield sent, replace(told, part=told.part * CLIENT_FAULTS, answer=fault)
            else:
                yield sent, told


def _reports(stage: Stage, link: Link, stream: _Stream) -> Iterator[Report]:
    """Who reports a stream: the callee what arrived; the caller, or the waypoint, what was sent."""
    caller = replace(link.caller, secured=False) if stream.plaintext else link.caller
    for report in request_reports(stage.mesh, link.service, caller, arrived=stream.answer.arrived):
        if (report.reporter != "destination") == stream.sent:
            yield report


def _connections(stage: Stage, index: int, link: Link) -> None:
    """Both sides' reports of the connections on a link, those that fail among them."""
    for plaintext in _securities(stage, link):
        caller = replace(link.caller, secured=False) if plaintext else link.caller

        def rate(moment: Moment, *, lost: bool, plaintext: bool = plaintext) -> float:
            if moment.conditions.between(link.key).plaintext != plaintext:
                return 0.0
            part = moment.outcomes[index].unreached
            return moment.rates[index] / REQUESTS_PER_CONNECTION * (part if lost else 1 - part)

        stage.recorder.connections(link.service, stage.flow_of(lambda moment: rate(moment, lost=False)), caller)
        failed = stage.flow_of(lambda moment: rate(moment, lost=True))
        if any(failed):
            flags = "CONNECT" if stage.mesh.data_plane == "ambient" else "UF,URX"
            stage.recorder.connections(link.service, failed, caller, flags=flags, arrived=False)


def _securities(stage: Stage, link: Link) -> tuple[bool, ...]:
    """Whether connections on a link are ever in plaintext, and ever not."""
    return tuple(dict.fromkeys(moment.conditions.between(link.key).plaintext for moment in stage.course.moments))


def _tunnels(stage: Stage, index: int, link: Link) -> None:
    """The connections that ztunnels see below the requests of a link. The callee's sees the waypoint, if there is one
    (ztunnel `inbound.rs`).
    """
    behind = waypoint_of(link.service.namespace) if passes_waypoint(stage, link) else link.caller
    for caller, reporter in ((link.caller, "source"), (behind, "destination")):
        for plaintext in _securities(stage, link):
            seen = replace(caller, secured=False) if plaintext and caller is link.caller else caller

            def rate(moment: Moment, *, plaintext: bool = plaintext) -> float:
                holds = moment.conditions.between(link.key).plaintext == plaintext
                return moment.rates[index] * moment.outcomes[index].tries / REQUESTS_PER_CONNECTION * holds

            for report in connection_reports(stage.mesh, link.service, seen):
                if report.reporter == reporter:
                    stage.recorder.report_connections(report, stage.flow_of(rate))


def _departure(stage: Stage, link: Link) -> None:
    """What a service's proxy, or ztunnel, reports of a host outside the cluster."""
    events = stage.steadily(link.calls)
    if link.is_tcp or stage.mesh.data_plane == "ambient":
        stage.recorder.connections(link.service, events, link.caller)
    else:
        stage.recorder.requests(link.service, events, Answer(), link.caller, OUTSIDE_TIME)


def _blocked(stage: Stage) -> None:
    """Requests to hosts that nobody declared, where those are all that can be reached: the caller's proxy answers 502
    itself (istio `route.BuildBlockAllRoute`).
    """
    dialling = {name for moment in stage.course.moments for name in moment.conditions.blocked}
    for name in sorted(dialling):
        service = stage.inventory.by_id[name]
        events = stage.flow([BLOCKED_RATE * (name in moment.conditions.blocked) for moment in stage.course.moments])
        report, answer = _black_hole(stage, service), Answer("502", arrived=False)
        stage.recorder.report(report, replace(service, ports=(HTTP,)), events, answer, 1, known=False)


def _black_hole(stage: Stage, service: Service) -> Report:
    """What a caller's report of a request says that no cluster was found for."""
    usual = next(request_reports(stage.mesh, service, caller_of(service), arrived=False))
    named = {"destination_service": "BlackHoleCluster", "destination_service_name": "BlackHoleCluster"}
    return replace(usual, labels={**usual.labels, **named, "destination_service_namespace": UNKNOWN})
