"""Carrying out a plan: phase after phase, several objects at a time, a truthful report whatever happens."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, TypeAlias

from observe import errors
from observe.errors import ObserveError
from observe.publish.plan import Action
from observe.publish.report import Outcome, Report, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from observe.publish.plan import Change, Plan
    from observe.publish.target import Target


_UNTOUCHED: Final = {
    Action.UNCHANGED: Status.UNCHANGED,
    Action.REFUSED: Status.REFUSED,
    Action.STALE: Status.STALE,
}
_HOPELESS: Final = (errors.Unauthorized, errors.Unreachable)
"""After one of these the next request would end the same way: the rest is not tried."""
_BROKEN_OFF: Final = "the publish was broken off"
_FAILED: Final = "an earlier phase failed"
_LOOSE: Final = (False, 0)
_LOOSE_DELETIONS: Final = (True, 0)
"""The steps of what nothing builds on."""


class Interrupted(KeyboardInterrupt):
    """The user broke off; requests that were under way have ended, and `report` holds what was done."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


Progress: TypeAlias = "Callable[[Outcome], None]"


def _silent(outcome: Outcome) -> None:
    pass


def apply(
    plan: Plan,
    target: Target,
    *,
    workers: int | None = None,
    on_progress: Progress = _silent,
    settle: Callable[[], None] | None = None,
) -> Report:
    """Carry out `plan`, and give what became of every change.

    A failure ends its phase's successors, not its neighbours: what is left of the phase is still tried. In phase 0,
    on which nothing builds, it ends nothing but the deletions of that phase.
    `on_progress` gets each outcome in the calling thread, as it comes. `settle` is called for a pause in which proxies
    hear of new subsets before routes to them, and of new routes before the subsets go that the old ones named: istiod
    sends what came together clusters first, routes later (istio `pilot/pkg/xds/ads.go`, `PushOrder`). `workers`
    defaults to what suits the target.
    Raises Interrupted when the user breaks off.
    """
    run = _Run(target, workers or target.workers, on_progress)
    try:
        run.carry_out(plan, settle)
    except KeyboardInterrupt:
        run.stop(_BROKEN_OFF)
        raise Interrupted(run.report(plan)) from None
    except BaseException:
        run.stop(_BROKEN_OFF)
        run.report(plan)
        raise
    return run.report(plan)


