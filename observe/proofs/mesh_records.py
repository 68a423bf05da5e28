"""The proof of the mesh's records: telemetry of a small mesh goes in, and every record comes out, with its labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from observe.proofs import world_platform, world_traffic
from observe.proofs.recorded import expected
from observe.proofs.scale import MINUTE
from observe.proofs.window import Window, per_second, totals
from observe.proofs.world import AFTER, STEADY, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Inventory
    from observe.proofs.world import Found, Labels
    from observe.signals import Catalogue

ROUNDED: Final = (1_000, 100, 20, 10, 4, 2, 1)
"""Parts of one that values are rounded to: the finest at which Prometheus 2 and 3 agree."""


def mesh_records_test(inventory: Inventory, signals: Catalogue) -> dict[str, Any]:
    """The test that promtool runs. Raises ValueError for a record that nobody says anything about."""
    world = World(inventory, signals)
    world_traffic.requests(world)
    world_traffic.connections(world)
    world_platform.statistics(world)
    world_platform.platform(world)
    told = {signal.record: found for signal, found in expected(world)}
    over_days = {signal.record for family in signals.families if family.slow for signal in family.signals}
    if missing := [signal.record for signal in signals.recorded if signal.record not in told.keys() | over_days]:
        raise ValueError(f"no proof knows what {missing[0]} must be; say so in observe/proofs/recorded.py")
    steady = [_exactly(record, STEADY * 60, found) for record, found in told.items()]
    after = [one for record, found in told.items() if found for one in _after(world, record, found)]
    return {
        "name": f"{inventory.mesh.name}: records",
        "interval": f"{world.step // 1_000}s",
        "input_series": world.series(),
        "promql_expr_test": [*steady, *after],
    }


def _after(world: World, record: str, found: Found) -> Iterator[dict[str, Any]]:
    """How many times the steady value the record is, a little after everything has become more."""
    window = _window(record)
    if window is None or all(value == 0 for value in found.values()) or "_ratio_" in record or "ratio_" in record:
        return
    if any(part in record for part in (":p50_", ":p95_", ":p99", "quantile", "p99_")):
        return
    minutes = AFTER[0] if window <= 2 * MINUTE else AFTER[1]
    time = (STEADY + minutes) * MINUTE
    times = [
        (per_second(totals(world.flow(10_000)), Window(time, window, closed), world.step, world.scrapes) or 0)
        * world.step
        / 10_000_000
        for closed in (False, True)
    ]
    same = (parts for parts in ROUNDED if math.floor(times[0] * parts + 0.5) == math.floor(times[1] * parts + 0.5))
    parts = next(same, 1)
    value = math.floor(times[0] * parts + 0.5) / parts
    for least in ("min", "max"):
        yield {
            "expr": f"round({least}({record} / ({record} offset {minutes}m > 0)), {1 / parts:g})",
            "eval_time": f"{time // 1_000}s",
            "exp_samples": [{"labels": "{}", "value": value}],
        }


def _window(record: str) -> int | None:
    """The window that a record's name says, in milliseconds."""
    operations = record.rpartition(":")[2]
    for kind in ("rate", "increase"):
        if operations.startswith(kind) and operations.endswith("m"):
            return int(operations.removeprefix(kind).removesuffix("m")) * MINUTE
    return None


def _exactly(record: str, seconds: int, found: Found) -> dict[str, Any]:
    """The record to a thousandth, with all labels that it must have and no others."""
    samples = [
        {"labels": _written(key), "value": math.floor(value * 1_000 + 0.5) / 1_000} for key, value in found.items()
    ]
    return {
        "expr": f"round({record}, 0.001)",
        "eval_time": f"{seconds}s",
        "exp_samples": sorted(samples, key=lambda sample: str(sample["labels"])),
    }


def _written(labels: Labels) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(labels)) + "}"
