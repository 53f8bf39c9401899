"""Prepares what is missing: the host's own venv, the engine's venv, and ComfyUI's source.

Only the standard library may be used here: these modules run before anything is installed.
"""
