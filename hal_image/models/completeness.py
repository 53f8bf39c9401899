"""Says which tensor a network lacks, judged by the names and shapes that a file's header has. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hal_image.models.networks import Network
    from hal_image.models.safetensors_header import Tensor

Tensors = dict[str, "Tensor"]


def below(tensors: Mapping[str, Tensor], prefix: str) -> Tensors:
    """The tensors whose names begin with ``prefix``, without it."""
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def is_one(network: Network, tensors: Tensors) -> bool:
    """Whether these tensors are, or were meant to be, this network."""
    return any(name.startswith(network.marks) for name in tensors)


def lacking(network: Network, tensors: Tensors) -> list[str]:
    """The tensors that are missing, or parts of which all are, as far as the others tell; best-known first."""
    return [*dict.fromkeys(_lacking(network, tensors))]


def _lacking(network: Network, tensors: Tensors) -> Iterator[str]:
    yield from (name for name in network.needs if name not in tensors)
    yield from (names[0] for names in network.either if not any(name in tensors for name in names))
    yield from _incomplete_blocks(network, tensors)
    numbers = _numbers(network, tensors)
    counts = dict(network.counts)
    for (pattern, place), found in numbers.items():
        wanted = max(max(found) + 1, counts.get(pattern, 0))
        yield from (f"{place}.{number}" for number in range(wanted) if number not in found)
    for pattern in counts:
        if not any(known == pattern for known, _ in numbers):
            yield f"{pattern}.0"
    for one, other in network.equal:
        sizes = [len(numbers.get((name, name), ())) for name in (one, other)]
        if sizes[0] != sizes[1]:
            shorter = one if sizes[0] < sizes[1] else other
            yield f"{shorter}.{min(sizes)}"
    for kernel, shortcut in network.joins:
        for name, tensor in tensors.items():
            if name.endswith(f".{kernel}") and len(tensor.shape) > 1 and tensor.shape[0] != tensor.shape[1]:
                wanted_name = f"{name.removesuffix(kernel)}{shortcut}"
                if wanted_name not in tensors:
                    yield wanted_name


def _incomplete_blocks(network: Network, tensors: Tensors) -> Iterator[str]:
    of_tail = {tail: index for index, block in enumerate(network.blocks) for tail in block}
    longest = 1 + max(tail.count(".") for tail in of_tail)
    seen: set[tuple[int, str]] = set()
    for name in tensors:
        parts = name.split(".")
        for count in range(min(longest, len(parts)), 0, -1):
            index = of_tail.get(".".join(parts[-count:]))
            if index is None:
                continue
            prefix = ".".join(parts[:-count])
            if (index, prefix) not in seen:
                seen.add((index, prefix))
                names = (f"{prefix}.{tail}" if prefix else tail for tail in network.blocks[index])
                yield from (wanted for wanted in names if wanted not in tensors)
            break  # the longest tail is the one that is meant


def _numbers(network: Network, tensors: Tensors) -> dict[tuple[str, str], set[int]]:
    """The numbers that each list has, by its pattern and its place."""
    patterns = [(pattern, pattern.split(".")) for pattern in network.lists]
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for name in tensors:
        parts = name.split(".")
        for pattern, wanted in patterns:
            count = len(wanted)
            if len(parts) <= count or not parts[count].isdigit():
                continue
            if all(part == want or (want == "*" and part.isdigit()) for part, want in zip(parts, wanted, strict=False)):
                found[pattern, ".".join(parts[:count])].add(int(parts[count]))
    return found
