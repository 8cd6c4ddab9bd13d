# What is inside a guest: one archive for all kernels, one more with the modules of each.

check_image() { # the boot protocol of Linux on x86: "HdrS" at 0x202
    [ "$(dd if="$1" bs=1 skip=514 count=4 status=none | tr -d '\0')" = HdrS ] || die "not a Linux kernel image for x86: $1"
}

build_tree() {
    tree=$work/tree
    mkdir -p "$tree"/{bin,etc,root,tools}
    cp "$here/init" "$here/checks" "$tree/"
    echo "root:x:0:0:root:/root:/bin/sh" >"$tree/etc/passwd"
    put busybox bin
    ln -s busybox "$tree/bin/sh"
    local program
    for program in ip sysctl nc nft; do
        put "$program" tools
    done
    put_java
    put_tests
    archive_classes
    # Not compressed: the emulated processor would take longer to unpack it than the archive takes to write.
    pack "$tree" >"$work/tree.cpio"
}

put() { # put PROGRAM FOLDER
    local program
    program=$(command -v "$1") || die "the program $1 is missing"
    cp -L "$program" "$tree/$2/"
    put_libraries "$program"
}

put_libraries() { # put_libraries FILE: the shared libraries that it needs
    local library
    for library in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
        [ -e "$tree$library" ] || { mkdir -p "$tree${library%/*}" && cp -L "$library" "$tree$library"; }
    done
}