class _Run:
    """The state of one `apply`."""

    def __init__(self, target: Target, workers: int, on_progress: Progress) -> None:
        self.target = target
        self.workers = workers
        self.on_progress = on_progress
        self.halt = ""
        """Why nothing more is to be started; empty while all is well."""
        self.error: ObserveError | None = None
        self.begun = True
        self.failed = False
        """Whether a change has failed."""
        self.outcomes: dict[int, Outcome] = {}
        self._under_way = 0
        self._gate = threading.Condition()
        """Held to begin a write, to end one, and to forbid new ones: in between, none is forgotten."""

    def carry_out(self, plan: Plan, settle: Callable[[], None] | None) -> None:
        earlier: tuple[Change, ...] = ()
        for phase in plan.phases:
            if not earlier:
                self._begin(plan)
            elif self.failed and phase[0].step == _LOOSE_DELETIONS:
                self.halt = self.halt or _FAILED
            elif settle is not None and not self.halt and _apart(earlier, phase):
                settle()
            self._phase(phase)
            earlier = phase

    def _begin(self, plan: Plan) -> None:
        writing = (change.artifact for change in plan.changes if change.writes)
        try:
            self.target.begin([artifact for artifact in writing if artifact is not None])
        except ObserveError as error:
            self.begun, self.error, self.halt = False, error, str(error)

    def _phase(self, phase: Sequence[Change]) -> None:
        """Try every change of one phase; returns, or raises, only after all started requests have ended."""
        if self.halt:
            return
        results: SimpleQueue[Outcome | BaseException] = SimpleQueue()
        jobs = _Jobs(phase)
        count = min(self.workers, len(phase))
        with ThreadPoolExecutor(count, thread_name_prefix="publish") as pool:
            try:
                for _ in range(count):
                    pool.submit(self._work, jobs, results)
                for _ in phase:
                    self.on_progress(_unwrap(results.get()))
            except BaseException:  # before the pool awaits its threads, or they would carry out the whole phase
                self.stop(_BROKEN_OFF)
                raise
        self._judge(phase)

    def stop(self, reason: str) -> None:
        """Let nothing more be started, and wait for what is under way.

        The pool awaits its threads too, but not one that an interruption kept it from writing down.
        """
        with self._gate:
            self.halt = self.halt or reason
            self._gate.wait_for(lambda: not self._under_way)

    def _work(self, jobs: _Jobs, results: SimpleQueue[Outcome | BaseException]) -> None:
        """Take changes until none is left; each of them yields a result, so that nobody waits forever."""
        for change in jobs:
            try:
                results.put(self._attempt(change))
            except BaseException as error:  # raised again in the calling thread
                results.put(error)

    def _attempt(self, change: Change) -> Outcome:
        with self._gate:
            if self.halt:
                return Outcome(change, Status.SKIPPED, self.halt)
            self._under_way += 1
        try:
            outcome = self.outcomes[id(change)] = self._write(change)
        finally:
            with self._gate:
                self._under_way -= 1
                self._gate.notify_all()
        return outcome

    def _write(self, change: Change) -> Outcome:
        try:
            _perform(change, self.target)
        except ObserveError as error:
            if isinstance(error, _HOPELESS):
                self.halt = str(error)
            return Outcome(change, Status.FAILED, str(error), error)
        return Outcome(change, Status.DONE)

    def _judge(self, phase: Sequence[Change]) -> None:
        """Let nothing follow a phase with a failure: what comes later builds on it, unless it is the phase 0."""
        outcomes = (self.outcomes.get(id(change)) for change in phase)
        if any(outcome is not None and outcome.status is Status.FAILED for outcome in outcomes):
            self.failed = True
            if phase[0].step != _LOOSE:
                self.halt = self.halt or _FAILED

    def report(self, plan: Plan) -> Report:
        """What was done; whatever was not tried is skipped for the reason that nothing more was started."""
        outcomes = tuple(self._outcome(change) for change in plan.changes)
        if self.begun:
            self._finish(outcomes)
        return Report(plan.target, outcomes, self.error)

    def _outcome(self, change: Change) -> Outcome:
        if not change.writes:
            return Outcome(change, _UNTOUCHED[change.action], change.reason)
        return self.outcomes.get(id(change)) or Outcome(change, Status.SKIPPED, self.halt)

    def _finish(self, outcomes: Sequence[Outcome]) -> None:
        good = [outcome.change for outcome in outcomes if outcome.status in (Status.DONE, Status.UNCHANGED)]
        present = [change.artifact for change in good if change.artifact is not None]
        removed = [change.key for change in good if change.action is Action.DELETE]
        try:
            self.target.finish(present, removed)
        except ObserveError as error:
            self.error = error


class _Jobs:
    """The changes of a phase, handed out one by one to any number of threads."""

    def __init__(self, phase: Sequence[Change]) -> None:
        self._left = iter(phase)
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Change]:
        return self

    def __next__(self) -> Change:
        with self._lock:
            return next(self._left)


def _apart(earlier: Sequence[Change], later: Sequence[Change]) -> bool:
    """Whether proxies must have heard of one phase before they hear of the next."""
    adds = any(change.named and not change.takes_away for change in earlier)
    return adds or any(change.named and change.takes_away for change in later)


def _unwrap(result: Outcome | BaseException) -> Outcome:
    if isinstance(result, BaseException):
        raise result
    return result


def _perform(change: Change, target: Target) -> None:
    """Carry out one change. The plan gives each action what it needs, which the types cannot say."""
    artifact, remote = change.artifact, change.remote
    if change.action is Action.CREATE and artifact is not None:
        target.create(artifact)
    elif change.action in (Action.UPDATE, Action.WIDEN) and artifact is not None and remote is not None:
        target.update(artifact, remote)
    elif change.action is Action.DELETE and remote is not None:
        target.delete(remote)
