"""Every query of every panel, asked of a real Prometheus as Grafana asks it, gives what the simulation put in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from observe import telemetry
from observe.artifact import Kind
from observe.boards import boards
from observe.boards.panel import Measured, Table
from observe.clients.prometheus import Answer, Instant
from observe.graph import Graph
from observe.naming import panel_id, service_uid
from observe.pack import build
from observe.preview.dashboard import read
from observe.preview.results import Asked, ask
from observe.preview.time_range import TimeRange, seconds
from observe.preview.variables import Variables, variables
from observe.promql import sum_by
from tests.boards.arithmetic import Arithmetic
from tests.signals.expected import about
from tests.signals.worlds import FAILING, MINUTES, NOT_IN_AMBIENT, Seen, key_of, seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from observe.boards import Board
    from observe.clients.prometheus import QueryFailed
    from observe.model import Service
    from observe.preview.dashboard import Panel
    from observe.simulation import Series
    from tests.boards.arithmetic import Given
    from tests.signals.expected import Expected, Key
    from tests.signals.ledger import Row

WORLDS = {
    ("shop", "ordinary"): (),
    ("shop", "failing"): FAILING,
    ("every-feature", "ordinary"): (),
    ("every-feature", "failing"): FAILING,
    ("ambient", "ordinary"): (),
    ("ambient", "failing"): tuple(name for name in FAILING if name not in NOT_IN_AMBIENT),
}


KNOWN: dict[str, set[str]] = {}
"""By mesh, panels that are empty for another reason than they say."""


@dataclass(frozen=True)
class Query:
    """A query of a panel: what was asked, what was answered, and what must be."""

    board: Board
    panel: Measured
    asked: Asked
    answer: Answer | QueryFailed
    given: Given

    def __str__(self) -> str:
        return f"{self.board.title}: {self.panel.title}: {self.asked.target.legend}"

    @property
    def found(self) -> dict[Key, float]:
        """The value of each series at the world's last moment; of the ten highest some were so earlier only."""
        assert isinstance(self.answer, Answer)
        question = self.asked.question
        last = question.at if isinstance(question, Instant) else question.end
        ends = ((series.labels, *series.points[-1]) for series in self.answer.series)
        return {key_of(labels): value for labels, at, value in ends if at == last}


@pytest.fixture(scope="module", params=WORLDS, ids=": ".join)
def mesh(request: pytest.FixtureRequest) -> Iterator[Seen]:
    with seen(request.param[0], *WORLDS[request.param]) as found:
        yield found


@pytest.fixture(scope="module")
def queries(mesh: Seen) -> list[Query]:
    """All queries of all dashboards, as they lie in the pack."""
    inventory, lab = mesh.world.inventory, mesh.laboratory
    made = {board.uid: board for board in boards(inventory, Graph(inventory), mesh.accountant.signals)}
    expected, alerts = mesh.accountant.everything(), _alerts(mesh)
    asked: list[tuple[Board, Measured, Asked, Given]] = []
    for artifact in build(inventory).artifacts:
        if artifact.kind is not Kind.DASHBOARD:
            continue
        dashboard = read(artifact.content, artifact.path)
        board, range_ = made[dashboard.uid], TimeRange(lab.end, dashboard.length)
        chosen = variables(
            dashboard, range_, lambda label, match: lab.client.label_values(label, match, lab.start, lab.end)
        )
        arithmetic = Arithmetic(expected, chosen.in_query, _Evaluated(mesh), {"ALERTS": alerts})
        panels = {panel_id(panel.key): panel for panel in board.panels}
        for shown in dashboard.panels:
            panel = panels[shown.raw["id"]]
            if isinstance(panel, Measured):
                asked += _asked(board, panel, shown, chosen, range_, arithmetic)
    answers = lab.client.ask_all([one.question for _, _, one, _ in asked])
    return [Query(board, panel, one, answers[one.question], given) for board, panel, one, given in asked]


def _asked(
    board: Board, panel: Measured, shown: Panel, chosen: Variables, range_: TimeRange, arithmetic: Arithmetic
) -> Iterator[tuple[Board, Measured, Asked, Given]]:
    """The queries of a panel. What Grafana is given is the text of the expression that is calculated with here."""
    for query, one in zip(panel.queries, ask(shown, chosen, range_), strict=True):
        # A table has a row for each combination of its keys, so what is rendered may add up what is alike in them.
        keys = tuple(key.label for key in panel.keys) if isinstance(panel, Table) else ()
        spelled = {str(expr): expr for expr in (query.expr, sum_by(keys, query.expr))}
        yield board, panel, one, arithmetic.given(spelled[one.target.expr])


