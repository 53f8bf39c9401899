"""The command line: parse, validate, choose an engine, show progress, write the result.

``main`` dispatches, ``arguments`` declares every option, ``commands`` has one module a verb, ``engines`` one a way of
running ComfyUI, ``render`` is the only place that writes to standard output.
"""
