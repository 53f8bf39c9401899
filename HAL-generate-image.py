#!/usr/bin/env python3
"""The first version's name of hal_generate_image.py, for calls that were written then."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python -I leaves the script's folder out

from hal_generate_image import run

if __name__ == "__main__":
    run()
