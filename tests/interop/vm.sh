# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Boots the guest and runs commands in it. Sourced after lib.sh; WORK is a folder of the caller's, $WORK/vm ours: what
# the guest sees as /mnt, its console, and its traffic.

VM_QEMU=qemu-system-x86_64
VM_ORDER_SECONDS=60

# vm_boot GUEST_FOLDER ACCELERATOR [QEMU_OPTION...]: in the background, to be ended with vm_kill. VM_NETNS: a network
# namespace; VM_ADDRESSES: what guest-init wants to know.
vm_boot() {
	local guest=$1 accel=$2 cpu=max
	shift 2
	[ "$accel" != kvm ] || cpu=host
	rm -rf "$WORK/vm"
	mkdir -p "$WORK/vm/mnt"
	mkfifo "$WORK/vm/orders.in" "$WORK/vm/orders.out"
	# shellcheck disable=SC2086 # nothing, or a command
	${VM_NETNS:+ip netns exec $VM_NETNS} "$VM_QEMU" -M q35 -accel "$accel" -cpu $cpu -m 512 -nodefaults -no-user-config -display none -no-reboot \
		-kernel "$guest/kernel" -initrd "$guest/initrd" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on net.ifnames=0 ${VM_ADDRESSES:-}" \
		-serial "file:$WORK/vm/console" -chardev "pipe,id=orders,path=$WORK/vm/orders" -serial chardev:orders \
		-device virtio-rng-pci -virtfs "local,path=$WORK/vm/mnt,mount_tag=orders,security_model=none,multidevs=remap" \
		"$@" </dev/null >"$WORK/vm/qemu.log" 2>&1 9>&- &
	process_write $! "$WORK/vm/pid"
	disown # the shell shall not report how it ends
}
vm_kill() {
	[ ! -e "${WORK:-}/vm/pid" ] || process_stop "$WORK/vm/pid" 5
}
vm_alive() { [ -e "$WORK/vm/pid" ] && process_alive "$WORK/vm/pid"; }
vm_decided() { [ -s "$WORK/vm/mnt/ready" ] || process_gone "$WORK/vm/pid"; }
vm_ready() { # SECONDS
	wait_until "$1" vm_decided && [ -s "$WORK/vm/mnt/ready" ]
}

# --- commands ----------------------------------------------------------------------------------------------

# vm_start NAME COMMAND: a shell command of the guest in the background; what it says is in $(vm_log NAME).
# An order that does not arrive is the guest's failure, and told as such: not the command's.
vm_start() {
	rm -f "$WORK/vm/mnt/$1".{log,status,began}
	printf 'echo >/mnt/%s.began\n%s\n' "$1" "$2" >"$WORK/vm/mnt/$1.sh"
	printf '%s\n' "$1" >"$WORK/vm/orders.in"
	wait_until $VM_ORDER_SECONDS vm_began "$1" || true
	[ -e "$WORK/vm/mnt/$1.began" ] || die "the guest did not get the order '$1': $2: $(tail -n 3 "$WORK/vm/console")"
}
vm_began() { [ -e "$WORK/vm/mnt/$1.began" ] || process_gone "$WORK/vm/pid"; }
vm_log() { echo "$WORK/vm/mnt/$1.log"; }
vm_ended() { [ -s "$WORK/vm/mnt/$1.status" ] || process_gone "$WORK/vm/pid"; }
# vm_wait NAME SECONDS: until it ends; its exit status, or 124 when it does not end or the guest is gone.
vm_wait() {
	wait_until "$2" vm_ended "$1" || true
	[ -s "$WORK/vm/mnt/$1.status" ] || return 124
	return "$(cat "$WORK/vm/mnt/$1.status")"
}
# vm_says NAME TEXT SECONDS: until it has said TEXT.
vm_says() { wait_until "$3" grep -q -e "$2" "$(vm_log "$1")"; }
# vm_run SECONDS COMMAND: and wait; what it says goes to standard output.
vm_run() {
	local status=0
	vm_start command "$2"
	vm_wait command "$1" || status=$?
	cat "$(vm_log command)"
	return $status
}
