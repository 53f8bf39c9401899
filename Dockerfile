# The engine as an image: Python with torch, ComfyUI, and hal_image beside it. build-image.sh builds it; by hand:
#
#   docker build --tag hal8000-image-gen .
#
# docs/reference/docker-image.md says what is where and why. Every builder understands this file, also the one that
# Docker had before BuildKit: so no mounts, no heredocs.

ARG BASE_IMAGE=nvidia/cuda:12.1.1-base-ubuntu22.04@sha256:457a4076c56025f51217bff647ca631c7880ad3dbf546b03728ba98297ebbc22

# -- what building and running share: the base with its distribution's Python ------------------------------------------
FROM ${BASE_IMAGE} AS base
RUN set -eu; \
    # NVIDIA's own packages: nothing of them is installed, and asking there can fail where the distribution answers
    rm -f /etc/apt/sources.list.d/cuda*; \
    if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then \
        apt-get update; \
        DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends python3; \
        rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log; \
    fi; \
    if ! python3 -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))'; then \
        echo "hint: torch for the CUDA of this image is made for Python 3.10 to 3.12, and this base has another: \
use one of Ubuntu 22.04, Ubuntu 24.04 or Debian 12" >&2; \
        exit 1; \
    fi; \
    # mounted over by the host; writable for whatever uid comes, since nobody knows it yet
    mkdir -m 1777 /spool /run/hal; \
    mkdir /models

# -- a base that can also install --------------------------------------------------------------------------------------
FROM base AS installer
# certificates of the caller's network, if build-image.sh was given any; they stay in the stages before the last
COPY LICENSE ca.cr[t] /build/
RUN set -eu; \
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then \
        apt-get update; \
        DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends python3-venv; \
    fi; \
    python3 -m venv /build/pip; \
    # what pip brings, and what was given on top: some hosts are behind the company's proxy and some are not
    cat "$(/build/pip/bin/python -c 'from pip._vendor import certifi; print(certifi.where())')" > /build/ca-bundle.crt; \
    if [ -f /build/ca.crt ]; then cat /build/ca.crt >> /build/ca-bundle.crt; fi
ENV PIP_CERT=/build/ca-bundle.crt \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_INPUT=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    GIT_SSL_CAINFO=/build/ca-bundle.crt

