"""Containers, as far as the host has to know: the one program that is run, its command lines, its answers."""
