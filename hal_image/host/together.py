"""Pictures that differ in the seed alone go to the engine as one job, and come back one by one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hal_image.host.picture import Batch, More

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hal_image.errors import JsonObject
    from hal_image.host.picture import Picture

AT_LEAST = 8
"""Pictures of a job, where so many are wanted: what is above that gains no time, and all of a job is lost with it."""


def most(picture: Picture) -> int:
    """How many pictures like this one make a job."""
    return max(AT_LEAST, picture.batch_size or 0)


def fits(first: Picture, other: Picture) -> bool:
    """Whether two pictures differ in the seed alone, and where they go."""
    return _may(first) and _may(other) and _without_seed(first) == _without_seed(other)


def jobs(pictures: Iterable[Picture]) -> Iterator[Picture]:
    """The same pictures, those that belong together as one; each job is where its first picture was."""
    groups: dict[str, list[list[Picture]]] = {}
    ordered: list[list[Picture]] = []
    for picture in pictures:
        same = groups.setdefault(_rough_key(picture), [])
        group = next((one for one in same if len(one) < most(one[0]) and fits(one[0], picture)), None)
        if group is None:
            group = []
            same.append(group)
            ordered.append(group)
        group.append(picture)
    return (job_of(group) for group in ordered)


def job_of(group: list[Picture]) -> Picture:
    """One picture for the engine, with all others of ``group`` in ``more``."""
    first, *others = group
    return first._replace(more=tuple(More(one.number, one.request.seed, one.file) for one in others))


def rest(picture: Picture, delivered: Mapping[str, object]) -> Picture:
    """What is left of a job whose pictures ``delivered``, by number, are there already; all of it if nothing is."""
    left = [one for one in picture.each if str(one.number) not in delivered]
    return job_of(left) if left and delivered else picture


def _may(picture: Picture) -> bool:
    return picture.request.workflow is None and picture.file is not None and picture.batch is None


def _rough_key(picture: Picture) -> str:
    return json.dumps(picture.request._replace(seed=0).to_json())


def _without_seed(picture: Picture) -> Picture:
    request = picture.request._replace(seed=0)
    return picture._replace(number=0, file=None, request=request, graph=picture.graph.with_seed(0))


def asked(picture: Picture) -> JsonObject:
    """What of it the engine is told beside the graph; nothing for a job of one picture."""
    if picture.batch is not None:  # the others are made, too, so that this one is what it was
        return {"seeds": list(picture.batch.seeds), "batch_size": len(picture.batch.seeds)}
    if not picture.more:
        return {}
    size = 1 if picture.stepwise is not None else picture.batch_size  # ComfyUI shows the steps of one
    seeds = [picture.request.seed, *(one.seed for one in picture.more)]
    return {"seeds": seeds} if size is None else {"seeds": seeds, "batch_size": size}


def number_of(picture: Picture, event: JsonObject, delivered: Mapping[str, object]) -> int:
    """Which picture of its command an event of a job is about; where it does not say, the first that is to come."""
    numbers, place = picture.numbers, event.get("picture")
    if isinstance(place, int) and 1 <= place <= len(numbers) and picture.batch is None:
        return numbers[place - 1]
    return next((number for number in numbers if str(number) not in delivered), numbers[-1])


def pieces(picture: Picture, event: JsonObject) -> Iterator[tuple[Picture, JsonObject]]:
    """The pictures of a job that an event brings, each with an event as a job of its own would have it.

    Args:
        picture: all of the job.
        event: the engine's ``pictures``, ``done``, or a ``failed`` with pictures in it.
    """
    if not asked(picture):
        yield picture, event
        return
    seeds = asked(picture)["seeds"]
    each = picture.each
    place = event.get("first", 1) - 1
    images = iter(event["images"])
    share = max(1, len(event["images"]))
    timings = {**event["timings"], "execution_s": round(event["timings"]["execution_s"] / share, 3)}
    batches = event.get("batches") or [1] * len(event["images"])
    memories = event.get("memories") or [event.get("memory")] * len(batches)
    for size, memory in zip(batches, memories, strict=False):
        together = tuple(seeds[place : place + size])
        for position, image in zip(range(1, size + 1), images, strict=False):
            batch = Batch(together, position) if size > 1 else None
            piece = {**event, "images": [image], "timings": timings, "memory": memory}
            if picture.batch is None:
                yield each[place]._replace(batch=batch), piece
            elif place + 1 == picture.batch.position:
                yield picture._replace(batch=batch), piece
            place += 1
