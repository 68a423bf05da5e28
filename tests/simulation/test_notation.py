"""promtool's notation: short, and exactly the same values again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from observe.simulation.notation import number, run_lengths
from tests.simulation.reading import read

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.prometheus_server import Promtool

WRITTEN = [
    ((0, 5, 10, 15), "0+5x3"),
    ((7, 7, 7), "7x2"),
    ((9, 6, 3, 0), "9-3x3"),
    ((1, 2, 4, 6, 8), "1 2+2x3"),
    ((5,), "5"),
    ((3, 4), "3 4"),
    ((None, None, None, 1), "_x3 1"),
    ((None, 1), "_ 1"),
    # A series that vanishes is marked, once; before it was ever there is nothing to mark.
    ((1, None, None, None, 2), "1 stale _x2 2"),
    ((1, 1, None), "1x1 stale"),
    # Fractions that are added up would differ in the last digit.
    ((0.1, 0.2, 0.3), "0.1 0.2 0.3"),
    ((0.5, 0.5, 0.5), "0.5x2"),
]


@pytest.mark.parametrize(("values", "notation"), WRITTEN, ids=lambda value: str(value)[:20])
def test_runs_of_constant_slope_are_one_item(values: tuple[float | None, ...], notation: str) -> None:
    """Each kind of item, with the values that promtool's own documentation says it stands for."""
    assert run_lengths(values) == notation


COUNTS = st.integers(min_value=0, max_value=2**40)
VALUES = st.lists(st.one_of(st.none(), COUNTS, st.floats(allow_nan=False, allow_infinity=False, width=32)), max_size=40)


@given(VALUES)
def test_the_notation_means_the_same_values(values: list[float | None]) -> None:
    """Whatever the values: nothing is rounded, moved or lost."""
    assert read(run_lengths(values)) == values


@given(st.integers(0, 10**6), st.integers(-1000, 1000), st.integers(3, 400))
def test_a_slope_is_one_item_however_long(first: int, slope: int, length: int) -> None:
    """A counter at a constant rate costs the same for an hour and for a day."""
    assert len(run_lengths([first + slope * place for place in range(length)]).split()) == 1


@pytest.mark.parametrize(
    ("value", "written"),
    [(3, "3"), (3.0, "3"), (0.25, "0.25"), (1e300, "1e+300"), (math.inf, "+Inf"), (-math.inf, "-Inf")],
)
def test_numbers_are_written_as_prometheus_reads_them(value: float, written: str) -> None:
    assert number(value) == written


def test_promtool_reads_the_same_values(promtool: Promtool, tmp_path: Path) -> None:
    """The notation is checked by the program it is for: every value, every gap and the stale marker."""
    values = (1, 3, 5, 7, None, None, 7, None, 2, 2, 2, 9, 6, 3, 0.1, 0.2)
    expressions = [_at(place, value) for place, value in enumerate(values) if value is not None]
    # Without the marker the last value would be found for five minutes more.
    expressions += [_at(4, None), _at(7, None)]
    test = {
        "interval": "15s",
        "input_series": [{"series": "a", "values": run_lengths(values)}],
        "promql_expr_test": expressions,
    }
    file = tmp_path / "test.yaml"
    # promtool loads no samples after the last evaluation of rules, even where there are none.
    file.write_text(yaml.safe_dump({"rule_files": [], "evaluation_interval": "15s", "tests": [test]}))
    done = promtool.test_rules(file)
    assert done.returncode == 0, done.stdout + done.stderr


def _at(place: int, value: float | None) -> dict[str, object]:
    samples = [] if value is None else [{"labels": "a", "value": value}]
    return {"expr": "a", "eval_time": f"{place * 15}s", "exp_samples": samples}
