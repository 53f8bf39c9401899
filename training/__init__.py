"""How the doodle model is made. Nothing of it is installed with the tool; README.md here says how to use it."""
