"""What a HAL8000 project is told about this tool: a block in its CLAUDE.md, an entry in its ``.claude/state.json``,
and, where it is asked for, a new version.

Every change is made in the text of a file, so that what is not ours keeps every byte, and the file itself says how the
change is taken back.
"""
