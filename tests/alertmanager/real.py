"""What the real Alertmanager mutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.servers.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.servers.alertmanager_server import AlertmanagerServer

SEEN: dict[str, Any] = {"source_matchers": ['canary="source"'], "target_matchers": ['canary="target"']}
"""An inhibition of two alerts that are sent last: once it holds, Alertmanager has taken in all before them."""


def with_canary(config: Mapping[str, Any]) -> dict[str, Any]:
    return {**config, "inhibit_rules": [*config["inhibit_rules"], SEEN]}


def muted(server: AlertmanagerServer, alerts: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Which of these alerts are muted when all of them fire; the server's configuration is one `with_canary`."""
    sent = [dict(labels) for labels in alerts]
    server.post({"labels": labels} for labels in sent)
    server.post([{"labels": {"alertname": "Canary", "canary": "target"}}])
    server.post([{"labels": {"alertname": "Canary", "canary": "source"}}])

    def states() -> dict[frozenset[tuple[str, str]], str]:
        return {frozenset(found["labels"].items()): found["status"]["state"] for found in server.alerts()}

    canary = frozenset({("alertname", "Canary"), ("canary", "target")})
    wait_until(lambda: states().get(canary) == "suppressed", "Alertmanager has taken in all alerts", 30)
    known = states()
    return [labels for labels in sent if known[frozenset(labels.items())] == "suppressed"]
