"""Graphs that people bring along: read into ComfyUI's API format, filled in, and held against the server's nodes.

Pure, as all of ``hal_image.workflow``: what the nodes are comes as ``Definitions``, files are the host's business. A
graph here is plain JSON, ``{id: {"class_type", "inputs", "_meta"}}``. It is untrusted: every function takes anything
that JSON can say, and raises ``UsageError`` where it is none of the forms that ComfyUI writes.
"""
