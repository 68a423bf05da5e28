"""The generated rules in a running Prometheus: loaded, evaluated on samples of its database, told by its API.

Only the waiting is shortened: rules are evaluated every second and hold for two. That they hold as long as they
say is proven with promtool's simulated time; a server would have to be watched for minutes.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.alerting.incidents import CRITICAL, HIGH, MTLS, PLAINTEXT, failing, plaintext
from tests.alerting.proof import rules_of
from tests.servers.processes import wait_until
from tests.servers.prometheus_server import PrometheusServer
from tests.simulation.openmetrics import openmetrics

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory
    from observe.simulation import Recorder

NOW = 18 * 60
"""Seconds after which the simulation is cut off: a server appends nothing before the last sample that it has. The
rates still hold for a minute and more after it, so nothing hurries."""


def samples(recorder: Recorder) -> str:
    """The simulated samples, dated so that the incident is well under way, and the last of them is of now."""
    whole = recorder.telemetry()
    so_far = tuple(replace(one, values=one.values[: NOW // whole.step]) for one in whole.series)
    return openmetrics(replace(whole, series=so_far), int(time.time()) - NOW)


def hurried(rules: dict[str, Any]) -> dict[str, Any]:
    for group in rules["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            if "alert" in rule:
                rule["for"] = "2s"
    return rules


@pytest.mark.usefixtures("promtool")
def test_prometheus_itself_fires_for_a_failing_grpc_service(tmp_path: Path, shop: Inventory) -> None:
    service = shop.by_id["catalog/search-service"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(hurried(rules_of(shop, service))))
    (tmp_path / "samples").write_text(samples(plaintext(service, 30, told=failing(service, 50))))
    with PrometheusServer(tmp_path, rules=[tmp_path / "rules.yaml"], samples=tmp_path / "samples") as server:

        def firing() -> dict[str, dict[str, Any]]:
            alerts = server.get("/api/v1/alerts").json()["data"]["alerts"]
            own = (alert for alert in alerts if alert["labels"]["service"] == service.name)
            return {alert["labels"]["alertname"]: alert for alert in own if alert["state"] == "firing"}

        wait_until(lambda: firing().keys() == {HIGH, CRITICAL, MTLS, PLAINTEXT}, "four alerts fire", limit=60)
        health = [
            rule["health"] for group in server.get("/api/v1/rules").json()["data"]["groups"] for rule in group["rules"]
        ]
        page = firing()[CRITICAL]
    assert set(health) == {"ok"}
    assert page["labels"]["team"] == "catalog"
    assert page["annotations"]["summary"] == "catalog/search-service: 25% of requests fail, more than 20%"