put_java() {
    local home library
    home=${JAVA_HOME:-$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.home = //p')}
    # An emulated processor spends most of a short program's time on compiling and on loading classes.
    "$home/bin/jlink" --strip-debug --no-header-files --no-man-pages --output "$tree/jdk" \
        --add-modules java.base,java.instrument,java.logging,java.management,java.xml,jdk.management,jdk.unsupported \
        --add-options "-Xint -XX:+UseSerialGC -XX:SharedArchiveFile=/app/classes.jsa -Xlog:cds*=off"
    for library in "$tree"/jdk/bin/java "$tree"/jdk/lib/*.so "$tree"/jdk/lib/server/libjvm.so; do
        put_libraries "$library"
    done
}

put_tests() {
    [ -f "$root/target/pktinfo-server.jar" ] && [ -d "$root/target/test-classes/org" ] ||
        die "target/pktinfo-server.jar or target/test-classes is missing: mvn package -DskipTests"
    (cd "$root" && mvn -B -q dependency:build-classpath -DincludeScope=test "-Dmdep.outputFile=$work/classpath") >&2
    mkdir -p "$tree/app/lib"
    cp "$root/target/pktinfo-server.jar" "$tree/app/"
    jar --create --file "$tree/app/lib/library.jar" -C "$root/target/classes" .
    jar --create --file "$tree/app/lib/tests.jar" -C "$root/target/test-classes" .
    # No test that runs in a guest has properties, and an engine that is there is started.
    tr : '\n' <"$work/classpath" | grep -v /jqwik | xargs cp -t "$tree/app/lib"
    (cd "$tree" && printf '/%s\n' app/lib/* | paste -sd :) >"$tree/app/classpath"
}

# Classes as the JVM has them once they are loaded and verified: for the JDK, and for tests and library. Paths and times of
# the files must be those in the guest, hence the root folder; and the tests that load them keep to a network of their own.
archive_classes() {
    local base=/jdk/lib/server/classes.jsa
    mkdir -p "$tree"/{dev,proc,tmp}
    unshare --net --mount sh -c "
        mount --bind /dev '$tree/dev' && mount --bind /proc '$tree/proc' && ip link set lo up || exit
        chroot '$tree' /jdk/bin/java -Xshare:dump -XX:SharedArchiveFile=$base
        chroot '$tree' /jdk/bin/java -XX:SharedArchiveFile=$base -XX:ArchiveClassesAtExit=/app/classes.jsa \
            -cp '$(cat "$tree/app/classpath")' org.pktinfo.it.support.RunTests org.pktinfo.ReplyTest" >"$work/archive.log" 2>&1 || true
    [ -f "$tree/app/classes.jsa" ] || { cat "$work/archive.log" >&2; die "no archive of classes"; }
    rm -rf "$tree/tmp"
}

pack() { # pack FOLDER: a cpio archive on stdout
    (cd "$1" && find . -print0 | cpio --null --create --format=newc --quiet)
}

build_initramfs() { # for the kernel in vmlinuz and modules
    local name
    rm -rf "$work/guest-modules" "$work/seen"
    mkdir -p "$work/guest-modules/modules" "$work/seen"
    if [ -n "$modules" ]; then
        for name in $guest_modules; do
            put_module "$name"
        done
    fi
    pack "$work/guest-modules" | cat "$work/tree.cpio" - >"$work/initramfs"
}

put_module() { # put_module NAME: behind those that it needs; nothing if it is built in or not there
    local name=${1//-/_} file needed plain
    [ ! -e "$work/seen/$name" ] || return 0
    plain=$work/seen/$name
    touch "$plain"
    file=$(find "$modules" -type f \( -name "$name.ko*" -o -name "${name//_/-}.ko*" \) | head -n 1)
    [ -n "$file" ] || return 0
    case $file in
        *.xz) xz -dc "$file" ;;
        *.zst) zstd -dc "$file" ;;
        *.gz) gzip -dc "$file" ;;
        *) cat "$file" ;;
    esac >"$plain"
    for needed in $(told depends "$plain" | tr , ' ') $(told softdep "$plain" | sed -n 's/^pre: //p'); do
        put_module "$needed"
    done
    printf -v file '%03d-%s.ko' "$(find "$work/guest-modules/modules" -type f | wc -l)" "$name"
    cp "$plain" "$work/guest-modules/modules/$file"
}

told() { # told FIELD FILE: what a module says of itself
    { grep -zao "^$1=.*" "$2" || true; } | tr '\0' '\n' | cut -d = -f 2-
}

# In a shell of its own, where set -e holds; the exit code goes to $code. Not for use in a condition: set -e is off there.
attempt() {
    set +e
    (set -e && "$@")
    code=$?
    set -e
}

# By the host's own processor, if /dev/kvm opens and the guest says something within 20 s: where the host is a virtual machine too,
# it may open and guests hang all the same. By an emulated processor otherwise.
run_guest() { # run_guest FOLDER PARAMETER...: to its end, its words in the folder; parameters are the kernel's; the exit code goes to $code
    rm -f "$1/serial"
    if { : >>/dev/kvm; } 2>/dev/null; then
        try_kvm "$@"
    fi
    if [ ! -s "$1/serial" ]; then
        echo tcg >"$1/processor"
        # A processor without AVX: the emulator is a third faster.
        attempt machine "$1" "-accel tcg,thread=multi -cpu Nehalem" "${@:2}"
    fi
}

try_kvm() { # as run_guest; says nothing in the folder's file serial if the guest did not start
    local machine end=$((SECONDS + 20))
    echo kvm >"$1/processor"
    machine "$1" "-accel kvm -cpu host" "${@:2}" &
    machine=$!
    code=0
    { # without the shell's word on how it ended
        until [ -s "$1/serial" ] || [ "$SECONDS" -ge "$end" ] || ! kill -0 "$machine"; do
            sleep 0.1
        done
        [ -s "$1/serial" ] || kill "$machine" || true
        wait "$machine" || code=$?
    } 2>/dev/null
}

# The kernel without the detours around processor faults, which cost an emulated processor most.
machine() { # machine FOLDER PROCESSOR PARAMETER...: PROCESSOR is qemu's options
    exec timeout --kill-after=5 "$limit" qemu-system-x86_64 $2 -smp 2 -m 1536 \
        -nodefaults -no-user-config -display none -no-reboot -serial "file:$1/console.log" -serial "file:$1/serial" \
        -kernel "$vmlinuz" -initrd "$work/initramfs" -append "console=ttyS0 panic=-1 quiet mitigations=off ${*:3}" >"$1/qemu.log" 2>&1
}
