"""What is measured, one module per family. A panel and an alert can only meet here, so they cannot disagree."""

from observe.signals.catalogue import Catalogue, catalogue
from observe.signals.signal import Signal, service_labels

__all__ = ["Catalogue", "Signal", "catalogue", "service_labels"]
