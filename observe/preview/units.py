"""Values as Grafana writes them: `1250` of the unit `ms` is `1.25 s`.

After grafana `packages/grafana-data/src/valueFormats/`, for the units that boards of a mesh have use for. A unit
that is not known there is written behind the number, as Grafana does with units that it does not know either.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MINUTE: Final = 60.0
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
YEAR: Final = 365 * DAY
LONG_YEAR: Final = 3.15569e7
"""Grafana's year of seconds is the tropical one; that of milliseconds has 365 days."""

SI: Final = ("f", "p", "n", "µ", "m", "", "k", "M", "G", "T", "P", "E", "Z", "Y")
IEC: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
SHORT: Final = ("", " K", " Mil", " Bil", " Tri", " Quadr", " Quint", " Sext", " Sept")
COUNTS: Final = ("", "K", "M", "B", "T")


class Written(NamedTuple):
    """A number and what stands behind it."""

    number: str
    suffix: str = ""

    def __str__(self) -> str:
        return self.number + self.suffix


def written(value: float, unit: str, decimals: int | None = None) -> Written:
    """A value in its unit; without `decimals` with as many as Grafana chooses for its size."""
    if not math.isfinite(value):
        return Written(_unbounded(value))
    known = _WRITERS.get(unit)
    if known:
        return known(value, decimals)
    kind, _, rest = unit.partition(":")
    if kind == "count" and rest:
        return _scaled(value, decimals, 1000, [f"{one} {rest}" for one in COUNTS])
    if kind == "prefix" and rest:
        return Written(rest + fixed(value, decimals))
    plain = rest if kind == "suffix" and rest else unit
    return Written(fixed(value, decimals), f" {plain}" if plain else "")


def known(unit: str) -> bool:
    """Whether Grafana's way of writing this unit is known here."""
    return not unit or unit in _WRITERS or unit.partition(":")[0] in ("count", "prefix", "suffix")


def fixed(value: float, decimals: int | None = None) -> str:
    """A number with so many decimals, or as many as its size asks for (grafana `toFixed`)."""
    if not math.isfinite(value):
        return _unbounded(value)
    places = max(0, _places(value) if decimals is None else decimals)
    # JavaScript rounds halves up, Python to even: 2.5 would read differently here and in Grafana.
    factor = 10.0**places
    rounded = math.floor(value * factor + 0.5) / factor
    if 0 < abs(rounded) < 1e-6:
        return f"{rounded:g}".replace("e-0", "e-")  # as JavaScript does from there on
    return f"{rounded + 0.0:.{places}f}"


def _unbounded(value: float) -> str:
    return "NaN" if math.isnan(value) else ("∞" if value > 0 else "-∞")


def _places(value: float) -> int:
    """Enough for two to three significant digits; none for whole numbers (grafana `getDecimalsForValue`)."""
    if value == 0 or value % 1 == 0:
        return 0
    size = abs(value)
    places = 1 - math.floor(math.log10(size))
    return places + 1 if size * 10.0**places > 2.25 else places


def _plain(value: float, decimals: int | None, *, suffix: str = "", factor: float = 1) -> Written:
    return Written(fixed(value * factor, decimals), suffix)


def _scaled(
    value: float, decimals: int | None, base: float, suffixes: list[str] | tuple[str, ...], offset: int = 0
) -> Written:
    """In the power of `base` that fits the value; `offset` is the place of the unit itself (grafana `scaledUnits`)."""
    power = math.floor(round(math.log(abs(value), base), 12)) if value else 0
    power = min(max(power, -offset), len(suffixes) - 1 - offset)
    return Written(fixed(value / base**power, decimals), suffixes[offset + power])


def _si(value: float, decimals: int | None, *, unit: str) -> Written:
    return _scaled(value, decimals, 1000, [f" {prefix}{unit}" for prefix in SI], SI.index(""))


def _iec(value: float, decimals: int | None, *, unit: str) -> Written:
    return _scaled(value, decimals, 1024, [f" {prefix}{unit}" for prefix in IEC])


def _count(value: float, decimals: int | None, *, unit: str) -> Written:
    return _scaled(value, decimals, 1000, [f"{size} {unit}" for size in COUNTS])


