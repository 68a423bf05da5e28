"""From one service inventory: Istio configuration, dashboards, alerts, runbooks, checked and published.

The way of the data, and the rooms it passes through::

    inventory.load -> model.Inventory -> pack.build -> pack.Pack -> publish.plan -> publish.apply -> live systems

Everything between `inventory` and `publish` is pure: no clock, no network, no environment, no randomness. The
same inventory gives the same bytes on any machine.
"""
