# For the run scripts: two hosts in network namespaces, a server on one of them, its clients on the other.
#
#   client  c0 192.0.2.32     2001:db8::32    ----  s0 192.0.2.31     2001:db8::31,    aliases 192.0.2.202     2001:db8::202    server
#           c1 198.51.100.32  2001:db8:1::32  ----  s1 198.51.100.31  2001:db8:1::31,  aliases 198.51.100.202  2001:db8:1::202
#
# A script sets these variables and functions, and calls compare, or isolate with a function inside of its own:
#   main, port   the class of the server, which takes "stock" or "pktinfo" and prints a line with "listening", and its port
#   arguments    further arguments of the server, with prepare if they have to be made
#   expected     the client's output if it gets a reply
#   ask ADDRESS  runs the client, which gives up after $patience seconds; or ask_all ADDRESS..., output in $work/ADDRESS
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
name=$(basename "$here")
root=$(cd "$here/../.." && pwd)
work=$here/target/run
. "$root/src/test/two-hosts.sh" # its hosts have one interface each: make_hosts is another here

own=(192.0.2.31 2001:db8::31 198.51.100.31 2001:db8:1::31)
aliases=(192.0.2.202 2001:db8::202 198.51.100.202 2001:db8:1::202)
arguments=()
discard=9 # a datagram to there marks the end of what was captured

usage() {
    cat <<END
usage: examples/$name/run

Runs the server as it is and with pktinfo on a host with two interfaces and aliases of both families, asks each address from
another host, and prints the replies. Builds what is not built yet. As root, or where others may make user namespaces.

Exit codes: 0 stock is wrong on the aliases and pktinfo right everywhere, 1 it is not so, 2 it could not be tried.
END
}

cannot() {
    echo "examples/$name/run: $1" >&2
    exit 2
}

fail() {
    echo "examples/$name/run: $1" >&2
    [ ! -s "$work/server" ] || sed 's/^/server: /' "$work/server" >&2
    exit 1
}

need() { # need PROGRAM PACKAGE
    command -v "$1" >/dev/null || cannot "$1 is not installed: apt-get install $2"
}

literal() { # the address as it stands in a URI
    case $1 in
        *:*) echo "[$1]" ;;
        *) echo "$1" ;;
    esac
}

build() { # with the library, unless nothing has changed since
    local made=$here/target/class-path
    if [ -f "$made" ] && [ -f "$root/target/pktinfo-0.1.0-SNAPSHOT.jar" ] \
        && [ -z "$(find "$here"/{src,pom.xml,../pom.xml,../ntptimestamp/{src,pom.xml}} "$root"/{pom.xml,src/main,native} \
            -newer "$made" -print -quit)" ]; then
        return
    fi
    mvn -q -B -ntp -f "$here/../pom.xml" package -DskipTests --projects "$name" --also-make
}

compare() {
    need tcpdump tcpdump
    isolate "$@"
}

isolate() { # runs the function inside, in namespaces that end with it
    local user=()
    case ${1:-} in
        '') ;;
        --inside) inside; return ;;
        --help) usage; exit 0 ;;
        *) cannot "what is '$1'? (--help tells more)" ;;
    esac
    need java openjdk-17-jdk-headless
    need mvn maven
    need ip iproute2
    need setpriv util-linux
    need unshare util-linux
    build
    # Not as the root of a user namespace: tcpdump would try to change its groups, which is not allowed there.
    [ "$(id -u)" = 0 ] || user=(--user --map-current-user --keep-caps)
    unshare "${user[@]}" --net --mount --pid --fork --mount-proc true || cannot "no right to make namespaces"
    # All processes and interfaces inside end with the first process there, that one with unshare, and unshare with this
    # script.
    setpriv --pdeathsig KILL unshare "${user[@]}" --net --mount --pid --fork --kill-child --mount-proc "$0" --inside &
    trap 'exit 1' INT TERM
    wait "$!"
}

inside() {
    mkdir -p "$work"
    mount -t tmpfs run "$work"
    wrong=0
    make_hosts
    prepare
    printf '%-8s  %-16s  %-16s  %s\n' server asked 'reply from' 'the client says'
    try stock
    try pktinfo
    [ "$wrong" = 0 ] || fail "$wrong not as expected"
}

prepare() { # what a script needs in $work
    :
}

