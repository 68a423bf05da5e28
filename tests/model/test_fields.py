"""Durations and shares: text to numbers and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe.model import fields, format_duration, format_percent, parse_duration, parse_ratio


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1ms", 1), ("500ms", 500), ("3s", 3_000), ("0.5s", 500), ("1.5ms500us", None), ("1m30s", 90_000),
        ("1h", 3_600_000), ("0h1s", 1_000), ("60m", 3_600_000), ("0.001s", 1), ("1s1ms", 1_001),
    ],
)  # fmt: skip
def test_durations(text: str, milliseconds: int | None) -> None:
    if milliseconds is None:
        with pytest.raises(ValueError, match="is no duration; write"):
            parse_duration(text)
    else:
        assert parse_duration(text) == milliseconds


@pytest.mark.parametrize(
    "value", ["", "3", "s", "3 s", "-3s", "3S", "1d", "3s ", "\u0663s", "1e3s", ".5s", 3, 3.0, None, True, ["3s"]]
)
def test_no_durations(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^is no duration; write a number with its unit, such as 500ms, 3s or 1m30s$"):
        parse_duration(value)


@pytest.mark.parametrize("text", ["0s", "0ms", "3601s", "1h1ms", "999999999h"])
def test_durations_out_of_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is out of range; write 1ms to 1h$"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0.5ms", "1.0001s", "0.0000000001h"])
def test_durations_that_istio_cannot_express(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is finer than Istio can express; write whole milliseconds$"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(1, "1ms"), (1_500, "1500ms"), (3_000, "3s"), (90_000, "90s"), (300_000, "5m"), (3_600_000, "1h")],
)
def test_durations_are_written_short(milliseconds: int, text: str) -> None:
    assert format_duration(milliseconds) == text


@given(st.integers(1, fields.LONGEST_DURATION))
def test_durations_survive_the_way_there_and_back(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds)) == milliseconds


@pytest.mark.parametrize(
    ("value", "ratio"),
    [("5%", 0.05), ("99.95%", 0.9995), ("5 %", 0.05), ("0.1%", 0.001), ("100%", 1.0), (0.05, 0.05), (1, 1.0), (0, 0.0)],
)
def test_shares(value: Any, ratio: float) -> None:
    assert parse_ratio(value) == ratio


@pytest.mark.parametrize("value", ["", "%", "5", "0.05", "-5%", "5%%", "5.%", "1000%", "\u0665%", True, None, [0.05]])
def test_no_shares(value: Any) -> None:
    with pytest.raises(
        ValueError, match=r"^is no percentage; write a percentage such as 5%, or a number such as 0\.05$"
    ):
        parse_ratio(value)


@pytest.mark.parametrize(
    ("ratio", "text"), [(0.05, "5%"), (0.9995, "99.95%"), (1.0, "100%"), (0.0, "0%"), (1e-7, "0.00001%"), (0.1, "10%")]
)
def test_shares_are_written_without_noise(ratio: float, text: str) -> None:
    assert format_percent(ratio) == text


@given(st.integers(0, 100_000))
def test_shares_survive_the_way_there_and_back(thousandths: int) -> None:
    text = f"{thousandths / 1000:.3f}%"
    assert parse_ratio(format_percent(parse_ratio(text))) == parse_ratio(text)


def test_every_pattern_has_its_meaning_in_words() -> None:
    patterns = {value for name, value in vars(fields).items() if name.startswith("_") and str(value).startswith("^")}
    assert patterns == set(fields.MEANINGS)


@pytest.mark.parametrize("address", ["192.0.2.10", "2001:db8::10"])
def test_an_address_is_no_host(address: str) -> None:
    """Istio refuses it in a ServiceEntry's hosts."""
    with pytest.raises(ValueError, match="is an IP address; give the host a name"):
        fields.no_address(address)
    assert fields.no_address("192.0.2.10.example.com") == "192.0.2.10.example.com"
