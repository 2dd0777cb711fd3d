# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The cases: each brings up its lab, runs unmodified programs under sand-run and asserts. Sourced by run, which has the
# helpers (fail, need, counter, assert_*), LINK and WORK.

CASES="iperf3 iperf3_reverse iperf3_parallel iperf3_ipv6 sockperf redis nginx nginx_upgrade http_server talk talk_ipv6 fork churn
	same_host posix mixed heirs shell refused killed_sender killed_reader daemon_killed peer_daemon_killed no_daemon fallback echo capture examples
	zcopy zcopy_killed"
case_names() { printf '%s' "$CASES" | tr -s '\n\t ' ' '; }

# Not a version manager's wrapper script: the program itself shall be preloaded.
PYTHON=/usr/bin/python3
[ -x $PYTHON ] || PYTHON=python3

# --- streams and requests ----------------------------------------------------------------------------------

iperf3_case() { # SIDE ARGUMENT...
	local side=$1 key value
	shift
	need iperf3
	lab_up
	read -r key value < <(measure_iperf3 "$side" 2 "$@") || fail "iperf3 $*"
	say "iperf3 $*: $key $value"
	awk -v v="$value" 'BEGIN { exit !(v > 0.01) }' || fail "iperf3 moved nothing"
	assert_san_used a 2
	assert_san_used b 2
}
case_iperf3() { iperf3_case san; }
case_iperf3_reverse() { iperf3_case san -R; }
case_iperf3_parallel() { iperf3_case san -P 4; }
case_iperf3_ipv6() { iperf3_case san6; }

case_sockperf() {
	need sockperf
	lab_up
	measure_sockperf san 2 || fail "sockperf"
	assert_san_used a 1
}

case_redis() {
	local ip port
	need redis-server redis-cli redis-benchmark
	lab_up
	measure_redis san 10000 || fail "redis-benchmark"
	assert_san_used a 16

	# One large value there and back.
	ip=$(lab_san_ip b) port=5300
	head -c 2000000 /dev/urandom | base64 -w 0 >"$WORK/value"
	program_start redis san b redis-server --bind "$ip" --port $port --save '' --appendonly no --protected-mode no --dir "$WORK"
	program_ready redis "eady to accept connections"
	run san a timeout 30 redis-cli -h "$ip" -p $port -x set key <"$WORK/value" >"$WORK/set" || fail "redis-cli set"
	run san a timeout 30 redis-cli -h "$ip" -p $port get key >"$WORK/got" </dev/null || fail "redis-cli get"
	head -c "$(stat -c %s "$WORK/value")" "$WORK/got" | cmp - "$WORK/value" || fail "redis returned another value"
}

# --- files -------------------------------------------------------------------------------------------------

file_make() { # MEGABYTES
	mkdir -p "$WORK/www"
	head -c "${1}M" /dev/urandom >"$WORK/www/file"
	file_sum=$(sha256sum <"$WORK/www/file")
}
file_fetch() { # URL
	run san a timeout 300 curl -sS --fail -o "$WORK/fetched" "$1" </dev/null || fail "curl $1"
	[ "$(sha256sum <"$WORK/fetched")" = "$file_sum" ] || fail "$1: another content arrived"
	rm "$WORK/fetched"
}

# A master that forks workers, edge-triggered epoll, with and without sendfile.
nginx_configure() { # PORT
	cat >"$WORK/nginx.conf" <<-END
		user root;
		worker_processes 2;
		pid $WORK/nginx.own-pid;
		error_log stderr notice;
		events { worker_connections 64; }
		http {
			access_log off;
			client_body_temp_path $WORK/t1; proxy_temp_path $WORK/t2; fastcgi_temp_path $WORK/t3;
			uwsgi_temp_path $WORK/t4; scgi_temp_path $WORK/t5;
			server { listen $(lab_san_ip b):$1; root $WORK/www; sendfile on;
				location /copied/ { alias $WORK/www/; sendfile off; } }
		}
	END
	chmod 755 "$WORK"
}
case_nginx() {
	local url
	need nginx curl
	lab_up
	file_make "${SAND_TEST_MB:-100}"
	nginx_configure 8080
	program_start nginx san b nginx -c "$WORK/nginx.conf" -e stderr -g 'daemon off;'
	program_ready nginx "start worker process "
	url=http://$(lab_san_ip b):8080
	file_fetch "$url/file"
	file_fetch "$url/copied/file"
	run san a timeout 30 curl -s -o /dev/null -w '%{http_code}' "$url/nothing" </dev/null | grep -q 404 || fail "no 404"
	assert_san_used b 3
}

