"""Which events a quantity counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from observe.model import Service
    from observe.proofs.scene import Chosen, Kind, Stream


def of_kind(kind: Kind) -> Chosen:
    return lambda stream: stream.kind == kind


def requests(service: Service) -> Chosen:
    """Each request once."""
    return lambda stream: stream.kind == "request" and stream.service == service.id and stream.counted


def timed(service: Service) -> Chosen:
    """Requests that were completed, so that they have a duration."""
    return lambda stream: requests(service)(stream) and stream.milliseconds is not None


def within(service: Service, limit: float) -> Chosen:
    """Those of them that took no longer than so many milliseconds."""
    return lambda stream: timed(service)(stream) and (stream.milliseconds or 0) <= limit


def slower(service: Service, limit: float) -> Chosen:
    return lambda stream: timed(service)(stream) and (stream.milliseconds or 0) > limit


def failed(whole: Chosen) -> Chosen:
    return lambda stream: whole(stream) and stream.failed


def flagged(whole: Chosen, flag: str) -> Chosen:
    return lambda stream: whole(stream) and flag in stream.flags.split(",")


def connections(service: Service) -> Chosen:
    """Each TCP connection once, as the callers count them."""
    return lambda stream: stream.kind == "connection" and stream.service == service.id and stream.counted


def arrivals(service: Service, kind: Kind | None = None, *, inside: bool = False) -> Chosen:
    """What arrived at a proxy that knows how it was secured; of one kind, and from callers with a proxy alone."""

    def chosen(stream: Stream) -> bool:
        arrived = stream.kind in ("request", "connection") and stream.received and stream.service == service.id
        return arrived and kind in (None, stream.kind) and (stream.inside or not inside)

    return chosen


def plaintext(whole: Chosen) -> Chosen:
    return lambda stream: whole(stream) and not stream.secured


def encrypted(whole: Chosen) -> Chosen:
    return lambda stream: whole(stream) and stream.secured
