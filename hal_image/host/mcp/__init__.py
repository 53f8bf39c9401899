"""The MCP server: what coding agents call instead of the command line, and what runs that command line for them.

=============  ======================================================================================================
``arguments``  which options the tools have, in one table
``tools``      what the tools are called and what an agent reads of them
``calls``      calls of the command line, each in a process of its own
``doing``      what such a call is doing, as progress
``answers``    what an agent is told of how it ended
``preview``    a small picture of a picture
``server``     the protocol; the only module that imports the SDK
=============  ======================================================================================================
"""
