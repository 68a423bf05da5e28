"""Who may ask for what, and whether it is encrypted."""
