#!/bin/sh
# foreign.sh PROCESSOR FOLDER [TEST...]: builds the tests in C for another processor in FOLDER and runs them under
# qemu-user: nehalem (x86-64 without AVX), aarch64, s390x (big-endian). TEST...: these alone.
#
# Not run unless named: what takes minutes under emulation and computes nothing that other tests do not
# (double_*, fit_*, kernels_math, latent, optim, revival: numbers of the portable kernels); save_faults, as qemu-user
# has no ptrace; base_cpu for nehalem, which asks /proc of the host.
set -eu
root=$(CDPATH='' cd "$(dirname "$0")/.." && pwd)
processor=$1
folder=$2
shift 2
long='double_|fit_|kernels_math|latent|optim|revival|save_faults|_double$'
unset CC CFLAGS LDFLAGS

# fetch ARCHITECTURE FOLDER: Debian's cmocka for it. With lists of packages of their own, so that the system's stay.
fetch() {
    mkdir -p "$2/lists/partial"
    cd "$2"
    for step in update 'download libcmocka-dev libcmocka0'; do
        # shellcheck disable=SC2086
        apt-get -qq -o APT::Architecture="$1" -o APT::Architectures="$1" -o Dir::State::Lists="$2/lists" \
            -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root $step
    done
    for package in ./*.deb; do dpkg-deb -x "$package" .; done
    rm -rf lists ./*.deb
    cd "$root"
}

# cross DEBIAN ENDIAN: a file for meson, and a build by it.
cross() {
    triple=$processor-linux-gnu
    system=$folder.cmocka
    [ -d "$system/usr" ] || fetch "$1" "$system"
    cat >"$folder.ini" <<END
[binaries]
c = '$triple-gcc'
ar = '$triple-ar'
strip = '$triple-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['qemu-$processor-static', '-L', '/usr/$triple', '-E', 'LD_LIBRARY_PATH=$system/usr/lib/$triple']
[properties]
pkg_config_libdir = '$system/usr/lib/$triple/pkgconfig'
sys_root = '$system'
[host_machine]
system = 'linux'
cpu_family = '$processor'
cpu = '$processor'
endian = '$2'
END
    set_up --cross-file "$folder.ini"
}

set_up() {
    [ -f "$folder/build.ninja" ] || meson setup "$folder" "$root" --buildtype=debugoptimized -Dexamples=false "$@"
}

wrapper=
case $processor in
nehalem)
    set_up
    wrapper='qemu-x86_64-static -cpu Nehalem'
    long="$long|base_cpu"
    ;;
aarch64) cross arm64 little ;;
s390x) cross s390x big ;;
*) sed -n '2,/^set/{s/^# \{0,1\}//p;}' "$0"; exit 2 ;;
esac
ninja -C "$folder"
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046
    set -- $(meson test -C "$folder" --suite c --list | sed -n 's/.* \/ //p' | grep -Ev "$long|valgrind")
fi
meson test -C "$folder" --no-rebuild --print-errorlogs --suite c -t 3 ${wrapper:+--wrapper "$wrapper"} "$@"
