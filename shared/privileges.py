"""What a server process puts on and takes off between fork and exec: its account, and its tie to the parent."""

import ctypes
import os
import pwd
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2


@dataclass(frozen=True)
class Account:
    """A numeric user and group that a server runs as."""

    user: int
    group: int


def account_for(directory: Path) -> Account | None:
    """Who a server on this directory runs as: None is whoever we are; for root, the directory's owner or else `nobody`.

    PostgreSQL refuses to run as root. Raises KeyError where root finds no account `nobody`.
    """
    if os.geteuid() != 0:
        return None
    owner = directory.stat()
    if owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def before_exec(account: Account | None, on_parent_death: int | None) -> Callable[[], None]:
    """A function for Popen's preexec_fn: become `account`, and let the kernel send a signal when the parent dies.

    An account other than ours may not pass through folders such as /root on its way to its program and data. Rather than
    open those folders to everybody, the process keeps one capability of root's: to search and read (or where a container
    withholds that one, to override file permissions). Root's folders stay as they are. Linux only; elsewhere just the account.
    """
    libc = ctypes.CDLL(None, use_errno=True)  # loaded here: nothing may be loaded between fork and exec

    def change() -> None:
        linux = sys.platform == "linux"
        if account is not None:
            if linux:
                libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
            os.setgroups([])
            os.setgid(account.group)
            os.setuid(account.user)
            if linux:
                _keep_passage(libc)
        if linux and on_parent_death is not None:  # last: a change of user clears it
            libc.prctl(_PR_SET_PDEATHSIG, int(on_parent_death), 0, 0, 0)

    return change


def _keep_passage(libc: ctypes.CDLL) -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    for capability in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE):
        mask = 1 << capability
        if libc.capset(header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)) == 0:
            libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)
            return
