"""Keeps one ComfyUI alive and runs jobs on it, one after the other. Runs in a container or as a local process.

``__main__`` is its command line, ``server`` the socket, ``worker`` the queue, ``job`` one job from graph to verdict,
``watch`` what happens in between, ``comfyui_process`` the child process, ``comfyui_main`` what runs in that child,
``comfyui_lazy`` what waits there until it is used, ``comfyui_ahead`` what is done beside its imports,
``comfyui_notices`` what that child tells of what it leaves out, ``comfyui_checks`` what it looks at besides,
``notices`` the words for it, ``gpu`` what it can run on.
"""