# -- the packages ------------------------------------------------------------------------------------------------------
FROM installer AS packages
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ARG PIP_DEFAULT_TIMEOUT
ARG PIP_RETRIES
# engine for CUDA 12.1, engine-cu128 for CUDA 12.8
ARG LOCK=engine
COPY hal_image/install/locks/${LOCK}.txt /opt/venv/engine.txt
COPY hal_image/install/locks/host.txt /opt/venv/host.txt
# One step: a layer of 5 GB is written and read in minutes, so there is no second one.
RUN set -eu; \
    python3 -m venv /opt/venv; \
    python=/opt/venv/bin/python; \
    site="$($python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"; \
    for lock in engine host; do \
        $python -I -m pip install --require-hashes --no-deps --only-binary :all: --no-compile --progress-bar off \
            -r "/opt/venv/$lock.txt"; \
    done; \
    # triton compiles with a C compiler when it runs, and there is none here: 0.6 GB that cannot work
    $python -I -m pip uninstall --quiet --yes triton; \
    # nothing is installed or built here any more
    $python -I -m pip uninstall --quiet --yes setuptools pip; \
    rm -rf "$site/torch/include" "$site/torch/share" "$site"/nvidia/*/include; \
    find "$site/torch/bin" -type f ! -name torch_shm_manager -delete; \
    # numpy's own tests are part of numpy.testing, which scipy imports
    find "$site" -path "$site/numpy" -prune -o -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +; \
    find "$site" -name '*.a' -delete; \
    # Bytecode that is never compared with its source: a read-only container could not write it anew anyway. Some
    # packages carry files that are not meant to compile, so the status says nothing.
    $python -I -m compileall -q -j 0 --invalidation-mode unchecked-hash "$site" || true; \
    chmod -R a+rX /opt/venv

# -- ComfyUI's source --------------------------------------------------------------------------------------------------
FROM installer AS comfyui
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ARG PIP_DEFAULT_TIMEOUT
ARG PIP_RETRIES
# git or wheel; empty: Git, and the wheel if that is not possible
ARG HAL_COMFYUI_SOURCE=
ARG HAL_COMFYUI_GIT_URL=
RUN set -eu; \
    if [ "$HAL_COMFYUI_SOURCE" != wheel ] && ! command -v git >/dev/null; then \
        apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends git || \
            [ -z "$HAL_COMFYUI_SOURCE" ]; \
    fi
COPY hal_image/__init__.py hal_image/about.py hal_image/errors.py hal_image/locking.py hal_image/paths.py /build/hal_image/
COPY hal_image/install /build/hal_image/install
RUN set -eu; \
    cd /build; \
    HAL_STATE_DIR=/build/state /build/pip/bin/python -m hal_image.install.comfyui_into /opt/comfyui; \
    python3 -I -m compileall -q -f -j 0 --invalidation-mode unchecked-hash /opt/comfyui || true; \
    chmod -R a+rX /opt/comfyui

# -- our own code ------------------------------------------------------------------------------------------------------
FROM base AS hal
COPY entrypoint.py models.yaml VERSION LICENSE docker/submit /opt/hal/
COPY hal_image /opt/hal/hal_image
RUN set -eu; \
    python3 -I -m compileall -q -f --invalidation-mode unchecked-hash /opt/hal; \
    # a checkout's rights may be for its owner only
    chmod -R a+rX /opt/hal; \
    chmod a+x /opt/hal/submit

# -- the image ---------------------------------------------------------------------------------------------------------
FROM base
COPY --from=packages /opt/venv /opt/venv
COPY --from=comfyui /opt/comfyui /opt/comfyui
COPY --from=hal /opt/hal /opt/hal
# A new volume that is mounted here gets these rights, so that whatever uid comes can fill it. Not in the base: there it
# would make the 5 GB above anew.
RUN mkdir -m 1777 /hot

# HOME and caches are on the tmpfs that the host mounts; USER is asked for by libraries when the uid has no name.
ENV HOME=/tmp \
    USER=hal \
    PYTHONDONTWRITEBYTECODE=1 \
    HAL_ENGINE_PYTHON=/opt/venv/bin/python \
    HAL_COMFYUI_DIR=/opt/comfyui \
    HAL_MODELS_DIR=/models \
    HAL_STATE_DIR=/tmp/hal8000-image-gen \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

# A number, so that Kubernetes and others can see that it is not root; the host runs it as its own user.
USER 10001:10001
WORKDIR /
ENTRYPOINT ["/opt/venv/bin/python", "-I", "/opt/hal/entrypoint.py"]
CMD ["serve"]
# An engine that is alive greets. Shell, because Docker knows only 0 and 1 here.
HEALTHCHECK --interval=60s --timeout=10s --start-period=30s CMD /opt/hal/submit </dev/null >/dev/null 2>&1 || exit 1

ARG BASE_IMAGE
ARG VERSION=unknown
ARG COMFYUI_COMMIT=unknown
ARG COMFYUI_VERSION=unknown
ARG HAL_COMFYUI_SOURCE=unknown
ARG TORCH_VERSION=unknown
ARG CUDA_OF_TORCH=unknown
ARG INPUTS=
LABEL org.opencontainers.image.title="HAL8000 image generator" \
      org.opencontainers.image.description="Headless ComfyUI behind a unix socket" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      hal8000.version="${VERSION}" \
      hal8000.comfyui.commit="${COMFYUI_COMMIT}" \
      hal8000.comfyui.version="${COMFYUI_VERSION}" \
      hal8000.comfyui.source="${HAL_COMFYUI_SOURCE}" \
      hal8000.torch="${TORCH_VERSION}" \
      hal8000.cuda="${CUDA_OF_TORCH}" \
      hal8000.inputs="${INPUTS}"
