"""Tests that need a Docker engine: the real Dockerfile on a base made here, and what runs in it.

Where there is none they are skipped with the reason; with ``HAL_TESTS_REQUIRE_DOCKER=1`` they fail instead.
"""
