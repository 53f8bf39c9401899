"""One module a verb, each with ``run(options, output) -> Result``; ``host.command_arguments`` declares the options."""
