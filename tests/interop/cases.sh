# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The cases: case_NAME talks, check_NAME looks at the capture of it. Sourced by run, which has the helpers.

CASES="echo refused not_sdp refusing silent ucmatose rejects
	rping socket daemon_killed send_bw write_bw read_bw atomic_bw jumbo loss killed"
PYTHON=/usr/bin/python3
WEATHER=$HERE/../integration/weather.py
REJ_8='infiniband.mad.attributeid == 0x0012 && infiniband.cm.rej.reason == 8'

case_names() { tr -s '\n\t ' ' ' <<<"$CASES"; }

# rping's second thread asks for the next event when the first may have closed their source: after the disconnect, when
# everything is verified. rping_left STATUS: whether that is how it ended, and SAID has nothing else.
rping_left() {
	[ "$1" = 255 ] && grep -q 'rdma_get_cm_event: Bad file descriptor' <<<"$SAID" &&
		! grep -v -e '^listening$' -e 'DISCONNECT EVENT' -e 'Bad file descriptor' -e 'wait for RDMA_READ_ADV state 10' <<<"$SAID"
}

# guest SECONDS COMMAND: in the guest, to its good end; what it says is in SAID.
guest() {
	local status=0
	SAID=$(vm_run "$1" "$2") || status=$?
	[ $status = 0 ] || rping_left $status || fail "guest: $2: status $status: $SAID"
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
	vm_says server listening 60 || fail "guest: $1 does not listen: $(cat "$(vm_log server)")"
}
guest_ends() {
	local status=0
	vm_wait server "$1" || status=$?
	SAID=$(cat "$(vm_log server)")
	[ $status = 0 ] || rping_left $status || fail "guest: the server: status $status: $SAID"
}

# --- the daemon ---------------------------------------------------------------------------------------------

# The guest's kernel resolves our address, and gets its echo back, from 1 byte to a full frame.
case_echo() {
	local ip size
	daemon_up
	for ip in $OUR_IP $OUR_IP6; do
		for size in 1 56 1400; do
			guest 60 "ping -c 3 -A -s $size $ip"
			passed ping target "$ip, $size bytes"
		done
		guest 60 "ip neigh show $ip"
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
		guest_fails 60 "rping -c -C 1 -a $ip" 'RDMA_CM_EVENT_REJECTED, error 8'
		passed rping refuser "$ip"
		guest_fails 60 "ucmatose -s $ip" 'RDMA_CM_EVENT_REJECTED, error: 8'
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
	ours_says listener ready 30
	guest_fails 60 "rping -c -C 1 -p 7174 -a $OUR_IP" 'RDMA_CM_EVENT_REJECTED, error 8'
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
	guest 60 "rdma link delete rxe0"
	ours_run "$WEATHER" no-way "$GUEST_IP" 7174
	guest 60 "rdma link add rxe0 type rxe netdev eth0"
	passed "no RoCE" "SDP client" "times out"
}
check_silent() { assert_frames "$1" 'infiniband.mad.attributeid == 0x0010' 2 "CM REQ"; }

# --- our verbs ----------------------------------------------------------------------------------------------

