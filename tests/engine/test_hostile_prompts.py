"""Prompts that mean something to a shell, a terminal, JSON, a template or ComfyUI, through the real one: a picture
comes that says what was asked for, and nothing else happens.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal_image import png
from tests.engine.test_wire import graph, submit
from tests.world import QUICK, Hal

if TYPE_CHECKING:
    from hal_image.host.engines.link import Link

PROMPTS = {
    "nul": "a\0b",
    "comfyui's own escapes": "\0\1 \0\2",
    "line breaks": "a cube\r\n\non a table\n",
    "escapes": "\x1b]0;pwned\x07\x1b[2J \x9b31m",
    "right to left": "\u202eabc\u2066 \u200f\u200e",
    "not in Unicode": "\ufffe\uffff\U0010ffff",
    "emoji": "🤖👩\u200d👩\u200d👧",
    "marks on marks": "e" + "\u0301" * 500,
    "shell": "$(touch pwned) `touch pwned`; touch pwned | tee pwned > pwned && touch pwned",
    "json": '"}], "x": {"y": [NaN, 1e999]} \\u0000 \\',
    "python": "{0.__class__} %s %(x)s {seed} ${HOME}",
    "templates": "%date:yyyy% %KSampler.seed% %width% __wildcard__ {a|b|c}",
    "weights": "(a cube:1.3) ((red)) [blue] (x:) (:) () (a:b:c) (x:0) \\(plain\\)",
    "brackets that do not close": "(((((" * 200,
    "brackets that were not opened": ")))))" * 200,
    "lora": "<lora:x:1> BREAK AND",
    "one word": "a" * 5_000,
    "long": "a red cube" + " " * 100_000 + "on a table",
    "spaces": " ",
    "dash": "--help",
}


@pytest.mark.parametrize("name", PROMPTS)
def test_a_picture_comes_and_says_what_was_asked_for(hal: Hal, name: str, tmp_path: Path) -> None:
    prompt = PROMPTS[name]
    file = tmp_path / "prompt.txt"
    file.write_bytes(prompt.encode())
    run = hal(*QUICK, "--prompt-file", str(file), "--seed", "1", "--output", "x.png", "--json")
    file.unlink()
    asked = prompt.rstrip("\r\n")  # the line break that an editor puts at the end
    assert asked.startswith(run.json["data"]["request"]["prompt"])  # a long one is cut there
    assert sorted(path.name for path in hal.cwd.iterdir()) == ["x.png"]
    texts = png.read_texts(Path(hal.cwd, "x.png").read_bytes())
    assert json.loads(texts["hal8000"])["request"]["prompt"] == asked
    assert json.loads(texts["prompt"])["4"]["inputs"]["text"] == asked
    assert all(c.isprintable() or c == "\n" for c in run.err)


def test_brackets_that_are_nested_too_deep_are_one_error(hal: Hal) -> None:
    deep = "(" * 5000 + "cube" + ")" * 5000
    refused = hal(*QUICK, "--prompt", deep, "--output", "x.png", "--json", code=2).json
    assert refused["error"]["code"] == "prompt_too_nested"
    assert list(hal.cwd.iterdir()) == []
    hal(*QUICK, "--prompt", "(" * 200 + "cube" + ")" * 200, "--output", "x.png", "--json")


def test_a_prefix_that_would_leave_the_output_folder(hal: Hal) -> None:
    hal("serve")
    link: Link = hal.link()
    prompt = graph(11)
    prompt["10"]["inputs"]["filename_prefix"] = "../../../%date%/pwned"
    done = submit(link, prompt)
    assert done["images"] == [f"{done['job']}/image_00001_.png"]
    link.close()


def test_text_that_is_no_unicode_harms_nobody(hal: Hal) -> None:
    # Our host does not send it; another program may.
    hal("serve")
    link: Link = hal.link()
    prompt = graph(12)
    prompt["4"]["inputs"]["text"] = "a \ud800 cube"
    assert submit(link, prompt)["event"] in {"done", "failed"}
    assert submit(link, graph(13))["event"] == "done"
    link.close()