def _alerts(mesh: Seen) -> Expected:
    """Which alerts fire is not judged here, only that panels show those."""
    answer = mesh.now("ALERTS")
    return {key: about(value) for key, value in answer.items()}


@dataclass(frozen=True)
class _Evaluated:
    """How often records were evaluated in a range, as far as the world reaches back."""

    mesh: Seen

    def __call__(self, range_: str) -> float:
        reach = min(seconds(range_) or 0, MINUTES * 60)
        return reach * 1000 / self.mesh.world.mesh.prometheus.evaluation_interval


def test_no_query_errs_or_warns(queries: list[Query]) -> None:
    """Nor has Prometheus an info to give, such as of a rate over what is no counter."""
    answers = {str(query): query.answer for query in queries}
    assert {name: answer for name, answer in answers.items() if not isinstance(answer, Answer) or answer.warnings} == {}


def test_every_query_gives_what_the_simulation_put_in(queries: list[Query]) -> None:
    """All series that there must be, no others, and the value of each."""
    wrong = [f"{query}: {problem}" for query in queries for problem in query.given.problems(query.found)]
    assert wrong == []


def test_most_queries_have_something_to_show(queries: list[Query]) -> None:
    """Else their being as they must would mean little."""
    assert sum(bool(query.found) for query in queries) >= 0.6 * len(queries)


def test_panels_say_truly_why_they_are_empty(mesh: Seen, queries: list[Query]) -> None:
    """What a panel says instead of a graph is so in the world that it looks at."""
    panels: dict[tuple[str, str], list[Query]] = {}
    for query in queries:
        panels.setdefault((query.board.uid, query.panel.key), []).append(query)
    empty = [shown[0] for shown in panels.values() if not any(query.found for query in shown)]
    reasons = Reasons(mesh)
    untrue = [query for query in empty if not reasons.hold(query)]
    known = KNOWN.get(mesh.world.mesh.name, set())
    assert [f"{query}: {query.panel.no_value}" for query in untrue if query.panel.title not in known] == []
    assert {query.panel.title for query in untrue} == known


