"""The scripts that make bash, zsh and fish complete our commands.

Each only asks the tool what may come next, with ``completion next --words …``, so there is nothing in them that could
fall behind the options. They ask the program that was typed or, where that is not found, the one that wrote them.
"""

from __future__ import annotations

import shlex

from hal_image import about, paths

NAMES = (about.PROGRAM, about.SCRIPT, "HAL-generate-image.py")
"""Names that the program is called by; the shells look at the last part of a path."""

_BASH = """\
# bash: source <(@PROGRAM@ completion bash)
_hal_generate_image() {
    local program=${1//[\\'\\"\\\\]/} current=${COMP_WORDS[COMP_CWORD]} line
    program=${program/#\\~\\//$HOME/}
    type -P -- "$program" >/dev/null || program=@PROGRAM@
    [[ $current == = ]] && current=
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :files | :folders)
                compopt -o filenames 2>/dev/null
                local kind=-f
                [[ $line == :folders ]] && kind=-d
                while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$kind" -- "$current")
                ;;
            *) COMPREPLY+=("${line%%$'\\t'*}") ;;
        esac
    done < <("$program" completion next --words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null </dev/null)
}
complete -F _hal_generate_image @NAMES@
"""

_ZSH = """\
#compdef @NAMES@
# zsh: source <(@PROGRAM@ completion zsh), after compinit; or as a file _hal-generate-image in a folder of $fpath
_hal_generate_image() {
    local program=${${(Q)words[1]}/#\\~\\//$HOME/} line
    local -a found
    whence -p -- "$program" >/dev/null || program=@PROGRAM@
    for line in "${(@f)$("$program" completion next --words "${(@)words[2,CURRENT]}" 2>/dev/null </dev/null)}"; do
        case $line in
            :files) _files ;;
            :folders) _files -/ ;;
            ?*) found+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}") ;;
        esac
    done
    (( $#found )) && _describe 'what may come next' found
}
if [[ ${funcstack[1]-} == _hal_generate_image || ${funcstack[1]-} == _hal-generate-image ]]; then
    _hal_generate_image "$@"
else
    compdef _hal_generate_image @NAMES@
fi
"""

_FISH = """\
# fish: @PROGRAM@ completion fish | source
function __hal_generate_image
    set -l words (commandline -opc) (commandline -ct)
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    type -fq -- $program; or set program @PROGRAM@
    for line in ($program completion next --words $words[2..] 2>/dev/null </dev/null)
        switch $line
            case :files
                __fish_complete_path (commandline -ct)
            case :folders
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end
for name in @NAMES@
    complete -c $name -f -a '(__hal_generate_image)'
end
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def script(shell: str) -> str:
    """The script for a shell of ``SCRIPTS``."""
    checkout = paths.checkout_dir()
    program = about.PROGRAM if checkout is None else str(checkout / about.SCRIPT)
    return SCRIPTS[shell].replace("@PROGRAM@", shlex.quote(program)).replace("@NAMES@", " ".join(NAMES))
