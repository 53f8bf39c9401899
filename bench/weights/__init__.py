"""Checkpoints of full size with random values, that real ComfyUI loads: speed does not depend on what the weights are.

``python3 -m bench.weights sdxl FOLDER`` writes one. Needs numpy and nothing else, so that the engine's Python will do.
"""
