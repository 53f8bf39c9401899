"""Which models there are, and which of their files are on the disk.

``types`` is the vocabulary (no I/O), ``registry`` reads models.yaml, ``located_yaml`` lets it complain with a line and
a column, ``store`` finds files below the models folder, ``safetensors_header`` tells a model file from an error page.
"""
