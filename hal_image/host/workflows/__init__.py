"""Pictures of a workflow of the user's own: reads it, asks the engine what its nodes are, finds its files.

What is done with the graph itself is pure, and in ``hal_image.workflow.own``.
"""
