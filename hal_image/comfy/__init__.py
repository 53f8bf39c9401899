"""Talking to a ComfyUI server: HTTP for commands and truth, the websocket for progress. Knows nothing of our tool."""