case_http_server() {
	need curl
	lab_up
	file_make 20
	program_start http san b $PYTHON -u -m http.server --bind "$(lab_san_ip b)" --directory "$WORK/www" 8081
	program_ready http "Serving HTTP"
	file_fetch "http://$(lab_san_ip b):8081/file"
	run san a timeout 30 curl -sS --fail "http://$(lab_san_ip b):8081/" </dev/null | grep -q 'href="file"' || fail "listing"
	assert_san_used b 2
}
# nginx becomes another nginx, which inherits the listener by exec, while somebody fetches without a pause.
fetch_until() { # URL FILE: until FILE is there; fails with the first fetch that fails
	until [ -e "$2" ]; do
		run san a curl -sS --fail -m 10 -o /dev/null "$1" </dev/null || return 1
		echo fetched
	done
}
nginx_is_new() { [ -s "$WORK/nginx.own-pid" ] && [ "$(cat "$WORK/nginx.own-pid")" != "$1" ]; }
# It leaves its caller, so it is known by its own file.
nginx_known() { process_write "$(cat "$WORK/nginx.own-pid")" "$WORK/nginx.pid"; }
case_nginx_upgrade() {
	local url old fetcher
	need nginx curl
	lab_up
	file_make 1
	nginx_configure 8082
	run san b "$(command -v nginx)" -c "$WORK/nginx.conf" -e stderr >"$WORK/nginx.log" 2>&1 || fail "nginx"
	wait_until 10 nginx_is_new none || fail "nginx does not start"
	nginx_known
	url=http://$(lab_san_ip b):8082/file
	old=$(cat "$WORK/nginx.own-pid")
	fetch_until "$url" "$WORK/enough" >"$WORK/fetched" &
	fetcher=$!
	kill -USR2 "$old"
	wait_until 10 nginx_is_new "$old" || fail "there is no new nginx"
	kill -QUIT "$old"
	wait_until 10 process_gone "$WORK/nginx.pid" || fail "the old nginx does not go"
	nginx_known
	sleep 1
	touch "$WORK/enough"
	wait "$fetcher" || fail "a fetch failed after $(wc -l <"$WORK/fetched")"
	say "$(wc -l <"$WORK/fetched") fetches, none failed"
	file_fetch "$url"
	[ "$(counter b control offers)" -ge 1 ] || fail "no socket went to another program"
	assert_san_used b 3
}

# --- SDP's Read-Zcopy ---------------------------------------------------------------------------------------

zcopy_up() { lab_up --set transport.zcopy_threshold=32K; }
# Bytes left the ring of host a because host b read them.
assert_read_in_place() { # A B BYTES
	local sent read reads
	sent=$(counter "$1" poll0 zcopy_tx) read=$(counter "$2" poll0 zcopy_rx) reads=$(counter "$2" poll0 zcopy_reads)
	say "host $1: $sent bytes read from its rings; host $2: $read bytes by $reads READs"
	[ "$reads" -gt 0 ] || fail "there were no READs"
	[ "$read" -ge "$3" ] || fail "fewer than $3 bytes were read in place"
	[ "$sent" -ge "$3" ] || fail "fewer than $3 bytes left by READs"
}

case_zcopy() {
	need curl
	zcopy_up
	file_make 50
	program_start http san b $PYTHON -u -m http.server --bind "$(lab_san_ip b)" --directory "$WORK/www" 8082
	program_ready http "Serving HTTP"
	file_fetch "http://$(lab_san_ip b):8082/file"
	# Usually nearly all. A reader that is kept off its core refuses offers, and each refusal in a row
	# doubles what comes without one.
	assert_read_in_place b a 500000
}

