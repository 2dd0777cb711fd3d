# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What tests look at afterwards: counters of a daemon, frames of a capture. Sourced after lib.sh; the caller defines
# `ctl HOST COMMAND...`, which asks the daemon of that host.

# counter HOST GROUP NAME: its value; what is not listed is 0.
counter() {
	local value
	value=$(ctl "$1" -j show counters "$2" | grep -o "\"counter\":\"$3\",\"value\":[0-9]*") || true
	value=${value##*:}
	echo "${value:-0}"
}
assert_zero() { # HOST GROUP NAME...
	local host=$1 group=$2 name value
	shift 2
	for name; do
		value=$(counter "$host" "$group" "$name")
		[ "$value" = 0 ] || fail "host $host counted $value $name"
	done
}
# What neither a peer nor a program that behave can cause.
assert_nothing_odd() { # HOST
	assert_zero "$1" poll0 rx_malformed rx_icrc rx_ip_version rx_bth_version rx_opcode rx_short hostile_tx_pos \
		hostile_rx_pos rx_wrong_peer
	assert_zero "$1" control hostile_messages hostile_slots bad_commands illegal_app_events
}

# What else may travel in a SEND: tshark guesses by a few bytes, takes random payload for one of these, and then for malformed.
GUESSED="rpcordma smb_direct smc nvme-rdma lnet iser fcoib"
# frames FILE FILTER: how many match.
frames() {
	local said guess options=(--disable-heuristic eth_over_ib --disable-heuristic mellanox_eoib)
	for guess in $GUESSED; do options+=(--disable-protocol "$guess"); done
	said=$(tshark -2 -r "$1" "${options[@]}" -Y "$2" -T fields -e frame.number 2>&1) ||
		{ warn "tshark: $said" && return 1; }
	grep -c '^[0-9][0-9]*$' <<<"$said" || true
}
assert_frames() { # FILE FILTER MINIMUM WHAT
	local seen
	seen=$(frames "$1" "$2") || fail "no look at $1"
	[ "$seen" -ge "$3" ] || fail "$seen frames with $4, at least $3 expected"
}
assert_capture_sound() { # FILE
	local said status=0
	[ "$(frames "$1" _ws.malformed)" = 0 ] || fail "tshark calls frames malformed"
	said=$(python3 "$LAB_PROJECT/tests/support/icrc_check.py" -v "$1") || status=$?
	# 2: there is no RoCE packet.
	case $status in
	0 | 2) say "${said##*: }, nothing malformed" ;;
	*) fail "wrong ICRC: $said" ;;
	esac
}
