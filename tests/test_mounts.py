from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.mounts import NETWORK, Mount, mount_of, network_of

TABLE = rb"""
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
23 22 0:21 / /proc rw,nosuid shared:5 - proc proc rw
40 22 0:40 / /srv/pictures rw,relatime shared:9 master:1 - nfs4 nas:/export rw,vers=4.2
41 40 0:41 / /srv/pictures/fast rw - xfs /dev/sdb1 rw
42 22 0:42 / /home/ann/My\040Share rw - fuse.sshfs ann@nas: rw,user_id=0
43 22 0:43 / /mnt/c rw - 9p C:\134 rw,dirsync
44 22 0:44 / /over rw - ext4 /dev/sdc1 rw
45 44 0:45 / /over rw - cifs //nas/share rw
this line is nonsense
"""


@pytest.mark.parametrize(
    ("path", "kind", "is_network"),
    [
        (b"/", "ext4", False),
        (b"/srv/picturesque/a.db", "ext4", False),
        (b"/srv/pictures", "nfs4", True),
        (b"/srv/pictures/slow/a.db", "nfs4", True),
        (b"/srv/pictures/fast/a.db", "xfs", False),
        (b"/home/ann/My Share/a.db", "fuse.sshfs", True),
        (b"/mnt/c/Users/a.db", "9p", True),
        (b"/over/a.db", "cifs", True),
    ],
)
def test_the_deepest_and_last_mount_counts(path: bytes, kind: str, is_network: bool) -> None:
    mount = mount_of(TABLE, path)
    assert mount is not None
    assert (mount.kind, mount.is_network) == (kind, is_network)
    assert network_of(TABLE, path) == (kind if is_network else None)


def test_this_machine_tells_where_its_root_is() -> None:
    mount = mount_of(Path("/proc/self/mountinfo").read_bytes(), b"/")
    assert mount is not None
    assert mount.point == b"/"


@pytest.mark.parametrize(
    ("kind", "is_network"),
    [("fuse.rclone", True), ("fuse.ntfs-3g", False), ("fuseblk", False), ("sshfs.fuse", False)],
)
def test_of_file_systems_in_user_space_only_some_are_remote(kind: str, is_network: bool) -> None:
    assert Mount(b"/", kind).is_network == is_network


NAMES = st.binary(min_size=1, max_size=6).filter(
    lambda name: b"/" not in name and b"\0" not in name
)
FOLDERS = st.lists(NAMES, max_size=4).map(lambda names: b"/" + b"/".join(names))
KINDS = st.sampled_from(["ext4", "btrfs", *sorted(NETWORK)])


def escaped(path: bytes) -> bytes:
    """As the kernel writes it, and more than it has to."""
    return b"".join(bytes([byte]) if byte in b"/abcXYZ019" else b"\\%03o" % byte for byte in path)


@given(st.lists(st.tuples(FOLDERS, KINDS)), FOLDERS)
def test_it_is_the_last_of_the_longest_that_contain_the_path(
    mounts: list[tuple[bytes, str]], path: bytes
) -> None:
    table = b"\n".join(
        b"1 1 0:1 / %s rw - %s none rw" % (escaped(point), kind.encode()) for point, kind in mounts
    )
    above = [
        path[:end] or b"/" for end in range(len(path) + 1) if path[end : end + 1] in (b"/", b"")
    ]
    holding = [(len(point), n) for n, (point, _) in enumerate(mounts) if point in {*above, b"/"}]
    found = mount_of(table, path)
    if not holding:
        assert found is None
    else:
        point, kind = mounts[max(holding)[1]]
        assert found == Mount(point, kind)


@given(st.binary(), FOLDERS)
def test_no_table_makes_it_fail(table: bytes, path: bytes) -> None:
    mount_of(table, path)
