"""What a part is given: the world, the record, the models, and the peers, which are prepared when first asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.peers import bare as bare_peer
from bench.peers import packages

if TYPE_CHECKING:
    from bench.options import Options
    from bench.peers.bare import Bare
    from bench.record import Record
    from bench.world import World


@dataclass
class Session:
    """One run of the benchmark. ``models`` are those that are measured."""

    world: World
    record: Record
    options: Options
    models: tuple[str, ...]
    _bare: Bare | None = None
    _comfy: str | None = None
    _refused: set[str] = field(default_factory=set)

    def bare(self) -> Bare | None:
        """Bare ComfyUI, unless nobody wants to compare with it."""
        if "bare" not in self.options.peers:
            return None
        if self._bare is None:
            self._bare = bare_peer.prepare(self.world)
            without = ", ".join(self._bare.prepared.without)
            if without:
                self.record.note(f"bare ComfyUI boots without {without}, so in less time than its users' does")
        return self._bare

    def comfy(self) -> str | None:
        """The command of comfy-cli, if there is one or it can be installed; else that is noted."""
        if "comfy-cli" not in self.options.peers or "comfy-cli" in self._refused:
            return None
        if self._comfy is None:
            try:
                self._comfy = packages.comfy_cli(self.options.comfy)
            except packages.Unavailable as error:
                self.leave_out("comfy-cli", error)
        return self._comfy

    def leave_out(self, peer: str, error: Exception) -> None:
        """Notes that there is no comparison with a peer."""
        self._refused.add(peer)
        self.record.note(f"{peer} is left out: {error}")

    def ours(self) -> dict[str, tuple[str, ...]]:
        """Our command's variants by their names in the tables: ``hal``, and with each of ``--options``."""
        return {" ".join(("hal", *variant)): variant for variant in self.options.variants}

    def close(self) -> None:
        """Ends what still runs."""
        if self._bare is not None:
            self._bare.stop()
        self.world.stop()