# The matrix of one tool: each size over IPv4 and IPv6, both roles.
case_ucmatose() {
	local size
	for size in 1 64 1024 4096 65536; do
		we_serve 60 "ucmatose -s $OUR_IP -c 2 -C 4 -S $size" -c 2 -C 4 -S $size ucmatose
		passed ucmatose server "IPv4, 2 connections, 4 x $size bytes each way"
		we_call 60 "ucmatose -c 2 -C 4 -S $size" -c 2 -C 4 -S $size ucmatose "$GUEST_IP"
		passed ucmatose client "IPv4, 2 connections, 4 x $size bytes each way"
	done
	we_serve 60 "ucmatose -s $OUR_IP6 -C 4 -S 4096" -C 4 -S 4096 ucmatose
	passed ucmatose server "IPv6, 4 x 4096 bytes each way"
	we_call 60 "ucmatose -b :: -C 4 -S 4096" -C 4 -S 4096 ucmatose "$GUEST_IP6"
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

# The text is verified by us and by the guest (-V). 65535 is its longest.
case_rping() {
	local size
	for size in 64 1000 4096 65535; do
		we_serve 60 "rping -c -V -a $OUR_IP -C 5 -S $size" -C 5 -S $size rping
		passed rping server "IPv4, 5 pings of $size bytes"
		we_call 60 "rping -s -V -a $GUEST_IP -C 5 -S $size" -C 5 -S $size rping "$GUEST_IP"
		passed rping client "IPv4, 5 pings of $size bytes"
	done
	we_serve 60 "rping -c -V -a $OUR_IP6 -C 5 -S 65535" -C 5 -S 65535 rping
	passed rping server "IPv6, 5 pings of 65535 bytes"
	we_call 60 "rping -s -V -a $GUEST_IP6 -C 5 -S 65535" -C 5 -S 65535 rping "$GUEST_IP6"
	passed rping client "IPv6, 5 pings of 65535 bytes"
}
check_rping() {
	# Ten runs of five pings: a READ and a WRITE each; a path MTU is 1024 bytes.
	assert_frames "$1" 'infiniband.bth.opcode == 12' 50 "READ request"
	assert_frames "$1" 'infiniband.bth.opcode == 14' $((62 * 20)) "READ response middle"
	assert_frames "$1" 'infiniband.bth.opcode == 7' $((62 * 20)) "WRITE middle"
	assert_frames "$1" 'infiniband.bth.opcode == 10' $((2 * 2 * 5)) "WRITE only"
}

# A program of ours with a socket in message mode: the library, the daemon, another process's memory.
case_socket() {
	local size
	daemon_up
	for size in 64 1000 4096 65535; do
		socket_serves "$OUR_IP" 5 $size
		passed rping "server, a socket" "IPv4, 5 pings of $size bytes"
		socket_calls "$GUEST_IP" 5 $size
		passed rping "client, a socket" "IPv4, 5 pings of $size bytes"
	done
	socket_serves "$OUR_IP6" 5 65535
	passed rping "server, a socket" "IPv6, 5 pings of 65535 bytes"
	socket_calls "$GUEST_IP6" 5 65535
	passed rping "client, a socket" "IPv6, 5 pings of 65535 bytes"
}
check_socket() { check_rping "$1"; }

# Our daemon dies in the middle of a transfer: our program learns at once, theirs when it has repeated often enough; a
# new daemon serves both. Who waits for a message then waits for ever, for InfiniBand looks after a peer only while
# something is not acknowledged: with a new guest it is tried again. Linux repeats without end if told 7 times.
case_daemon_killed() {
	local attempt
	for ((attempt = 0; attempt < 10; attempt++)); do
		guest_up
		daemon_up retry_count=5
		daemon_kill_under_transfer
		if guest_server_fails 30; then
			passed rping "client, a socket" "our daemon killed in the middle"
			daemon_up
			socket_serves "$OUR_IP" 5 1000
			passed rping "server, a socket" "a new daemon"
			return
		fi
		vm_kill
	done
	fail "the guest never notices"
}
daemon_kill_under_transfer() {
	local from pid
	guest_serve "rping -s -V -a $GUEST_IP -C 100000 -S 65535"
	from=$(traffic_size)
	rping "$GUEST_IP" "$RPING_PORT" 100000 65535
	wait_until 60 traffic_exceeds $((from + 2000000)) || fail "nothing is transferred: $(cat "$WORK/rping.log")"
	read -r pid _ <"$WORK/sand.pid"
	disown "$pid" # the shell shall not report how it ends
	kill -KILL "$pid"
	ours_fails rping 30 WSAECONNRESET
}
# guest_server_fails SECONDS: whether it ends within that time; if so, with an error.
guest_server_fails() {
	local status=0
	vm_wait server "$1" || status=$?
	[ $status != 0 ] || fail "guest: the server ends well: $(tail -n 3 "$(vm_log server)")"
	[ $status != 124 ]
}
check_daemon_killed() {
	assert_frames "$1" 'infiniband.bth.opcode == 14' 500 "READ response middle"
	assert_frames "$1" 'infiniband.bth.opcode == 7' 500 "WRITE middle"
}

# perf_case OURS THEIRS COUNT SIZE...: a program of perftest, connected and negotiated by rdma_cm. This one knows no IPv6.
perf_case() {
	local ours=$1 theirs=$2 count=$3 size
	shift 3
	for size; do
		we_serve 60 "$theirs -R -d rxe0 -x 1 -F -n $count -s $size $OUR_IP" -C "$count" -S "$size" "$ours"
		passed "$theirs -R" server "IPv4, $count of $size bytes"
		we_call 60 "$theirs -R -d rxe0 -x 1 -F -n $count -s $size" -C "$count" -S "$size" "$ours" "$GUEST_IP"
		passed "$theirs -R" client "IPv4, $count of $size bytes"
	done
}
case_send_bw() { perf_case send_bw ib_send_bw 50 2 1024 65536; }
case_write_bw() { perf_case write_bw ib_write_bw 50 2 1024 65536; }
case_read_bw() { perf_case read_bw ib_read_bw 50 2 1024 65536; }
check_send_bw() { assert_frames "$1" 'infiniband.bth.opcode == 1' $((62 * 100)) "SEND middle"; }
check_write_bw() { assert_frames "$1" 'infiniband.bth.opcode == 7' $((62 * 100)) "WRITE middle"; }
# A READ of 64 packets may be asked for in parts, each with a first and a last packet.
check_read_bw() { assert_frames "$1" 'infiniband.bth.opcode == 14' $((60 * 100)) "READ response middle"; }

case_atomic_bw() {
	local what
	for what in FETCH_AND_ADD CMP_AND_SWAP; do
		we_serve 60 "ib_atomic_bw -R -d rxe0 -x 1 -F -n 100 -A $what $OUR_IP" -C 100 -A $what atomic_bw
		passed "ib_atomic_bw -R" server "IPv4, 100 $what"
		we_call 60 "ib_atomic_bw -R -d rxe0 -x 1 -F -n 100 -A $what" -C 100 -A $what atomic_bw "$GUEST_IP"
		passed "ib_atomic_bw -R" client "IPv4, 100 $what"
	done
}
check_atomic_bw() {
	assert_frames "$1" 'infiniband.bth.opcode == 20' 200 FetchAdd
	assert_frames "$1" 'infiniband.bth.opcode == 19' 200 CmpSwap
	assert_frames "$1" 'infiniband.bth.opcode == 18' 400 "atomic answers"
}

# The largest path MTU, 4096 bytes.
case_jumbo() {
	mtu_set 4200
	we_serve 60 "rping -c -V -a $OUR_IP -C 5 -S 65535" -C 5 -S 65535 rping
	passed rping server "path MTU 4096, 5 pings of 65535 bytes"
	we_call 60 "rping -s -V -a $GUEST_IP6 -C 5 -S 65535" -C 5 -S 65535 rping "$GUEST_IP6"
	passed rping client "path MTU 4096, IPv6, 5 pings of 65535 bytes"
	we_serve 60 "ib_send_bw -R -d rxe0 -x 1 -F -n 100 -s 65536 $OUR_IP" -C 100 -S 65536 send_bw
	passed "ib_send_bw -R" server "path MTU 4096, 100 of 65536 bytes"
	we_call 60 "ib_send_bw -R -d rxe0 -x 1 -F -n 100 -s 65536" -C 100 -S 65536 send_bw "$GUEST_IP"
	passed "ib_send_bw -R" client "path MTU 4096, 100 of 65536 bytes"
	mtu_set 1500
}
mtu_set() {
	in_ns ip link set "$TAP" mtu "$1"
	guest 60 "ip link set eth0 mtu $1"
}
check_jumbo() {
	assert_frames "$1" 'infiniband.bth.opcode == 1 && frame.len > 4096' $((14 * 200)) "SEND middle of 4096 bytes"
	assert_frames "$1" 'infiniband.bth.opcode == 14 && frame.len > 4096' $((14 * 10)) "READ response middle of 4096 bytes"
}

# One frame of a hundred (of the few that atomics take, four) is lost on its way to us or from us, CM's included;
# everything still arrives.
case_loss() {
	local tool perf="-R -d rxe0 -x 1 -F -n 100 -s 16384"
	for tool in send_bw write_bw read_bw; do
		we_serve 120 "ib_$tool $perf $OUR_IP" --loss 1 -C 100 -S 16384 $tool
		lost_some "ib_$tool -R" server "100 of 16384 bytes"
		we_call 120 "ib_$tool $perf" --loss 1 -C 100 -S 16384 $tool "$GUEST_IP"
		lost_some "ib_$tool -R" client "100 of 16384 bytes"
	done
	we_serve 120 "ib_atomic_bw -R -d rxe0 -x 1 -F -n 200 $OUR_IP" --loss 4 -C 200 atomic_bw
	lost_some "ib_atomic_bw -R" server "200 FETCH_AND_ADD"
	we_call 120 "ib_atomic_bw -R -d rxe0 -x 1 -F -n 200" --loss 4 -C 200 atomic_bw "$GUEST_IP"
	lost_some "ib_atomic_bw -R" client "200 FETCH_AND_ADD"
	we_call 120 "rping -s -V -a $GUEST_IP -C 10 -S 65535" --loss 1 -C 10 -S 65535 rping "$GUEST_IP"
	lost_some rping client "10 pings of 65535 bytes"
}
lost_some() { # THEIRS OURS WHAT
	local lost
	lost=$(sed -n 's/.* \([0-9]*\) lost on purpose/\1/p' "$WORK/verbs.log")
	[ "${lost:-0}" -gt 0 ] || fail "nothing was lost: $(tail -n 2 "$WORK/verbs.log")"
	passed "$1" "$2" "$3 with $lost frames lost"
}
check_loss() { assert_frames "$1" 'infiniband.bth.opcode == 17 && infiniband.aeth.syndrome == 0x60' 5 "sequence NAK"; }

# The guest is gone, without a word, in the middle of a transfer: we give up and end.
case_killed() {
	local tool from
	for tool in send_bw read_bw; do
		guest_up
		guest_serve "ib_$tool -R -d rxe0 -x 1 -F -n 100000 -s 65536"
		from=$(traffic_size)
		verbs --patience 20 -C 100000 -S 65536 $tool "$GUEST_IP"
		wait_until 40 traffic_exceeds $((from + 2000000)) || fail "nothing is transferred: $(cat "$WORK/verbs.log")"
		vm_kill
		ours_fails verbs 60 "does not answer"
		passed "ib_$tool -R" client "guest killed in the middle"
	done
	guest_up
}
traffic_exceeds() { [ "$(traffic_size)" -gt "$1" ]; }
check_killed() {
	assert_frames "$1" 'infiniband.bth.opcode == 1' 1000 "SEND middle"
	assert_frames "$1" 'infiniband.bth.opcode == 14' 1000 "READ response middle"
}

# Refused both ways: nobody listens over there; we do not want them here.
case_rejects() {
	local ip
	for ip in $GUEST_IP $GUEST_IP6; do
		verbs refused "$ip"
		ours_ends verbs 30
		passed "kernel's CM" client "$ip: invalid service ID"
	done
	verbs reject
	wait_until 30 verbs_is_there || fail "verbs does not start"
	guest_fails 60 "rping -c -C 1 -a $OUR_IP" 'RDMA_CM_EVENT_REJECTED, error 28'
	ours_ends verbs 30
	passed rping server "consumer reject"
}
check_rejects() {
	assert_frames "$1" "$REJ_8" 2 "REJ 8"
	assert_frames "$1" 'infiniband.cm.rej.reason == 28' 1 "REJ 28"
}
