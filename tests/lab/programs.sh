# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Real programs as servers and clients in a lab, on either side: "san" (under sand-run) or "kernel". Sourced after
# lib.sh; WORK is a folder for logs, made by the caller.

LAB=$LAB_LIB_DIR/lab

# --- sides -------------------------------------------------------------------------------------------------

side_ip() { # SIDE HOST
	case $1 in
	san) lab_san_ip "$2" ;;
	san6) lab_san_ip6 "$2" ;;
	kernel) lab_kernel_ip "$2" ;;
	esac
}
# side_command SIDE HOST COMMAND...: the whole command line of a program of that host, in the array SIDE_COMMAND.
side_command() {
	local side=$1 host=$2
	shift 2
	SIDE_COMMAND=("$LAB" exec "$host")
	[ "$side" = kernel ] || SIDE_COMMAND+=(sand-run)
	SIDE_COMMAND+=("$@")
}
# run SIDE HOST COMMAND...: run it.
run() {
	side_command "$@"
	"${SIDE_COMMAND[@]}"
}

# --- programs that stay ------------------------------------------------------------------------------------

# program_start NAME SIDE HOST COMMAND...: in the background; output in $WORK/NAME.log.
program_start() {
	local name=$1
	shift
	side_command "$@"
	# Everything down to the program is exec, so the number is the program's own.
	"${SIDE_COMMAND[@]}" </dev/null >"$WORK/$name.log" 2>&1 &
	process_write $! "$WORK/$name.pid"
}
program_pid() { cut -d ' ' -f 1 "$WORK/$1.pid"; }
# program_ready NAME TEXT [SECONDS]: until it has said TEXT; what it said instead when it did not.
program_ready() {
	wait_until "${3:-10}" program_said_or_gone "$1" "$2" || true
	grep -q -e "$2" "$WORK/$1.log" && return
	warn "$1 did not say '$2' but:"
	tail -n 15 "$WORK/$1.log" >&2
	return 1
}
program_said_or_gone() { grep -q -e "$2" "$WORK/$1.log" || process_gone "$WORK/$1.pid"; }
program_stop() { # NAME
	[ ! -e "$WORK/$1.pid" ] || process_stop "$WORK/$1.pid" 5
	rm -f "$WORK/$1.pid"
}
programs_stop() {
	local file name
	for file in "$WORK"/*.pid; do
		[ -e "$file" ] || continue
		name=${file##*/}
		program_stop "${name%.pid}" || true
	done
}

# --- measured runs: results as "KEY VALUE" lines ------------------------------------------------------------

# A port for each run, since the last one may be in time-wait. In a file: runs happen in subshells.
next_port() {
	PROGRAM_PORT=$(($(cat "$WORK/port" 2>/dev/null || echo 5200) + 1))
	echo $PROGRAM_PORT >"$WORK/port"
}

json_get() { # FILE KEY.KEY.KEY
	python3 -c 'import functools, json, sys
value = functools.reduce(lambda v, k: v[k], sys.argv[2].split("."), json.load(open(sys.argv[1])))
print(value)' "$1" "$2"
}

# iperf3 from a to b; further arguments go to the client.
measure_iperf3() { # SIDE SECONDS [ARGUMENT...]
	local side=$1 seconds=$2 ip
	shift 2
	ip=$(side_ip "$side" b)
	next_port
	program_start iperf3 "$side" b iperf3 -s -1 -B "$ip" -p "$PROGRAM_PORT" --forceflush
	program_ready iperf3 "Server listening" || return 1
	run "$side" a timeout $((seconds + 20)) iperf3 -c "$ip" -p "$PROGRAM_PORT" -t "$seconds" -J "$@" \
		</dev/null >"$WORK/iperf3.json" 2>"$WORK/iperf3.err" || {
		cat "$WORK/iperf3.err" && grep '"error"' "$WORK/iperf3.json"
		return 1
	} >&2
	program_stop iperf3
	awk -v bits="$(json_get "$WORK/iperf3.json" end.sum_received.bits_per_second)" \
		'BEGIN { printf "gbit_per_s %.2f\n", bits / 1e9 }'
}

# sockperf ping-pong; latencies are one way, as sockperf counts them: half a round trip.
measure_sockperf() { # SIDE SECONDS
	local side=$1 seconds=$2 ip
	ip=$(side_ip "$side" b)
	next_port
	program_start sockperf "$side" b sockperf server --tcp -i "$ip" -p "$PROGRAM_PORT"
	program_ready sockperf "to block on socket" || return 1
	run "$side" a timeout $((seconds + 20)) sockperf ping-pong --tcp -i "$ip" -p "$PROGRAM_PORT" -m 64 -t "$seconds" \
		</dev/null >"$WORK/sockperf.out" 2>&1 || {
		tail -n 15 "$WORK/sockperf.out" >&2
		return 1
	}
	program_stop sockperf
	sed -r 's/\x1b\[[0-9;]*m//g' "$WORK/sockperf.out" | awk '
		/---> percentile 50\.0/ { print "p50_us", $NF; found = 1 }
		/---> percentile 99\.00/ { print "p99_us", $NF }
		/---> percentile 99\.90/ { print "p999_us", $NF }
		END { exit !found }'
}

measure_redis() { # SIDE REQUESTS
	local side=$1 requests=$2 ip
	ip=$(side_ip "$side" b)
	next_port
	program_start redis "$side" b redis-server --bind "$ip" --port "$PROGRAM_PORT" --save '' --appendonly no \
		--protected-mode no --dir "$WORK"
	program_ready redis "eady to accept connections" || return 1
	run "$side" a timeout 120 redis-benchmark -h "$ip" -p "$PROGRAM_PORT" -t set,get -n "$requests" -c 16 --csv \
		</dev/null >"$WORK/redis.csv" 2>"$WORK/redis.err" || {
		tail -n 5 "$WORK/redis.csv" "$WORK/redis.err" >&2
		return 1
	}
	program_stop redis
	tr -d '"' <"$WORK/redis.csv" | awk -F , '
		$1 == "SET" { print "set_per_s", $2; found++ }
		$1 == "GET" { print "get_per_s", $2; found++ }
		END { exit found != 2 }'
}
