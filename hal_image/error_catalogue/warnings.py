"""What the caller should know and is no failure: the codes of ``warnings``."""

from __future__ import annotations

from hal_image.error_catalogue.entry import WarningEntry

NOTICED = {
    "node": "the class of the node that was running",
    "files": "names of the files that it is about",
    "count": "how many there are",
    "examples": "the first few",
}
"""Of what the engine noticed inside ComfyUI, which counts such a job as a success and says it in its log at most."""

WARNINGS: dict[str, WarningEntry] = {
    "default_model_replaced": WarningEntry(
        "no `--model` was given, there is no GPU, the default's files are not there, and a registry has a "
        "[`default_without_gpu`](models-yaml.md#which-model-is-used), as ours has not: that one draws",
        details={"default": "the default model", "model": "the one that draws"},
    ),
    "unknown_words": WarningEntry(
        "of models that [come with the tool](bundled-models.md): the model does not know some words of the prompt "
        "and draws without them",
        details={"words": "the first 50 of them, in lower case", "count": "how many there are, if there are more"},
    ),
    "parameter_without_effect": WarningEntry(
        "an option that changes nothing for this model and these values",
    ),
    "init_image_scaled": WarningEntry(
        "the [picture to begin with](init-image.md) is used in another size, though none was asked for: it is much "
        "larger than what the model draws, or its sides are not multiples of what the model's family needs",
        details={"path": "the picture", "from": "its size, as in `4000x3000`", "to": "the one that is used"},
    ),
    "input_has_frames": WarningEntry(
        "a picture that was given is animated, or has several pages. The first one is used",
        details={"path": "the picture", "frames": "how many there are"},
    ),
    "workflow_output_left_out": WarningEntry(
        "a workflow ends in nodes that save no picture; they are not run",
        details={"nodes": "the first 20"},
    ),
    "workflow_input_ignored": WarningEntry(
        "nodes of a workflow have inputs that their classes have not; ComfyUI passes over them",
        details={"inputs": "the first 20, in words"},
    ),
    "pictures_left_out": WarningEntry(
        "a workflow made more pictures than standard output takes; the first is there",
    ),
    "model_size_differs": WarningEntry(
        "a model's file is not the published one: it has another size. It is used",
    ),
    "model_digest_differs": WarningEntry(
        "a model's file was read, in the background or by `models verify`, and has other bytes than the published one,"
        " though its size. It is used",
    ),
    "image_version_differs": WarningEntry(
        "the Docker image was built from another version of this tool than the one that is called",
        details={"image": "version that the image was built from", "tool": "version of this tool"},
    ),
    "model_offloaded": WarningEntry(
        "the GPU's memory did not suffice: the picture was made by a second try, with the model in main memory and a"
        " layer of it at a time on the GPU (ComfyUI's `--novram`). It stays so until the models are unloaded"
        " ([memory](memory.md))",
        details=NOTICED,
    ),
    "weights_in_fp8": WarningEntry(
        "the GPU's memory did not suffice with the model in main memory either: the picture was made by a further try,"
        " with the weights of the 16-bit diffusion model in 8 bits, as with `--fp8`. The pixels are others"
        " ([memory](memory.md))",
        details=NOTICED,
    ),
    "batch_halved": WarningEntry(
        "so many pictures [at once](several.md) did not fit into the memory: they were made by another try, fewer at a "
        "time",
        details=NOTICED,
    ),
    "turbo_unavailable": WarningEntry(
        "`--turbo` was given, and the model cannot be [compiled](turbo.md) on this machine: there is no GPU, no C"
        " compiler, or no header files of Python (Debian: `apt install gcc python3-dev`). The picture was made without",
        details=NOTICED,
    ),
    "hot_cache_too_small": WarningEntry(
        "a model's file does not fit into the limit of the [hot cache](docker.md#the-hot-cache), and is read from "
        "the models folder",
        details={"path": "the file"},
    ),
    "hot_cache_full": WarningEntry(
        "a model's file does not fit into the free space on the disk of the [hot cache](docker.md#the-hot-cache), "
        "and is read from the models folder",
        details={"path": "the file"},
    ),
    "hot_cache_without_effect": WarningEntry(
        "`--hot-cache` was given, and the local engine, which has none, is used",
    ),
    "batch_not_resumable": WarningEntry(
        "the same [batch](batch.md) is running already, and `--resume` will not know what this one has done",
    ),
    "registration_outdated": WarningEntry(
        "models came or went, and the [project](hal8000.md) that this tool is registered with could not be told: the "
        "reason is in the message",
    ),
    "registration_kept": WarningEntry(
        "`hal8000 unregister`: something cannot be taken back, because others have changed it since",
    ),
    "running_on_cpu": WarningEntry(
        "no GPU was found, `--cpu` was not given, `default_model_replaced` does not say it already, and the model is"
        " none that takes seconds there (`cpu: true` in [models.yaml](models-yaml.md))",
    ),
    "metadata_cut": WarningEntry(
        "the [format](output-formats.md) has too little room for all that the picture says of itself: JPEG has 64 KB",
        details={"left_out": "what it is left without, the least important first"},
    ),
    "remake_differs": WarningEntry(
        "`--from-image`: the picture [will not be the same](remake.md), because a model's file, ComfyUI, torch or the "
        "device is another one, or another program made it",
        details={"differs": "list of `what`, `then` and `now`"},
    ),
    "remake_left_out": WarningEntry(
        "`--from-image`: the picture was made with more than can be asked for here, and is [made without](remake.md)",
        details={"left_out": "what that is, in the words of the program that made it"},
    ),
    "size_differs": WarningEntry(
        "the picture has another size than was asked for",
    ),
    "upscaled_without_model": WarningEntry(
        "`--upscale`, `upscale`: no model was named and none is there, so that the picture is "
        "[resampled](upscale.md#without-a-model), which adds no detail",
    ),
    "embedding_ignored": WarningEntry(
        "the prompt names an embedding (`embedding:NAME`) that was left out: there is no such file in "
        "`embeddings/`, it is no safetensors file, or it is for another family",
        details=NOTICED,
    ),
    "picture_single_colour": WarningEntry(
        "the picture is nothing but one colour, the one that the message names",
        details=NOTICED,
    ),
    "vae_tiled": WarningEntry(
        "the memory did not suffice for decoding the picture at once, and ComfyUI did it in tiles",
        details=NOTICED,
    ),
    "lora_keys_not_applied": WarningEntry(
        "parts of a LoRA do not fit the model and are left out; with `--lora` the message says which share",
        details={**NOTICED, "of": "with `--lora`: how many parts it has; `count` of them do not fit"},
    ),
    "weights_missing": WarningEntry(
        "in graphs of your own: a model's file lacks tensors. For models of a registry it is the error "
        "`model_incomplete`",
        details=NOTICED,
    ),
    "weights_unused": WarningEntry(
        "in graphs of your own: a model's file has tensors that the model has no place for",
        details=NOTICED,
    ),
    "comfyui_warning": WarningEntry(
        "ComfyUI's log has a warning about this picture that the tool does not know",
        details=NOTICED,
    ),
}
