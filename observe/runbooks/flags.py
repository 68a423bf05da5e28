"""What the proxies say about a failed request, and what to look at next.

The flags are Envoy's (`docs/root/configuration/advanced/substitution_formatter.rst`).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import naming
from observe.boards import markdown

if TYPE_CHECKING:
    from collections.abc import Collection

    from observe.naming import AlertName


@dataclass(frozen=True, slots=True)
class Flag:
    """A response flag."""

    name: str
    means: str
    then: str
    """What to do next."""
    alert: AlertName | None = None
    """Whose steps go further."""


FLAGS: Final = (
    Flag("-", "the application itself answered so", "its log, its last roll-out, its callees"),
    Flag(
        "UH",
        "no healthy instance",
        "are pods ready? if they are, all are ejected",
        "ServiceCircuitBreakerEjecting",
    ),
    Flag(
        "UF", "a connection could not be opened", "pods, container port, NetworkPolicy; `TLS` in the access log: mTLS"
    ),
    Flag(
        "UC", "a connection broke while the request was under way", "restarts, memory, an idle time-out of the server"
    ),
    Flag("UT", "the route's time-out ran out", "as for latency: it was too slow, not wrong", "ServiceLatencyHigh"),
    Flag("UO", "a pool limit turned it away", "the pool's limits", "ServiceConnectionPoolOverflowing"),
    Flag("URX", "all retries were used up", "the flag or code beside it is the cause", "ServiceRetryStorm"),
    Flag("NR", "no route", "routes, hosts and gateways: what was published last?"),
    Flag("NC", "the route's cluster does not exist", "a subset or host that no DestinationRule or Service has"),
    Flag("UPE", "the answer is not the protocol that the port's name says", "name and `appProtocol` of the port"),
    Flag("FI", "a fault was injected on purpose", "`faults` in the inventory"),
    Flag("RL", "a rate limit", "`rate_limit` in the inventory"),
    Flag("DC", "the client went away", "no failure of this service; the client's own time-out is shorter"),
)


@functools.cache
def table(anchors: frozenset[AlertName] = frozenset(), without: frozenset[str] = frozenset()) -> str:
    """The flags; with links to the alerts that the same page has. Most services have the same ones."""
    rows = ((f"`{flag.name}`", flag.means, _then(flag, anchors)) for flag in FLAGS if flag.name not in without)
    return markdown.table(("flag", "means", "look at"), rows)


def _then(flag: Flag, anchors: Collection[AlertName]) -> str:
    if flag.alert is None or flag.alert not in anchors:
        return flag.then
    return f"[{flag.then}](#{naming.runbook_anchor(flag.alert)})"
