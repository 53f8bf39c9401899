"""The block in a project's CLAUDE.md: how a coding agent calls this tool there."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hal_image import about, paths
from hal_image.host.hal8000.facts import place

if TYPE_CHECKING:
    from pathlib import Path

_BODY = """\
## Image generation

Turns a prompt into a PNG on this machine's own GPU, or on its processor. From the root of this project:

```sh
{call} --prompt "a friendly robot assistant" --output data/images/robot.png --json
```

- The prompt goes after `--prompt`. `--output` counts from the current directory; folders are made.
- With `--json`, standard output is one object, on failure too: `ok`, `data.images[].path`, `error.code`, `error.hint`
  (the fix) and `error.retryable`. Exit codes: 0 done, 1 failed, 2 wrong call, 3 machine, 4 model, 5 too slow.
- `models list --json` in place of the options lists the models; `--model NAME` chooses one. A model whose `status` is
  `missing` is downloaded by the call that uses it, 2 to 34 GB: add `--no-download` unless you were asked for it.
  `--model doodle` needs no download and no GPU.
- A picture takes seconds to minutes, and the very first one installs the engine: give the command that time, or set
  `--timeout 10m`. Do not kill and repeat. Do not run several at once: use `--count`.{more}
"""


def body(project: Path) -> str:
    """The lines of the block.

    Args:
        project: the project's root.
    """
    checkout = paths.checkout_dir()
    if checkout is None:
        return _BODY.format(call=about.PROGRAM, more="")
    folder = place(project, checkout)
    more = f"\n- All of it: `{folder}/CLAUDE.md`, and `{folder}/docs`."
    return _BODY.format(call=f"python3 {shlex.quote(f'{folder}/{about.SCRIPT}')}", more=more)
