"""Values as Grafana writes them. Every row was worked out by Grafana 10's own `valueFormats`, run with Node."""

from __future__ import annotations

import math

import pytest

from observe.preview.units import fixed, known, written


@pytest.mark.parametrize(
    ("unit", "value", "decimals", "text"),
    [
        ("short", 0, None, "0"),
        ("short", 0.25, None, "0.250"),  # from 2.25 of its size on a number has one digit more
        ("short", 2.25, None, "2.25"),
        ("short", 1.5, None, "1.50"),
        ("short", 999.5, None, "1000"),  # rounded after the size was chosen
        ("short", 98765, 2, "98.77 K"),
        ("short", 12345678, None, "12.3 Mil"),
        ("none", 1532.82, 0, "1533"),
        ("", 1532.82, None, "1533"),
        ("reqps", 0.5, None, "0.500 req/s"),
        ("reqps", 10.24, None, "10.2 req/s"),
        ("reqps", 1500, None, "1.50K req/s"),
        ("cps", 1_000_000, None, "1M c/s"),
        ("percentunit", 0.9995, None, "100.0%"),  # nearly all reads as all, unless decimals are asked for
        ("percentunit", 0.9995, 2, "99.95%"),
        ("percentunit", 0.05, None, "5%"),
        ("percentunit", 0.0123, None, "1.23%"),
        ("percent", 12.5, None, "12.5%"),
        ("ms", 0, None, "0 ms"),
        ("ms", 0.0024, 4, "0.0024 ms"),
        ("ms", 745.4, None, "745 ms"),
        ("ms", 1250, 2, "1.25 s"),
        ("ms", 1200, 0, "1 s"),
        ("ms", 10_000_086.123, 1, "2.8 hour"),
        ("ms", 86_400_000, None, "1 day"),
        ("s", 0, None, "0 s"),
        ("s", 1e-7, None, "100 ns"),
        ("s", 0.0002, None, "200 µs"),
        ("s", 0.25, None, "250 ms"),
        ("s", 59.99, None, "60.0 s"),
        ("s", 1023.9, 2, "17.07 min"),
        ("s", 604_800, None, "1 week"),
        ("s", 31_536_000, None, "0.999 year"),
        ("bytes", 1024, None, "1 KiB"),
        ("bytes", 1_048_576, None, "1 MiB"),
        ("binBps", 1536, None, "1.50 KiB/s"),
        ("decbytes", 12_345_678, None, "12.3 MB"),
        ("Bps", 0.5, None, "500 mB/s"),
        ("suffix: cores", 1.5, None, "1.50  cores"),
        ("suffix:cores", 1.5, None, "1.50 cores"),
        ("count:/s", 0, None, "0 /s"),
        ("count:/s", 1_234, None, "1.23K /s"),
        ("locale", 41_703.3, 0, "41,703"),
        ("locale", 1_234.5678, None, "1,234.568"),
        ("locale", 0, 0, "0"),
        ("locale", -1_500, None, "-1,500"),
        ("count:xpm", 1_234_567, 2, "1.23M xpm"),
        ("prefix:b", 1532.82, None, "b1533"),
        ("dthms", 3723, None, "01:02:03"),
        ("bananas", 3, None, "3 bananas"),
        ("short", -1500, None, "-1.50 K"),
        ("none", 1e-7, None, "1e-7"),
    ],
)
def test_a_value_reads_as_in_grafana(unit: str, value: float, decimals: int | None, text: str) -> None:
    assert str(written(value, unit, decimals)) == text


@pytest.mark.parametrize(("value", "text"), [(math.nan, "NaN"), (math.inf, "∞"), (-math.inf, "-∞")])
def test_what_is_no_number_has_no_unit(value: float, text: str) -> None:
    assert str(written(value, "ms")) == text
    assert fixed(value) == text


def test_halves_are_rounded_up_as_javascript_does() -> None:
    assert [fixed(value, 0) for value in (0.5, 1.5, 2.5, -2.5)] == ["1", "2", "3", "-2"]


def test_negative_decimals_count_as_none() -> None:
    assert fixed(186.123, -2) == "186"


def test_units_whose_way_of_writing_is_not_known_are_told_apart() -> None:
    assert [known(unit) for unit in ("reqps", "", "suffix:x", "currencyEUR", "bananas")] == [
        True, True, True, False, False,
    ]  # fmt: skip
