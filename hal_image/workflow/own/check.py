"""A graph against the nodes of the server: what it would refuse, and what it would not notice, before anything runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.errors import UsageError
from hal_image.workflow.own.faults import called, listed, meant, nearest, short, title_of
from hal_image.workflow.own.links import link_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hal_image.errors import JsonObject
    from hal_image.workflow.own.definitions import Definitions, Input, NodeClass

REFUSED = {
    "LoadTrainingDataset": "it unpickles files of ComfyUI's output folder",
    "LoadImageOutput": "it reads what other workflows have made",
    "LoadImageDataSetFromFolder": "it reads folders of ComfyUI's input folder",
    "LoadImageTextDataSetFromFolder": "it reads folders of ComfyUI's input folder",
}
"""Nodes of the server that are not run for a workflow from anywhere."""
LEFT_BY_THE_EDITOR = {"upload", "choose file to upload", "image_upload"}
"""Inputs that old versions of the editor write into graphs and no node has."""
MOST_PROBLEMS = 20


class Problem(NamedTuple):
    """One thing that is wrong: where, and what in words."""

    node: str
    input: str
    told: str

    def to_json(self) -> JsonObject:
        """An entry of ``details.problems``."""
        return {"node": self.node, "input": self.input, "problem": self.told}


class FileUse(NamedTuple):
    """A file that a node names.

    Attributes:
        node: the node's id.
        input: the input's name.
        kinds: kinds of folders that it may be in; empty for a picture to be loaded.
        name: the file, as the graph has it.
    """

    node: str
    input: str
    kinds: tuple[str, ...]
    name: str


class Checked(NamedTuple):
    """What a graph that is right is made with.

    Attributes:
        files: model files.
        pictures: pictures that it loads.
        ignored: inputs that no node has, as messages call them: ComfyUI passes over them.
    """

    files: tuple[FileUse, ...]
    pictures: tuple[FileUse, ...]
    ignored: tuple[str, ...]


def check(graph: JsonObject, definitions: Definitions) -> Checked:
    """Holds every node of a graph against its class.

    Raises:
        UsageError: ``workflow_node_missing``, ``workflow_node_refused``, ``workflow_wrong``; the message has the first
            few, the details all.
    """
    _check_classes(graph, definitions)
    problems: list[Problem] = []
    files: list[FileUse] = []
    ignored: list[str] = []
    for node_id, node in graph.items():
        of = definitions.classes[node["class_type"]]
        problems += _problems(graph, definitions, node_id, of)
        for name, value in node["inputs"].items():
            if name not in of.inputs:
                if name not in LEFT_BY_THE_EDITOR:
                    ignored.append(f"{called(node_id, node)} has no input {short(name)!r}{meant(name, of.inputs)}")
            elif isinstance(value, str) and _names_file(of.inputs[name], value):
                files.append(FileUse(node_id, name, of.inputs[name].files, value))
    if problems:
        raise UsageError(
            "the workflow is wrong: " + listed([problem.told for problem in problems]),
            code="workflow_wrong",
            hint="change it in the editor, or with --set NODE.INPUT=VALUE",
            details={"problems": [problem.to_json() for problem in problems[:MOST_PROBLEMS]]},
        )
    return Checked(
        tuple(one for one in files if one.kinds), tuple(one for one in files if not one.kinds), tuple(ignored)
    )


def _names_file(of: Input, value: str) -> bool:
    if of.is_picture:
        return True
    # what has no suffix is put together by the loader itself, e.g. "taesd" out of two files; the server knows those
    return bool(of.files) and value not in of.choices and "." in value


def _check_classes(graph: JsonObject, definitions: Definitions) -> None:
    missing = [(node_id, node) for node_id, node in graph.items() if node["class_type"] not in definitions.classes]
    if missing:
        told = [called(node_id, node) for node_id, node in missing]
        in_cloud = [node["class_type"] in definitions.cloud for _, node in missing]
        near = nearest(missing[0][1]["class_type"], definitions.classes)
        if all(in_cloud):
            why, hint = "would call a paid service, which is switched off", "use a workflow that runs on this machine"
        else:
            why = "this ComfyUI has not: custom nodes are not run here"
            hint = f"replace it with a node of ComfyUI itself{f', e.g. {near!r}' if near is not None else ''}"
        raise UsageError(
            f"the workflow has {'a node' if len(told) == 1 else f'{len(told)} nodes'} that {why}: {listed(told)}",
            code="workflow_node_missing",
            hint=hint,
            details={
                "nodes": [
                    {
                        "node": node_id,
                        "class_type": node["class_type"],
                        "title": title_of(node),
                        "reason": "cloud" if cloud else "unknown",
                        "nearest": nearest(node["class_type"], definitions.classes),
                    }
                    for (node_id, node), cloud in list(zip(missing, in_cloud, strict=True))[:MOST_PROBLEMS]
                ]
            },
        )
    for node_id, node in graph.items():
        why = REFUSED.get(node["class_type"], "")
        if why:
            raise UsageError(
                f"{called(node_id, node)} is not run for a workflow: {why}",
                code="workflow_node_refused",
                hint="load pictures with LoadImage",
                details={"node": node_id, "class_type": node["class_type"]},
            )


def _problems(graph: JsonObject, definitions: Definitions, node_id: str, of: NodeClass) -> Iterator[Problem]:
    node = graph[node_id]
    where = called(node_id, node)
    for name, one in of.inputs.items():
        if name not in node["inputs"]:
            if one.required:
                near = nearest(name, [given for given in node["inputs"] if given not in of.inputs])
                told = f"{where} has no {name}" + (f", but {short(near)!r}" if near is not None else "")
                yield Problem(node_id, name, told)
            continue
        value = node["inputs"][name]
        is_link = isinstance(value, list)
        what = _wrong_link(graph, definitions, value, one) if is_link else _wrong_value(value, one)
        if what:
            yield Problem(node_id, name, f"{where}: {name} {what}")


def _wrong_link(graph: JsonObject, definitions: Definitions, value: list[Any], one: Input) -> str:
    if one.files or one.is_picture:  # what comes out of another node cannot be looked at
        return "names a file, so it must be written there, not linked"
    link = link_of(value)
    if link is None:
        return f"is {short(value)}, which is neither a value nor [node, output]"
    origin, slot = link
    if origin not in graph:
        return f"is linked to node {short(origin)}, which is not there"
    given = definitions.classes[graph[origin]["class_type"]].outputs
    if isinstance(slot, bool) or not isinstance(slot, int) or not 0 <= slot < len(given):
        return f"is linked to output {short(slot)} of {called(origin, graph[origin])}, which has {len(given)}"
    if not _fits(given[slot], one.kind):
        return f"takes {one.kind}, and output {slot} of {called(origin, graph[origin])} is {given[slot]}"
    return ""


def _fits(given: str, taken: str) -> bool:
    """Whether an output may go into an input; each may be several types with commas between."""
    if given == taken or "*" in {given, taken}:
        return True
    return not {one.strip() for one in given.split(",")}.isdisjoint(one.strip() for one in taken.split(","))


def _wrong_value(value: Any, one: Input) -> str:
    """What is wrong with a value, in words that follow the input's name; empty where nothing is."""
    if one.kind in {"INT", "FLOAT"}:
        return _wrong_number(value, one)
    if one.kind == "BOOLEAN":
        return "" if isinstance(value, (bool, int)) else f"is {short(value)}, not true or false"
    if one.kind == "COMBO":
        return _wrong_choice(value, one)
    if one.kind == "STRING":
        return "" if isinstance(value, (str, int, float, bool)) else f"is {short(value)}, not text"
    # the server lets any value pass where it expects a link, and some nodes take it for the name of a file
    return "" if one.kind == "*" else f"is {short(value)}, and takes {one.kind} from another node"


def _wrong_number(value: Any, one: Input) -> str:
    try:
        number = int(value) if one.kind == "INT" else float(value)
    except (TypeError, ValueError, OverflowError):
        return f"is {short(value)}, which is no number"
    low, high = one.options.get("min"), one.options.get("max")
    if not math.isfinite(number):
        return f"is {short(value)}, which is no number"
    if low is not None and number < low:
        return f"is {number}, below its least value {low}"
    if high is not None and number > high:
        return f"is {number}, above its greatest value {high}"
    return ""


def _wrong_choice(value: Any, one: Input) -> str:
    if value in one.choices or (one.is_picture and isinstance(value, str) and value):
        return ""
    if one.files and isinstance(value, str) and value:  # whether the file is there, is looked at where files are
        return ""
    known = [str(choice) for choice in one.choices]
    hint = meant(str(value), known) if known else ""
    return f"is {short(value)}, which is none of its {len(known)} values{hint}"
