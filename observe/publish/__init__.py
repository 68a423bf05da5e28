"""From a pack to the live systems: what would change (`plan`), how it looks (`diff`), doing it (`apply`).

Where a pack can go is a `Target`; the folder `targets` holds one module for each.
"""
