"""Measures what the tool promises about speed. ``python3 -m bench --help``."""
