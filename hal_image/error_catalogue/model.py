"""Exit code 4: a model's file is missing, unreadable or damaged, or cannot be had."""

from __future__ import annotations

from hal_image.error_catalogue.entry import Entry
from hal_image.errors import ModelError

MODEL: dict[str, Entry] = {
    "remake_model_unknown": Entry(
        ModelError,
        "`--from-image`: no registry has the model of the [picture](remake.md), by name, file or digest",
        helps="`models add FILE`, or another with `--model`",
        details={"files": "its files, as far as they are told", "sha256": "their digests, or the beginnings of them"},
    ),
    "model_missing": Entry(
        ModelError,
        "files of the model are not in the models folder, and `--offline`, `--no-download` or `--dry-run` was given;"
        " all of them are in `details.missing`",
        helps="`models pull NAME`, or the `curl` in the hint",
        details={
            "model": "its name",
            "models_dir": "the models folder",
            "missing": (
                "a list: `file`, `folder`, `bytes`, `sha256`, `licence`, `gated`, `sources` (addresses) and `target`"
                " (its path) of each file"
            ),
        },
    ),
    "workflow_model_missing": Entry(
        ModelError,
        "files that a workflow names are not in the models folder; all of them are in `details.missing`",
        helps="`models pull NAME` where the hint says so; else put them where the message says, or `--set`",
        details={
            "missing": (
                "a list: `node` (its id), `class_type`, `input`, `file`, `folder` (where it belongs), `model` (whose "
                "file it is in models.yaml, or `null`) and `nearest` (a file with a name like it that is there, or "
                "`null`)"
            ),
            "models_dir": "the models folder",
        },
    ),
    "workflow_model_unsafe": Entry(
        ModelError,
        "a workflow names a model file that is no safetensors file: others can run what is in them",
        helps="the same model as `.safetensors`",
        details={"node": "id of the node", "input": "its input", "file": "the file"},
    ),
    "model_corrupt": Entry(
        ModelError,
        "a file is cut off, damaged, or something else: a web page, a git-LFS pointer, a pickle. On the way into the"
        " hot cache also: it has another SHA-256 than it should",
        helps="`models verify NAME --repair`; without `--repair` a file that is meant as it is is remembered as that",
        details={
            "path": "the file",
            "found": "what is wrong with it",
        },
    ),
    "model_incomplete": Entry(
        ModelError,
        "a file lacks tensors that its network has; the first are in `details.missing`. ComfyUI would draw garbage",
        helps="`models verify NAME --repair`",
        details={
            "path": "the file",
            "network": "what it is part of",
            "missing": "the first 20 tensors",
        },
    ),
    "model_wrong": Entry(
        ModelError,
        "a file is another network than its role wants, or of another family",
        helps="the file that is meant, in its folder",
        details={
            "path": "the file",
            "found": "what it is",
            "wanted": "what it should be",
        },
    ),
    "extra_missing": Entry(
        ModelError,
        "no LoRA, ControlNet or upscaler of that name is in the registry or in the folder of its kind",
        helps="one of those that the hint names; the file in the folder; its path",
        details={
            "kind": "what was wanted",
            "asked": "the name",
            "folder": "where it was looked for",
            "known": "the names that there are",
        },
    ),
    "control_missing": Entry(
        ModelError,
        "`--control`: there is no ControlNet for what the picture shows and for the family of the model",
        helps="one in `controlnet/` of the models folder whose file's name says it; `models add`; its name after `@`",
        details={
            "type": "what the picture shows",
            "family": "the model's",
            "known": "the ControlNets that there are",
        },
    ),
    "extra_outside": Entry(
        ModelError,
        "a LoRA, ControlNet or upscaler was named by its path, and cannot get a name in the models folder, which is all"
        " that ComfyUI looks into",
        helps="the file itself in the folder of its kind",
        details={"path": "the file"},
    ),
    "lora_not_applied": Entry(
        ModelError,
        "nothing of a LoRA fits the model, or it is for another family. ComfyUI would draw the picture without it",
        helps="a LoRA for the family of the model, or a model for that of the LoRA",
        details={
            "lora": "its name",
            "path": "its file",
            "model": "the model's name",
            "family": "the one that the LoRA is for",
            "examples": "the first parts that do not fit",
            "node_type": "the node's class",
            "node_id": "its number in the graph",
            "exception_type": "the class of the exception",
        },
    ),
    "models_damaged": Entry(
        ModelError,
        "`models verify` found files that are not what the registry names; each is in `data.verified`",
        helps="the same with `--repair`",
    ),
    "model_unreadable": Entry(
        ModelError,
        "a model's file or folder cannot be read, by you or by the container",
        helps="its rights",
        details={"path": "the file or folder"},
    ),
    "model_changed": Entry(
        ModelError,
        "a model's file was written to while it was copied into the hot cache",
        helps="again, when it is complete",
        retry="yes",
    ),
    "model_outside": Entry(
        ModelError,
        "a model's file is a link that leads out of the models folder, and the container sees nothing else",
        helps="put the file itself there; `--engine local`",
    ),
    "model_gated": Entry(
        ModelError,
        "the file is handed out only to those who have accepted its licence",
        helps=(
            "accept it at the page in the hint; an access token in `HF_TOKEN` or the token file; one of the models "
            "that the hint names and that need no account"
        ),
        details={
            "file": "its name",
            "source": "its address",
            "sources": "with several of them a list: `source`, `code` and `message` of each",
        },
    ),
    "download_failed": Entry(
        ModelError,
        "there is no connection, or it broke off again and again",
        helps="again: it goes on where it ended; `HTTPS_PROXY`, `HF_ENDPOINT`",
        retry="yes",
        details={
            "file": "its name",
            "source": "its address",
            "sources": "with several of them a list: `source`, `code` and `message` of each",
        },
    ),
    "hub_offline": Entry(
        ModelError,
        "`HF_HUB_OFFLINE` forbids to ask the hub, and no other source has the file",
        helps="unset it",
        details={
            "file": "its name",
            "source": "its address",
            "sources": "with several of them a list: `source`, `code` and `message` of each",
        },
    ),
    "download_refused": Entry(
        ModelError,
        "the server does not hand the file out",
        helps="the address in the hint, with a browser",
        details={
            "file": "its name",
            "source": "its address",
            "sources": "with several of them a list: `source`, `code` and `message` of each",
        },
    ),
    "download_damaged": Entry(
        ModelError,
        "what came is not the file that the registry names. Nothing of it stays",
        helps="a proxy or a mirror that hands out something else",
        details={
            "file": "its name",
            "source": "its address",
            "sources": "with several of them a list: `source`, `code` and `message` of each",
        },
    ),
    "bundled_model_damaged": Entry(
        ModelError,
        "a model that comes with the tool is not as it was shipped: missing, cut off or changed. Nothing was written",
        helps="the tool's files again, as the hint says",
        details={
            "path": "the file",
            "found": "what is wrong with it",
        },
    ),
    "model": Entry(
        ModelError,
        "the general code, where there is no more exact one",
        helps="the message",
        general=True,
    ),
}
