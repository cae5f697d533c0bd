"""The init process of a container: run as `python -I -S shim.py STATUS_FD`, stdlib only.

It reads a JSON object on its stdin, after its length in 8 hexadecimal digits: {"argv", "env", "cwd",
"root"}; `root`, when not null, is the folder that the container sees as /opt/ml. Then single letters:
`t` is SIGTERM to every process of the container, `k` is SIGKILL. **The end of stdin means that the cloud
has died: everything is killed.** On STATUS_FD it writes JSON lines: {"pid"} once the container runs,
{"status", "leftovers"} (a wait status) when it has ended, {"failed"} when it could not be started.

Every process that the container ever starts stays a descendant of this one, because it is a child
subreaper: daemons that forked twice and left the session come back to it. It kills what the main process
leaves behind. Should this process itself be killed, the main process dies by PR_SET_PDEATHSIG.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import stat
import sys
import time
from collections.abc import Mapping
from typing import Any, NoReturn

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127  # what a shell and container engines answer
_KILL_SECONDS = 10.0  # a process in uninterruptible sleep does not go; do not wait for ever

MAIN_FOLDER = "/opt/ml"


# --- the processes of a container ------------------------------------------------------------------------


def descendants(pid: int) -> list[int]:
    """The live processes below `pid`, at any depth; not `pid` itself, and no zombies."""
    children: dict[int, list[int]] = {}
    dead: set[int] = set()
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        children.setdefault(int(fields[1]), []).append(int(name))
        if fields[0] in (b"Z", b"X"):
            dead.add(int(name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        waiting += below
        found += [each for each in below if each not in dead]
    return found


def send(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


class _Family:
    """The main process and all that descends from this one."""

    def __init__(self, main: int) -> None:
        self.main = main
        self.status: int | None = None  # the main process's wait status

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.main:
                self.status = status

    def kill(self) -> int:
        """Kills until nothing is left, also what is forked meanwhile; returns how many there were."""
        seen: set[int] = set()
        deadline = time.monotonic() + _KILL_SECONDS
        while time.monotonic() < deadline:
            self.reap()
            alive = descendants(os.getpid())
            if not alive:
                break
            seen.update(alive)
            send(alive, signal.SIGKILL)
            time.sleep(0.005)
        self.reap()
        return len(seen)


# --- /opt/ml of its own ----------------------------------------------------------------------------------


def _call(name: str, *arguments: Any) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    try:
        _call("mount", encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3])
    except OSError as error:
        raise OSError(error.errno, f"mount {source} at {target}: {os.strerror(error.errno or 0)}") from error


def make_private(root: str) -> None:
    """Gives this process and its children a mount namespace in which `root` is at /opt/ml.

    Nothing else changes: where /opt/ml does not exist, /opt becomes a small tmpfs on which every entry
    that it had is bound again. Raises OSError where the machine does not allow it.
    """
    if os.geteuid() == 0:
        _call("unshare", ctypes.c_int(_CLONE_NEWNS))
    else:
        user, group = os.geteuid(), os.getegid()
        _call("unshare", ctypes.c_int(_CLONE_NEWUSER | _CLONE_NEWNS))
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    if not os.path.isdir(MAIN_FOLDER):
        _rebuild(os.path.dirname(MAIN_FOLDER))
        os.mkdir(MAIN_FOLDER)
    _mount(root, MAIN_FOLDER, None, _MS_BIND | _MS_REC)


def _rebuild(folder: str) -> None:
    """Puts a tmpfs over `folder` and binds each of its entries onto it, so that one more can be added."""
    former = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        _mount("tmpfs", folder, "tmpfs", 0, "mode=755,size=1m")
        for entry in os.listdir(f"/proc/self/fd/{former}"):
            source, target = f"/proc/self/fd/{former}/{entry}", os.path.join(folder, entry)
            mode = os.lstat(source).st_mode
            if stat.S_ISLNK(mode):
                os.symlink(os.readlink(source), target)
                continue
            if stat.S_ISDIR(mode):
                os.mkdir(target)
            else:
                os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
            _mount(source, target, None, _MS_BIND | _MS_REC)
    finally:
        os.close(former)


# --- the container's main process ------------------------------------------------------------------------


def _execute(spec: Mapping[str, Any], parent: int) -> NoReturn:
    """In the child: its own session, tied to its parent's life, ordinary signals; then the command."""
    try:
        os.setsid()
        _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(128 + signal.SIGKILL)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them; a program expects not to
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.chdir(spec["cwd"])
        os.execvpe(spec["argv"][0], spec["argv"], spec["env"])  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(2, f"cannot run '{spec['argv'][0]}': {os.strerror(error.errno or 0)}\n".encode())
        os._exit(_NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE)
    except BaseException as error:  # noqa: BLE001 - the child of a fork must never return
        os.write(2, f"cannot run '{spec['argv'][0]}': {error!r}\n".encode(errors="replace"))
    os._exit(_NOT_EXECUTABLE)


def _supervise(family: _Family, wakeup: int) -> int:
    """Until the container has ended: obeys stdin, reaps orphans; returns the number of leftovers.

    It ends with its main process. Only after a `t` it lasts as long as any of its processes: the one that
    is worth waiting for, the training script, is not the main one.
    """
    watched = [0, wakeup]
    terminating = False
    while family.status is None or (terminating and descendants(os.getpid())):
        ready, _, _ = select.select(watched, [], [])
        if wakeup in ready and any(number != signal.SIGCHLD for number in os.read(wakeup, 4096)):
            family.kill()  # somebody ends this process: nothing may outlive it
        if 0 in ready:
            orders = os.read(0, 4096)
            if b"t" in orders:
                terminating = True
                send(descendants(os.getpid()), signal.SIGTERM)
            if not orders or b"k" in orders:
                family.kill()
            if not orders:
                watched = [wakeup]
        family.reap()
    return family.kill()


def _read_exactly(size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = os.read(0, size - len(data))  # not a byte more: what follows are orders
        if not chunk:
            raise EOFError
        data += chunk
    return data


def main() -> None:
    status = int(sys.argv[1])
    os.set_inheritable(status, False)

    def report(message: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):  # the cloud has died; there is nobody to tell
            os.write(status, json.dumps(message).encode() + b"\n")

    _call("prctl", _PR_SET_CHILD_SUBREAPER, 1)
    wakeup, woken = os.pipe()
    for end in (wakeup, woken):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    try:
        spec = json.loads(_read_exactly(int(_read_exactly(8), 16)))
    except EOFError:
        return  # the cloud has died before it said what to run
    if spec["root"] is not None:
        try:
            make_private(spec["root"])
        except OSError as error:
            report({"failed": f"cannot put '{spec['root']}' at {MAIN_FOLDER}: {error.strerror}"})
            return
    shim = os.getpid()
    main_process = os.fork()
    if main_process == 0:
        _execute(spec, shim)
    report({"pid": main_process})
    family = _Family(main_process)
    leftovers = _supervise(family, wakeup)
    report({"status": family.status, "leftovers": leftovers})


if __name__ == "__main__":
    main()
