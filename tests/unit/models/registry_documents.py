"""A registry that is right, and every way of getting it wrong: each as one replacement in it.

The unit tests hold the parser to the place and the hint; the contract test holds the JSON Schema to the same verdict.
"""
# ruff: noqa: E501 - a table: one case a line

from __future__ import annotations

from dataclasses import dataclass

GOOD = """\
default: paint
models:
  paint:
    description: A painter
    family: sdxl
    min_vram_gb: 7.5
    files:
      - role: checkpoint
        folder: checkpoints
        name: paint.safetensors
        bytes: 1000
        sha256: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        licence: MIT
        sources:
          - repo: someone/paint-1.0
            path: files/paint.safetensors
            revision: "0123456789"
          - url: https://example.org/paint.safetensors?download=true
            gated: true
    defaults:
      width: 1024
      height: 768
      steps: 20
      cfg: 7
      sampler: euler
      scheduler: normal
  parts:
    description: In four parts
    family: flux
    min_vram_gb: 32
    files:
      - {role: diffusion_model, folder: unet, name: d.safetensors, bytes: 1, sha256: &b bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, licence: MIT, sources: &s [{url: "http://localhost:8000/d"}]}
      - {role: clip_l, folder: clip, name: c.safetensors, bytes: 2, sha256: *b, licence: MIT, sources: *s}
      - {role: t5xxl, folder: text_encoders, name: t.safetensors, bytes: 3, sha256: *b, licence: MIT, sources: *s}
      - {role: vae, folder: vae, name: v.safetensors, bytes: 4, sha256: *b, licence: MIT, sources: *s}
    defaults: {width: 1024, height: 1024, steps: 20, cfg: 1.0, guidance: 3.5, sampler: euler, scheduler: simple}
"""


