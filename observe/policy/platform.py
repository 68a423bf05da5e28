"""What the alerts of the mesh as a whole compare with, and the control plane's panels draw."""

from __future__ import annotations

from typing import Final

from observe.policy.thresholds import Threshold

HOUR: Final = 3_600
DAY: Final = 24 * HOUR

CERTIFICATE: Final = Threshold(8 * HOUR, "4 hours after it should have been renewed")
CERTIFICATE_CRITICAL: Final = Threshold(2 * HOUR, "fixed")
"""Seconds that a workload certificate must still hold: Istio gives 24 hours and renews at half of that."""
AUTHORITY: Final = Threshold(30 * DAY, "fixed")
AUTHORITY_CRITICAL: Final = Threshold(7 * DAY, "fixed")
"""Seconds that the CA's own certificates must still hold: changing a root takes a roll-out of everything."""
CONVERGENCE: Final = Threshold(10, "a limit of istiod's own buckets")
"""Seconds until 99 % of the proxies have a change; exact, since istiod counts by 1, 3, 5, 10, 20 and 30 s."""
