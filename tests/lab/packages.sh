# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Debian packages that quickstart and check need, and their installation. Sourced.

PACKAGES_BUILD="gcc libc6-dev pkg-config meson ninja-build libdpdk-dev libisal-dev libbsd-dev libinih-dev libcmocka-dev python3"
PACKAGES_PROGRAMS="iproute2 ethtool procps util-linux iperf3 sockperf redis-server redis-tools"
PACKAGES_TESTS="clang libclang-rt-14-dev clang-format shellcheck dpdk-dev git tshark nginx-light curl spin
qemu-system-x86 xz-utils"
export PACKAGES_BUILD PACKAGES_PROGRAMS PACKAGES_TESTS

packages_missing() { # PACKAGE...
	local package
	for package; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
	done
}

# Installs what is missing. Services that come along (redis, nginx) are not started: Debian asks policy-rc.d.
packages_install() { # PACKAGE...
	local missing policy=/usr/sbin/policy-rc.d status=0
	if ! command -v dpkg-query >/dev/null; then
		echo "not a Debian system: install the equivalents of: $*"
		return
	fi
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	echo "installing: $missing"
	if [ "$(id -u)" != 0 ]; then
		echo "installing packages needs root: apt-get install $missing" >&2
		return 1
	fi
	export DEBIAN_FRONTEND=noninteractive
	if [ -e $policy ]; then
		policy=
	else
		printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy
	fi
	# shellcheck disable=SC2086 # a list
	{
		timeout 300 apt-get -qq -o DPkg::Lock::Timeout=60 update &&
			timeout 900 apt-get -qq -o DPkg::Lock::Timeout=60 -y --no-install-recommends install $missing
	} </dev/null >/dev/null || status=1
	[ -z "$policy" ] || rm -f "$policy"
	[ $status = 0 ] || echo "apt-get could not install: $missing" >&2
	return $status
}
