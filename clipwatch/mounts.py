"""Which file system a path lies on, out of ``/proc/self/mountinfo`` (proc(5)). Pure."""

import re
from dataclasses import dataclass

#: Types of file systems whose files another machine holds, or another kernel shares with this one:
#: they report no changes, and what SQLite's log needs of memory and locks does not hold there.
NETWORK = frozenset(
    {
        "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "glusterfs", "gpfs",
        "lustre", "ncpfs", "nfs", "nfs4", "orangefs", "prl_fs", "smb2", "smb3", "smbfs", "vboxsf",
        "vmhgfs", "drvfs",
    }
)  # fmt: skip
#: Of file systems in user space the name stands behind a dot; these are on a network, too.
NETWORK_IN_USER_SPACE = frozenset(
    {
        "sshfs", "rclone", "s3fs", "gcsfuse", "goofys", "davfs2", "curlftpfs", "glusterfs", "ceph",
        "ceph-fuse", "gvfsd-fuse", "kio-fuse", "moosefs", "mfs", "juicefs", "smbnetfs",
        "vmhgfs-fuse", "afp", "seaweedfs", "grpcfuse", "osxfs",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system."""

    point: bytes
    kind: str  #: as in ext4, nfs4, fuse.sshfs

    @property
    def is_network(self) -> bool:
        before, _, after = self.kind.partition(".")
        return self.kind in NETWORK or (before == "fuse" and after in NETWORK_IN_USER_SPACE)


def network_of(mountinfo: bytes, path: bytes) -> str | None:
    """The type of the network file system that an absolute path, its links resolved, lies on; None
    where it lies on none."""
    mount = mount_of(mountinfo, path)
    return mount.kind if mount is not None and mount.is_network else None


def mount_of(mountinfo: bytes, path: bytes) -> Mount | None:
    """The mount that an absolute path, its links resolved, lies on; None where none is told.

    The deepest one, and of several at one place the last, which hides the others.
    """
    found: Mount | None = None
    for line in mountinfo.splitlines():
        mount = _mount(line)
        if mount is None or not _is_at_or_below(path, mount.point):
            continue
        if found is None or len(mount.point) >= len(found.point):
            found = mount
    return found


def _mount(line: bytes) -> Mount | None:
    """Fields, of which the fifth is the place; any number of options; a dash; the type."""
    before, dash, after = line.partition(b" - ")
    fields, kinds = before.split(b" "), after.split(b" ")
    if not dash or len(fields) < 5 or not fields[4].startswith(b"/"):
        return None
    return Mount(_unescaped(fields[4]), kinds[0].decode("ascii", "replace"))


def _unescaped(field: bytes) -> bytes:
    """Space, tab, newline and backslash are written as three octal digits."""
    return re.sub(rb"\\([0-3][0-7]{2})", lambda found: bytes([int(found[1], 8)]), field)


def _is_at_or_below(path: bytes, folder: bytes) -> bool:
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")
