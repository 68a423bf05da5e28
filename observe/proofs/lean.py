"""Telemetry without what no rule reads: labels of that kind would be three quarters of a test's bytes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.signals import service_labels
from observe.simulation import Series, Telemetry

if TYPE_CHECKING:
    from observe.proofs.scene import Scene
    from observe.simulation import Labels

UNREAD: Final = frozenset(
    {
        *(
            f"source_{name}"
            for name in ("app", "canonical_revision", "canonical_service", "cluster", "principal", "version")
        ),
        *(f"destination_{name}" for name in ("app", "canonical_revision", "canonical_service", "cluster", "principal")),
        *("destination_service", "destination_version", "destination_workload", "destination_workload_namespace"),
        *("instance", "job"),
    }
)
"""Labels of proxies' reports that no rule and no query reads."""
DURATION: Final = telemetry.DURATION_BUCKET.removesuffix("_bucket")
UNREAD_SERIES: Final = frozenset({f"{DURATION}_sum", f"{DURATION}_count", "istio_tcp_connections_closed_total"})


def input_series(scene: Scene) -> list[dict[str, str]]:
    """The scene's telemetry as promtool reads it, and the records that are given."""
    whole = scene.telemetry()
    series = _reduced([one for one in whole.series if _is_read(scene, one)])
    own = service_labels(scene.stage.service)
    given = [*((name, own, values) for name, values in scene.fed.items()), *scene.given]
    series += [
        Series(name, tuple(sorted({**labels, **scene.cluster_labels}.items())), values)
        for name, labels, values in given
    ]
    return Telemetry(whole.step or scene.step // 1_000, tuple(series)).promtool()


def _is_read(scene: Scene, series: Series) -> bool:
    """Durations are read as the side says them by which requests are counted, and only where a scene is about them."""
    if series.name == telemetry.DURATION_BUCKET:
        outside = series.label("source_workload") == telemetry.OUTSIDE
        return bool(scene.buckets) and (series.label("reporter") != "destination" or outside)
    return series.name not in UNREAD_SERIES and not series.name.endswith("_bytes_total")


def _reduced(series: list[Series]) -> list[Series]:
    """Without the labels that nobody reads; of those, what is left tells the series apart.

    Of a request that reached no instance the workload is not known, and nothing else may differ.
    """
    short = [replace(one, labels=_read(one.labels)) for one in series]
    times = Counter(str(one) for one in short)
    found = [
        replace(one, labels=tuple(sorted({*one.labels, ("destination_workload", whole.label("destination_workload"))})))
        if times[str(one)] > 1
        else one
        for one, whole in zip(short, series, strict=True)
    ]
    if len({str(one) for one in found}) < len(found):
        raise ValueError("two series of a proof differ in nothing that is read")
    return found


def _read(labels: Labels) -> Labels:
    return tuple((name, value) for name, value in labels if name not in UNREAD and value)
