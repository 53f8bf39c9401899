"""``--from-image``: the options that a picture was made with, read from the picture itself.

``history`` reads them, from what this tool, A1111 and its kin, or ComfyUI have written; ``merge`` puts them under the
options that were given; ``differences`` tells what is not as it was. A feature takes part with a line in
``merge.OPTIONS_OF``.
"""
