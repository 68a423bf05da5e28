"""What promtool reports about alerts that fire although none is expected: which, when, and with which annotations.

Its rule tests only compare, and report what differs. So a test that names every alert at every evaluation, and expects
none, is answered with all that fire then. The text has been the same from Prometheus 2.32 to 3.15 at least
(`cmd/promtool/unittest.go`); the JUnit file that newer ones can write holds this text, and nothing more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe.errors import Rejected, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Pairs = tuple[tuple[str, str], ...]
"""Names with values, sorted."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """An alert that fires at an evaluation."""

    at: float
    """Seconds from the beginning."""
    labels: Pairs
    """With `alertname`."""
    annotations: str
    """As promtool wrote them; `pairs` reads them. Most sightings repeat what the one before said."""


ALERT: Final = re.compile(r" +alertname: \S+, time: (\S+), ?")
FURNITURE: Final = re.compile(r" *(FAILED:|exp:\[\],|got:\[|[0-9]+:|\],?)? *")
"""Lines that say nothing by themselves."""
LABELS: Final = "Labels:"
ANNOTATIONS: Final = "Annotations:"


def sightings(lines: Iterable[str]) -> Iterator[Sighting]:
    """The alerts of a report, in the order of time.

    Raises Rejected, with promtool's own words, where it reports anything else: a rule that it cannot load or evaluate.
    """
    at = 0.0
    labels: Pairs = ()
    known: dict[str, Pairs] = {}
    for line in lines:
        text = line.strip()
        if text.startswith(LABELS):
            if text not in known:
                known[text] = pairs(text.removeprefix(LABELS))
            labels = known[text]
        elif text.startswith(ANNOTATIONS):
            # A comma parts it from the next alert of this name.
            yield Sighting(at, labels, text.removeprefix(ANNOTATIONS).removesuffix(","))
        elif found := ALERT.fullmatch(line.rstrip("\n")):
            at = seconds(found[1])
        elif not FURNITURE.fullmatch(line.rstrip("\n")):
            raise Rejected(f"promtool cannot play the rules: {shorten(text)}")


QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
PAIR: Final = re.compile(rf"([A-Za-z_][A-Za-z0-9_]*|{QUOTED})=({QUOTED})(?:, |(?=\}}$))")


def pairs(text: str) -> Pairs:
    """The pairs of `{name="value", ...}`, quoted as Go does; raises Rejected for any other text."""
    found: list[tuple[str, str]] = []
    place, end = 1, len(text) - 1
    while place < end:
        pair = PAIR.match(text, place)
        if pair is None:
            raise Rejected(f"promtool's report has labels that cannot be read: {shorten(text)}")
        found.append((unquoted(pair[1]) if pair[1].startswith('"') else pair[1], unquoted(pair[2])))
        place = pair.end()
    return tuple(sorted(found))


ESCAPE: Final = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))")
ESCAPED: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def unquoted(text: str) -> str:
    """A text without the quotes and escapes of Go's `strconv.Quote`; what is no UTF-8 becomes U+FFFD."""
    return ESCAPE.sub(_character, text[1:-1]) if "\\" in text else text[1:-1]


def _character(escape: re.Match[str]) -> str:
    byte, short, long, single = escape.groups()
    if single:
        return ESCAPED.get(single, single)
    if byte:
        # Control characters are written like this too; a byte beyond ASCII is part of no character.
        return chr(int(byte, 16)) if int(byte, 16) < 0x80 else "\N{REPLACEMENT CHARACTER}"
    return chr(int(short or long, 16))


UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}


def seconds(text: str) -> float:
    """Seconds of a duration such as `1h2m30s`, as Prometheus prints it (prometheus/common `model/time.go`)."""
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"([0-9]+)(ms|[smhdwy])", text))