# Of several IPv6 addresses that are otherwise equal the kernel prefers one that is not deprecated: RFC 6724, rule 3.
make_hosts() {
    unshare --net sleep infinity &
    host=$!
    wait_for "the server's network" differs "$host"
    ip -batch - <<END
link set lo up
link add c0 type veth peer name s0 netns $host
link add c1 type veth peer name s1 netns $host
link set c0 addrgenmode none up
link set c1 addrgenmode none up
addr add 192.0.2.32/24 dev c0
addr add 2001:db8::32/64 dev c0 nodad
addr add 198.51.100.32/24 dev c1
addr add 2001:db8:1::32/64 dev c1 nodad
END
    on_server ip -batch - <<END
link set lo up
link set s0 addrgenmode none up
link set s1 addrgenmode none up
addr add 192.0.2.31/24 dev s0
addr add 192.0.2.202/24 dev s0
addr add 2001:db8::31/64 dev s0 nodad
addr add 2001:db8::202/64 dev s0 nodad preferred_lft 0
addr add 198.51.100.31/24 dev s1
addr add 198.51.100.202/24 dev s1
addr add 2001:db8:1::31/64 dev s1 nodad
addr add 2001:db8:1::202/64 dev s1 nodad preferred_lft 0
END
    wait_for "the client's addresses" has_local 2
    wait_for "the server's addresses" has_local 4 on_server
}

try() { # try stock|pktinfo
    start_server "$1"
    start_capture
    patience=30 # which only a client has that gets no answer
    ask_all "${own[@]}"
    [ "$1" = pktinfo ] || patience=3
    ask_all "${aliases[@]}"
    read_capture
    report "$1"
    kill "$server" || fail "the server has ended by itself"
    wait "$server" || true # 143, by the signal
}

class_path() {
    echo "$here/target/classes:$(<"$here/target/class-path")"
}

start_server() {
    exec {out}< <(exec nsenter --net --target "$host" \
        java -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$(class_path)" "$main" "$@" "${arguments[@]}" 2>"$work/server")
    server=$!
    await "the server listening" "$out" listening
}

start_capture() {
    exec {seen}< <(exec tcpdump -Z root -i any -l --immediate-mode -n -q -t "udp port $port or udp port $discard" 2>&1)
    capture=$!
    await "the capture" "$seen" "listening on"
}

# A client is allowed to fail: only its output is examined.
ask_all() { # ask_all ADDRESS...: all at once
    local address clients=()
    for address in "$@"; do
        ask "$address" >"$work/$address" 2>&1 &
        clients+=($!)
    done
    wait "${clients[@]}" || true
}

# Reads the sources of the replies to each address's clients: by the client's endpoint, because only that is the same in
# both directions. Reads to the end mark, a datagram to another port, and until each has a reply, however late.
read_capture() {
    local from to ended=
    declare -A asked=()
    declare -gA replied=()
    echo >"/dev/udp/${own[0]}/$discard"
    until [ -n "$ended" ] && [ "${#replied[@]}" = "$((${#own[@]} + ${#aliases[@]}))" ]; do
        read -r -t 30 -u "$seen" _ _ _ from _ to _ || return 0 # the report says what is missing
        to=${to%:}
        case "${from##*.} ${to##*.}" in
            *" $discard") ended=yes ;;
            *" $port") asked[$from]=${to%.*} ;;
            "$port "*) add_source "${asked[$to]}" "${from%.*}" ;;
        esac
    done
    kill "$capture"
    wait "$capture" || true
}

add_source() { # add_source ASKED SOURCE
    [[ " ${replied[$1]:-} " == *" $2 "* ]] || replied[$1]="${replied[$1]:+${replied[$1]} }$2"
}

report() { # report stock|pktinfo
    local address answer
    for address in "${own[@]}"; do
        row "$1" "$address" right
    done
    for address in "${aliases[@]}"; do
        row "$1" "$address" "$([ "$1" = stock ] && echo wrong || echo right)"
    done
}

row() { # row stock|pktinfo ADDRESS right|wrong
    local source=${replied[$2]:-} says is
    says=$(grep -m 1 . "$work/$2") || says="(nothing)"
    if [ "$source" = "$2" ] && [ "$says" = "$expected" ]; then
        is=right
    elif [ -n "$source" ] && [ "$source" != "$2" ] && [ "$says" != "$expected" ]; then
        is=wrong
    else
        is=neither
    fi
    printf '%-8s  %-16s  %-16s  %s\n' "$1" "$2" "${source:-(nowhere)}" "$says"
    if [ "$is" != "$3" ]; then
        echo "    should be $3: replies from there and '$expected'"
        wrong=$((wrong + 1))
    fi
}
