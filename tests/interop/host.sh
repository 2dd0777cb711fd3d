# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Our end of the wire: a network namespace with the guest's tap, of which the daemon or our verbs take hold by a packet
# socket. The kernel has no address there, so whatever answers is ours. Sourced after lib.sh; NS, WORK and CASE are the caller's.

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
# ours_ends NAME SECONDS: until it ends, well.
ours_ends() {
	local pid status=0
	read -r pid _ <"$WORK/$1.pid"
	wait_until "$2" process_gone "$WORK/$1.pid" || fail "$1 does not end"
	wait "$pid" || status=$?
	[ $status = 0 ] || fail "$1 ended with $status: $(tail -n 3 "$WORK/$1.log")"
	rm -f "$WORK/$1.pid"
}
# ours_fails NAME SECONDS TEXT: until it ends with an error, and says TEXT.
ours_fails() {
	local pid status=0
	read -r pid _ <"$WORK/$1.pid"
	wait_until "$2" process_gone "$WORK/$1.pid" || fail "$1 does not end"
	wait "$pid" || status=$?
	[ $status = 1 ] || fail "$1 ended with $status: $(tail -n 3 "$WORK/$1.log")"
	grep -q -e "$3" "$WORK/$1.log" || fail "$1 did not say '$3' but: $(tail -n 3 "$WORK/$1.log")"
	rm -f "$WORK/$1.pid"
}

# --- our verbs ----------------------------------------------------------------------------------------------

# verbs ARGUMENT...: our host that speaks what rdma-core's tools speak, in the background.
verbs() {
	ours verbs "$SAND_BUILD/tests/interop/verbs/verbs" -i $TAP -a "$OUR_IP/24" -a "$OUR_IP6/64" -v \
		-w "$WORK/verbs.pcap" "$@"
}
# A packet socket that is bound misses nothing, even if the program comes to it later.
verbs_is_there() { in_ns grep -q ' 0003 ' /proc/net/packet; }

# we_serve SECONDS GUEST_COMMAND VERBS_ARGUMENT...: the guest's client comes to our server; both end well.
we_serve() {
	local seconds=$1 command=$2
	shift 2
	verbs "$@"
	wait_until 30 verbs_is_there || fail "verbs does not start: $(cat "$WORK/verbs.log")"
	guest "$seconds" "$command"
	ours_ends verbs 60
}
# we_call SECONDS GUEST_COMMAND VERBS_ARGUMENT...: our client goes to the guest's server; both end well.
we_call() {
	local seconds=$1 command=$2
	shift 2
	guest_serve "$command"
	verbs "$@"
	ours_ends verbs "$seconds"
	guest_ends 60
}

# --- a socket in message mode -------------------------------------------------------------------------------

RPING_PORT=7174
rping() { # ARGUMENT...: in the background
	ours rping "$SAND_BUILD/tests/interop/rping" "$@"
}

# socket_serves IP COUNT SIZE: the guest's rping comes to ours; socket_calls: ours goes to the guest's. Both end well.
socket_serves() {
	rping serve "$1" $RPING_PORT "$2" "$3"
	ours_says rping ready 30
	guest 60 "rping -c -V -a $1 -C $2 -S $3"
	ours_ends rping 30
}
socket_calls() {
	guest_serve "rping -s -V -a $1 -C $2 -S $3"
	rping "$1" $RPING_PORT "$2" "$3"
	ours_ends rping 60
	guest_ends 60
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
