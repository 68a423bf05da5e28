"""Alertmanager's configuration as its file says it."""

from __future__ import annotations

import yaml

from observe.alertmanager import Configuration, Delivery, Inhibition, Matcher, Route
from observe.render.alertmanager import configuration_file
from observe.render.text import to_yaml

SLOW = Delivery(wait=300_000, interval=1_800_000, repeat=86_400_000)
FAST = Delivery(wait=30_000, interval=1_800_000, repeat=14_400_000)
OURS = Matcher("mesh", ("acme",))
GROUPED = ("mesh", "service")
CONFIGURATION = Configuration(
    Route(
        (),
        "default",
        GROUPED,
        SLOW,
        (Route((OURS,), "a-ticket", GROUPED, SLOW, (Route((Matcher("team", ("a",)),), "a-page", GROUPED, FAST),)),),
    ),
    (
        Inhibition((OURS, Matcher("service", ("",), negated=True)), (Matcher("service", ("b.c", "d")),), ("team",)),
        Inhibition((OURS,), (Matcher("service", ("e", "f"), negated=True),)),
    ),
)
PLAIN = {
    "route": {
        "receiver": "default",
        "group_by": ["mesh", "service"],
        "group_wait": "5m",
        "group_interval": "30m",
        "repeat_interval": "24h",
        "routes": [
            {
                "matchers": ['mesh="acme"'],
                "receiver": "a-ticket",
                "group_by": ["mesh", "service"],
                "group_wait": "5m",
                "group_interval": "30m",
                "repeat_interval": "24h",
                "routes": [
                    {
                        "matchers": ['team="a"'],
                        "receiver": "a-page",
                        "group_wait": "30s",
                        "repeat_interval": "4h",
                    }
                ],
            }
        ],
    },
    "inhibit_rules": [
        {
            "source_matchers": ['mesh="acme", service!=""'],
            "target_matchers": ['service=~"b\\\\.c|d"'],
            "equal": ["team"],
        },
        {
            "source_matchers": ['mesh="acme"'],
            "target_matchers": ['service!~"e|f"'],
        },
    ],
    "receivers": [{"name": "default"}, {"name": "a-ticket"}, {"name": "a-page"}],
}


def test_a_route_says_what_it_does_not_take_from_the_one_above() -> None:
    """Except the first below the root, which says everything: it may be moved below another root."""
    assert configuration_file(CONFIGURATION) == PLAIN


def test_yaml_gives_the_same_back() -> None:
    assert yaml.safe_load(to_yaml(configuration_file(CONFIGURATION))) == PLAIN