def _short(value: float, decimals: int | None) -> Written:
    return _scaled(value, decimals, 1000, SHORT)


_SECONDS: Final = (
    (1e-6, 1e-9, " ns"),
    (1e-3, 1e-6, " µs"),
    (1.0, 1e-3, " ms"),
    (MINUTE, 1.0, " s"),
    (HOUR, MINUTE, " min"),
    (DAY, HOUR, " hour"),
    (WEEK, DAY, " day"),
    (YEAR, WEEK, " week"),
    (math.inf, LONG_YEAR, " year"),
)
"""Below this many seconds, in parts of so many, called so."""
_MILLISECONDS: Final = (
    (1.0, 1e-3, " ms"),
    (MINUTE, 1.0, " s"),
    (HOUR, MINUTE, " min"),
    (DAY, HOUR, " hour"),
    (YEAR, DAY, " day"),
    (math.inf, YEAR, " year"),
)
"""The same for a unit of milliseconds, which is never written in smaller ones."""
_MICROSECONDS: Final = ((1e-3, 1e-6, " µs"), (1.0, 1e-3, " ms"), (math.inf, 1.0, " s"))


def _time(value: float, decimals: int | None, *, unit: float, spans: tuple[tuple[float, float, str], ...]) -> Written:
    """A duration of `value` times `unit` seconds, in the largest part that it fills."""
    if value == 0 and unit == 1:
        return Written("0", " s")  # not the 0 ns that the spans would make of it
    for bound, part, suffix in spans:
        if abs(value) * unit < bound * (1 - 1e-12):
            size = part / unit
            return Written(fixed(value / (round(size) if size > 1 else size), decimals), suffix)
    raise AssertionError("the last span has no bound")


def _grouped(value: float, decimals: int | None) -> Written:
    """`41,703`: whole, however large (JavaScript's `toLocaleString`, three decimals at most)."""
    places = 3 if decimals is None else decimals
    text = f"{float(fixed(value, places)):,.{places}f}"
    return Written(text.rstrip("0").rstrip(".") if places else text)


def _clock(value: float, _: int | None) -> Written:
    """`01:02:03` (grafana `toDurationInHoursMinutesSeconds`)."""
    minutes, seconds = divmod(math.floor(abs(value)), 60)
    hours, minutes = divmod(minutes, 60)
    return Written(f"{hours:02}:{minutes:02}:{seconds:02}", " ago" if value < 0 else "")


_PLAIN: Final = {
    "": "",
    "none": "",
    "percent": "%",
    "dB": " dB",
    "celsius": " °C",
    "rotrpm": " rpm",
    "m/s": " m/s",
}
_SI: Final = {
    "decbytes": "B",
    "decbits": "b",
    "Bps": "B/s",
    "bps": "b/s",
    "pps": "p/s",
    "hertz": "Hz",
    "sishort": "",
}
_IEC: Final = {"bytes": "B", "bits": "b", "binBps": "B/s", "binbps": "b/s"}
_COUNT: Final = {
    "cps": "c/s",
    "ops": "ops/s",
    "reqps": "req/s",
    "rps": "rd/s",
    "wps": "wr/s",
    "iops": "io/s",
    "eps": "evt/s",
    "mps": "msg/s",
    "cpm": "c/m",
    "opm": "ops/m",
    "reqpm": "req/m",
}

_WRITERS: Final[Mapping[str, Callable[[float, int | None], Written]]] = {
    **{unit: partial(_plain, suffix=suffix) for unit, suffix in _PLAIN.items()},
    **{unit: partial(_si, unit=symbol) for unit, symbol in _SI.items()},
    **{unit: partial(_iec, unit=symbol) for unit, symbol in _IEC.items()},
    **{unit: partial(_count, unit=symbol) for unit, symbol in _COUNT.items()},
    "percentunit": partial(_plain, suffix="%", factor=100),
    "short": _short,
    "s": partial(_time, unit=1.0, spans=_SECONDS),
    "ms": partial(_time, unit=1e-3, spans=_MILLISECONDS),
    "µs": partial(_time, unit=1e-6, spans=_MICROSECONDS),
    "dthms": _clock,
    "locale": _grouped,
}
