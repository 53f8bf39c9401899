"""HAL8000's image generator: a prompt in, a picture out, through headless ComfyUI on your own machine.

``host`` is the command line, ``engine`` runs ComfyUI, ``comfy`` talks to it, ``workflow`` builds graphs,
``models`` knows the registry and the files, ``install`` prepares what is missing. ``wire`` is what host and
engine say to each other.
"""
