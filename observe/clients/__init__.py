"""Talking to live systems. What goes wrong in a foreign library leaves here as one of `observe.errors`."""
