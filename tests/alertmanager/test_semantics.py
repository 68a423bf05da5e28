"""What the generated configuration takes for granted about Alertmanager, asked of the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from observe.alertmanager import Matcher
from tests.alertmanager.real import muted, with_canary
from tests.servers.processes import wait_until

if TYPE_CHECKING:
    from tests.servers.alertmanager_server import AlertmanagerServer, Start


def rule(source: str, target: str, *equal: str) -> dict[str, Any]:
    return {"source_matchers": [source], "target_matchers": [target], "equal": list(equal)}


def config(*rules: dict[str, Any]) -> dict[str, Any]:
    return with_canary({"route": {"receiver": "all"}, "receivers": [{"name": "all"}], "inhibit_rules": list(rules)})


def names(alerts: list[dict[str, str]]) -> list[str]:
    return [labels["alertname"] for labels in alerts]


def test_a_muted_alert_mutes_others(alertmanager: Start) -> None:
    """So a chain of any length needs rules between services near each other only."""
    chain = config(rule('alertname="c"', 'alertname="b"'), rule('alertname="b"', 'alertname="a"'))
    with alertmanager(chain) as (server, _):
        assert names(muted(server, [{"alertname": name} for name in "cba"])) == ["b", "a"]


def test_alerts_around_a_cycle_all_mute_each_other(alertmanager: Start) -> None:
    """Which is why services on one cycle get no rules."""
    circle = config(rule('alertname="b"', 'alertname="a"'), rule('alertname="a"', 'alertname="b"'))
    with alertmanager(circle) as (server, _):
        assert names(muted(server, [{"alertname": name} for name in "ab"])) == ["a", "b"]


def test_an_alert_that_is_source_and_target_is_not_muted_by_another_such(alertmanager: Start) -> None:
    both = config(rule('team=~".+"', 'team=~".+"'))
    with alertmanager(both) as (server, _):
        assert muted(server, [{"alertname": "a", "team": "x"}, {"alertname": "b", "team": "x"}]) == []


def test_labels_that_both_lack_are_equal(alertmanager: Start) -> None:
    """So the rule of one service's page over its tickets asks that there be a service."""
    missing = config(rule('severity="critical"', 'severity="warning"', "service"))
    named = config(rule('severity="critical", service!=""', 'severity="warning", service!=""', "service"))
    alerts = [
        {"alertname": "a", "severity": "critical"},
        {"alertname": "b", "severity": "warning"},
        {"alertname": "c", "severity": "warning", "service": "web"},
        {"alertname": "d", "severity": "critical", "service": "web"},
        {"alertname": "e", "severity": "warning", "service": "other"},
    ]
    with alertmanager(missing) as (server, _):
        assert names(muted(server, alerts)) == ["b", "c"]
    with alertmanager(named) as (server, _):
        assert names(muted(server, alerts)) == ["c"]


def state(server: AlertmanagerServer, name: str) -> str | None:
    found = {alert["labels"]["alertname"]: alert["status"]["state"] for alert in server.alerts()}
    return found.get(name)


def test_alertmanager_remembers_one_source_of_a_rule(alertmanager: Start) -> None:
    """A limit since 0.30: when that one ends, another that still fires mutes nothing until it is sent again, which
    Prometheus does every minute.
    """
    two = config(rule('alertname=~"a|b"', 'alertname="target"'))
    with alertmanager(two) as (server, _):
        for name in ("target", "a", "b"):
            server.post([{"labels": {"alertname": name}}])
        wait_until(lambda: state(server, "target") == "suppressed", "the target muted", 30)
        server.post([{"labels": {"alertname": "b"}, "endsAt": "2024-01-01T00:00:00Z"}])
        wait_until(lambda: state(server, "target") == "active", "the target told of, though `a` fires", 30)
        assert state(server, "a") == "active"
        server.post([{"labels": {"alertname": "a"}}])
        wait_until(lambda: state(server, "target") == "suppressed", "the target muted again", 30)


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [
        (Matcher("team", ("a.b",)), ["a.b"]),
        (Matcher("team", ("a.b", "c")), ["a.b", "c"]),  # the dot is no wildcard, and nothing matches in part
        (Matcher("team", ("",)), [""]),
        (Matcher("team", ("a.b", "c"), negated=True), ["axb", "ca", "", 'q"\\uo|te\n', "on", "[", "{x}, y"]),
        (Matcher("team", ('q"\\uo|te\n',)), ['q"\\uo|te\n']),
        (Matcher("team", ('q"\\uo|te\n', "[")), ['q"\\uo|te\n', "["]),
        (Matcher("team", ("{x}, y", "on")), ["on", "{x}, y"]),
    ],
)
def test_a_matcher_compares_whole_values_as_alertmanager_does(
    alertmanager: Start, matcher: Matcher, expected: list[str]
) -> None:
    values = ["a.b", "axb", "c", "ca", "", 'q"\\uo|te\n', "on", "[", "{x}, y"]
    alerts = [{"alertname": f"n{number}", **({"team": value} if value else {})} for number, value in enumerate(values)]
    matching = config(rule('alertname="source"', f'alertname!="source", canary="", {matcher}'))
    with alertmanager(matching) as (server, _):
        found = muted(server, [{"alertname": "source", "team": "none"}, *alerts])
    assert [labels.get("team", "") for labels in found] == expected
    assert [value for value in values if matcher.matches({"team": value} if value else {})] == expected
