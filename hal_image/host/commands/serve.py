"""``serve``: starts the engine and returns when it is ready, so that the first picture does not wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.host.deadline import Deadline
from hal_image.host.engines import EngineRequest, Needs, choose
from hal_image.host.engines.link import LinkClosed
from hal_image.host.engines.lost import engine_lost
from hal_image.host.engines.ready import until_ready
from hal_image.host.registry import choose_model, load
from hal_image.host.result import Result
from hal_image.wire import without_frame

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from hal_image.host.render import Output


def _needs(models_dir: Path) -> Needs:
    """Of the model that a call without ``--model`` would use: whether that is fit for a processor. It may not be there
    yet, and another may be used, so nothing else is asked of it.

    Raises:
        RegistryError: the registry is wrong.
    """
    registry = load()
    model, chosen = choose_model(registry, None, models_dir)
    return Needs(model.name, min_vram_gb=0.0, fit_for_cpu=model.cpu or chosen == "no_gpu")


def run(options: argparse.Namespace, output: Output) -> Result:
    """Starts the engine of the models folder, or finds it running, and waits until ComfyUI is ready.

    Raises:
        UsageError, ModelError: ``--model`` names one that is not known or not there.
        EnvironmentError_: it cannot be installed or started.
        TimeoutError_: ``--timeout`` ran out.
        HalError: ``engine_lost`` when it ended while booting.
    """
    deadline = Deadline.after(options.timeout)
    models_dir = paths.models_dir(options.models_dir)
    plan = None
    if options.model is not None:
        from hal_image.host import warm_up  # noqa: PLC0415 - without a model, none of it is needed

        plan = warm_up.plan(options.model, options, models_dir, output, deadline)
    wanted = EngineRequest(
        models_dir,
        options.cpu,
        options.gpu,
        options.keep_alive,
        options.offline,
        _needs(models_dir) if plan is None else plan.needs(low_vram=options.low_vram),
        options.hot_cache,
    )
    if plan is not None:
        warm_up.load(plan, options, wanted, output, deadline)
    connection = choose(options.engine).connect(wanted, output, deadline)
    link = connection.link
    try:
        status = until_ready(link, options.keep_alive, output, deadline)
    except LinkClosed as error:
        raise engine_lost(link, error, "it was starting") from error
    finally:
        link.close()
    facts = without_frame(status)
    del facts["boot_error"]  # there is none: it would have been raised
    data = {
        "engine": {
            "kind": connection.kind, **connection.facts, **facts, "reused": connection.reused, **connection.place
        }
    }  # fmt: skip
    if plan is not None:
        data["model"] = plan.model_json()
    line = (
        f"engine ready: process {facts['pid']}, ComfyUI {facts['comfyui_version']} on {facts['device']}, {models_dir}"
    )
    if plan is not None:
        line += f", {plan.model.model.name} loaded"
    return Result("serve", data, (line,))
