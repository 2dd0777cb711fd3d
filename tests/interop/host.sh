# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Our end of the wire: a network namespace with the guest's tap, of which a daemon takes hold by a packet socket. The
# kernel has no address there, so whatever answers is ours. Sourced after lib.sh; NS, WORK and CASE are the caller's.

TAP=san0
OUR_IP=$(lab_san_ip a) OUR_IP6=$(lab_san_ip6 a)
export GUEST_IP GUEST_IP6
GUEST_IP=$(lab_san_ip b) GUEST_IP6=$(lab_san_ip6 b)
OUR_MAC=52:54:00:77:00:01
# Without offloads frames are as on a wire: checksums are real and no frame is larger than the MTU.
VM_NIC=virtio-net-pci,netdev=net,mac=52:54:00:77:00:02,romfile=,csum=off,gso=off,ctrl_guest_offloads=off
VM_NIC+=,host_tso4=off,host_tso6=off,host_ecn=off,host_ufo=off
VM_NIC+=,guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off

network_up() {
	ip netns add "$NS"
	in_ns ip tuntap add $TAP mode tap
	in_ns ip link set $TAP addrgenmode none arp off address $OUR_MAC
	in_ns ip link set $TAP up
	in_ns ip link set lo up
}
in_ns() { ip netns exec "$NS" "$@"; }
netns_remove() { # NAMESPACE: with whatever runs in it
	local pid
	[ -e "/run/netns/$1" ] || return 0
	for pid in $(ip netns pids "$1"); do
		kill -KILL "$pid" 2>/dev/null || true
	done
	ip netns del "$1"
}

# --- the daemon and programs that use it -------------------------------------------------------------------

ctl() { # HOST COMMAND...: there is only one
	shift
	PATH=$(lab_path) SAND=$WORK/run/sand.sock timeout 20 sandctl "$@"
}
daemon_is_up() { ctl a -j show port info | grep -q '"started": *true'; }
daemon_up() { # [TRANSPORT_SETTING...]
	cat >"$WORK/sand.conf" <<-END
		[daemon]
		name = $NS
		runtime_dir = $WORK/run
		hugepages = no
		[port.san]
		device = net_af_packet0,iface=$TAP
		address = $OUR_IP/24, $OUR_IP6/64
		[transport]
	END
	printf '%s\n' "$@" >>"$WORK/sand.conf"
	PATH=$(lab_path) setsid ip netns exec "$NS" sand -c "$WORK/sand.conf" </dev/null >"$WORK/sand.log" 2>&1 &
	process_write $! "$WORK/sand.pid"
	wait_until 20 daemon_is_up || fail "the daemon does not start"
}
# ours NAME COMMAND...: a program of our host, in the background; what it says is in $WORK/NAME.log.
ours() {
	local name=$1
	shift
	PATH=$(lab_path) SAND=$WORK/run/sand.sock setsid ip netns exec "$NS" "$@" </dev/null >"$WORK/$name.log" 2>&1 &
	process_write $! "$WORK/$name.pid"
}
# ours_run PYTHON_PROGRAM ARGUMENT...: over the SAN, to its good end.
ours_run() {
	PATH=$(lab_path) SAND=$WORK/run/sand.sock in_ns timeout 40 sand-run "$PYTHON" -u "$@" </dev/null >"$WORK/program.log" 2>&1 ||
		fail "$*: $(tail -n 3 "$WORK/program.log")"
}
ours_says() { # NAME TEXT SECONDS
	wait_until "$3" grep -q -e "$2" "$WORK/$1.log" || fail "$1 did not say '$2'"
}
ours_check() {
	[ ! -e "$WORK/sand.pid" ] || assert_nothing_odd a
}
ours_stop() {
	local file pid
	for file in "$WORK"/*.pid; do
		[ -e "$file" ] || continue
		read -r pid _ <"$file"
		process_stop "$file" 8
		# Gone is only the first thread.
		wait "$pid" 2>/dev/null || true
		rm -f "$file"
	done
}
