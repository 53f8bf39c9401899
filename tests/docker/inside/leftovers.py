"""Prints what an image should not have: what only a build needs, and what only a checkout has."""

import os
import shutil
import sys

PROGRAMS = ("gcc", "cc", "g++", "make", "git", "pip", "pip3")
FOLDERS = ("/build", "/opt/hal/hal_image/host", "/opt/hal/tests", "/opt/hal/.git", os.path.expanduser("~root/.cache"))  # noqa: PTH111
CERTIFICATES = ("ca.crt", "ca-bundle.crt")


def main() -> None:
    """One finding a line."""
    found = [name for name in PROGRAMS if shutil.which(name)]
    found += [name for name in FOLDERS if os.path.exists(name)]  # noqa: PTH110
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys", "/dev")]  # noqa: PTH118
        found += [f"{folder}/{name}" for name in names if name in CERTIFICATES]
        if folder.startswith(sys.prefix) and "/numpy" not in folder:  # whose tests scipy needs
            found += [f"{folder}/{name}" for name in folders if name in ("tests", "test", "triton")]
            found += [f"{folder}/{name}" for name in names if name.endswith(".a")]
    print("\n".join(found))  # noqa: T201


main()
