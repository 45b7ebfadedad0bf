#!/bin/bash
# Boots a real systemd as process 1 of namespaces of its own, over a throw-away overlay of this
# machine's root. Usage: boot.sh WORK_FOLDER CGROUP PROJECT PACKAGES. WORK_FOLDER/setup/setup.sh
# runs inside first; the last two are folders that stand in /opt/clipwatch/{project,packages} there.
# Needs root, overlayfs and cgroup2. Nothing of it outlives the processes but the cgroup's folder.
set -eu
export W=$1 PROJECT=$3 PACKAGES=$4
mkdir -p "$2" "$W/tm" "$W/root"
echo $$ > "$2/cgroup.procs"
exec unshare --fork --pid --mount --cgroup --uts --ipc --kill-child=SIGKILL --propagation private \
  bash -eu -c '
R=$W/root
# An overlay cannot have its upper folder on an overlay, so that gets a tmpfs.
mount -t tmpfs -o size=1g tmpfs $W/tm; mkdir -p $W/tm/up $W/tm/wk
mount -t overlay overlay -o lowerdir=/,upperdir=$W/tm/up,workdir=$W/tm/wk $R
mount -t proc proc $R/proc; mount -t sysfs sysfs $R/sys
mount -t cgroup2 cgroup2 $R/sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs $R/run; mount -t tmpfs -o mode=755 tmpfs $R/dev
for d in null zero full random urandom tty; do touch $R/dev/$d; mount --bind /dev/$d $R/dev/$d; done
# PrivateDevices= copies ptmx and fails without it.
mkdir $R/dev/pts $R/dev/shm $R/dev/mqueue
mount -t devpts devpts $R/dev/pts; ln -s pts/ptmx $R/dev/ptmx; ln -s /proc/self/fd $R/dev/fd
mount -t tmpfs tmpfs $R/dev/shm; mount -t mqueue mqueue $R/dev/mqueue
mkdir -p $R/setup; mount --bind $W/setup $R/setup
mkdir -p $R/opt/clipwatch/project $R/opt/clipwatch/packages
mount --bind $PROJECT $R/opt/clipwatch/project; mount --bind $PACKAGES $R/opt/clipwatch/packages
echo > $R/etc/machine-id
# These would reach through to the machine itself.
for u in sysctl modules-load remount-fs timesyncd; do
  ln -sf /dev/null $R/etc/systemd/system/systemd-$u.service
done
chroot $R /bin/bash -eu /setup/setup.sh
mount -t tmpfs tmpfs $R/tmp
cd $R; mkdir -p run/oldroot; pivot_root . run/oldroot; umount -l /run/oldroot
mount --make-rshared /  # LoadCredential= needs it
exec env -i container=clipwatch PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=multi-user.target </dev/null'
