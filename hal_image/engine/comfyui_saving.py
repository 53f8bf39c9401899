"""Packs the pictures of a batch side by side. Part of ComfyUI's process.

``SaveImage`` packs one PNG after the other in the thread that samples, 0.1 to 0.4 s each for 1024x1024. zlib lets go of
the interpreter, so threads do it in the time of one.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

MOST_THREADS = 8


def attach(nodes: Any) -> None:
    """Has ComfyUI's ``nodes.SaveImage`` save several pictures at once; it returns when all files are whole."""
    save = nodes.SaveImage.save_images
    threads = ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1), thread_name_prefix="save")

    def save_at_once(node: Any, images: Any, filename_prefix: str = "ComfyUI", *args: Any, **kwargs: Any) -> Any:
        if len(images) == 1:
            return save(node, images, filename_prefix, *args, **kwargs)
        # a name of its own for each: the node numbers them by what is in the folder by then
        saved = [
            threads.submit(save, node, images[place : place + 1], f"{filename_prefix}-{place + 1:04}", *args, **kwargs)
            for place in range(len(images))
        ]
        return {"ui": {"images": [image for one in saved for image in one.result()["ui"]["images"]]}}

    nodes.SaveImage.save_images = save_at_once
