# Debian's kernel packages: the table of those that are pinned, and how they come here without touching this machine's apt.

names() {
    awk '!/^#/ && NF && !seen[$1]++ { print $1 }' "$here/packages"
}

rows() { # rows KERNEL CHOICE: suite package version sha256
    awk -v kernel="$1" -v choice="$2" '$1 == kernel && $2 == choice { print $3, $4, $5, $6 }' "$here/packages"
}

unpack_kernel() { # unpack_kernel KERNEL FILE: sets vmlinuz and modules, writes to the file which packages they are
    local choice suite package version sum folder=$work/unpacked
    rm -rf "$folder"
    for choice in 1 2; do
        attempt fetch_choice "$1" "$choice"
        [ "$code" != 0 ] || break
        [ "$code" != 3 ] || exit 1
    done
    [ "$code" = 0 ] || die "$1: no pinned package can be had; put what --offered SUITE shows into src/test/kernels/packages"
    while read -r suite package version sum; do
        dpkg-deb -x "$cache/${package}_${version}_amd64.deb" "$folder"
        echo "$package $version ($suite)"
    done < <(rows "$1" "$choice") >"$2.lines"
    paste -sd , "$2.lines" | sed 's/,/, /g' >"$2"
    rm "$2.lines"
    vmlinuz=$(find "$folder" -type f -name 'vmlinuz*')
    modules=$(find "$folder" -type d -path '*/lib/modules/*' -prune)
}

fetch_choice() { # fetch_choice KERNEL CHOICE; exit code 3: there, but not what was pinned
    local suite package version sum
    while read -r suite package version sum; do
        fetch "$suite" "$package" "$version" "$sum"
    done < <(rows "$1" "$2")
}

fetch() { # fetch SUITE PACKAGE VERSION SHA256
    local file=$cache/$2_$3_amd64.deb
    if [ ! -f "$file" ]; then
        prepare_apt "$1"
        mkdir -p "$cache" "$work/debs"
        (cd "$work/debs" && private_apt "$1" apt-get download "$2=$3" >&2) || die "not downloaded: $2 $3 from $1"
        mv "$work/debs/${file##*/}" "$file"
    fi
    if ! echo "$4  $file" | sha256sum --check --status; then
        echo "kernels: wrong checksum of $2 $3: $(sha256sum <"$file" | cut -c 1-64), pinned is $4 ($file)" >&2
        exit 3
    fi
}

prepare_apt() { # prepare_apt SUITE: its list of packages, once a run
    local folder=$out/apt/$1 keys=/usr/share/keyrings/debian-archive-keyring.gpg options mirror
    [ ! -e "$work/listed-$1" ] || return 0
    rm -rf "$folder"
    mkdir -p "$folder"/{state/lists/partial,cache/archives/partial}
    cat >"$folder/apt.conf" <<EOF
Dir::State "$folder/state";
Dir::State::status "/dev/null";
Dir::Cache "$folder/cache";
Dir::Etc::sourcelist "$folder/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
#clear APT::Update;
EOF
    # An old suite's list is past its date, and only what is pinned is taken from it.
    options="arch=amd64 target=Packages check-valid-until=no"
    [ ! -e "$keys" ] || options+=" signed-by=$keys"
    for mirror in $(mirrors "$1"); do
        echo "deb [$options] $mirror $1 main" >"$folder/sources.list"
        if private_apt "$1" apt-get update -o APT::Update::Error-Mode=any 2>"$work/apt.err"; then
            touch "$work/listed-$1"
            return
        fi
    done
    cat "$work/apt.err" >&2
    die "no list of packages of the Debian suite $1"
}

private_apt() { # private_apt SUITE COMMAND ARGUMENT...
    "$2" -c "$out/apt/$1/apt.conf" -qq "${@:3}"
}

mirrors() { # mirrors SUITE: where it may be; mirrors move old suites into a folder beside
    local base=${PKTINFO_DEBIAN_MIRROR:-$(machines_mirror)}
    base=${base%/}
    [ -n "$base" ] || die "no Debian release in this machine's apt sources: set PKTINFO_DEBIAN_MIRROR"
    case $1 in *-security) base+=-security ;; esac
    echo "$base"
    echo "${base%/*}/debian-archive/${base##*/}"
}

machines_mirror() {
    local codename
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v release="$codename" '($1 == release || $1 == "stable") && $2 == "main" && !found++ { print $3 }'
}

offered() { # offered SUITE
    prepare_apt "$1"
    private_apt "$1" apt-cache dumpavail | awk -v suite="$1" '
        /^Package:/ { package = $2 } /^Version:/ { version = $2 } /^SHA256:/ { sum = $2 }
        /^$/ && package ~ /^linux-(image|binary|modules)-[0-9.]+[-+].*cloud-amd64$/ {
            split(version, part, "."); print part[1] "." part[2], "CHOICE", suite, package, version, sum }'
}