# Either program is killed in the middle of a transfer; check_daemon sees that nothing is left.
case_zcopy_killed() {
	local port=5410 victim
	need iperf3
	zcopy_up
	for victim in client server; do
		program_start server san b iperf3 -s -1 -B "$(lab_san_ip b)" -p $port --forceflush
		program_ready server "Server listening"
		program_start client san a iperf3 -c "$(lab_san_ip b)" -p $port -t 60 --forceflush
		program_ready client "bits/sec"
		kill -KILL "$(program_pid $victim)"
		sleep 1
		programs_stop
		check_daemon a
		check_daemon b
		port=$((port + 1))
	done
	assert_read_in_place a b 1000000
}

# --- conversations -----------------------------------------------------------------------------------------

# talk_case SIDE SERVER_HOST CLIENT_HOST SERVER_OPTION...: random small writes both ways, every byte compared.
talk_case() {
	local side=$1 server=$2 client=$3 ip
	shift 3
	ip=$(side_ip "$side" "$server")
	program_start talk "$side" "$server" $PYTHON -u "$HERE/talk.py" server "$ip" 5400 --connections 3 "$@"
	program_ready talk ready
	run "$side" "$client" timeout 60 $PYTHON -u "$HERE/talk.py" client "$ip" 5400 --connections 3 --seconds 4 </dev/null ||
		fail "talk: the client"
	program_ready talk "all good" || fail "talk: the server"
}
case_talk() { lab_up && talk_case san b a && assert_san_used b 3; }
case_talk_ipv6() { lab_up && talk_case san6 b a && assert_san_used b 3; }
case_fork() { lab_up && talk_case san b a --fork && assert_san_used b 3; }
# Both programs on one host, by its SAN address.
case_same_host() {
	need curl
	lab_up
	talk_case san a a
	file_make 20
	program_start http san a $PYTHON -u -m http.server --bind "$(lab_san_ip a)" --directory "$WORK/www" 8081
	program_ready http "Serving HTTP"
	file_fetch "http://$(lab_san_ip a):8081/file"
	assert_san_used a 8
}

# What a program sees of sockets is the same over kernel TCP and over the daemon.
case_posix() {
	local program=$SAND_BUILD/tests/unit/switch/posix_behaviour
	lab_up
	"$program" 127.0.0.1 >"$WORK/kernel.txt" || fail "posix_behaviour over the kernel"
	run san a "$program" "$(lab_san_ip a)" >"$WORK/san.txt" </dev/null || fail "posix_behaviour over the SAN"
	diff "$WORK/kernel.txt" "$WORK/san.txt" || fail "behaves differently"
	assert_san_used a 50
}

# Connections opened and closed one after the other: nothing may pile up.
case_churn() {
	local ip
	ip=$(lab_san_ip b)
	lab_up
	program_start sockload san b sockload server "$ip" 5401
	program_ready sockload ready
	run san a timeout 60 sockload connect -t 4 "$ip" 5401 </dev/null || fail "sockload connect"
	assert_san_used b 100
}

# One event loop with SAN, kernel TCP, UDP and pipe descriptors.
case_mixed() {
	lab_up
	program_start mixed san b $PYTHON -u "$HERE/mixed.py" server "$(lab_san_ip b)" "$(lab_kernel_ip b)" 5402
	program_ready mixed ready
	run san a timeout 60 $PYTHON -u "$HERE/mixed.py" client "$(lab_san_ip b)" "$(lab_kernel_ip b)" 5402 </dev/null ||
		fail "mixed: the client"
	assert_san_used b 1
}

# Connections that other programs than the one that accepted them answer: by exec, and sent to them.
case_heirs() {
	lab_up
	program_start heirs san b $PYTHON -u "$HERE/heirs.py" server "$(lab_san_ip b)" 5407
	program_ready heirs ready
	run san a timeout 60 $PYTHON -u "$HERE/heirs.py" client "$(lab_san_ip b)" 5407 </dev/null || fail "heirs: the client"
	program_ready heirs "done" || fail "heirs: the server"
	assert_san_used b 16
}

