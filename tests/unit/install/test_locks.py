"""The lock files: what they promise to pip and to every machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hal_image import about
from hal_image.install import where
from hal_image.start import MCP_MODULES, MODULES

ROOT = Path(__file__).parents[3]
NAMES = ("host", "mcp", "engine", "engine-cu128", "dev", "comfyui-wheel")


def entries(name: str) -> list[str]:
    """The requirements of a lock file, each with its hashes in one string."""
    text = Path(where.lock_file(name)).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return re.split(r"\n(?=\S)", "\n".join(lines))


def pinned(name: str) -> dict[tuple[str, str], str]:
    """Version by (package, marker)."""
    found = {}
    for entry in entries(name):
        match = re.match(r"([a-z0-9-]+)==(\S+)(?: ; (.*?))? \\\n", entry)
        assert match, entry.splitlines()[0]
        found[match[1], match[3] or ""] = match[2]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_package_has_one_version_and_hashes(name: str) -> None:
    pinned(name)
    for entry in entries(name):
        first, *rest = entry.splitlines()
        assert rest, first
        for line in rest:
            assert re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line), (first, line)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_the_machine_that_made_them(name: str) -> None:
    for line in Path(where.lock_file(name)).read_text(encoding="utf-8").splitlines():
        assert not line.startswith("-"), line
        assert "://" not in line, line
        assert not re.search(r"(^|\s)/", line), line


def test_torch_stays_where_cuda_12_1_is() -> None:
    torch = {marker: version for (package, marker), version in pinned("engine").items() if package == "torch"}
    assert torch == {
        "python_full_version < '3.13'": "2.4.1",
        "python_full_version == '3.13.*'": "2.6.0",
        "python_full_version >= '3.14'": "2.9.1",
    }


def test_the_engine_has_no_web_page() -> None:
    assert not [package for package, _ in pinned("engine") if package.startswith("comfyui")]


def test_host_packages_are_those_of_pyproject() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert block
    declared = set(re.findall(r'"([^"]+)"', block[1]))
    wanted = (Path(where.LOCKS) / "host.in").read_text(encoding="utf-8").splitlines()
    assert declared == {line for line in wanted if line and not line.startswith("#")}
    packages = {re.split("[><=]", name)[0] for name in declared}
    assert set(MODULES.values()) == packages - {"hf-xet"}, "what is not needed is not missed"
    assert {name.lower() for name in MODULES.values()} <= {package for package, _ in pinned("host")}


def test_packages_of_the_extra_are_those_of_the_mcp_venv() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^mcp = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert block
    declared = set(re.findall(r'"([^"]+)"', block[1]))
    wanted = (Path(where.LOCKS) / "mcp.in").read_text(encoding="utf-8").splitlines()
    assert declared == {line for line in wanted if line and not line.startswith(("#", "-r"))}
    assert set(MCP_MODULES.values()) == {re.split("[><=]", name)[0] for name in declared}
    assert {version.partition(".")[0] for (name, _), version in pinned("mcp").items() if name == "mcp"} == {"2"}


def test_host_mcp_and_dev_agree() -> None:
    host, mcp, dev = pinned("host"), pinned("mcp"), pinned("dev")
    assert {key: mcp.get(key) for key in host} == host
    # dev has some of them on more systems, for its tools
    versions = [{(package, version) for (package, _), version in lock.items()} for lock in (mcp, dev)]
    assert versions[0] <= versions[1]


def test_what_an_image_installs_together_agrees() -> None:
    # the container runs the engine in the Python that runs ComfyUI: it has both lists of packages
    host = pinned("host")
    for name in ("engine", "engine-cu128"):
        engine = pinned(name)
        assert {key: version for key, version in engine.items() if key in host and host[key] != version} == {}
        for package in ("pyyaml", "requests", "tqdm"):
            assert (package, "") in engine
        assert {version for (package, _), version in engine.items() if package == "hf-xet"} == {
            version for (package, _), version in host.items() if package == "hf-xet"
        }, "a container downloads as the host does"
    assert ("websocket-client", "") in host


def test_the_variant_for_cuda_12_8_differs_in_torch_alone() -> None:
    engine, variant = pinned("engine"), pinned("engine-cu128")
    assert {version for (package, _), version in variant.items() if package == "torch"} == {"2.9.1"}
    runtime = {version for (package, _), version in variant.items() if package == "nvidia-cuda-runtime-cu12"}
    assert {version.rpartition(".")[0] for version in runtime} == {"12.8"}
    with_torch = re.compile(r"torch(vision|audio)?|triton|nvidia-.*|setuptools|sympy")
    shared = {key: version for key, version in variant.items() if not with_torch.fullmatch(key[0])}
    assert shared == {key: version for key, version in engine.items() if not with_torch.fullmatch(key[0])}


def test_the_wheel_is_the_one_that_about_names() -> None:
    (entry,) = entries("comfyui-wheel")
    expected = (
        f"{about.COMFYUI_WHEEL}=={about.COMFYUI_WHEEL_VERSION} \\\n    --hash=sha256:{about.COMFYUI_WHEEL_SHA256}"
    )
    assert entry == expected


def test_lowest_python_is_that_of_pyproject() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-python = ">={about.MIN_PYTHON[0]}.{about.MIN_PYTHON[1]}"' in text
    assert f"sys.version_info < ({about.MIN_PYTHON[0]}, {about.MIN_PYTHON[1]})" in (
        ROOT / "hal_generate_image.py"
    ).read_text(encoding="utf-8")
