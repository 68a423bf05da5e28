"""What to look at and to do for one service, one module per family of alerts."""
