"""The configuration of Alertmanager as the dictionary of its YAML file.

It is read by Alertmanager 0.22, the first with `matchers`, and newer; the names of inhibitions that 0.30 learned are
left out, since an older one refuses a file with a field that it does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from observe.model import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observe.alertmanager import Configuration, Inhibition, Matcher, Route


def configuration_file(configuration: Configuration) -> dict[str, Any]:
    """The whole file. Its receivers have no integrations, which Alertmanager accepts: they tell nobody yet."""
    return {
        "route": _route(configuration.route, None),
        "inhibit_rules": [_inhibition(inhibition) for inhibition in configuration.inhibitions],
        "receivers": [{"name": receiver} for receiver in configuration.receivers],
    }


def _route(route: Route, above: Route | None) -> dict[str, Any]:
    """What a route does not take from the one above it. From the root it takes nothing: a route of a mesh can be
    moved below somebody else's.
    """
    inherited = _settings(above) if above and above.matchers else {}
    own = {name: value for name, value in _settings(route).items() if inherited.get(name) != value}
    written: dict[str, Any] = {"matchers": _matchers(route.matchers)} if route.matchers else {}
    written |= own
    if route.routes:
        written["routes"] = [_route(below, route) for below in route.routes]
    return written


def _settings(route: Route) -> dict[str, Any]:
    return {
        "receiver": route.receiver,
        "group_by": list(route.group_by),
        "group_wait": format_duration(route.delivery.wait),
        "group_interval": format_duration(route.delivery.interval),
        "repeat_interval": format_duration(route.delivery.repeat),
    }


def _inhibition(inhibition: Inhibition) -> dict[str, Any]:
    """On one line for each side, which Alertmanager reads like one matcher a line: large meshes have thousands."""
    written: dict[str, Any] = {
        "source_matchers": [", ".join(map(str, inhibition.sources))],
        "target_matchers": [", ".join(map(str, inhibition.targets))],
    }
    return {**written, "equal": list(inhibition.equal)} if inhibition.equal else written


def _matchers(matchers: Iterable[Matcher]) -> list[str]:
    return [str(matcher) for matcher in matchers]
