"""Promtool's report is read whatever stands in it, and anything but alerts in it is an error."""

from __future__ import annotations

import pytest

from observe.drills.report import Sighting, pairs, seconds, sightings, unquoted
from observe.errors import Rejected

# As Prometheus 2.32 and 3.15 write it, blanks at the ends of lines included (`cmd/promtool/unittest.go`).
REPORT = (
    "  FAILED:\n"
    "    alertname: Slow, time: 30s, \n"
    "        exp:[], \n"
    "        got:[\n"
    "            0:\n"
    '              Labels:{alertname="Slow", service="cart"}\n'
    '              Annotations:{summary="cart: 50% fail, \\"badly\\""},\n'
    "            1:\n"
    '              Labels:{alertname="Slow", service="stock"}\n'
    "              Annotations:{}\n"
    "            ]\n"
    "    alertname: Slow, time: 1h1m, \n"
    "        exp:[], \n"
    "        got:[\n"
    "            0:\n"
    '              Labels:{alertname="Slow", service="cart"}\n'
    '              Annotations:{summary="cart: 60% fail"}\n'
    "            ]\n"
    "\n"
)
CART = (("alertname", "Slow"), ("service", "cart"))
STOCK = (("alertname", "Slow"), ("service", "stock"))


def test_every_alert_is_seen_with_its_time() -> None:
    assert list(sightings(REPORT.splitlines(keepends=True))) == [
        Sighting(30, CART, '{summary="cart: 50% fail, \\"badly\\""}'),
        Sighting(30, STOCK, "{}"),
        Sighting(3660, CART, '{summary="cart: 60% fail"}'),
    ]


def test_nothing_fires_in_an_empty_report() -> None:
    assert list(sightings([])) == []


@pytest.mark.parametrize(
    "line",
    [
        "    rule: service:requests:rate5m, time: 1m0s, err: query processing would load too many samples into memory",
        '    expr: "up", time: 5m, err: no',
        'rules.yaml: 3:5: group "a", rule 1, "b": could not parse expression: unexpected end of input',
        "panic: runtime error: index out of range",
    ],
)
def test_what_is_no_alert_is_an_error_in_promtools_own_words(line: str) -> None:
    report = [*REPORT.splitlines(keepends=True), f"{line}\n"]
    with pytest.raises(Rejected) as raised:
        list(sightings(report))
    assert str(raised.value) == f"promtool cannot play the rules: {line.strip()}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{}", ()),
        ('{a="1"}', (("a", "1"),)),
        ('{b="2", a="1"}', (("a", "1"), ("b", "2"))),
        ('{a="x, b=\\"y\\"}", c="{}"}', (("a", 'x, b="y"}'), ("c", "{}"))),
        ('{a="back\\\\", b="slash"}', (("a", "back\\"), ("b", "slash"))),
        # A name that is not a classic one is quoted too, since Prometheus 3.
        ('{"my.label"="1", b="2"}', (("b", "2"), ("my.label", "1"))),
    ],
)
def test_labels_are_read_whatever_their_values_hold(text: str, found: tuple[tuple[str, str], ...]) -> None:
    assert pairs(text) == found


@pytest.mark.parametrize("text", ['{a="1"', "{a=1}", '{a="1" b="2"}', '{a="1", }x', "[]x"])
def test_text_that_is_no_labels_is_refused(text: str) -> None:
    with pytest.raises(Rejected, match="labels that cannot be read"):
        pairs(text)


@pytest.mark.parametrize(
    ("quoted", "text"),
    [
        (r'"a\nb\tc"', "a\nb\tc"),
        (r'"say \"no\" \\ yes"', 'say "no" \\ yes'),
        (r'"\x00\x7f"', "\x00\x7f"),
        (r'"\xff"', "\N{REPLACEMENT CHARACTER}"),
        (r'"\u2028\U000e0001"', "\u2028\U000e0001"),
        ('"größer → 5 %"', "größer → 5 %"),
        (r'"C:\\new"', r"C:\new"),
    ],
)
def test_quotes_and_escapes_of_go_are_taken_off(quoted: str, text: str) -> None:
    assert unquoted(quoted) == text


@pytest.mark.parametrize(
    ("text", "length"), [("0s", 0), ("30s", 30), ("1m30s", 90), ("1h", 3600), ("1d2h", 93_600), ("500ms", 0.5)]
)
def test_durations_are_those_that_prometheus_prints(text: str, length: float) -> None:
    assert seconds(text) == length
