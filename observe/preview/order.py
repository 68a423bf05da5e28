"""Which dashboard comes first: as their authors put them, by the links at their tops."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observe.preview.dashboard import Dashboard


def in_order(dashboards: Iterable[Dashboard]) -> list[Dashboard]:
    """Those that are linked to at the top of others, in the order of these links; then all others as they came."""
    found = list(dashboards)
    addresses = (str(link.get("url") or "") for one in found for link in one.links)
    places = {uid: place for place, uid in enumerate(dict.fromkeys(filter(None, map(uid_in, addresses))))}
    return sorted(found, key=lambda one: places.get(one.uid, len(places)))


def uid_in(address: str) -> str | None:
    """The uid of the dashboard that an address of Grafana leads to: what follows `/d/`."""
    try:
        parts = urlsplit(address).path.split("/")
    except ValueError:
        return None
    return next((parts[place + 1] for place, part in enumerate(parts[:-1]) if part == "d"), None)
