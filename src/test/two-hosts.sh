# A client and a server with several addresses of both families, in network namespaces: for scripts in a process
# namespace of their own, whose end also ends both. The caller defines a function fail, which does not return.

own=(10.9.0.1 fd00:9::1) # the sources of the server's choice
aliases=(10.9.0.2 10.9.0.3 fd00:9::2)

wait_for() { # wait_for WHAT COMMAND...: until the command succeeds
    local what=$1 end=$((SECONDS + 30))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || fail "$what: not within 30 s"
    done
}

await() { # await WHAT DESCRIPTOR TEXT: until a line with the text comes
    local line=
    until [[ $line == *$3* ]]; do
        IFS= read -r -t 60 -u "$2" line || fail "$1: no line with '$3' within 60 s, or ended"
    done
}

on_server() {
    nsenter --net --target "$host" "$@"
}

differs() {
    [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# Succeeds once the kernel receives for the addresses, which is later than it shows them.
has_local() { # has_local COUNT [ON]: so many of IPv6
    [ "$("${@:2}" ip -6 route show table local type local | grep -cE '(fd00|2001):')" = "$1" ]
}

# nodad, because a tentative address cannot be used. Of IPv6 addresses that are otherwise equal the kernel prefers one
# that is not deprecated (RFC 6724, rule 3): fd00:9::1 is therefore the source that the kernel chooses for a reply.
make_hosts() {
    unshare --net sleep infinity &
    host=$!
    wait_for "the server's network" differs "$host"
    ip -batch - <<END
link set lo up
link add c0 type veth peer name s0 netns $host
link set c0 addrgenmode none up
addr add 10.9.0.100/24 dev c0
addr add fd00:9::100/64 dev c0 nodad
END
    on_server ip -batch - <<END
link set lo up
link set s0 addrgenmode none up
addr add 10.9.0.1/24 dev s0
addr add 10.9.0.2/32 dev s0
addr add 10.9.0.3/32 dev s0
addr add fd00:9::1/64 dev s0 nodad
addr add fd00:9::2/64 dev s0 nodad preferred_lft 0
END
    wait_for "the client's addresses" has_local 1
    wait_for "the server's addresses" has_local 2 on_server
}
