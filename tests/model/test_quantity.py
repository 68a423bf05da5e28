"""Amounts as Kubernetes writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe.model import Resources
from observe.model.quantity import format_cpu, format_memory, parse_cpu, parse_memory


@pytest.mark.parametrize(("text", "number"), [("100m", 100), ("2", 2_000), ("0.5", 500), ("1.25", 1_250), ("0", 0)])
def test_cpu_counts_in_thousandths(text: str, number: float) -> None:
    assert parse_cpu(text) == number


@pytest.mark.parametrize(("text", "number"), [("64Mi", 64), ("2Gi", 2_048), ("512Ki", 0.5)])
def test_memory_counts_in_mebibytes(text: str, number: float) -> None:
    assert parse_memory(text) == number


@pytest.mark.parametrize(("number", "text"), [(1, "50m"), (50, "50m"), (51, "100m"), (1_000, "1"), (1_001, "1050m")])
def test_cpu_is_written_in_steps(number: float, text: str) -> None:
    assert format_cpu(number) == text


@pytest.mark.parametrize(("number", "text"), [(1, "32Mi"), (96.1, "128Mi"), (1_024, "1Gi"), (1_025, "1056Mi")])
def test_memory_is_written_in_steps(number: float, text: str) -> None:
    assert format_memory(number) == text


@given(st.floats(0.001, 1e7))
def test_what_is_written_is_never_less(number: float) -> None:
    assert parse_cpu(format_cpu(number)) >= number
    assert parse_memory(format_memory(number)) >= number


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"cpu": "2", "cpu_limit": "1500m"}, "more cpu than cpu_limit"),
        ({"memory": "1Gi", "memory_limit": "1000Mi"}, "more memory than memory_limit"),
    ],
)
def test_a_request_above_its_limit_is_refused(fields: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Resources(**fields)


def test_a_request_at_its_limit_is_as_it_should_be() -> None:
    assert Resources(cpu="1", cpu_limit="1000m", memory="1Gi", memory_limit="1024Mi").cpu == "1"