def _as_sd3(text: str) -> str:
    """``GOOD`` with its four parts as those of SD3, line by line in the same places."""
    for old, new in (
        ("family: flux", "family: sd3"),
        ("role: diffusion_model, folder: unet", "role: checkpoint, folder: checkpoints"),
        ("role: vae, folder: vae", "role: clip_g, folder: clip"),
        ("guidance: 3.5, ", ""),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


GOOD_SD3 = _as_sd3(GOOD)
GOOD_EXTRAS = (
    GOOD
    + """\
  ink:
    kind: lora
    description: Ink
    family: sdxl
    files:
      - {role: lora, folder: loras, name: ink.safetensors, bytes: 5, sha256: *b, licence: MIT, sources: *s}
  edges:
    kind: controlnet
    description: Edges
    family: sd15
    control: canny
    files:
      - {role: controlnet, folder: controlnet, name: edges.safetensors, bytes: 6, sha256: *b, licence: MIT, sources: *s}
  larger:
    kind: upscaler
    description: Larger
    files:
      - {role: upscale_model, folder: upscale_models, name: l.safetensors, bytes: 7, sha256: *b, licence: MIT, sources: *s}
"""
)


@dataclass(frozen=True)
class Bad:
    """``base`` with ``old`` (it occurs once) replaced by ``new``; refused at ``line:column``."""

    name: str
    old: str
    new: str
    place: str
    message: str
    hint: str = ""
    schema_refuses: bool = True
    """False where only the parser can know: YAML itself, and what links one part of the file to another."""
    base: str = GOOD

    @property
    def text(self) -> str:
        assert self.base.count(self.old) == 1, f"{self.name}: {self.old!r} occurs {self.base.count(self.old)} times"
        return self.base.replace(self.old, self.new)


A = '"' + "a" * 64 + '"'
VAE = "      - {role: vae, folder: vae, name: v.safetensors, bytes: 4, sha256: *b, licence: MIT, sources: *s}\n"
CLIP_G = "      - {role: clip_g, folder: clip, name: v.safetensors, bytes: 4, sha256: *b, licence: MIT, sources: *s}\n"
SD3_PARTS = "checkpoint, clip_l, clip_g, t5xxl"

BAD = [
    # keys
    Bad("unknown key at the top", "default: paint", "defualt: paint", "1:1", "defualt is not a known key", "'default'"),
    Bad("unknown key of a model", "    description: A p", "    note: A p", "4:5", "models.paint.note is not a known key"),
    Bad("unknown key of a file", "bytes: 1000", "size: 1000", "11:9", "models.paint.files[0].size is not a known key"),
    Bad("unknown key of a source", "revision: ", "commit: ", "17:13", "sources[0].commit is not a known key"),
    Bad("repo and url together", "            path: f", "            url: https://e.org/f", "15:13", "sources[0].repo is not"),
    Bad("bundled and more", "- url: https://example.org/paint.safetensors?download=true", "- bundled: doodle", "19:13", "sources[1].gated is not a known key"),
    Bad("bundled and an address", "            revision: ", "            bundled: ", "15:13", "sources[0].repo is not a known key"),
    Bad("bundled is a path", "- url: https://example.org/paint.safetensors?download=true\n            gated: true", "- bundled: ../x", "18:22", "bundled cannot be '../x'", "comes with this tool"),
    Bad("bundled is nothing", "- url: https://example.org/paint.safetensors?download=true\n            gated: true", "- bundled:", "18:21", "bundled must be text, not nothing"),
    Bad("unknown key of defaults", "steps: 20\n", "steps: 20\n      clip_skip: 2\n", "24:7", "clip_skip is not a known key"),
    Bad("key given twice", "family: sdxl", "family: sdxl\n    family: sd15", "6:5", "given twice, first in line 5", "delete", False),
    Bad("model given twice", "  parts:", "  paint:", "27:3", "models.paint is given twice, first in line 3", "", False),
    Bad("merge key", "    family: sdxl", "    <<: {family: sdxl}", "5:5", "must be text, not the merge key", "", False),
    Bad("no models", GOOD[GOOD.index("models:") :], "", "1:1", "lacks the key 'models'", "add models:", False),
    Bad("no default", "default: paint\n", "", "1:1", "lacks the key 'default'", "add default:", False),
    Bad("no hash", f"        sha256: {A}\n", "", "8:9", "files[0] lacks the key 'sha256'", "add sha256: 64 lowercase"),
    Bad("no size", "        bytes: 1000\n", "", "8:9", "lacks the key 'bytes'", "exact file size"),
    Bad("no licence", "        licence: MIT\n", "", "8:9", "lacks the key 'licence'"),
    Bad("no path", "            path: files/paint.safetensors\n", "", "15:13", "sources[0] lacks the key 'path'"),
    Bad("no steps", "      steps: 20\n", "", "21:7", "models.paint.defaults lacks the key 'steps'"),
    # types
    Bad("models is a list", GOOD[GOOD.index("models:") :], "models: [paint]\n", "2:9", "models must be a mapping, not a list"),
    Bad("model is text", GOOD[GOOD.index("  paint:\n") + 8 :], " x\n", "3:10", "models.paint must be a mapping, not text"),
    Bad("model name is a number", "  parts:", "  15:", "27:3", "models.15 must be text, not a whole number", "quotes", False),
    Bad("model name in capitals", "  parts:", "  Parts:", "27:3", "cannot be 'Parts'", "lowercase"),
    Bad("model name is a path", "  parts:", "  a/b:", "27:3", "cannot be 'a/b'"),
    Bad("model without content", GOOD[GOOD.index("    description: In") :], "", "27:9", "must be a mapping, not nothing"),
    Bad("text is a boolean", "A painter", "no", "4:18", "description must be text, not true or false", "put it in quotes"),
    Bad("text is empty", "A painter", '""', "4:18", "cannot be ''", "one line"),
    Bad("text over two lines", "A painter", '"A\\npainter"', "4:18", "cannot be 'A\\npainter'", "one line"),
    Bad("number is text", "bytes: 1000", 'bytes: "1000"', "11:16", "bytes must be a whole number, not text"),
    Bad("number with a fraction", "bytes: 1000", "bytes: 1000.5", "11:16", "bytes must be a whole number, not a number"),
    Bad("number in octal", "bytes: 1000", "bytes: 01000", "11:16", "bytes cannot be '01000'", "plain decimal", False),
    Bad("number with underscores", "bytes: 1000", "bytes: 1_000", "11:16", "bytes cannot be '1_000'", "plain", False),
    Bad("number in base 60", "cfg: 7", "cfg: 1:30", "24:12", "cfg cannot be '1:30'", "plain", False),
    Bad("number not finite", "cfg: 7", "cfg: .inf", "24:12", "cfg cannot be '.inf'", "plain"),
    Bad("zero bytes", "bytes: 1000", "bytes: 0", "11:16", "bytes cannot be 0", "from 1"),
    Bad("negative", "steps: 20\n", "steps: -1\n", "23:14", "steps cannot be '-1'"),
    Bad("too many steps", "steps: 20\n", "steps: 10001\n", "23:14", "steps cannot be 10001", "from 1 to 10000"),
    Bad("cfg too high", "cfg: 7", "cfg: 101", "24:12", "cfg cannot be 101", "from 0 to 100"),
    Bad("cpu is text", "min_vram_gb: 7.5", "min_vram_gb: 7.5\n    cpu: fast", "7:10", "cpu must be true or false", "seconds"),
    Bad("vram is text", "min_vram_gb: 7.5", "min_vram_gb: 8 GB", "6:18", "min_vram_gb must be a number, not text", "GiB"),
    Bad("flag is yes", "gated: true", "gated: yes", "19:20", "gated cannot be 'yes'", "true or false", False),
    Bad("flag is a number", "gated: true", "gated: 1", "19:20", "gated must be true or false, not a whole number"),
    Bad("files is a mapping", "- role: checkpoint", "  role: checkpoint", "8:9", "files must be a list, not a mapping"),
    Bad("no file", GOOD[GOOD.index("      - {") : GOOD.index("    defaults: {")], "      []\n", "32:7", "files is an empty list", "one checkpoint"),
    Bad("no source", 'sources: &s [{url: "http://localhost:8000/d"}]', "sources: &s []", "32:178", "is an empty list"),
    # words
    Bad("unknown family", "family: sdxl", "family: sd4", "5:13", "family cannot be 'sd4'", "one of: sd15, sdxl, sd3, flux"),
    Bad("unknown sampler", "sampler: euler\n", "sampler: eular\n", "25:16", "sampler cannot be 'eular'", "'euler'"),
    Bad("unknown scheduler", "scheduler: normal", "scheduler: kars", "26:18", "scheduler cannot be 'kars'", "karras"),
    Bad("unknown role", "role: checkpoint", "role: painter", "8:15", "role cannot be 'painter'", "one of: checkpoint"),
    # hashes
    Bad("hash too short", A, '"aaaa"', "12:17", "sha256 cannot be 'aaaa'", "64 lowercase"),
    Bad("hash in capitals", A, A.upper(), "12:17", "sha256 cannot be 'AAAA", "64 lowercase"),
    Bad("hash not hexadecimal", A, A.replace("aa", "xy"), "12:17", "sha256 cannot be 'xyxy", "64 lowercase"),
    Bad("hash of digits without quotes", A, "1" * 64, "12:17", "sha256 must be text, not a whole number", "quotes"),
    Bad("hash empty", A, "", "12:16", "sha256 must be text, not nothing", "64 lowercase"),
    # paths
    Bad("folder goes up", "folder: checkpoints", "folder: ../checkpoints", "9:17", "folder cannot be '../checkpoints'", "write folder: checkpoints"),
    Bad("folder is absolute", "folder: checkpoints", "folder: /checkpoints", "9:17", "folder cannot be '/checkpoints'"),
    Bad("folder of another role", "folder: checkpoints", "folder: vae", "9:17", "does not look there for a checkpoint"),
    Bad("folder unknown", "folder: vae,", "folder: vaes,", "35:29", "folder cannot be 'vaes'", "write folder: vae"),
    Bad("name goes up", "name: paint.", "name: ../paint.", "10:15", "a path could leave the models folder", "bare file name"),
    Bad("name in a folder", "name: paint.", "name: xl/paint.", "10:15", "a path could leave the models folder"),
    Bad("name absolute", "name: paint.", "name: /paint.", "10:15", "a path could leave the models folder"),
    Bad("name with backslash", "name: paint.", "name: ..\\paint.", "10:15", "a path could leave the models folder"),
    Bad("name with a drive", "name: paint.", "name: c:paint.", "10:15", "a path could leave the models folder"),
    Bad("name with a control character", "name: paint.safetensors", 'name: "a\\tb.safetensors"', "10:15", "name cannot be"),
    Bad("name hidden", "name: paint.", "name: .paint.", "10:15", "name cannot be '.paint.safetensors'"),
    Bad("name is dots only", "name: paint.safetensors", "name: ..safetensors", "10:15", "name cannot be '..safetensors'"),
    Bad("not safetensors", "name: paint.safetensors", "name: paint.ckpt", "10:15", "other formats can carry code", ".safetensors"),
    Bad("repository without owner", "repo: someone/", "repo: ", "15:19", "repo cannot be 'paint-1.0'", "owner/name"),
    Bad("repository with dots", "repo: someone/", "repo: ../", "15:19", "repo cannot be '../paint-1.0'"),
    Bad("repository path goes up", "path: files/", "path: ../", "16:19", "path cannot be '../paint.safetensors'"),
    Bad("repository path absolute", "path: files/", "path: /", "16:19", "path cannot be '/paint.safetensors'"),
    Bad("repository path with a query", "path: files/", "path: a?b/", "16:19", "path cannot be 'a?b/paint.safetensors'"),
    Bad("revision with a slash", '"0123456789"', "a/../b", "17:23", "revision cannot be 'a/../b'"),
    Bad("revision of digits without quotes", '"0123456789"', "123", "17:23", "must be text, not a whole number", "quotes"),
    Bad("address of a file", "url: https://example.org/", "url: file:///", "18:18", "url cannot be 'file:///paint", "http(s)"),
    Bad("address with a password", "url: https://", "url: https://me:secret@", "18:18", "url cannot be", "without user name"),
    # families
    Bad("width for sd", "width: 1024\n", "width: 1020\n", "21:14", "width cannot be 1020: sdxl needs multiples of 8", "1016 or 1024"),
    Bad("height for flux", "height: 1024,", "height: 1000,", "36:37", "flux needs multiples of 16", "992 or 1008"),
    Bad("width too small", "width: 1024\n", "width: 8\n", "21:14", "width cannot be 8", "from 16 to 16384"),
    Bad("guidance for sd", "cfg: 7\n", "cfg: 7\n      guidance: 3.5\n", "25:7", "defaults.guidance is not a known key"),
    Bad("part missing", VAE, "", "32:7", "files lacks the role vae", "diffusion_model, clip_l, t5xxl, vae"),
    Bad("part twice", VAE, VAE + VAE.replace("v.s", "w.s"), "36:9", "files[4] is a second file with the role vae", "keep one"),
    Bad("parts and one file", VAE, VAE + VAE.replace("{role: vae, folder: vae", "{role: checkpoint, folder: checkpoints"), "32:9", "has the role diffusion_model", "checkpoint"),
    Bad("parts for sd", "family: flux", "family: sd15", "32:9", "has the role diffusion_model, which has no place here"),
    Bad("sd without checkpoint", "role: checkpoint\n        folder: checkpoints", "role: vae\n        folder: vae", "8:9", "has the role vae"),
    Bad("text encoder of sd3 missing", CLIP_G, "", "32:7", "files lacks the role clip_g", SD3_PARTS, base=GOOD_SD3),
    Bad("sd3 text encoders without checkpoint", "{role: checkpoint, folder: checkpoints", "{role: vae, folder: vae", "32:9", "files[0] has the role vae, which", SD3_PARTS, base=GOOD_SD3),
    Bad("text encoder of sd3 twice", CLIP_G, CLIP_G + CLIP_G.replace("v.s", "w.s"), "36:9", "files[4] is a second file with the role clip_g", "keep one", base=GOOD_SD3),
    Bad("autoencoder beside sd3", CLIP_G, CLIP_G + VAE.replace("v.s", "w.s"), "36:9", "files[4] has the role vae, which", SD3_PARTS, base=GOOD_SD3),
    Bad("sd3 parts for flux", "family: sd3", "family: flux", "33:9", "has the role clip_l, which has no place here", "wanted: checkpoint", base=GOOD_SD3),
    Bad("flux parts for sd3", "family: flux", "family: sd3", "32:9", "has the role diffusion_model, which has no place here", SD3_PARTS),
    Bad("clip_g in another folder", "clip_g, folder: clip", "clip_g, folder: vae", "35:32", "does not look there for a clip_g", "text_encoders or clip", base=GOOD_SD3),
    Bad("guidance for sd3", "cfg: 1.0,", "cfg: 1.0, guidance: 3.5,", "36:64", "defaults.guidance is not a known key", base=GOOD_SD3),
    Bad("width for sd3", "{width: 1024,", "{width: 1000,", "36:23", "sd3 needs multiples of 16", "992 or 1008", base=GOOD_SD3),
    # what goes with models
    Bad("unknown kind", "kind: lora", "kind: loar", "38:11", "kind cannot be 'loar'", "did you mean 'lora'?", base=GOOD_EXTRAS),
    Bad("kind is a number", "kind: lora", "kind: 1", "38:11", "kind must be text", base=GOOD_EXTRAS),
    Bad("lora without a family", "    description: Ink\n    family: sdxl\n", "    description: Ink\n", "38:5", "models.ink lacks the key 'family'", base=GOOD_EXTRAS),
    Bad("lora with defaults", "    description: Ink\n", "    description: Ink\n    defaults: {steps: 1}\n", "40:5", "models.ink.defaults is not a known key", base=GOOD_EXTRAS),
    Bad("lora with a control", "    description: Ink\n", "    description: Ink\n    control: canny\n", "40:5", "models.ink.control is not a known key", base=GOOD_EXTRAS),
    Bad("lora in another role", "{role: lora, folder: loras", "{role: vae, folder: vae", "42:9", "has the role vae, which has no place here", "wanted: lora", base=GOOD_EXTRAS),
    Bad("lora in another folder", "folder: loras", "folder: lora", "42:30", "folder cannot be 'lora'", "write folder: loras", base=GOOD_EXTRAS),
    Bad("control in capitals", "control: canny", "control: Canny", "47:14", "control cannot be 'Canny'", "canny", base=GOOD_EXTRAS),
    Bad("upscaler with a family", "    description: Larger\n", "    description: Larger\n    family: sdxl\n", "53:5", "models.larger.family is not a known key", base=GOOD_EXTRAS),
    Bad("lora as the default", "default: paint", "default: ink", "1:10", "default names no model: 'ink'", "the models are: paint, parts", False, base=GOOD_EXTRAS),
    Bad("checkpoint with the role of a lora", "role: checkpoint\n        folder: checkpoints", "role: lora\n        folder: loras", "8:9", "has the role lora, which has no place here"),
    # across the file
    Bad("default names no model", "default: paint", "default: pant", "1:10", "default names no model: 'pant'", "did you mean 'paint'?", False),
    Bad("default without a GPU names no model", "default: paint\n", "default: paint\ndefault_without_gpu: prats\n", "2:22", "default_without_gpu names no model: 'prats'", "did you mean 'parts'?", False),
    Bad("default without a GPU is a number", "default: paint\n", "default: paint\ndefault_without_gpu: 15\n", "2:22", "default_without_gpu must be text, not a whole number", "quotes"),
    Bad("default without a GPU in capitals", "default: paint\n", "default: paint\ndefault_without_gpu: Parts\n", "2:22", "default_without_gpu cannot be 'Parts'"),
    Bad("default is a list", "default: paint", "default: [paint]", "1:10", "default must be text, not a list"),
    Bad("one name for two files", "name: t.safetensors", "name: C.safetensors", "34:52", "another sha256 or size at", "another name", False),
    # YAML
    Bad("tab", "    family: sdxl", "\tfamily: sdxl", "5:1", "not YAML", "no tabs", False),
    Bad("colon in text", "A painter", "A: painter", "4:19", "not YAML: mapping values are not allowed", "", False),
    Bad("unknown anchor", "sha256: *b, licence: MIT, sources: *s}\n      - {role: t5xxl", "sha256: *x, licence: MIT, sources: *s}\n      - {role: t5xxl", "33:77", "not YAML", "", False),
    Bad("second document", "  parts:", "---\nparts:", "27:1", "not YAML", "", False),
    Bad("control character", "A painter", "A \x07painter", "4:1", "has a control character", "type it again", False),
    Bad("tagged object", "A painter", "!!python/name:os.system x", "4:18", "must be text, not python/name:os.system", "", False),
    Bad("empty", GOOD, "", "1:1", "is empty", "models:"),
    Bad("only a comment", GOOD, "# nothing\n", "1:1", "is empty", "models:"),
    Bad("a list", GOOD, "- sdxl\n", "1:1", "must be a mapping, not a list"),
]  # fmt: skip
