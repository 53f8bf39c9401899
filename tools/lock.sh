#!/bin/sh
# Remake the lock files in hal_image/install/locks from the .in files beside them, for every Python and platform at once.
#
#   tools/lock.sh                        keeps every version that still fits
#   tools/lock.sh --upgrade              moves everything to the newest that fits
#   tools/lock.sh --upgrade-package av   moves one package
#
# Needs uv (pip install uv), named by UV where it is not on the PATH. Nothing of this machine's pip or uv configuration
# reaches the result: other indexes, local wheels and their hashes would be wrong for everybody else.
set -eu
cd "$(dirname "$0")/.."

for name in host mcp engine engine-cu128 dev; do
    case $name in
    engine-cu128) # the engine's packages in the engine's versions, with another torch
        cp hal_image/install/locks/engine.txt hal_image/install/locks/engine-cu128.txt
        from="engine.in --overrides hal_image/install/locks/engine-cu128.in"
        ;;
    *) from=$name.in ;;
    esac
    # shellcheck disable=SC2086 # an option and its value
    env -i PATH="$PATH" HOME="$HOME" \
        ${SSL_CERT_FILE:+SSL_CERT_FILE="$SSL_CERT_FILE"} ${HTTPS_PROXY:+HTTPS_PROXY="$HTTPS_PROXY"} \
        "${UV:-uv}" --no-config pip compile --quiet --no-python-downloads \
        --universal --python-version 3.10 --only-binary :all: --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command tools/lock.sh \
        "$@" --output-file "hal_image/install/locks/$name.txt" hal_image/install/locks/$from >/dev/null
done
