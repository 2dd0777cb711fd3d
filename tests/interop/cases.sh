# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The cases: case_NAME talks, check_NAME looks at the capture of it. Sourced by run, which has the helpers.

CASES="echo refused not_sdp refusing silent ucmatose rejects"
PYTHON=/usr/bin/python3
WEATHER=$HERE/../integration/weather.py
REJ_8='infiniband.mad.attributeid == 0x0012 && infiniband.cm.rej.reason == 8'

case_names() { echo "$CASES"; }

# guest SECONDS COMMAND: in the guest, to its good end; what it says is in SAID.
guest() {
	local status=0
	SAID=$(vm_run "$1" "$2") || status=$?
	[ $status = 0 ] || fail "guest: $2: status $status: $SAID"
}
# guest_fails SECONDS COMMAND TEXT: it ends with an error, and says TEXT.
guest_fails() {
	local status=0
	SAID=$(vm_run "$1" "$2") || status=$?
	case $status in 0 | 124) fail "guest: $2: status $status: $SAID" ;; esac
	grep -q -e "$3" <<<"$SAID" || fail "guest: $2 did not say '$3' but: $SAID"
}

# guest_serve COMMAND: a server there, from when it listens; guest_ends SECONDS: until it ends, well.
guest_serve() {
	vm_start server "$1 & until rdma resource show cm_id | grep -q LISTEN; do sleep 0.1; done; echo listening; wait \$!"
	vm_says server listening 10 || fail "guest: $1 does not listen: $(cat "$(vm_log server)")"
}
guest_ends() {
	local status=0
	vm_wait server "$1" || status=$?
	SAID=$(cat "$(vm_log server)")
	[ $status = 0 ] || fail "guest: the server: status $status: $SAID"
}

# --- the daemon ---------------------------------------------------------------------------------------------

# The guest's kernel resolves our address, and gets its echo back, from 1 byte to a full frame.
case_echo() {
	local ip size
	daemon_up
	for ip in $OUR_IP $OUR_IP6; do
		for size in 1 56 1400; do
			guest 20 "ping -c 3 -A -s $size $ip"
			passed ping target "$ip, $size bytes"
		done
		guest 5 "ip neigh show $ip"
		grep -q "lladdr $OUR_MAC" <<<"$SAID" || fail "the guest knows $ip as: $SAID"
	done
}
check_echo() {
	assert_frames "$1" 'arp.opcode == 2 && arp.src.proto_ipv4 == '"$OUR_IP" 1 "an ARP reply"
	assert_frames "$1" 'icmpv6.type == 136 && icmpv6.nd.na.target_address == '"$OUR_IP6" 1 "a neighbour advertisement"
	assert_frames "$1" 'icmp.type == 0' 9 "an echo reply"
}

# Nobody listens: reject reason 8, invalid service ID.
case_refused() {
	local ip
	daemon_up
	for ip in $OUR_IP $OUR_IP6; do
		guest_fails 20 "rping -c -C 1 -a $ip" 'RDMA_CM_EVENT_REJECTED, error 8'
		passed rping refuser "$ip"
		guest_fails 20 "ucmatose -s $ip" 'RDMA_CM_EVENT_REJECTED, error: 8'
		passed ucmatose refuser "$ip"
	done
}
check_refused() {
	assert_frames "$1" "$REJ_8" 4 "REJ 8"
}

# A program of ours listens on that very port, but for SDP: its service ID is another.
case_not_sdp() {
	daemon_up
	ours listener sand-run $PYTHON -u "$WEATHER" accept-many 0.0.0.0 7174
	ours_says listener ready 10
	guest_fails 20 "rping -c -C 1 -p 7174 -a $OUR_IP" 'RDMA_CM_EVENT_REJECTED, error 8'
	passed rping refuser "an SDP listener on its port"
	ours_run "$WEATHER" refused "$OUR_IP" 7175
}
check_not_sdp() { assert_frames "$1" "$REJ_8" 1 "REJ 8"; }

# The other way round: the guest knows no SDP, and says so.
case_refusing() {
	local ip
	daemon_up
	for ip in $GUEST_IP $GUEST_IP6; do
		ours_run "$WEATHER" refused "$ip" 7174
		passed "kernel's CM" "SDP client" "$ip refuses"
	done
}
check_refusing() { assert_frames "$1" "$REJ_8" 2 "REJ 8"; }

# No RoCE over there: the REQ is repeated, then an error ends it.
case_silent() {
	daemon_up connect_timeout_ms=500
	guest 5 "rdma link delete rxe0"
	ours_run "$WEATHER" no-way "$GUEST_IP" 7174
	guest 5 "rdma link add rxe0 type rxe netdev eth0"
	passed "no RoCE" "SDP client" "times out"
}
check_silent() { assert_frames "$1" 'infiniband.mad.attributeid == 0x0010' 2 "CM REQ"; }

# --- our verbs ----------------------------------------------------------------------------------------------

# The matrix of one tool: each size over IPv4 and IPv6, both roles.
case_ucmatose() {
	local size
	for size in 1 64 1024 4096 65536; do
		we_serve 20 "ucmatose -s $OUR_IP -c 2 -C 4 -S $size" -c 2 -C 4 -S $size ucmatose
		passed ucmatose server "IPv4, 2 connections, 4 x $size bytes each way"
		we_call 20 "ucmatose -c 2 -C 4 -S $size" -c 2 -C 4 -S $size ucmatose "$GUEST_IP"
		passed ucmatose client "IPv4, 2 connections, 4 x $size bytes each way"
	done
	we_serve 20 "ucmatose -s $OUR_IP6 -C 4 -S 4096" -C 4 -S 4096 ucmatose
	passed ucmatose server "IPv6, 4 x 4096 bytes each way"
	we_call 20 "ucmatose -b :: -C 4 -S 4096" -C 4 -S 4096 ucmatose "$GUEST_IP6"
	passed ucmatose client "IPv6, 4 x 4096 bytes each way"
}
check_ucmatose() {
	assert_frames "$1" 'infiniband.mad.attributeid == 0x0010' 22 "CM REQ"
	assert_frames "$1" 'infiniband.mad.attributeid == 0x0015' 22 "CM DREQ"
	# Three sizes in one packet, one in 64; both roles, 2 connections, 4 messages each way.
	assert_frames "$1" 'infiniband.bth.opcode == 4' $((3 * 2 * 2 * 8)) "SEND only"
	assert_frames "$1" 'infiniband.bth.opcode == 1' $((62 * 2 * 2 * 8)) "SEND middle"
	assert_frames "$1" 'ipv6 && infiniband.bth.opcode == 2' $((2 * 8)) "SEND last over IPv6"
}

# Refused both ways: nobody listens over there; we do not want them here.
case_rejects() {
	local ip
	for ip in $GUEST_IP $GUEST_IP6; do
		verbs refused "$ip"
		ours_ends verbs 10
		passed "kernel's CM" client "$ip: invalid service ID"
	done
	verbs reject
	wait_until 5 verbs_is_there || fail "verbs does not start"
	guest_fails 20 "rping -c -C 1 -a $OUR_IP" 'RDMA_CM_EVENT_REJECTED, error 28'
	ours_ends verbs 10
	passed rping server "consumer reject"
}
check_rejects() {
	assert_frames "$1" "$REJ_8" 2 "REJ 8"
	assert_frames "$1" 'infiniband.cm.rej.reason == 28' 1 "REJ 28"
}
