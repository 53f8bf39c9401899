"""Starting a container: what is told of an image before it is used."""

from __future__ import annotations

import pytest

from hal_image import about
from hal_image.host.docker import start
from hal_image.host.docker.answers import Image
from hal_image.host.render import Output


@pytest.mark.parametrize(("version", "told"), [("0.0.1", ["image_version_differs"]), (about.version(), []), (None, [])])
def test_an_image_of_another_version_is_told_of(version: str | None, told: list[str]) -> None:
    labels = {} if version is None else {"hal8000.version": version}
    output = Output("generate", quiet=True)
    start._tell_of_versions(Image("sha256:1", labels), output)
    assert [warning.code for warning in output.warnings] == told
    assert all(warning.details == {"image": version, "tool": about.version()} for warning in output.warnings)
