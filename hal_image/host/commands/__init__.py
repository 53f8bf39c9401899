"""One module a verb. Each has ``run(options, output) -> Result``; the options are declared in ``host.arguments``."""
