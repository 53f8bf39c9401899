"""Tests that really install: real venvs, real pip, real faults. ``test_from_index.py`` needs a package index."""
