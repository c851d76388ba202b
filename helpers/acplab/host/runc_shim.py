"""An OCI runtime in front of runc, for hosts whose root lacks capabilities (a sandboxed VM).

Docker 20.10 asks for every capability in a --privileged container; runc cannot give what the host
doesn't have and fails with "unable to apply caps". This takes the missing ones out of the request:
from config.json (create --bundle DIR) and from the process file (exec --process FILE).
It is only used by a daemon that acplab itself has started on such a host. Standard library only:
it runs outside of our environment.
"""

import json
import os
import sys

NAMES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT "
    "SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP "
    "MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split()


def held(status="/proc/self/status"):
    """The capabilities that this host can give, as names such as CAP_NET_ADMIN."""
    with open(status) as lines:
        bits = next(int(line.split()[1], 16) for line in lines if line.startswith("CapBnd"))
    return {f"CAP_{name}" for bit, name in enumerate(NAMES) if bits >> bit & 1}


def without_missing(process, have):
    """The process section of an OCI configuration, asking only for what can be had."""
    for kind, wanted in (process.get("capabilities") or {}).items():
        process["capabilities"][kind] = [name for name in wanted or [] if name in have]
    if "CAP_SYS_RESOURCE" not in have:
        # Lowering the score below the host's own needs the capability as well.
        process.pop("oomScoreAdj", None)
    return process


def _rewrite(path, change):
    with open(path) as file:
        document = json.load(file)
    change(document)
    with open(path, "w") as file:
        json.dump(document, file)


def main(arguments):
    """Rewrite what is asked of runc, then become it."""
    have = held()
    if "--bundle" in arguments and "create" in arguments:
        config = os.path.join(arguments[arguments.index("--bundle") + 1], "config.json")
        _rewrite(config, lambda document: without_missing(document.get("process", {}), have))
    elif "--process" in arguments and "exec" in arguments:
        _rewrite(arguments[arguments.index("--process") + 1], lambda document: without_missing(document, have))
    os.execvp("runc", ["runc", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
