"""One container a models folder: shared, left, killed, replaced, swept."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract import schemas
from tests.engine.containers import containers, inspect
from tests.world import QUICK, SLOW, Hal, docker, identity

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.docker_only("containers")


def test_serve_ps_and_stop_show_the_container(lone_hal: Hal) -> None:
    served = lone_hal("serve", "--json").json
    shown = lone_hal("ps", "--json").json
    made = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json
    stopped = lone_hal("stop", "--json").json
    for answer in (served, shown, made, stopped):
        schemas.strict("result").validate(answer)
    places = [
        served["data"]["engine"]["container"], shown["data"]["engines"][0]["container"],
        made["data"]["engine"]["container"], stopped["data"]["stopped"][0]["container"],
    ]  # fmt: skip
    assert all(place == places[0] for place in places)
    assert places[0]["name"].startswith("hal8000-")
    assert containers(lone_hal) == []
    assert lone_hal("ps", "--json").json["data"] == {"engines": []}


def test_one_shot_leaves_nothing(lone_hal: Hal) -> None:
    lone_hal("-p", "x", *QUICK, "-o", "x.png", "--keep-alive", "0")
    assert containers(lone_hal) == []
    failing = ("-p", "x", "-m", "sd15", "--size", "64", "--steps", "5000", "-o", "y.png", "--keep-alive", "0")
    lone_hal(*failing, "--timeout", "5", code=5)
    lone_hal("jobs", "cancel", "--all")  # after a timeout it runs on, and its container goes when it ends
    lone_hal.wait_for(lambda: containers(lone_hal) == [])


def test_one_shot_that_is_interrupted_leaves_nothing(lone_hal: Hal) -> None:
    process = lone_hal.start("-p", "x", *SLOW, "-o", "x.png", "--keep-alive", "0")
    lone_hal.wait_until_busy()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert containers(lone_hal) == []


def test_one_shots_at_once_make_their_pictures_one_after_the_other(lone_hal: Hal) -> None:
    # Each ends the container that another may just be reaching.
    calls = [lone_hal.start("-p", "x", *QUICK, "-o", f"{index}.png", "--keep-alive", "0") for index in range(3)]
    said = [call.communicate(timeout=200)[1] for call in calls]
    assert [call.returncode for call in calls] == [0, 0, 0], said
    assert sorted(path.name for path in lone_hal.cwd.glob("*.png")) == ["0.png", "1.png", "2.png"]
    lone_hal.wait_for(lambda: containers(lone_hal) == [], 20)


def test_an_interrupt_leaves_the_container_warm(lone_hal: Hal) -> None:
    process = lone_hal.start("-p", "x", *SLOW, "-o", "x.png")
    engine = lone_hal.wait_until_busy()
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    again = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]
    assert again["engine"]["reused"] is True
    assert identity(again["engine"]) == identity(engine)
    assert again["timings"]["boot_s"] == 0


def test_an_interrupt_while_it_starts_leaves_one_that_the_next_call_uses(lone_hal: Hal) -> None:
    process = lone_hal.start("-p", "x", *QUICK, "-o", "x.png")
    lone_hal.wait_for(lambda: containers(lone_hal), 30)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    (first,) = containers(lone_hal)
    engine = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    assert (identity(engine), engine["reused"]) == (first, True)


def test_a_container_killed_while_it_works_is_named(lone_hal: Hal) -> None:
    process = lone_hal.start("-p", "x", *SLOW, "-o", "x.png", "--json")
    engine = lone_hal.wait_until_busy()
    docker("kill", engine["container"]["id"])
    out, _ = process.communicate(timeout=60)
    error = json.loads(out)["error"]
    assert (process.returncode, error["code"], error["retryable"]) == (1, "engine_lost", True)
    assert engine["container"]["name"] in error["message"]
    assert Path(error["details"]["log"]).is_file()
    again = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    assert identity(again) != identity(engine)
    assert containers(lone_hal) == [identity(again)]


def test_a_container_removed_between_calls_is_replaced(lone_hal: Hal) -> None:
    first = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    docker("rm", "--force", first["container"]["id"])
    second = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    assert (second["reused"], identity(second) != identity(first)) == (False, True)


def test_a_stopped_process_in_a_container_is_not_waited_for(lone_hal: Hal) -> None:
    first = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    docker("pause", first["container"]["id"])
    assert lone_hal.engine()["state"] == "no answer"
    schemas.strict("result").validate(lone_hal("ps", "--json").json)
    lone_hal("stop", "--force")
    assert containers(lone_hal) == []


def test_leftovers_are_swept(lone_hal: Hal) -> None:
    engine = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    labels = inspect(lone_hal.engine())["Config"]["Labels"]
    own = [f"--label=hal8000.owner={labels['hal8000.owner']}", f"--label=hal8000.key={labels['hal8000.key']}"]
    docker("rm", "--force", engine["container"]["id"])
    image = engine["container"]["image_id"]
    folder = Path(lone_hal.environment["HAL_STATE_DIR"]) / "engines" / labels["hal8000.key"]
    mount = f"--volume={folder}:/spool"
    created = docker("create", "--name", engine["container"]["name"], mount, *own, image)
    other = docker("create", mount, own[0], "--label=hal8000.key=00000000-docker", image)
    assert set(containers(lone_hal)) == {created, other}
    second = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    assert containers(lone_hal) == [identity(second)]


@pytest.fixture
def retagged(lone_hal: Hal, tmp_path: Path) -> Iterator[tuple[Hal, str]]:
    """The command line with a name of its own for the image, and another image to give that name to."""
    tag = f"hal8000-test-retagged:{os.getpid()}"
    docker("tag", lone_hal.environment["HAL_DOCKER_IMAGE"], tag)
    (tmp_path / "Dockerfile").write_text(f"FROM {tag}\nLABEL another=one\n")
    other = docker("build", "--quiet", "--file", str(tmp_path / "Dockerfile"), str(lone_hal.cwd))
    hal = Hal({**lone_hal.environment, "HAL_DOCKER_IMAGE": tag}, lone_hal.cwd)
    yield hal, other
    hal("stop", "--force", code=None)
    docker("image", "rm", "--force", tag, other)


def test_an_image_built_anew_replaces_the_container(retagged: tuple[Hal, str]) -> None:
    hal, other = retagged
    first = hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    docker("tag", other, hal.environment["HAL_DOCKER_IMAGE"])
    run = hal("-p", "x", *QUICK, "-o", "x.png", "--json")
    second = run.json["data"]["engine"]
    assert "built anew" in run.err
    assert (second["reused"], second["container"]["image_id"]) == (False, other)
    assert containers(hal) == [identity(second)] != [identity(first)]


def test_other_settings_replace_the_container_after_its_jobs(retagged: tuple[Hal, str], lone_hal: Hal) -> None:
    by_tag, _ = retagged
    process = lone_hal.start("-p", "x", *SLOW[:-1], "25", "-o", "slow.png")
    first = lone_hal.wait_until_busy()
    second = by_tag("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert (lone_hal.cwd / "slow.png").is_file()
    assert second["reused"] is False
    assert containers(lone_hal) == [identity(second)] != [identity(first)]
