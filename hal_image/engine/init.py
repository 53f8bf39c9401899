"""What process 1 of a container owes the others: pass signals on, and bury orphans.

The kernel ignores a signal to process 1 that it has no handler for, so that ``docker stop`` would wait for nothing and
then kill. And a process whose parent died becomes a child of process 1, which stays a zombie until that asks for its
exit status. So process 1 does this and nothing else, and the program runs as its child. With ``docker run --init``
Docker's own process 1 does it, and this module is not used. There is no program for it in both families of base images.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress

NOT_PASSED_ON = {
    signal.SIGCHLD,  # ours
    # of process 1 itself, should it have a bug
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS),
    # a background process's use of the terminal
    *(signal.SIGTTIN, signal.SIGTTOU),
}


def run_as_child() -> None:
    """Forks; returns in the child. The parent looks after it and ends with its exit status, 128 + a signal's number."""
    watched = signal.valid_signals() - (NOT_PASSED_ON - {signal.SIGCHLD})
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)  # none is lost before it is waited for
    child = os.fork()
    if child == 0:
        _take_terminal()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    os._exit(_look_after(child, watched))


def _take_terminal() -> None:
    """Makes a process group that Ctrl-C reaches: in ours it would come twice, by the terminal and passed on."""
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})  # what a background process gets for the next line
    with suppress(OSError):  # no terminal
        os.tcsetpgrp(0, os.getpgrp())


def _look_after(child: int, watched: set[signal.Signals]) -> int:
    while True:
        number = signal.sigwait(watched)
        if number != signal.SIGCHLD:
            with suppress(ProcessLookupError):
                os.kill(child, number)
            continue
        for pid, status in _ended():
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code


def _ended() -> list[tuple[int, int]]:
    """Children that have ended, each with its status: one SIGCHLD may stand for several."""
    found = []
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
            found.append(ended)
    return found
