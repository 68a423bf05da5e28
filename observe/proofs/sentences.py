"""What the queries in an alert's text must find at an evaluation, told from what truly happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe.proofs import events
from observe.proofs.wording import Found
from observe.signals import service_labels
from observe.signals.requests import CALLER_LABELS
from observe.telemetry import ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from observe.proofs.conditions import Judge
    from observe.proofs.scene import Chosen, Stream


@dataclass(frozen=True, slots=True)
class Sentences:
    """Answers the queries of one service's alerts at one evaluation."""

    judge: Judge
    place: int
    """The evaluation."""

    def ask(self, sentence: str) -> Found | None:
        """What the query of a sentence finds. Raises ValueError for a sentence that nobody knows."""
        for begin, answer in ANSWERS.items():
            if sentence.strip().startswith(begin):
                named = self.judge.truth.scene.named.get(begin)
                return Found(*named) if named else answer(self)
        raise ValueError(f"no proof knows what to expect of the sentence {sentence.strip()!r}")

    def worst(self, chosen: Chosen, key: Callable[[Stream], str]) -> tuple[str, float] | None:
        """The key that most of the chosen events have, and how many per second they are."""
        window = self.judge.stage.slow
        keys = {key(stream) for stream in self.judge.truth.scene.streams if chosen(stream)}
        rates = {one: self.judge.truth.rate_at(_those(chosen, key, one), window, self.place) for one in sorted(keys)}
        found = {one: rate for one, rate in rates.items() if rate}
        return max(found.items(), key=lambda item: item[1]) if found else None

    def caller(self, chosen: Chosen) -> Found | None:
        worst = self.worst(chosen, lambda stream: stream.caller)
        if worst is None:
            return None
        return Found(dict(zip(CALLER_LABELS, worst[0].split("/"), strict=True)), worst[1])

    def flagged(self, flag: str) -> Found | None:
        return self.caller(events.flagged(self.judge.requests, flag))

    def refused(self) -> Found | None:
        return self.caller(lambda stream: self.judge.requests(stream) and stream.refused)

    def plaintext(self) -> Found | None:
        return self.caller(events.plaintext(events.arrivals(self.judge.stage.service)))

    def endpoint(self) -> Found | None:
        worst = self.worst(
            lambda stream: stream.failed and stream.endpoint != "" and stream.service == self.judge.stage.service.id,
            lambda stream: stream.endpoint,
        )
        return None if worst is None else Found({ENDPOINT: worst[0]}, worst[1])

    def flag(self) -> Found | None:
        worst = self.worst(self.judge.failed, lambda stream: stream.flags)
        return None if worst is None else Found({"response_flags": worst[0]}, worst[1])

    def failing_callee(self) -> Found | None:
        callee, stage = self.judge.stage.callee, self.judge.stage
        if callee is None:
            return None
        whole = events.requests(callee)
        share = self.judge.truth.share(events.failed(whole), whole, stage.fast)[self.place]
        if not self.judge.truth.above(share, stage.service.objectives.error_rate) or share is None:
            return None
        return Found(service_labels(callee), share)

    def slowest_callee(self) -> Found | None:
        callee = self.judge.stage.callee
        found = None if callee is None else self.judge.quantile(callee)[self.place]
        return None if found is None or callee is None else Found(service_labels(callee), found)


ANSWERS: Final[Mapping[str, Callable[[Sentences], Found | None]]] = {
    "Worst caller:": lambda asked: asked.caller(asked.judge.failed),
    "Busiest caller:": lambda asked: asked.caller(asked.judge.requests),
    "Most of it comes from": Sentences.plaintext,
    "Turned away most:": lambda asked: asked.flagged("UO"),
    "Refused most:": Sentences.refused,
    "Worst endpoint:": Sentences.endpoint,
    "Dominant response flag:": Sentences.flag,
    "Likely cause:": Sentences.failing_callee,
    "Slowest callee:": Sentences.slowest_callee,
}


def _those(chosen: Chosen, key: Callable[[Stream], str], one: str) -> Chosen:
    """Those of the events that have a key."""
    return lambda stream: chosen(stream) and key(stream) == one
