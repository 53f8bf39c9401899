"""Exit code 2: the call is wrong, and nothing was started."""

from __future__ import annotations

from hal_image.error_catalogue.entry import Entry
from hal_image.errors import RegistryError, UsageError

USAGE: dict[str, Entry] = {
    "usage": Entry(
        UsageError,
        "an unknown option, or a value that is not valid",
        helps="the message names the valid values",
    ),
    "unknown_command": Entry(
        UsageError,
        "the first word is no command",
        helps="a prompt goes after `--prompt`",
    ),
    "unknown_model": Entry(
        UsageError,
        "no registry has that model",
        helps="`models list`",
        details={
            "model": "the name that was given",
            "models": "all names that there are",
        },
    ),
    "prompt_missing": Entry(
        UsageError,
        "no prompt, or an empty one from standard input",
        helps='`--prompt "…"`, or pipe one in',
    ),
    "prompt_twice": Entry(
        UsageError,
        "`--prompt` and `--prompt-file`",
        helps="one of them",
    ),
    "prompt_unreadable": Entry(
        UsageError,
        "the prompt's file cannot be read, or the prompt is not UTF-8",
        helps="the path; convert the text",
    ),
    "prompt_too_long": Entry(
        UsageError,
        "more than a million characters",
        helps="shorten it",
    ),
    "workflow_unreadable": Entry(
        UsageError,
        "the file of `--workflow` cannot be read",
        helps="the path",
    ),
    "workflow_invalid": Entry(
        UsageError,
        "what `--workflow` names is no workflow of ComfyUI: neither of its two forms, a picture without a graph, or "
        "one that is damaged",
        helps="save it in ComfyUI's editor, or use a PNG that ComfyUI or this tool made",
    ),
    "workflow_unsupported": Entry(
        UsageError,
        "the workflow has a group node of an old editor, which subgraphs have replaced",
        helps="Export (API) in the editor",
    ),
    "workflow_without_picture": Entry(
        UsageError,
        "nothing in the workflow saves or shows a picture, as when it makes sound or video",
        helps="a node SaveImage or PreviewImage",
        details={"ends": "what it ends with instead"},
    ),
    "workflow_node_missing": Entry(
        UsageError,
        "the workflow has nodes that this ComfyUI has not: custom nodes, or nodes that call a paid service",
        helps="replace them with nodes of ComfyUI itself; the details name the nearest",
        details={
            "nodes": "a list: `node` (its id), `class_type`, `title`, `reason` (`unknown` or `cloud`), and `nearest`, "
            "a class with a name like it, or `null`",
        },
    ),
    "workflow_node_refused": Entry(
        UsageError,
        "the workflow has a node of ComfyUI that is not run for workflows from anywhere, since it reads what others "
        "have left",
        helps="load pictures with LoadImage",
        details={"node": "its id", "class_type": "its class"},
    ),
    "workflow_wrong": Entry(
        UsageError,
        "inputs of the workflow are missing, linked to nothing or to something of another type, out of their range, or "
        "none of the values that there are",
        helps="the message names node, input and value; `--set NODE.INPUT=VALUE`",
        details={"problems": "the first 20: `node` (its id), `input`, and `problem` in words"},
    ),
    "workflow_path_refused": Entry(
        UsageError,
        "the workflow names a file outside of its folder: an absolute path, or one with `..`",
        helps="name it as it is called in its folder; `--set` may give a picture any path",
        details={"name": "the name"},
    ),
    "workflow_picture_unusable": Entry(
        UsageError,
        "a picture that the workflow loads is neither beside it nor in the current folder, or is no picture",
        helps="`--set NODE.image=FILE`",
        details={
            "node": "id of the node",
            "input": "its input",
            "name": "the picture",
            "path": "the file, if there is one",
        },
    ),
    "placeholder_without_value": Entry(
        UsageError,
        "the workflow has `{width}` or `{height}`, and no size was given",
        helps="`--size`",
        details={"placeholders": "their names"},
    ),
    "set_unknown": Entry(
        UsageError,
        "`--set` names a node or an input that the workflow has not",
        helps="the message has the nearest name, the hint those that there are",
        details={
            "node": "id of the node, where it is the input that is not there",
            "class_type": "its class",
            "inputs": "its inputs",
            "nodes": "ids of all nodes, where it is the node",
        },
    ),
    "set_ambiguous": Entry(
        UsageError,
        "`--set` names several nodes by a title or class that they share",
        helps="name one by its id, which the hint has",
        details={"nodes": "their ids"},
    ),
    "size_invalid": Entry(
        UsageError,
        "the model's family cannot make that size",
        helps="the nearest sizes are in the hint",
    ),
    "size_twice": Entry(
        UsageError,
        "`--size` and `--width` or `--height`",
        helps="one of them",
    ),
    "size_too_large": Entry(
        UsageError,
        "`--hires`, `--upscale`, `upscale`: a side of the picture would be longer than 16384 pixels",
        helps="a smaller scale or `--size`",
        details={"width": "of the picture that would be made", "height": "likewise"},
    ),
    "prompt_too_nested": Entry(
        UsageError,
        "brackets in the prompt are nested some 900 deep, more than ComfyUI reads",
        helps="one pair with a number, `(word:1.5)`",
        details={
            "node_type": "the node's class",
            "node_id": "its number in the graph",
            "exception_type": "the class of the exception",
        },
    ),
    "output_invalid": Entry(
        UsageError,
        "`--output` cannot be used: a suffix that says no format, or another one than `--format`, an unknown field, "
        "control characters, a name that is too long, a folder or file in the way, `-` with several pictures or JSON",
        helps="the message",
    ),
    "lossless_impossible": Entry(
        UsageError,
        "`--lossless` for JPEG or AVIF",
        helps="PNG or WebP; `--quality 100`",
    ),
    "picture_too_large": Entry(
        UsageError,
        "the picture has more pixels a side than its [format](output-formats.md) has room for: 16383 in WebP, 65535 in"
        " JPEG and AVIF. Found only when it was made, it is kept for `wait`",
        helps="PNG",
    ),
    "remake_impossible": Entry(
        UsageError,
        "`--from-image`: the picture does not say what it takes to [make it again](remake.md), or says what there is "
        "no option for: a ComfyUI graph of another shape, a newer version, damaged JSON",
        helps="the hint",
    ),
    "remake_input_differs": Entry(
        UsageError,
        "`--from-image`: a picture that went into the picture is not there any more, or has changed",
        helps="bring it back, or give another with the option in the hint",
        details={"path": "the file", "option": "what gives another"},
    ),
    "root_invalid": Entry(
        UsageError,
        "`mcp`: `--root` is no folder that can be gone to",
        helps="the path",
    ),
    "output_exists": Entry(
        UsageError,
        "the file exists and `--no-clobber` was given",
        helps="another name",
    ),
    "confirmation_needed": Entry(
        UsageError,
        "`models rm`, `prune`: nobody said yes, and there is no terminal to ask at",
        helps="`--yes`, or `--dry-run`",
    ),
    "model_exists": Entry(
        UsageError,
        "`models add`: there is a model of that name",
        helps="another `--name`",
    ),
    "file_exists": Entry(
        UsageError,
        "`models add`, `import`: another file of that name is in the models folder",
        helps="rename one of them",
    ),
    "registry_not_editable": Entry(
        RegistryError,
        "`models add`: your models.yaml is written in a way that cannot be added to",
        helps="an indented block, as the hint says; another file in `HAL_REGISTRY`",
    ),
    "project_not_found": Entry(
        UsageError,
        "`hal8000`: no project is named, and none is around the tool or the current directory",
        helps="`--project DIR`",
    ),
    "project_file_unusable": Entry(
        UsageError,
        "`hal8000`: a file of the project is not what is expected: a link, no UTF-8, no JSON, an entry that is no "
        "object or is there twice, a version that is none. Nothing was changed",
        helps="the hint",
        details={"path": "the file"},
    ),
    "project_marks_damaged": Entry(
        UsageError,
        "`hal8000`: the marks of the block in CLAUDE.md are not one begin and one end",
        helps="delete what is left of the block by hand",
        details={"path": "the file"},
    ),
    "line_invalid": Entry(
        UsageError,
        "a line of a [batch](batch.md) is no UTF-8, too long, no JSON though it begins as one, or has a field or "
        "value that it cannot have. The message begins with the field",
        helps="the message",
    ),
    "output_taken": Entry(
        UsageError,
        "a line of a [batch](batch.md) goes to the file of an earlier line",
        helps="`{index}` in the name",
    ),
    "batch_empty": Entry(
        UsageError,
        "the input of a [batch](batch.md) has no line",
        helps="the input",
    ),
    "batch_unreadable": Entry(
        UsageError,
        "the input of a [batch](batch.md) cannot be read, or is UTF-16",
        helps="the path; convert the text",
    ),
    "batch_running": Entry(
        UsageError,
        "`--resume` while the same [batch](batch.md) is running",
        helps="wait for it",
    ),
    "job_id_invalid": Entry(
        UsageError,
        "`wait`, `jobs`: no id of a job, nor eight characters or more of one",
        helps="`jobs list` shows them",
    ),
    "job_unknown": Entry(
        UsageError,
        "`wait`, `jobs`: no such job is remembered here, or there is none to wait for",
        helps="`jobs list`; another `HAL_STATE_DIR` has other jobs",
    ),
    "job_ambiguous": Entry(
        UsageError,
        "`wait`, `jobs`: several jobs begin like that, or there are several to wait for",
        helps="more of the id",
    ),
    "init_image_missing": Entry(
        UsageError,
        "`--strength`, `--mask`, `--feather` or `--outpaint` without a [picture to begin with](init-image.md)",
        helps="`--init-image FILE`",
    ),
    "input_unreadable": Entry(
        UsageError,
        "a picture that was given cannot be read",
        helps="the path",
    ),
    "input_not_a_picture": Entry(
        UsageError,
        "a file that was given as a picture is none in a [format that can be read](init-image.md#what-is-read), or is "
        "damaged",
        helps="convert it to PNG",
    ),
    "input_too_large": Entry(
        UsageError,
        "a picture that was given has more than 178 megapixels or 512 MB",
        helps="make it smaller",
    ),
    "mask_empty": Entry(
        UsageError,
        "`--mask`: nothing in it is white or transparent, so nothing would change",
        helps="paint white what is to change; a smaller `--feather` for what is smaller than that",
    ),
    "outpaint_invalid": Entry(
        UsageError,
        "`--outpaint`: the model's family cannot make pictures of that size, or nothing would be left of yours",
        helps="the nearest numbers are in the hint",
    ),
    "image_unreadable": Entry(
        UsageError,
        "`info`: the file cannot be read, or is larger than 512 MB",
        helps="the path",
    ),
    "unknown_preset": Entry(
        UsageError,
        "no file of [presets](presets.md) has that one",
        helps="`presets` shows them",
        details={
            "preset": "the name that was given",
            "presets": "all names that there are",
        },
    ),
    "presets_invalid": Entry(
        UsageError,
        "a file of [presets](presets.md) breaks a rule",
        helps="file, line and column are in the message",
        details={
            "file": "its path",
            "line": "from 1",
            "column": "from 1",
        },
    ),
    "presets_unreadable": Entry(
        UsageError,
        "a file of [presets](presets.md) cannot be read",
        helps="the path, `HAL_PRESETS`",
    ),
    "vary_conflict": Entry(
        UsageError,
        "[`--vary`](vary.md) names the same option twice, or one that is given besides, or comes with `--count` or "
        "`--output -`",
        helps="one of them",
    ),
    "vary_too_many": Entry(
        UsageError,
        "[`--vary`](vary.md) asks for more than 1000 pictures",
        helps="fewer values",
    ),
    "registry_invalid": Entry(
        RegistryError,
        "models.yaml breaks a rule",
        helps="file, line and column are in the message ([models.yaml](models-yaml.md))",
        details={
            "file": "its path",
            "line": "from 1",
            "column": "from 1",
        },
    ),
    "registry_unreadable": Entry(
        RegistryError,
        "a registry file cannot be read",
        helps="the path, `HAL_REGISTRY`",
    ),
}
