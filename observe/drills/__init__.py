"""Incidents that are played through: what fires, and who is told of it."""
