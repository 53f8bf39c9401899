"""Which models there are, and which of their files are on the disk.

``types`` is the vocabulary (no I/O), ``registry`` reads models.yaml, ``located_yaml`` lets it complain with a line and
a column, ``store`` finds files below the models folder, ``safetensors_header`` tells a model file from an error page.

``bundled_models`` are those that come inside this package, ``packed`` is the form in which they do, ``unpack`` writes
them into the models folder, and ``words`` knows which words they know.
"""
