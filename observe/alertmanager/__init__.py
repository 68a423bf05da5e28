"""Alertmanager's routes and inhibitions: who hears of an alert, and which alerts say nothing new."""

from observe.alertmanager.configuration import Configuration, Delivery, Inhibition, Matcher, Route
from observe.alertmanager.generate import configuration

__all__ = ["Configuration", "Delivery", "Inhibition", "Matcher", "Route", "configuration"]
