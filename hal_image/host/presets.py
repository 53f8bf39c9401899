"""Presets: options and words under a name, laid below what is typed. Reading their files is ``preset_files``'s."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image import paths
from hal_image.errors import UsageError, shortened
from hal_image.host.materials import Materials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hal_image.errors import JsonObject

SEPARATOR = ", "
"""Between the parts of a prompt, as prompts are usually written."""
JOINTS = ",.;:!?"
"""What ends or begins a part that needs no separator."""
EXCLUDED_BY = {"size": {"width", "height"}, "width": {"size"}, "height": {"size"}}
"""Options that make another one meaningless."""


class Preset(NamedTuple):
    """What a name stands for.

    Attributes:
        name: as ``--preset`` has it.
        description: one line for people, may be empty.
        options: values of options, by their names in ``argparse``; lists for options that can be given several times.
        prompt_prefix, prompt_suffix: what the prompt is put between; may be empty.
        negative_prompt: what is added to the negative prompt; may be empty.
        file: where it is written.
    """

    name: str
    description: str
    options: Mapping[str, Any]
    prompt_prefix: str
    prompt_suffix: str
    negative_prompt: str
    file: str

    def to_json(self) -> JsonObject:
        """As it is told. Values that JSON has no form for are written as on a command line."""
        return {**self._asdict(), "options": {name: _plain(value) for name, value in self.options.items()}}


class Wording(NamedTuple):
    """What the presets of a call add to its texts, in order."""

    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    negatives: tuple[str, ...] = ()


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, tuple) and all(isinstance(part, int) for part in value):
        return "x".join(str(part) for part in value)  # a size
    return value if isinstance(value, (str, int, float)) else str(value)


def load() -> dict[str, Preset]:
    """Every preset of the user's, by name; empty when there are none.

    Raises:
        UsageError: ``presets_invalid``, ``presets_unreadable``.
    """
    files = paths.user_preset_files()
    if not files:
        return {}
    from hal_image.host.preset_files import read  # noqa: PLC0415 - imports PyYAML, 20 ms

    return read(files)


def get(presets: Mapping[str, Preset], name: str) -> Preset:
    """The preset called ``name``.

    Raises:
        UsageError: ``unknown_preset``; the hint has the closest name and all there are.
    """
    if (preset := presets.get(name)) is not None:
        return preset
    from hal_image.models.located_yaml import did_you_mean  # noqa: PLC0415 - only on failure

    known = list(presets)
    there_are = f"the presets are: {', '.join(known)}" if known else f"write one into {paths.default_user_presets()}"
    raise UsageError(
        f"there is no preset {shortened(name, 80)!r}",
        code="unknown_preset",
        hint=" ".join(filter(None, (did_you_mean(name, known), there_are))),
        details={"preset": shortened(name, 80), "presets": known},
    )


def applied(options: argparse.Namespace) -> argparse.Namespace:
    """The options of a call with its presets below what was typed: of two presets the later wins, and an option on the
    command line over both. What can be given several times adds up.

    Args:
        options: as they were parsed; ``given`` names those that stand on the command line.

    Raises:
        UsageError: ``unknown_preset``, ``presets_invalid``, ``presets_unreadable``.
    """
    if not options.preset:
        return options
    chosen = _chosen(options.preset)
    values = _together(chosen)
    result = argparse.Namespace(**vars(options))
    for name, value in values.items():
        if isinstance(value, list):
            setattr(result, name, [*value, *(getattr(options, name) or ())])
        elif name not in options.given and not EXCLUDED_BY.get(name, set()) & options.given:
            setattr(result, name, value)
    result.given = options.given | values.keys()  # a picture of --from-image comes after them
    result.wording = _wording(chosen)
    return result


def applied_over(options: argparse.Namespace, names: Sequence[str]) -> argparse.Namespace:
    """The options of a batch with the presets of one of its lines over them: what a line says goes before the call.

    Raises:
        UsageError: as for ``applied``.
    """
    chosen = _chosen(names)
    values = _together(chosen)
    result = argparse.Namespace(**vars(options))
    for name, value in values.items():
        if isinstance(value, list):
            setattr(result, name, [*(getattr(options, name) or ()), *value])
            continue
        for other in EXCLUDED_BY.get(name, ()):
            setattr(result, other, None)
        setattr(result, name, value)
    result.preset = [*(options.preset or ()), *names]
    result.given = options.given | values.keys()
    result.wording = _wording(chosen, getattr(options, "wording", None))
    return result


def _chosen(names: Iterable[str]) -> list[Preset]:
    presets = load()
    chosen = [get(presets, name) for name in dict.fromkeys(names)]
    for preset in chosen:
        if "model" in preset.options:
            _check_model(preset)
    return chosen


def _check_model(preset: Preset) -> None:
    from hal_image.host import registry  # noqa: PLC0415 - only for a preset that names a model
    from hal_image.models.registry import get_model  # noqa: PLC0415 - likewise

    try:
        get_model(registry.load(), preset.options["model"])
    except UsageError as error:
        if error.code == "unknown_model":
            error.message = f"preset {preset.name!r} in {preset.file}: {error.message}"
        raise


def _together(presets: Sequence[Preset]) -> dict[str, Any]:
    """The options of several presets, the later over the earlier."""
    values: dict[str, Any] = {}
    for preset in presets:
        for name in preset.options:
            for other in EXCLUDED_BY.get(name, ()):
                values.pop(other, None)
        for name, value in preset.options.items():
            values[name] = [*values.get(name, ()), *value] if isinstance(value, list) else value
    return values


def _wording(presets: Sequence[Preset], before: Wording | None = None) -> Wording:
    before = before or Wording()
    return Wording(
        (*before.prefixes, *(preset.prompt_prefix for preset in presets if preset.prompt_prefix)),
        (*before.suffixes, *(preset.prompt_suffix for preset in presets if preset.prompt_suffix)),
        (*before.negatives, *(preset.negative_prompt for preset in presets if preset.negative_prompt)),
    )


def reworded(options: argparse.Namespace, prompt: str | None) -> tuple[argparse.Namespace, str | None]:
    """Options and prompt with what the presets add to the texts.

    A negative prompt that was given stands before those of the presets; one that was given as empty does without them.
    """
    wording: Wording | None = getattr(options, "wording", None)
    if wording is None or prompt is None:  # the latter for a workflow that has no place for one
        return options, prompt
    result = argparse.Namespace(**vars(options))
    if options.negative_prompt != "":
        result.negative_prompt = joined((options.negative_prompt or "", *wording.negatives)) or None
    return result, joined((*wording.prefixes, prompt, *wording.suffixes))


def joined(parts: Iterable[str]) -> str:
    """One text of several, with a comma between two where neither has white space or punctuation at that place."""
    text = ""
    for part in filter(None, parts):
        apart = not text or text[-1].isspace() or part[0].isspace() or part[0] in JOINTS
        text += part if apart else f" {part}" if text[-1] in JOINTS else f"{SEPARATOR}{part}"
    return text


def gather(options: argparse.Namespace) -> Materials:
    """What a picture says of the presets that it was made with: their names. All that they did is said as well."""
    return Materials(fields={"presets": tuple(dict.fromkeys(options.preset))}) if options.preset else Materials()
