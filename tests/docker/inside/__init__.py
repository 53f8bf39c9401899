"""Scripts that run inside the image, whose Python has none of our tools: standard library only."""
