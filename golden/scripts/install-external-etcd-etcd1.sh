#!/bin/sh
# Puts this bundle's files in place on one host. Safe to run twice: what is already right is left alone.
#
#   sudo ./install.sh              install
#   ./install.sh --dry-run         say what would be done, and do nothing
#   DESTDIR=/mnt sudo -E ./install.sh   install into a tree (an image, a chroot)
#
# It does not start anything: the order over the hosts is in INSTALL.md.
set -eu
umask 077
LC_ALL=C
export LC_ALL
unset CDPATH

units='etcd'
not_before='20251231235500'
not_after='20261231235500'
load_balancer=''
keepalived='no'

usage() {
    echo "usage: [DESTDIR=DIR] ./install.sh [--dry-run]"
}

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

say() {
    echo "$*"
}

dry_run=no
for argument in "$@"; do
    case $argument in
        --dry-run) dry_run=yes ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done

destdir=${DESTDIR:-}
destdir=${destdir%/}
case $destdir in
    "" | /*) ;;
    *) fail "DESTDIR must be an absolute path" ;;
esac

cd -- "$(dirname -- "$0")"
[ -f MANIFEST ] || fail "there is no MANIFEST beside install.sh: unpack the whole archive"

as_root=no
[ "$(id -u)" -eq 0 ] && as_root=yes
if [ "$as_root" = no ] && [ "$dry_run" = no ] && [ -z "$destdir" ]; then
    fail "must be run as root (try --dry-run to see what it would do)"
fi

# 1. Is the bundle whole? MANIFEST has the host's name in its second line, then a mode, a SHA-256 and a path on each line; a
# directory has - for its sum.
sha256() {
    sha256sum <"$1" | cut -d ' ' -f 1
}

broken=0
entries=0
complain() {
    echo "install.sh: $*" >&2
    broken=$((broken + 1))
}

host=
while read -r mode sum path || [ -n "$mode" ]; do
    case "$mode $sum" in
        "# host:") host=$path; continue ;;
        "#"*) continue ;;
    esac
    entries=$((entries + 1))
    case $mode in
        0[0-7][0-7][0-7]) ;;
        *) complain "MANIFEST has a line with the mode $mode"; continue ;;
    esac
    case /$path/ in
        */../* | */./* | //*) complain "MANIFEST has a line with the path $path"; continue ;;
    esac
    [ "$sum" = - ] && continue
    if [ ! -f "$path" ]; then
        complain "$path is missing from the bundle"
    elif [ "$(sha256 "$path")" != "$sum" ]; then
        complain "$path is not what the bundle was made with"
    fi
done <MANIFEST
[ "$(tail -n 1 MANIFEST)" = "# end: $entries entries" ] || complain "MANIFEST is not whole"
case $host in
    "" | *[!a-z0-9.-]*) complain "MANIFEST does not say whose it is" ;;
esac
[ "$broken" -eq 0 ] || fail "the bundle is damaged; nothing was installed"

# The compiler and the operator agree on the machine by its name.
if [ -z "$destdir" ]; then
    here=$(uname -n)
    if [ "$here" != "$host" ] && [ "${here%%.*}" != "$host" ]; then
        echo "install.sh: warning: this bundle is for $host, and this machine calls itself $here" >&2
    fi
fi
# And on the time.
now=$(date -u +%Y%m%d%H%M%S)
if [ "$now" -lt "$not_before" ] || [ "$now" -gt "$not_after" ]; then
    echo "install.sh: warning: it is $now (UTC) here, and the certificates are valid from $not_before to $not_after" >&2
fi

# 2. Each file in its place, with its mode and owner, by a rename, so that nobody ever sees half of one.
backups=
backup() {
    # What is replaced is kept, in a folder of this run's own.
    if [ -z "$backups" ]; then
        run=1
        while [ -e "$destdir/var/backups/khw-gen/$run" ]; do
            run=$((run + 1))
        done
        backups=$destdir/var/backups/khw-gen/$run
        mkdir -p "$destdir/var/backups"
        mkdir -p -m 0700 "$destdir/var/backups/khw-gen"
        mkdir -m 0700 "$backups"
    fi
    mkdir -p "$backups$(dirname "$1")"
    cp -pP "$destdir$1" "$backups$1"
}

# In an image, a link like /etc/systemd -> /elsewhere would lead out of it.
if [ -n "$destdir" ] && [ "$dry_run" = no ]; then
    mkdir -p -m 0755 "$destdir"
    real_destdir=$(cd -P -- "$destdir" && pwd -P)
fi
stay_inside() {
    [ -n "$destdir" ] && [ "$dry_run" = no ] || return 0
    [ -d "$1" ] || return 0
    real=$(cd -P -- "$1" && pwd -P)
    case $real/ in
        "$real_destdir"/*) ;;
        *) fail "$1 leads out of $destdir, to $real" ;;
    esac
}

own() {
    if [ "$as_root" = yes ]; then
        chown 0:0 "$1"
    fi
}

mode_of() {
    # GNU and busybox have stat -c.
    stat -c %a "$1"
}

owner_of() {
    stat -c %u:%g "$1"
}

is_right() {
    # file, wanted mode, wanted sum
    [ -f "$1" ] && [ ! -L "$1" ] || return 1
    [ "$(mode_of "$1")" = "$2" ] || return 1
    if [ "$as_root" = yes ]; then
        [ "$(owner_of "$1")" = 0:0 ] || return 1
    fi
    [ "$(sha256 "$1")" = "$3" ]
}

changed=0
put() {
    # source, path on the host, mode, sum
    short=${3#0}
    if is_right "$destdir$2" "$short" "$4"; then
        return 0
    fi
    changed=$((changed + 1))
    if [ -e "$destdir$2" ] && [ ! -f "$destdir$2" ] && [ ! -L "$destdir$2" ]; then
        fail "$destdir$2 is not a file, and a file belongs there"
    fi
    if [ "$dry_run" = yes ]; then
        say "would install $3 $2"
        return 0
    fi
    if [ -e "$destdir$2" ] || [ -L "$destdir$2" ]; then
        backup "$2"
    fi
    if [ "$(readlink "$destdir$2" 2>/dev/null)" = /dev/null ]; then
        say "$2 was masked, and is no longer"
    fi
    stay_inside "$(dirname "$destdir$2")"
    new=$destdir$2.khw-gen-new
    rm -rf "$new"
    cp "$1" "$new"
    chmod "$3" "$new"
    own "$new"
    mv -f "$new" "$destdir$2"
    say "installed $3 $2"
}

make_directory() {
    # path on the host, mode
    stay_inside "$destdir$1"
    if [ -d "$destdir$1" ]; then
        # A folder that is there already keeps its mode, unless what is in it must be kept private.
        if [ "$2" = 0700 ] && [ "$(mode_of "$destdir$1")" != 700 ]; then
            changed=$((changed + 1))
            if [ "$dry_run" = yes ]; then
                say "would close $1 to others"
            else
                chmod 0700 "$destdir$1"
                say "closed $1 to others"
            fi
        fi
        return 0
    fi
    changed=$((changed + 1))
    if [ "$dry_run" = yes ]; then
        say "would create $2 $1/"
        return 0
    fi
    mkdir "$destdir$1"
    chmod "$2" "$destdir$1"
    own "$destdir$1"
    say "created $2 $1/"
}

while read -r mode sum path || [ -n "$mode" ]; do
    case $path in rootfs/?*) ;; *) continue ;; esac
    target=${path#rootfs}
    if [ "$sum" = - ]; then
        make_directory "${target%/}" "$mode"
    else
        put "$path" "$target" "$mode" "$sum"
    fi
done <MANIFEST

# 3. The load balancer. nginx reads our file only if its nginx.conf says so, outside of http {}.
include_stream_file() {
    conf=$destdir/etc/nginx/nginx.conf
    # Where nginx.conf is a link, what it leads to is changed.
    if [ -L "$conf" ] && [ -z "$destdir" ]; then
        conf=$(readlink -f "$conf")
    fi
    if [ ! -f "$conf" ]; then
        if [ "$dry_run" = yes ] || [ -n "$destdir" ]; then
            say "there is no $conf: install nginx, then run this again"
            return 0
        fi
        fail "there is no $conf: install nginx and its stream module, then run this again"
    fi
    include="include[[:space:]]+[\"']?(/etc/nginx/)?tcpconf[.]d/([*]|[*][.]conf|kubernetes[.]conf)[\"']?[[:space:]]*;"
    if grep -Eq "^([^#]*[[:space:];{}])?$include" "$conf"; then
        included=already
    else
        included=now
        changed=$((changed + 1))
        if [ "$dry_run" = yes ]; then
            say "would add an include line to /etc/nginx/nginx.conf"
            return 0
        fi
        backup /etc/nginx/nginx.conf
        cat "$conf" >"$backups/etc/nginx/nginx.conf.text"
        new=$conf.khw-gen-new
        cp -p "$conf" "$new"
        # The last line may lack its line end.
        [ -z "$(tail -c 1 "$new")" ] || echo >>"$new"
        echo 'include /etc/nginx/tcpconf.d/*.conf;' >>"$new"
        mv -f "$new" "$conf"
        say "included /etc/nginx/tcpconf.d/*.conf in /etc/nginx/nginx.conf"
    fi
    [ "$dry_run" = no ] || return 0
    if [ -n "$destdir" ]; then
        say "not tested here: run nginx -t on the host"
        return 0
    fi
    command -v nginx >/dev/null 2>&1 || fail "there is no nginx: install it with its stream module, then run this again"
    if ! nginx -t; then
        if [ "$included" = now ]; then
            cat "$backups/etc/nginx/nginx.conf.text" >"$conf"
            say "took the include line out again"
        fi
        fail "nginx refuses its configuration (on Debian, unknown directive \"stream\" means that libnginx-mod-stream is missing; a duplicate one, that nginx.conf has a stream {} of its own, which must go)"
    fi
}

# haproxy and keepalived read the file that was put in place.
check_configuration() {
    # program, its configuration, the arguments with which it checks one
    program=$1
    conf=$2
    shift 2
    if [ -n "$destdir" ]; then
        say "not tested here: run $program $* $conf on the host"
        if [ ! -e "$destdir/usr/sbin/$program" ]; then
            say "there is no $program in $destdir: install it there, then run this again"
            return 0
        fi
    elif [ "$dry_run" = no ]; then
        command -v "$program" >/dev/null 2>&1 || fail "there is no $program: install it, then run this again"
        "$program" "$@" "$conf" || fail "$program refuses $conf"
    fi
    units="$program $units"
    units=${units% }
}

if [ "$load_balancer" = nginx ]; then
    include_stream_file
    if [ -f "$destdir/etc/nginx/nginx.conf" ]; then
        units="nginx $units"
        units=${units% }
    fi
elif [ "$load_balancer" = haproxy ]; then
    check_configuration haproxy /etc/haproxy/haproxy.cfg -c -f
fi
if [ "$keepalived" = yes ]; then
    check_configuration keepalived /etc/keepalived/keepalived.conf -t -f
fi

# 4. systemd learns of the units; they start at the next boot, or when INSTALL.md says.
enable_units() {
    [ -n "$units" ] || return 0
    if ! command -v systemctl >/dev/null 2>&1; then
        say "there is no systemctl here: enable $units yourself"
        return 0
    fi
    if [ "$dry_run" = yes ]; then
        say "would enable $units"
        return 0
    fi
    # $units is a list of words.
    if [ -n "$destdir" ]; then
        # shellcheck disable=SC2086
        systemctl --root="$destdir" --quiet enable $units || say "could not enable all of: $units"
        return 0
    fi
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
    else
        say "systemd does not run here: it will read the units when it starts"
    fi
    # shellcheck disable=SC2086
    systemctl --quiet enable $units
    say "enabled $units"
}

enable_units

if [ "$changed" -eq 0 ]; then
    say "$host: nothing to change"
elif [ "$dry_run" = yes ]; then
    say "$host: $changed changes to make"
else
    say "$host: $changed changes made${backups:+, what was replaced is in $backups}"
    say "next: see INSTALL.md for what to start, and when"
fi