@dataclass(frozen=True)
class Reasons:
    """Whether the reasons that panels give are true, by what the simulation made happen."""

    mesh: Seen

    def hold(self, query: Query) -> bool:
        service = next(
            (one for one in self.mesh.world.inventory.services if query.board.uid == self._uid(one)),
            None,
        )
        return REASONS[query.panel.no_value](self, service, query.panel)

    def _uid(self, service: Service) -> str:
        return service_uid(self.mesh.world.mesh.name, service.namespace, service.name)

    def no_alert(self, _service: Service | None, _panel: Measured) -> bool:
        return not self.mesh.now('ALERTS{alertstate="firing"}')

    def no_ejection(self, _service: Service | None, _panel: Measured) -> bool:
        return not any(seen.active[-1] for seen in self.mesh.world.course.ejections.values())

    def all_answer(self, _service: Service | None, _panel: Measured) -> bool:
        return all(series.values[-1] for series in self.mesh.world.telemetry.named(telemetry.UP))

    def no_traffic(self, service: Service | None, panel: Measured) -> bool:
        """In ambient, of what waypoints and gateways see: what goes around them nobody counts."""
        world = self.mesh.world
        rows: Iterable[Row] = (*world.counted, *world.arrived) if world.mesh.data_plane == "ambient" else world.rows
        kinds = {"connection"} if "onnections" in panel.title or "TCP" in panel.title else {"request"}
        if "mTLS" in panel.title or "Plaintext" in panel.title:
            kinds = {"request", "connection"}
            rows = world.arrived
        rows = [row for row in rows if row.kind in kinds]
        if service is None:
            return not [row for row in rows if row.link.caller.gateway]
        if "callee" in panel.title:
            return not [row for row in rows if row.link.origin and row.link.origin.id == service.id]
        inside = [row for row in rows if row.link.caller.proxy or "in the mesh" not in panel.title]
        return not [row for row in inside if row.link.service.id == service.id]

    def no_endpoint(self, service: Service | None, _panel: Measured) -> bool:
        """Nothing arrives whose operation is known: in ambient, of what passes a waypoint."""
        arrived = (row for row in self.mesh.world.arrived if row.kind == "request")
        return not (service and service.endpoints and [row for row in arrived if row.link.service.id == service.id])

    def no_plaintext(self, service: Service | None, _panel: Measured) -> bool:
        arrived = (row for row in self.mesh.world.arrived if service in (None, row.link.service))
        return all(row.encrypted for row in arrived)

    def no_flag(self, service: Service | None, _panel: Measured) -> bool:
        counted = self.mesh.world.counted
        if service is None:
            return all(row.flags == "-" for row in counted if row.link.caller.gateway)
        return all(row.flags == "-" for row in counted if row.link.service.id == service.id)

    def nothing_undeclared(self, service: Service | None, panel: Measured) -> bool:
        if service is None or panel.title == "Undeclared egress":
            return True  # Nothing of that kind is simulated.
        return (service.namespace, service.workload_name) not in self.mesh.world.blocked

    def no_statistic(self, service: Service | None, panel: Measured) -> bool:
        """No raw series of the statistics that the panel's signal is made of."""
        signals = {signal.id: signal for signal in self.mesh.accountant.signals.recorded}
        signal = signals.get(panel.key.removesuffix("-largest"))
        names = signal.needs_stats if signal else (telemetry.RETRIES, telemetry.RETRIES_SUCCEEDED)
        host = f"|{service.name}.{service.namespace}." if service else ""
        clusters = [one.label("cluster_name") for name in names for one in self.mesh.world.telemetry.named(name)]
        return not any(host in cluster for cluster in clusters)

    def no_proxy(self, service: Service | None, _panel: Measured) -> bool:
        return self._none(telemetry.BUILD, service)

    def no_agent(self, service: Service | None, _panel: Measured) -> bool:
        return self._none(telemetry.CERTIFICATE_EXPIRY, service)

    def no_container(self, service: Service | None, _panel: Measured) -> bool:
        return self._none(telemetry.PROXY_CPU, service)

    def _none(self, metric: str, service: Service | None) -> bool:
        """No raw series of a metric from the service's pods."""
        return not [series for series in self.mesh.world.telemetry.named(metric) if _is_of(series, service)]

    def no_verdict(self, service: Service | None, panel: Measured) -> bool:
        label = "authz_dry_run_result" if "dry run" in panel.title else "authz_enforce_result"
        judged = [series for series in self.mesh.world.telemetry.named(telemetry.RBAC) if series.label(label)]
        return not [series for series in judged if _is_of(series, service)]

    def no_istiod(self, _service: Service | None, _panel: Measured) -> bool:
        job = self.mesh.world.mesh.prometheus.istiod_job
        return not self.mesh.world.telemetry.named(telemetry.UP, job=job)


def _is_of(series: Series, service: Service | None) -> bool:
    """Whether a pod of the service reports a series; any pod, where there is no service."""
    if service is None:
        return True
    named = series.label("pod").startswith(f"{service.workload_name}-")
    return named and series.label("namespace") == service.namespace


REASONS: dict[str, Callable[[Reasons, Service | None, Measured], bool]] = {
    "no alert fires": Reasons.no_alert,
    "no caller ejects an instance": Reasons.no_ejection,
    "no calling proxy reports it": Reasons.no_statistic,
    "no plaintext was reported": Reasons.no_plaintext,
    "no policy has judged a request": Reasons.no_verdict,
    "no request was flagged": Reasons.no_flag,
    "no TCP traffic": Reasons.no_traffic,
    "no traffic": Reasons.no_traffic,
    "no new TCP connections": Reasons.no_traffic,
    "no traffic, or no endpoints declared": Reasons.no_endpoint,
    "no traffic through a waypoint, or no endpoints declared": Reasons.no_endpoint,
    "no traffic within the last day": Reasons.no_traffic,
    "nothing was sent to such hosts": Reasons.nothing_undeclared,
    "every instance answers": Reasons.all_answer,
    "every proxy answers": Reasons.all_answer,
    "every request found a route": lambda *_: True,  # Nothing of that kind is simulated.
    "istiod is not scraped": Reasons.no_istiod,
    "it has not happened since istiod started, or istiod is not scraped": lambda *_: (
        True
    ),  # The values are judged; here none is to be.
    "no proxy is scraped with the labels namespace and pod": Reasons.no_proxy,
    "no proxy's agent is scraped": Reasons.no_agent,
    "the kubelet's metrics of containers are not scraped": Reasons.no_container,
}
"""Every reason that a panel may give, and how it is judged; one that is new here is a KeyError."""
