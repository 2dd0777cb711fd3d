# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the lab, quickstart, check and the tests with real programs share: messages, waiting with a limit, finding a
# build, the lab's names. Sourced, never run; sets nothing but functions and LAB_* variables.

LAB_LIB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_PROJECT=$(cd "$LAB_LIB_DIR/../.." && pwd)
export LAB_PROJECT

# Addresses of the two hosts. The SAN's also in IPv6.
lab_index() { if [ "$1" = a ]; then echo 1; else echo 2; fi; }
lab_san_ip() { echo "10.77.0.$(lab_index "$1")"; }
lab_san_ip6() { echo "fd00:77::$(lab_index "$1")"; }
lab_kernel_ip() { echo "10.99.0.$(lab_index "$1")"; }

say() { printf '%s\n' "$@"; }
warn() { printf '%s\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
# How a test ends that did not go well, or that cannot run here.
SKIP=77
fail() { warn "FAILED: $*" && exit 1; }
skip() { warn "$*" && exit $SKIP; }
need() { # PROGRAM...
	local program
	for program; do
		have "$program" || skip "$program is not installed"
	done
}

# Hundredths of a second since the machine started: unlike the time of day, it never jumps.
uptime_cs() { sed 's/ .*//; s/\.//' /proc/uptime; }
# wait_until SECONDS COMMAND...: repeat COMMAND until it succeeds; 1 when the time is over.
wait_until() {
	local end
	end=$(($(uptime_cs) + $1 * 100))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(uptime_cs)" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# A process is known by its number and its start time: numbers are used again.
process_start() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
process_write() { printf '%s %s\n' "$1" "$(process_start "$1")" >"$2"; }
process_alive() { # FILE written by process_write
	local pid start
	[ -r "$1" ] && read -r pid start <"$1" && [ -n "$start" ] && [ "$(process_start "$pid")" = "$start" ] &&
		! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null
}
process_gone() { ! process_alive "$1"; }
# process_stop FILE [SECONDS]: TERM, then KILL after SECONDS. Nothing happens to a process that is not ours.
process_stop() {
	local pid
	process_alive "$1" || return 0
	read -r pid _ <"$1"
	kill -TERM "$pid" 2>/dev/null || true
	wait_until "${2:-5}" process_gone "$1" && return 0
	kill -KILL "$pid" 2>/dev/null || true
	wait_until 5 process_gone "$1"
}

# The folder that holds the built programs: $SAND_BUILD, build/ of the project, else the installed ones (empty).
lab_build() {
	local folder
	for folder in "${SAND_BUILD:-}" "$LAB_PROJECT/build"; do
		if [ -n "$folder" ] && [ -x "$folder/control/sand" ]; then
			(cd "$folder" && pwd)
			return
		fi
	done
	[ -z "${SAND_BUILD:-}" ] || die "no daemon in $SAND_BUILD: build it first: ninja -C $SAND_BUILD"
}
# PATH with that build's programs first.
lab_path() {
	local build
	build=$(lab_build)
	if [ -n "$build" ]; then
		echo "$build/control:$build/shim/preload:$LAB_PROJECT/shim/preload:$build/tests/bench:$PATH"
	else
		echo "$PATH"
	fi
}

# Two processors that we may run on, "A B"; the same twice when there is only one.
lab_cores() {
	local list part core cores=()
	list=$(taskset -pc $$ | sed 's/.*: //')
	for part in ${list//,/ }; do
		for ((core = ${part%-*}; core <= ${part#*-} && ${#cores[@]} < 2; core++)); do
			cores+=("$core")
		done
	done
	echo "${cores[0]} ${cores[1]:-${cores[0]}}"
}

# lab_names: LAB_NAME, LAB_DIR (the state, one folder) from $SAND_LAB, so that several labs can run side by side.
lab_names() {
	LAB_NAME=${SAND_LAB:-sand}
	case $LAB_NAME in
	*[!a-zA-Z0-9_]* | "") die "SAND_LAB may have letters, digits and _ only" ;;
	esac
	[ ${#LAB_NAME} -le 24 ] || die "SAND_LAB may have 24 characters at most"
	# shellcheck disable=SC2034 # used by whoever sources this
	LAB_DIR=/run/sand-lab/$LAB_NAME
}
lab_ns() { echo "$LAB_NAME-$1"; }
