"""What a server process changes about itself between fork and exec: its account, and its tie to the parent."""

import ctypes
import os
import pwd
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
_PR_SET_SECUREBITS, _NO_SETUID_FIXUP = 28, 1 << 2
_CAPABILITY_VERSION_3, _CAP_DAC_OVERRIDE = 0x20080522, 1


@dataclass(frozen=True)
class Account:
    """A numeric user and group that a server runs as."""

    user: int
    group: int


def account_for(directory: Path) -> Account | None:
    """Who a server on this directory runs as: None is whoever we are; for root, the directory's owner or else `nobody`.

    PostgreSQL refuses to run as root. Raises KeyError where there is no account `nobody`.
    """
    if os.geteuid() != 0:
        return None
    owner = directory.stat()
    if owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def before_exec(account: Account | None, signal_on_parent_death: int) -> Callable[[], None]:
    """A function for Popen's preexec_fn: become `account`, and let the kernel send a signal when the parent has died.

    Another account cannot pass through folders such as /root to its program and data. Rather than open these to
    everybody, the process keeps one capability of root's, to override file permissions; so its data can lie in a folder
    that only root enters, and other processes of that account have no way to it. On Linux; elsewhere only the account.
    """
    libc = ctypes.CDLL(None, use_errno=True)  # here, because nothing should be loaded between fork and exec
    parent = os.getpid()

    def change() -> None:
        if account is not None:
            _become(account, libc)
        if sys.platform == "linux":
            libc.prctl(_PR_SET_PDEATHSIG, signal_on_parent_death, 0, 0, 0)  # last: a change of user clears it
            if os.getppid() != parent:
                os._exit(1)

    return change


def _become(account: Account, libc: ctypes.CDLL) -> None:
    linux = sys.platform == "linux"
    if linux:
        # access(2), by which initdb looks for its neighbours, otherwise ignores the capability of who is not root.
        libc.prctl(_PR_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0)
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(account.group)
    os.setuid(account.user)
    if linux:
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        mask = 1 << _CAP_DAC_OVERRIDE
        # effective, permitted, inheritable; where a container withholds it, ordinary permissions have to do
        if libc.capset(header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)) == 0:
            libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)
