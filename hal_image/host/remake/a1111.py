"""Reads the text that A1111 and its kin (Forge, and many others) write: ``parameters``.

Prompt; then, from a line that begins so, ``Negative prompt:``; then one line of ``Key: value`` pairs beginning with
``Steps:``, in which a value with a comma in it is a JSON string.
"""

from __future__ import annotations

import json
import re
from typing import Any

from hal_image import about
from hal_image.host.remake.past import Past, WantedModel, impossible
from hal_image.request import SAMPLERS, SCHEDULERS

NEGATIVE = "Negative prompt:"
SETTINGS = re.compile(r"^Steps: ?\d+", re.MULTILINE)
PAIR = re.compile(r'\s*(?P<key>[A-Za-z][\w /+.-]*): *(?P<value>"(?:[^"\\]|\\.)*"|[^,]*)(?:,|$)')
NETWORK = re.compile(r"<(?:lora|lyco|hypernet):[^<>]+>")
SIZE = re.compile(r"(\d+)x(\d+)")

SAMPLER_NAMES = {
    "euler": "euler", "euler a": "euler_ancestral", "lms": "lms", "heun": "heun", "dpm2": "dpm_2",
    "dpm2 a": "dpm_2_ancestral", "dpm++ 2s a": "dpmpp_2s_ancestral", "dpm++ 2m": "dpmpp_2m", "dpm++ sde": "dpmpp_sde",
    "dpm++ 2m sde": "dpmpp_2m_sde", "dpm++ 2m sde heun": "dpmpp_2m_sde_heun", "dpm++ 3m sde": "dpmpp_3m_sde",
    "dpm fast": "dpm_fast", "dpm adaptive": "dpm_adaptive", "ddim": "ddim", "unipc": "uni_pc", "lcm": "lcm",
    "ddpm": "ddpm", "deis": "deis", "ipndm": "ipndm", "ipndm_v": "ipndm_v", "heunpp2": "heunpp2",
}  # fmt: skip
"""A1111's names, in lower case, and ComfyUI's for the same samplers."""
SCHEDULE_NAMES = {
    "uniform": "normal", "normal": "normal", "karras": "karras", "exponential": "exponential",
    "sgm uniform": "sgm_uniform", "sgmuniform": "sgm_uniform", "simple": "simple", "ddim": "ddim_uniform",
    "beta": "beta", "kl optimal": "kl_optimal",
}  # fmt: skip
"""A1111's schedule types, in lower case, and ComfyUI's schedulers."""
OWN_SCHEDULES = {
    "dpmpp_2m": "karras", "dpmpp_sde": "karras", "dpmpp_2s_ancestral": "karras", "dpm_2": "karras",
    "dpm_2_ancestral": "karras", "dpmpp_2m_sde": "exponential", "dpmpp_2m_sde_heun": "exponential",
    "dpmpp_3m_sde": "exponential", "ddim": "ddim_uniform",
}  # fmt: skip
"""What A1111 takes for the schedule type ``Automatic``, by ComfyUI's name of the sampler; else ``normal``."""
NUMBERS = {"Steps": "steps", "CFG scale": "cfg", "Seed": "seed", "Distilled CFG Scale": "guidance"}
SAID = {"Sampler", "Schedule type", "Size", "Model", "Model hash", "Version", *NUMBERS}
WITHOUT_EFFECT = {("Clip skip", "1"), ("RNG", "CPU"), ("Lora hashes", None), ("TI hashes", None), ("Hashes", None)}
"""Pairs that change nothing, or say again what is said elsewhere; ``None`` for whatever value."""


def read(text: str) -> Past:
    """What the text says.

    Raises:
        UsageError: ``remake_impossible``: it has no settings.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    last = next((number for number in reversed(range(len(lines))) if SETTINGS.match(lines[number])), None)
    if last is None:
        raise impossible("its text has no line with Steps", "give the options yourself, without --from-image")
    pairs = _pairs(lines[last])
    prompt, negative, networks = _prompts(lines[:last])
    options: dict[str, Any] = {"prompt": prompt, "negative_prompt": negative}
    left_out = list(networks)
    options |= {option: pairs[key] for key, option in NUMBERS.items() if key in pairs}
    options |= _sampling(pairs, left_out)
    size = SIZE.fullmatch(pairs.get("Size", ""))
    if size:
        options |= {"width": size[1], "height": size[2]}
    left_out += [
        f"{key}: {value}"
        for key, value in pairs.items()
        if key not in SAID and not {(key, value), (key, None)} & WITHOUT_EFFECT
    ]
    model = WantedModel(
        files=(pairs["Model"],) if pairs.get("Model") else (),
        digests=(pairs["Model hash"].lower(),) if pairs.get("Model hash") else (),
    )
    version = pairs.get("Version", "A1111 or its kin")
    program = None if version.startswith(about.PROGRAM) else version
    return Past(options, model, program=program, left_out=tuple(left_out))


def _pairs(line: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for match in PAIR.finditer(line):
        value = match["value"].strip()
        if value.startswith('"'):
            try:
                value = str(json.loads(value))
            except ValueError:
                value = value.strip('"')
        pairs.setdefault(match["key"], value)
    return pairs


def _prompts(lines: list[str]) -> tuple[str, str, list[str]]:
    """Both prompts without the networks that they name, and those."""
    begin = next((number for number, line in enumerate(lines) if line.startswith(NEGATIVE)), len(lines))
    prompt = "\n".join(lines[:begin])
    negative = "\n".join(lines[begin:]).removeprefix(NEGATIVE).removeprefix(" ")
    networks = NETWORK.findall(f"{prompt}\n{negative}")
    return NETWORK.sub("", prompt).strip(), NETWORK.sub("", negative).strip(), networks


def _sampling(pairs: dict[str, str], left_out: list[str]) -> dict[str, str]:
    """Sampler and scheduler in ComfyUI's words; older versions have both in the sampler's name."""
    said, kind = pairs.get("Sampler", ""), pairs.get("Schedule type", "")
    if said in SAMPLERS:  # as this tool writes it
        return {"sampler": said, **({"scheduler": kind} if kind in SCHEDULERS else {})}
    name, schedule = said.lower(), SCHEDULE_NAMES.get(kind.lower())
    if not kind:
        for word, meant in SCHEDULE_NAMES.items():
            if name.endswith(f" {word}") and name not in SAMPLER_NAMES:
                name, schedule = name.removesuffix(f" {word}"), meant
        schedule = schedule or ("ddim_uniform" if name == "ddim" else "normal")
    sampler = SAMPLER_NAMES.get(name)
    if sampler is None:
        left_out += [f"Sampler: {said}"] if said else []
        return {}
    if kind and schedule is None:
        if kind.lower() != "automatic":
            left_out.append(f"Schedule type: {kind}")
        schedule = OWN_SCHEDULES.get(sampler, "normal")
    return {"sampler": sampler, "scheduler": schedule or "normal"}
