"""What an alert says at the moment it fires: templates that ask Prometheus for the worst caller, endpoint and flag.

Prometheus runs the queries of a template whenever it evaluates an alert that is active; all of them read records of
one service. An answer that is empty leaves its sentence out.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from observe.naming import SERVICE_LABELS
from observe.promql import Aggregation, Binary, Expr, Matcher, Number, escape_regex, selected, sum_by, union
from observe.signals import service_labels
from observe.signals.requests import CALLER_LABELS, faults
from observe.telemetry import ENDPOINT, PLAINTEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observe.model import Mesh, Service
    from observe.signals import Catalogue, Signal

CALLER: Final = "{{ .Labels.source_workload_namespace }}/{{ .Labels.source_workload }}"
CALLEE: Final = "{{ .Labels.destination_service_namespace }}/{{ .Labels.destination_service_name }}"
FLAGS: Final = {
    "UH": "no healthy instance",
    "UO": "turned away by a pool limit",
    "UT": "timed out",
    "UF": "connection failed",
    "UC": "connection broken",
    "NC": "no such cluster",
    "NR": "no route",
    "URX": "retries used up",
}
"""Envoy's own words for why a request failed, the telling ones first."""
HERE: Final = "@here@"
END: Final = "{{ end }}"


def ask(mesh: Mesh, query: Expr, says: str) -> str:
    """A sentence for each series that the query gives at that moment; `{{ .Labels.x }}` and `{{ .Value }}` are its.

    It brings the space behind it along, since it may say nothing (`in_a_row`).
    """
    label = mesh.prometheus.cluster_label
    if label is None:
        return f"{{{{ range query `{query}` }}}}{says} {END}"
    there = str(selected(query, Matcher(label, "=", HERE))).replace("%", "%%").replace(f'"{HERE}"', "%[1]q")
    return f"{{{{ range query (printf `{there}` $labels.{label}) }}}}{says} {END}"


def in_a_row(*sentences: str) -> str:
    """Sentences that are always said and such that are asked, one after the other with one space between them."""
    *others, last = filter(None, sentences)
    return "".join(each if each.endswith(END) else f"{each} " for each in others) + last


def worst_caller(signals: Catalogue, service: Service) -> str:
    """Who gets the most failures."""
    failing = Binary(">", signals.edges.failed.of(service), Number(0))
    return ask(signals.mesh, _top(failing), f"Worst caller: {CALLER} ({{{{ .Value | humanize }}}} failures/s).")


def busiest_caller(signals: Catalogue, service: Service) -> str:
    """Who sends the most requests."""
    says = f"Busiest caller: {CALLER} ({{{{ .Value | humanize }}}} requests/s)."
    return ask(signals.mesh, _top(signals.edges.rate.of(service)), says)


def plaintext_caller(signals: Catalogue, service: Service) -> str:
    """Who sends the most plaintext."""
    plain = sum_by(CALLER_LABELS, signals.arrivals.of(service).where(PLAINTEXT))
    says = f"Most of it comes from {CALLER} ({{{{ .Value | humanize }}}}/s)."
    return ask(signals.mesh, _top(Binary(">", plain, Number(0))), says)


def flagged_caller(signals: Catalogue, service: Service, *matchers: Matcher, gets: str) -> str:
    """Who gets the most answers of a kind."""
    found = sum_by(CALLER_LABELS, signals.edges.answers.of(service).where(*matchers))
    says = f"{gets} most: {CALLER} ({{{{ .Value | humanize }}}}/s)."
    return ask(signals.mesh, _top(Binary(">", found, Number(0))), says)


def worst_endpoint(signals: Catalogue, service: Service) -> str:
    """Which declared operation fails most; nothing for a service that declares none."""
    if not service.endpoints:
        return ""
    failing = Binary(">", signals.endpoints.failed.of(service), Number(0))
    says = f"Worst endpoint: {{{{ .Labels.{ENDPOINT} }}}} ({{{{ .Value | humanize }}}} failures/s)."
    return ask(signals.mesh, _top(failing), says)


def dominant_flag(signals: Catalogue, service: Service, *, explained: bool = True) -> str:
    """What the proxies say about most of the failures, and what that means."""
    failing = faults(signals.slow.answers)
    of_service = (Matcher(label, "=", value) for label, value in service_labels(service).items())
    flags = sum_by(("response_flags",), selected(failing, *of_service))
    says = f"Dominant response flag: {{{{ .Labels.response_flags }}}}{_meaning() if explained else ''}."
    return ask(signals.mesh, _top(Binary(">", flags, Number(0))), says)


def failing_callee(signals: Catalogue, callees: Sequence[Service], limit: float) -> str:
    """Which of the services that it calls fails most, if any fails more than a share: the likely cause."""
    if not callees:
        return ""
    failing = Binary(">", _of_any(signals.fast.errors, callees), Number(limit))
    says = f"Likely cause: its callee {CALLEE} fails {{{{ .Value | humanizePercentage }}}}."
    return ask(signals.mesh, _top(failing), says)


def slowest_callee(signals: Catalogue, callees: Sequence[Service], quantile: float) -> str:
    """Which of the services that it calls takes longest."""
    if not callees:
        return ""
    says = f'Slowest callee: {CALLEE} ({{{{ printf "%.0f" .Value }}}} ms).'
    return ask(signals.mesh, _top(_of_any(signals.latency(quantile), callees)), says)


def _top(operand: Expr) -> Expr:
    return Aggregation("topk", (), operand, Number(1))


def _of_any(signal: Signal, services: Sequence[Service]) -> Expr:
    """The signal of some services: a selector for each namespace."""
    names: dict[str, set[str]] = {}
    for service in services:
        namespace, name = service_labels(service).values()
        names.setdefault(namespace, set()).add(name)
    first, second = SERVICE_LABELS
    chosen = (
        signal.where(
            (Matcher(first, "=", namespace), Matcher(second, "=~", "|".join(map(escape_regex, sorted(found)))))
        )
        for namespace, found in sorted(names.items())
    )
    return union(*chosen)


@cache
def _meaning() -> str:
    """What the flags of `.Labels.response_flags` mean; of several the first that is known."""
    cases = [
        f'{{{{ {"if" if number == 0 else "else if"} match "(^|,){flag}(,|$)" .Labels.response_flags }}}} ({means})'
        for number, (flag, means) in enumerate(FLAGS.items())
    ]
    own = '{{ else if eq .Labels.response_flags "-" }} (the application itself answered so)'
    return "".join((*cases, own, "{{ end }}"))
