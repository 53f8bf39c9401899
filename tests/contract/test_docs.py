"""The documentation against the code: what it lists, names, links and shows must be so."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import hal_image
from hal_image import about
from hal_image.error_catalogue import ERRORS, WARNINGS
from hal_image.host import arguments
from hal_image.host.command_arguments import COMMANDS
from hal_image.models.registry import default_registry_path, load_registry
from tests.contract import cli_reference, man_page, schemas
from tests.contract.answers import check_answer, check_event, check_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(hal_image.__file__).parent.parent
PACKAGE = ROOT / "hal_image"
REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("skills/**/*.md")])
SOURCES = [ROOT / "hal_generate_image.py", *sorted(PACKAGE.rglob("*.py"))]

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


class Block(NamedTuple):
    """A fenced block: its language, its text, and the line of the page on which it begins."""

    page: Path
    language: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(page, match[1], match[2], text.count("\n", 0, match.start()) + 1)


def without_blocks(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def rows(text: str) -> list[list[str]]:
    """Every row of every table, headings included, as its cells; a bar in a cell is written with a backslash."""
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in text.splitlines()
        if line.startswith("|") and not re.fullmatch(r"[|\s:-]+", line)
    ]


def code_names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# -- what is listed ---------------------------------------------------------------------------------------------------


def test_cli_reference_is_current() -> None:
    path = REFERENCE / "cli.md"
    assert path.read_text(encoding="utf-8") == cli_reference.page(), (
        "make it anew: python3 -m tests.contract.cli_reference > docs/reference/cli.md"
    )


def test_the_man_page_is_current() -> None:
    assert (ROOT / "man" / "hal-generate-image.1").read_text(encoding="utf-8") == man_page.page(), (
        "make it anew: python3 -m tests.contract.man_page > man/hal-generate-image.1"
    )


def test_the_man_page_can_be_read() -> None:
    if shutil.which("man") is None:
        pytest.skip("there is no man here")
    shown = subprocess.run(
        ["man", "--warnings", "-E", "ascii", "-l", str(ROOT / "man" / "hal-generate-image.1")],
        env={**os.environ, "MANPAGER": "cat", "MANWIDTH": "100", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stderr == ""
    text = re.sub(".\x08", "", shown.stdout)
    for line in ("-p, --prompt TEXT", "hal-generate-image models pull NAME...", "HAL_STATE_DIR", "129, 130, 143"):
        assert line in text


def test_the_help_page_is_what_the_parser_says() -> None:
    kept = (PACKAGE / "host" / "help.txt").read_text(encoding="utf-8")
    said = arguments.generate_parser(about.SCRIPT).format_help()
    if sys.version_info >= (3, 13):  # which writes "-o, --output FILE" where older ones repeat FILE
        kept, said = (re.sub(r"(-\w) [A-Zx]+, |(-\w), ", r"\1\2 ", text) for text in (kept, said))
        kept, said = "".join(kept.split()), "".join(said.split())
    assert kept == said, "make it anew: python3.12 -m tests.contract.cli_reference help > hal_image/host/help.txt"


def test_every_option_is_in_the_cli_reference() -> None:
    page = cli_reference.page()
    sources = [*(PACKAGE / "host").glob("*arguments.py"), PACKAGE / "host" / "argument_parser.py"]
    options = {
        node.value
        for source in sources
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"--[a-z-]+", node.value)
    }
    assert "--prompt" in options
    assert not {option for option in options if f"`{option}`" not in page}


def test_models_in_the_readme_are_those_of_the_registry() -> None:
    registry = load_registry(default_registry_path())
    expected = []
    for model in registry.models.values():
        marks = {registry.default: " (default)", registry.default_without_gpu: " (default without a GPU)"}
        name = f"`{model.name}`{marks.get(model.name, '')}"
        downloads = sum(file.bytes for file in model.files if file.bundled is None)
        size = f"{model.defaults.width}x{model.defaults.height}"
        expected.append(
            [
                name,
                f"{downloads / 1e9:.1f} GB" if downloads else "none",
                f"{model.min_vram_gb:g} GB",
                size,
                str(model.defaults.steps),
                model.files[0].licence,
            ]
        )
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Models\n")[1].split("\n## ")[0]
    assert rows(section)[1:] == expected


def test_first_command_of_the_readme_needs_no_download_and_the_second_one_is_the_same_with_a_large_model() -> None:
    registry = load_registry(default_registry_path())
    first, second, tests = (block.text for block in list(blocks(ROOT / "README.md"))[:3])
    options = arguments.generate_parser(about.SCRIPT).parse_args(shlex.split(first)[2:])
    assert all(file.bundled for file in registry.models[options.model].files)
    assert second == first.replace(f"--model {options.model}", "--model sdxl")
    assert not any(file.gated for file in registry.models["sdxl"].files), "it must be there without an account"
    size = sum(file.bytes for file in registry.models["sdxl"].files)
    assert f"{size / 1e9:.1f} GB it downloads" in (ROOT / "README.md").read_text(encoding="utf-8").split(second)[0]
    assert tests == "python3 -m tests\n"


def variables_in(path: Path) -> set[str]:
    return set(re.findall(r"\bHAL_[A-Z][A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))


def test_variables_are_all_listed() -> None:
    page = (REFERENCE / "environment.md").read_text(encoding="utf-8")
    listed = {name for row in rows(page) for name in code_names(row[0]) if name.startswith("HAL_")}
    used = set().union(*map(variables_in, SOURCES))
    folders = [ROOT / name for name in ("tests", "bench", "tools", ".ci")]
    others = [path for folder in folders for path in folder.rglob("*") if path.suffix in {"", ".py", ".sh"}]
    used_by_tests = set().union(*(variables_in(path) for path in others if path.is_file()))
    assert used - listed == set(), "not in docs/reference/environment.md"
    assert used_by_tests - listed == set(), "not in docs/reference/environment.md"
    assert listed - used - used_by_tests == set(), "listed, but nothing reads it"


@pages
def test_variables_that_a_page_names_exist(page: Path) -> None:
    listed = variables_in(REFERENCE / "environment.md")
    assert variables_in(page) <= listed


def test_decisions_are_all_listed() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", index)) == sorted(
        page.name for page in folder.glob("[0-9]*.md")
    )


# -- what is linked ---------------------------------------------------------------------------------------------------


def anchor(heading: str) -> str:
    """The fragment that GitHub makes of a heading."""
    kept = "".join(c for c in heading.strip().lower() if c in " -_" or unicodedata.category(c)[0] in "LN")
    return kept.replace(" ", "-")


@pages
def test_links_point_at_something(page: Path) -> None:
    for address in re.findall(r"\]\(([^)\s]+)\)", without_blocks(page)):
        if re.match(r"[a-z]+:", address):
            continue
        name, _, fragment = address.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_file(), address
        assert target.is_relative_to(ROOT), address
        if fragment:
            headings = re.findall(r"^#+ (.+)$", without_blocks(target), re.MULTILINE)
            assert fragment in map(anchor, headings), address


HOSTS = {"huggingface.co", "github.com", "keepachangelog.com", "modelcontextprotocol.io", "semver.org"}


@pages
def test_addresses_are_of_hosts_that_we_mean(page: Path) -> None:
    hosts = set(re.findall(r"https?://(?:[^\s/@]+@)?([\w.-]+)", page.read_text(encoding="utf-8")))
    assert {host for host in hosts - HOSTS if not host.endswith(".example.com")} == set()


# -- what is shown ----------------------------------------------------------------------------------------------------

TOOL = ".claude/tools/image-generation/hal_generate_image.py"
PROGRAMS = {("python3", "hal_generate_image.py"), ("python3", TOOL), ("hal-generate-image",)}


def commands(block: Block) -> Iterator[list[str]]:
    """Arguments of every call of ours in a block of shell."""
    if block.language == "sh":
        text = block.text.replace("\\\n", " ")
    else:
        text = "\n".join(line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ "))
    for line in text.splitlines():
        plain = re.sub(r"^\w+=\$\((.*)\)$", r"\1", line).replace(" 2>", " >")
        lexer = shlex.shlex(plain, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command: list[str] = []
        for word in [*lexer, ";"]:
            if word and set(word) <= set("();<>|&"):
                for program in PROGRAMS:
                    if tuple(command[: len(program)]) == program:
                        yield command[len(program) :]
                command = [] if word not in {">", "<"} else ["a file"]
            else:
                command.append(word)


EXAMPLES = [block for page in PAGES for block in blocks(page)]


def named(block: Block) -> str:
    return f"{block.page.relative_to(ROOT)}:{block.line}"


@pytest.mark.parametrize(
    "block", [block for block in EXAMPLES if block.language == "sh" or "$ " in block.text], ids=named
)
def test_commands_are_understood(block: Block) -> None:
    for arguments_of_it in commands(block):
        options = arguments.parse(arguments_of_it, "hal_generate_image.py")
        assert options.command == arguments.GENERATE or options.command in COMMANDS


def test_commands_are_found() -> None:
    found = [command for block in EXAMPLES for command in commands(block)]
    assert len(found) > 20
    assert ["stop"] in found
    assert any("--output" in command and "-" in command for command in found)


def test_commands_in_running_text_are_understood() -> None:
    found = 0
    for page in PAGES:
        for text in re.findall(
            r"`(?:python3 hal_generate_image\.py|hal-generate-image) ([^`…]+)`", without_blocks(page)
        ):
            arguments.parse(shlex.split(text), "hal_generate_image.py")
            found += 1
    assert found


CLIENTS = [block for block in EXAMPLES if block.language == "json" and "mcpServers" in block.text]
"""What clients of the MCP server are told, and no answers of ours."""


def test_configurations_of_clients_start_the_server() -> None:
    assert CLIENTS
    for block in CLIENTS:
        (server,) = json.loads(block.text)["mcpServers"].values()
        script, *rest = server["args"]
        assert (server["command"], Path(script).name) == ("python3", "hal_generate_image.py")
        assert arguments.parse(rest, "hal_generate_image.py").command == "mcp"


ANSWERS = [block for block in EXAMPLES if block.language == "json" and block not in CLIENTS]


@pytest.mark.parametrize("block", ANSWERS, ids=named)
def test_json_examples_are_answers(block: Block) -> None:
    answer = json.loads(block.text)
    check_answer(answer)
    if answer["command"] == "info":
        schemas.strict("picture").validate(answer["data"]["hal8000"])


@pytest.mark.parametrize("block", [block for block in EXAMPLES if block.language == "jsonl"], ids=named)
def test_jsonl_examples_are_lines(block: Block) -> None:
    lines: list[dict[str, Any]] = [json.loads(line) for line in block.text.splitlines()]
    if lines[-1].get("event") == "result":  # a batch without --jsonl
        for line in lines:
            check_event(line)
        return
    if "v" not in lines[0]:
        check_lines(lines)
        return
    for line in lines:
        schemas.strict("wire").validate(line)


def test_every_field_of_an_answer_is_explained() -> None:
    prose = "".join(
        without_blocks(REFERENCE / f"{name}.md") for name in ("json-output", "engine", "batch", "presets", "vary")
    )
    words = set(re.findall(r"\w+", " ".join(code_names(prose))))
    left_out = {"_meta", "inputs", "title", "tool", "version"}  # ComfyUI's, and those of the picture's own schema

    def fields(schema: Any) -> Iterator[str]:
        if isinstance(schema, dict):
            properties = schema.get("properties", {})
            yield from properties
            for value in schema.values():
                yield from fields(value)
        elif isinstance(schema, list):
            for item in schema:
                yield from fields(item)

    for name in ("result", "event", "wire"):
        assert set(fields(schemas.load(name))) - words - left_out == set()


# -- how it is written ------------------------------------------------------------------------------------------------

INSIDE = ("/tmp", "/models", "/spool", "/run/hal", "/opt/hal")
"""Of every container."""
PLACES = ("/home/you/", "/path/", "/var/tmp/", "/mnt", "/etc/ssl/", "/usr/", "/dev/", "/proc/", *INSIDE)
"""Folders that a page may name: those that every machine has, or obviously none."""

UNWANTED = (
    (r"(?i)\b(todo|fixme|tbd|lorem|placeholder)\b", "unfinished"),
    (
        r"(?i)\b(blazing|seamless\w*|powerful|cutting-edge|state-of-the-art|effortless\w*|revolutionary)\b",
        "advertising",
    ),
    (r"(?i)\bcoming soon\b", "a promise"),
    (r"(?i)\bissues?\s+#?\d", "a tracker that the reader may not have"),
    (r"(?i)!\[[^\]]*\]\(https?:", "a badge"),
    ("[\u2600-\u27bf\U0001f300-\U0001faff]", "an emoji"),
    (r"[ \t]+$", "blanks at the end of a line"),
)


SKILL = ROOT / "skills" / "image-generation" / "SKILL.md"


def test_the_skill_has_the_form_of_one() -> None:
    text = SKILL.read_text(encoding="utf-8")
    front = re.match(r"---\nname: (.+)\ndescription: (.+)\n---\n", text)
    assert front
    assert front[1] == SKILL.parent.name, "agents find it by its folder"
    assert len(front[2]) <= 1024
    assert ": " not in front[2], "it is YAML"
    assert text.count("\n") <= 120


def test_the_skill_names_codes_that_there_are() -> None:
    section = SKILL.read_text(encoding="utf-8").split("## Errors")[1].split("## Rules")[0]
    named = {code for row in rows(section)[1:] for code in code_names(row[0])} - {"error.code"}
    assert len(named) > 5
    assert named <= ERRORS.keys()
    assert {"unknown_words", "running_on_cpu"} <= WARNINGS.keys()


@pages
def test_nothing_unwanted_is_written(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for pattern, what in UNWANTED:
        match = re.search(pattern, text, re.MULTILINE)
        assert match is None, f"{what}: {match[0]!r}"
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pages
def test_no_path_is_of_a_certain_machine(page: Path) -> None:
    text = re.sub(r"https?://\S+", "", page.read_text(encoding="utf-8"))
    found = re.findall(r"(?<![\w.~*$}>…/`-])/[a-z][\w.-]*(?:/[\w.-]*)*", text)
    assert [path for path in found if not path.startswith(PLACES)] == []