# bash's own sockets: built-in commands and programs read and write them through redirections.
case_shell() {
	local ip said
	ip=$(lab_san_ip b)
	lab_up
	program_start talk san b $PYTHON -u -c "import socket
listener = socket.create_server((\"$ip\", 5408))
print(\"ready\")
with listener.accept()[0] as connection:
    while data := connection.recv(4096):
        connection.sendall(data.upper())"
	program_ready talk ready
	# shellcheck disable=SC2016
	said=$(run san a timeout 30 bash -c 'exec 3<>"/dev/tcp/$0/5408"; echo one >&3; read -r line <&3; echo "$line"
		printf "two\nthree\n" >&3; head -n 2 <&3' "$ip" </dev/null) || fail "bash"
	[ "$said" = $'ONE\nTWO\nTHREE' ] || fail "bash read: $said"
	assert_san_used b 1
}

# --- programs that are their own switch --------------------------------------------------------------------

# The examples print what they should, line by line, on both sides of a connection.
case_examples() {
	local ip texts=$HERE/../examples
	ip=$(lab_san_ip b)
	lab_up
	program_start echo kernel b "$SAND_BUILD/tests/examples/echo" serve "$ip" 5405
	program_ready echo ready
	run kernel a timeout 30 "$SAND_BUILD/tests/examples/echo" "$ip" 5405 2000 </dev/null || fail "echo: the client"
	program_ready echo "echoed 1024000 bytes" || fail "echo: the server"
	program_start serve kernel b "$SAND_BUILD/tests/examples/tiny_switch" serve "$ip" 5406
	program_ready serve WSPListen
	run kernel a timeout 30 "$SAND_BUILD/tests/examples/tiny_switch" close "$ip" 5406 >"$WORK/close.txt" </dev/null ||
		fail "tiny_switch: who closes"
	program_ready serve WSPCleanup || fail "tiny_switch: whose peer closes"
	diff "$texts/close.txt" "$WORK/close.txt" >&2 || fail "who closes sees another order"
	diff "$texts/serve.txt" "$WORK/serve.log" >&2 || fail "whose peer closes sees another order"
	assert_san_used b 2
}

# --- bad weather -------------------------------------------------------------------------------------------

weather() { # HOST ARGUMENT...: a client program of weather.py
	local host=$1
	shift
	run san "$host" timeout 40 $PYTHON -u "$HERE/weather.py" "$@" </dev/null
}

case_refused() {
	lab_up
	weather a refused "$(lab_san_ip b)" 5403 || fail "a port without a listener"
	weather a refused "$(lab_san_ip a)" 5403 || fail "the same on the own host"
}

# A program dies by SIGKILL: what it had sent arrives, then end of file; with unread data, a reset.
case_killed_sender() {
	lab_up
	program_start server san b $PYTHON -u "$HERE/weather.py" expect-eof "$(lab_san_ip b)" 5404
	program_ready server ready
	program_start client san a $PYTHON -u "$HERE/weather.py" send-and-sleep "$(lab_san_ip b)" 5404
	program_ready client sent
	kill -KILL "$(program_pid client)"
	program_ready server "good" || fail "the peer of a killed program saw no end of file"
	assert_san_used b 1
}
case_killed_reader() {
	lab_up
	program_start server san b $PYTHON -u "$HERE/weather.py" expect-reset "$(lab_san_ip b)" 5404
	program_ready server ready
	program_start client san a $PYTHON -u "$HERE/weather.py" sleep-unread "$(lab_san_ip b)" 5404
	program_ready client sleeping
	sleep 0.5
	kill -KILL "$(program_pid client)"
	program_ready server "good" || fail "the peer of a killed program with unread data saw no reset"
	assert_san_used b 1
}

# The own daemon dies: blocked, polling and epolling programs get an error, soon; nothing hangs.
case_daemon_killed() {
	local how
	lab_up --set transport.give_up_ms=2000
	program_start server san b $PYTHON -u "$HERE/weather.py" accept-many "$(lab_san_ip b)" 5405
	program_ready server ready
	for how in recv poll epoll send; do
		program_start "$how" san a $PYTHON -u "$HERE/weather.py" expect-error "$(lab_san_ip b)" 5405 --how $how
	done
	for how in recv poll epoll send; do
		program_ready $how waiting
	done
	assert_san_used a 4
	kill -KILL "$("$LAB" pid a)"
	for how in recv poll epoll send; do
		program_ready $how good 5 || fail "$how still waits after the daemon died"
	done
	weather a no-way "$(lab_san_ip b)" 5499 || fail "a new connection after the daemon died"
}

# The peer's daemon dies: retransmission gives up after the configured time.
case_peer_daemon_killed() {
	lab_up --set transport.give_up_ms=2000
	program_start server san b $PYTHON -u "$HERE/weather.py" accept-many "$(lab_san_ip b)" 5405
	program_ready server ready
	program_start send san a $PYTHON -u "$HERE/weather.py" expect-error "$(lab_san_ip b)" 5405 --how send
	program_ready send waiting
	kill -KILL "$("$LAB" pid b)"
	program_ready send good 12 || fail "send did not give up"
}

# No daemon at all: programs run on kernel TCP, unchanged.
case_no_daemon() {
	"$LAB" up --link none || fail "the lab does not start"
	program_start talk san b $PYTHON -u "$HERE/talk.py" server "$(lab_kernel_ip b)" 5400 --connections 2
	program_ready talk ready
	run san a timeout 60 $PYTHON -u "$HERE/talk.py" client "$(lab_kernel_ip b)" 5400 --connections 2 --seconds 1 </dev/null ||
		fail "talk without a daemon"
	program_ready talk "all good"
}

# The peer has no SAN (its daemon is gone): kernel TCP takes over where it can, else the SAN's error is seen.
case_fallback() {
	lab_up --set transport.connect_timeout_ms=500
	program_start talk kernel b $PYTHON -u "$HERE/talk.py" server 0.0.0.0 5400 --connections 2
	program_ready talk ready
	"$LAB" ctl b quit
	wait_until 10 process_gone "$LAB_DIR/b/pid" || fail "daemon b does not quit"
	if [ "$LINK" = memif ]; then
		weather a no-way "$(lab_san_ip b)" 5400 || fail "no error, soon, without a peer"
		return
	fi
	run san a timeout 60 $PYTHON -u "$HERE/talk.py" client "$(lab_san_ip b)" 5400 --connections 2 --seconds 1 </dev/null ||
		fail "no fallback to kernel TCP"
	program_ready talk "all good"
}

# ICMP echo over the SAN link, asked by the other host's kernel: only the daemon answers.
case_echo() {
	[ "$LINK" != memif ] || skip "memif has no kernel device to ask from"
	lab_up
	"$LAB" exec a $PYTHON "$HERE/weather.py" echo "$(lab_san_ip b)" 0 || fail "no echo reply"
	"$LAB" exec a $PYTHON "$HERE/weather.py" echo "$(lab_san_ip6 b)" 0 || fail "no echo reply over IPv6"
}

# --- what others see on the wire ---------------------------------------------------------------------------

case_capture() {
	local file=$WORK/capture.pcapng
	need tshark
	lab_up
	program_start talk san b $PYTHON -u "$HERE/talk.py" server "$(lab_san_ip b)" 5400 --connections 3
	program_ready talk ready
	"$LAB" capture a "$file" sand-run $PYTHON -u "$HERE/talk.py" client "$(lab_san_ip b)" 5400 --connections 3 \
		--seconds 2 --after 1 </dev/null || fail "talk while capturing"
	assert_frames "$file" 'infiniband.mad.attributeid == 0x0010' 3 "CM REQ"
	assert_frames "$file" 'infiniband.mad.attributeid == 0x0013' 3 "CM REP"
	assert_frames "$file" 'infiniband.mad.attributeid == 0x0014' 3 "CM RTU"
	assert_frames "$file" 'infiniband.mad.attributeid == 0x0015' 3 "CM DREQ"
	assert_frames "$file" 'infiniband.mad.attributeid == 0x0016' 3 "CM DREP"
	assert_frames "$file" 'infiniband_sdp.bsdh.mid == 0x00' 3 "SDP Hello"
	assert_frames "$file" 'infiniband_sdp.bsdh.mid == 0x01' 3 "SDP HelloAck"
	assert_frames "$file" 'infiniband_sdp.bsdh.mid == 0xff' 100 "SDP Data"
	assert_frames "$file" 'infiniband_sdp.bsdh.mid == 0x02' 6 "SDP DisConn"
	assert_capture_sound "$file"
}
