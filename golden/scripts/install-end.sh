
usage() {
    echo "usage: [DESTDIR=DIR] ./install.sh [--status | --rollback | --uninstall] [--dry-run]"
}

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

say() {
    echo "$*"
}

action=install
dry_run=no
for argument in "$@"; do
    case $argument in
        --dry-run) dry_run=yes ;;
        --status | --rollback | --uninstall)
            if [ "$action" != install ]; then
                usage >&2
                exit 2
            fi
            action=${argument#--}
            ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
[ "$action" != status ] || dry_run=yes

destdir=${DESTDIR:-}
destdir=${destdir%/}
case $destdir in
    "" | /*) ;;
    *) fail "DESTDIR must be an absolute path" ;;
esac

cd -- "$(dirname -- "$0")"
[ -f MANIFEST ] || fail "there is no MANIFEST beside install.sh: unpack the whole archive"
[ -r MANIFEST ] || fail "MANIFEST can't be read here: run it as root, or as whoever unpacked the bundle"

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

unread=0
cant_be_read() {
    echo "install.sh: $1 can't be read here" >&2
    unread=$((unread + 1))
}

is_out_of_sight() {
    # a path at which nothing is seen: whether a folder above it may not be searched
    over=$(dirname -- "$1")
    while [ ! -d "$over" ]; do
        over=$(dirname -- "$over")
    done
    [ ! -x "$over" ]
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
    if [ ! -f "$path" ] && is_out_of_sight "$path"; then
        cant_be_read "$path"
    elif [ ! -f "$path" ]; then
        complain "$path is missing from the bundle"
    elif [ ! -r "$path" ]; then
        cant_be_read "$path"
    else
        case $(sha256 "$path") in
            "$sum") ;;
            # A disk that gives an error gives no sum.
            "") cant_be_read "$path" ;;
            *) complain "$path is not what the bundle was made with" ;;
        esac
    fi
done <MANIFEST
[ "$(tail -n 1 MANIFEST)" = "# end: $entries entries" ] || complain "MANIFEST is not whole"
case $host in
    "" | *[!a-z0-9.-]*) complain "MANIFEST does not say whose it is" ;;
esac
if [ "$broken" -gt 0 ]; then
    [ "$action" != install ] || fail "the bundle is damaged; nothing was installed"
    fail "the bundle is damaged; nothing was done"
fi
[ "$unread" -eq 0 ] || fail "the bundle can't be read, so nobody knows whether it is whole; run it as root, or as whoever unpacked it. Nothing was done"

# Who made it? A machine that knows who may sign, from a file that came another way, installs nothing else. The sums that are signed
# lie beside the bundle's folder: those of an output, or those of sealed archives, which have the sum of a list of what these open to.
principal=khw-gen@$cluster
signers=${ALLOWED_SIGNERS:-/etc/khw-gen/allowed_signers}

lists() {
    # list of sums, sum, path
    grep -Fxq -e "$2  $3" "$1"
}

check_signature() {
    if [ ! -f "$signers" ]; then
        [ -z "${ALLOWED_SIGNERS:-}" ] || fail "there is no $ALLOWED_SIGNERS"
        return 0
    fi
    if ! command -v ssh-keygen >/dev/null 2>&1; then
        echo "install.sh: warning: there is no ssh-keygen here, so nobody asked who made this bundle" >&2
        return 0
    fi
    for list in SHA256SUMS SHA256SUMS.sig; do
        [ -f "../$list" ] || fail "$signers says who may sign, and there is no $list beside the folder of the bundle; nothing was installed"
    done
    ssh-keygen -Y verify -f "$signers" -I "$principal" -n khw-gen -s ../SHA256SUMS.sig <../SHA256SUMS >/dev/null 2>&1 ||
        fail "the signature of SHA256SUMS is not that of $principal in $signers, or one of them was changed; nothing was installed"
    sum=$(sha256 MANIFEST)
    if lists ../SHA256SUMS "$sum" "$host/MANIFEST"; then
        return 0
    elif [ -f ../OPENED ] && lists ../SHA256SUMS "$(sha256 ../OPENED)" OPENED && lists ../OPENED "$sum" "$host/MANIFEST"; then
        return 0
    fi
    fail "the signed sums beside the folder of the bundle are not those of this bundle; nothing was installed"
}
[ "$action" != install ] || check_signature

# The compiler and the operator agree on the machine by its name; who says DESTDIR, be it /, says which tree it is.
if [ -z "${DESTDIR:-}" ]; then
    here=$(uname -n)
    if [ "$here" != "$host" ] && [ "${here%%.*}" != "$host" ]; then
        other="this bundle is for $host, and this machine calls itself $here"
        [ "$action$dry_run" != installno ] ||
            fail "$other; nothing was installed. Where it is the right machine all the same: hostnamectl set-hostname $host, or DESTDIR=/ ./install.sh"
        echo "install.sh: warning: $other" >&2
    fi
fi
# And on the time.
now=$(date -u +%Y%m%d%H%M%S)
if [ "$action" = rollback ] || [ "$action" = uninstall ]; then
    : # What goes may be of any age.
elif [ "$now" -lt "$not_before" ] || [ "$now" -gt "$not_after" ]; then
    echo "install.sh: warning: it is $now (UTC) here, and the certificates are valid from $not_before to $not_after" >&2
fi

# A function has no variables of its own in POSIX sh. So one that is set in a function has a name that nothing sets which that
# function calls; those that functions share are set at the left margin first.

# 2. What a run does is in its journal before it is done, so that it can be taken back wherever the run ended. The journal lies in
# a folder of the run's own, with copies of what it replaced at the paths that they had. Each line is a word, a detail and a path:
#
#   folder - PATH       the folder was made
#   closed MODE PATH    the folder had this mode, and was closed to others
#   file SHA256 PATH    nothing was there, and a file with this sum was put there
#   replaced SHA256 PATH  something was there, of which there is a copy, and a file with this sum was put there
#   again SHA256 PATH   a run that went on after it had been cut off put a file there that has a line already
#   included - PATH     nginx.conf got the include line
#   enabled - UNIT      the unit was not enabled, and was enabled
#   end - -             the run came to its end
#   rolled-back - -     all of it was taken back
store=/var/backups/khw-gen
journal=
backups=
resumed=no

is_number() {
    case $1 in
        "" | *[!0-9]*) return 1 ;;
    esac
}

find_newest_run() {
    newest=0
    for entry in "$destdir$store"/*; do
        if is_number "${entry##*/}" && [ "${entry##*/}" -gt "$newest" ]; then
            newest=${entry##*/}
        fi
    done
}

has_line() {
    # journal, first word of a line
    grep -q "^$2 " "$1"
}

was_cut_off() {
    # run
    [ -f "$destdir$store/$1/JOURNAL" ] && ! has_line "$destdir$store/$1/JOURNAL" end &&
        ! has_line "$destdir$store/$1/JOURNAL" rolled-back
}

open_store() {
    holders=
    for holder in /var /var/backups; do
        stay_inside "$destdir$holder"
        if [ ! -d "$destdir$holder" ]; then
            mkdir -m 0755 "$destdir$holder"
            holders="$holders $holder"
        fi
    done
    stay_inside "$destdir$store"
    [ -d "$destdir$store" ] || mkdir -m 0700 "$destdir$store"
}

keep_through_power_loss() {
    # files; an image that is lost half-made is made anew, and needs no journal for it
    [ -n "$destdir" ] || sync "$@"
}

note() {
    # a line of the journal; the first one of a run opens it
    if [ -z "$journal" ]; then
        open_store
        find_newest_run
        backups=$destdir$store/$newest
        if was_cut_off "$newest"; then
            # The run before was cut off: this one goes on with it, and both are taken back as one.
            resumed=yes
            journal=$backups/JOURNAL
        else
            # There is no run without a journal.
            backups=$destdir$store/$((newest + 1))
            rm -rf "$backups.new"
            mkdir -m 0700 "$backups.new"
            {
                echo "# khw-gen install.sh: journal of $host"
                for above in $holders; do
                    echo "folder - $above"
                done
            } >"$backups.new/JOURNAL"
            mv "$backups.new" "$backups"
            journal=$backups/JOURNAL
        fi
    fi
    if [ "$1" != open ]; then
        printf '%s %s %s\n' "$1" "$2" "$3" >>"$journal"
        keep_through_power_loss "$journal"
    fi
}

is_noted() {
    # whether the run that was cut off has a line for a path
    [ "$resumed" = yes ] && cut -d ' ' -f 3- "$journal" | grep -Fxq -e "$1"
}

keep_copy() {
    # path on the host, a folder: what is there, into that folder
    mkdir -p "$2$(dirname "$1")"
    rm -f "$2$1"
    cp -pP "$destdir$1" "$2$1"
    # A link has nothing to write out, and where it leads is not the matter.
    [ -L "$2$1" ] || keep_through_power_loss "$2$1"
}

is_ours() {
    # path on the host, its sum: whether a run put that there
    cat "$destdir$store"/*/JOURNAL 2>/dev/null |
        grep -Fxq -e "file $2 $1" -e "replaced $2 $1" -e "again $2 $1"
}

is_same() {
    # two files or links
    if [ -L "$1" ] || [ -L "$2" ]; then
        [ -L "$1" ] && [ -L "$2" ] && [ "$(readlink "$1")" = "$(readlink "$2")" ]
        return
    fi
    [ -f "$1" ] && [ -f "$2" ] && [ "$(mode_of "$1")" = "$(mode_of "$2")" ] &&
        [ "$(owner_of "$1")" = "$(owner_of "$2")" ] && [ "$(sha256 "$1")" = "$(sha256 "$2")" ]
}

kept=
find_place_to_keep() {
    [ -z "$kept" ] || return 0
    place=1
    while [ -e "$destdir$store/kept-$place" ]; do
        place=$((place + 1))
    done
    kept=$destdir$store/kept-$place
}

keep_what_was_changed() {
    # path on the host: somebody's work since it was installed
    find_place_to_keep
    keep_copy "$1" "$kept"
    say "kept $1, which was changed since it was installed, in $kept"
}

keep_what_was_changed_meanwhile() {
    # path on the host, for which the run that was cut off has a line: what is there is what that run found, or put there, or
    # somebody's work since
    if [ -L "$destdir$1" ]; then
        is_same "$destdir$1" "$backups$1" || keep_what_was_changed "$1"
    elif [ -f "$destdir$1" ] && ! is_same "$destdir$1" "$backups$1" && ! is_ours "$1" "$(sha256 "$destdir$1")"; then
        keep_what_was_changed "$1"
    fi
}

note_file() {
    # path on the host, sum of what is put there
    note open - -
    if is_noted "$1"; then
        keep_what_was_changed_meanwhile "$1"
        note again "$2" "$1"
    elif [ -e "$destdir$1" ] || [ -L "$destdir$1" ]; then
        keep_copy "$1" "$backups"
        note replaced "$2" "$1"
    else
        note file "$2" "$1"
    fi
}

# In an image, a link like /etc/systemd -> /elsewhere would lead out of it.
if [ -n "$destdir" ] && [ "$dry_run" = no ]; then
    [ "$action" = install ] || [ -d "$destdir" ] || fail "there is no $destdir"
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

# 3. Each file in its place, with its mode and owner, by a rename, so that nobody ever sees half of one. What runs may read a file
# as soon as it is there: first all are written beside their places, and then each key and its certificate go there together.
changed=0
written=
put() {
    # source, path on the host, mode, sum
    short=${3#0}
    new=$destdir$2.khw-gen-new
    if [ "$dry_run" = no ] && { [ -e "$new" ] || [ -L "$new" ]; }; then
        # A run that was cut off left it.
        stay_inside "$(dirname "$new")"
        rm -rf "$new"
    fi
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
    stay_inside "$(dirname "$destdir$2")"
    note_file "$2" "$4"
    if [ "$(readlink "$destdir$2" 2>/dev/null)" = /dev/null ]; then
        say "$2 was masked, and is no longer"
    fi
    cp "$1" "$new"
    chmod "$3" "$new"
    own "$new"
    written="$written$3 $2
"
}

move_into_place() {
    # path on the host
    mv -f "$destdir$1.khw-gen-new" "$destdir$1"
}

move_all_into_place() {
    while read -r given target; do
        certificate=${target%-key.pem}.pem
        if [ -f "$destdir$target.khw-gen-new" ]; then
            move_into_place "$target"
            case "$target $written" in
                *-key.pem" "*" $certificate
"*) move_into_place "$certificate" ;;
            esac
        fi
        [ -z "$target" ] || say "installed $given $target"
    done <<FILES
$written
FILES
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
                note open - -
                is_noted "$1" || note closed "$(mode_of "$destdir$1")" "$1"
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
    note open - -
    is_noted "$1" || note folder - "$1"
    # The store of journals may have made it meanwhile.
    [ -d "$destdir$1" ] || mkdir -m "$2" "$destdir$1"
    own "$destdir$1"
    say "created $2 $1/"
}

# Whoever may write into a folder can put something else in the place of what is in it.
mind_folder() {
    # path on the host
    [ -d "$destdir$1" ] || return 0
    case $(mode_of "$destdir$1") in
        # Where the sticky bit is set, only one's own can be moved.
        [1357][0-7][0-7][0-7]) ;;
        *[2367]) say "everybody may write into $1, and put other files in the place of these: chmod o-w $1" ;;
    esac
    owner=$(owner_of "$destdir$1")
    if [ "$as_root" = yes ] && [ "${owner%:*}" != 0 ]; then
        say "$1 belongs to user ${owner%:*}, who can put other files in the place of these: chown root $1"
    fi
}

put_all() {
    while read -r mode sum path || [ -n "$mode" ]; do
        case $path in rootfs/?*) ;; *) continue ;; esac
        target=${path#rootfs}
        if [ "$sum" = - ]; then
            make_directory "${target%/}" "$mode"
            mind_folder "${target%/}"
        else
            put "$path" "$target" "$mode" "$sum"
        fi
    done <MANIFEST
    move_all_into_place
}

# 4. The load balancer. nginx reads our file only if its nginx.conf says so, outside of http {}.
nginx_conf=/etc/nginx/nginx.conf
include_line='include /etc/nginx/tcpconf.d/*.conf;'

find_nginx_conf() {
    conf=$destdir$nginx_conf
    # Where nginx.conf is a link, what it leads to is changed.
    if [ -L "$conf" ] && [ -z "$destdir" ]; then
        conf=$(readlink -f "$conf")
    fi
}

includes_stream_file() {
    include="include[[:space:]]+[\"']?(/etc/nginx/)?tcpconf[.]d/([*]|[*][.]conf|kubernetes[.]conf)[\"']?[[:space:]]*;"
    grep -Eq "^([^#]*[[:space:];{}])?$include" "$conf"
}

with_line_end() {
    # The last line of a file may lack its end.
    cat "$1"
    [ -z "$(tail -c 1 "$1")" ] || echo
}

with_include_line() {
    with_line_end "$1"
    echo "$include_line"
}

take_include_line_out() {
    # Whatever else was changed in nginx.conf since stays.
    find_nginx_conf
    [ "$dry_run" = yes ] || rm -f "$conf.khw-gen-new"
    [ -f "$conf" ] && grep -Fxq -e "$include_line" "$conf" || return 0
    changed=$((changed + 1))
    if [ "$dry_run" = yes ]; then
        say "would take the include line out of $nginx_conf"
        return 0
    fi
    without=$conf.khw-gen-new
    cp -p "$conf" "$without"
    # Without the line it may be empty, and then grep exits with 1.
    grep -Fxv -e "$include_line" "$conf" >"$without" || :
    before=$backups$nginx_conf
    if [ -f "$before" ] && [ ! -L "$before" ] && [ "$(with_line_end "$before" | sha256sum)" = "$(sha256sum <"$without")" ]; then
        # Byte for byte: its last line may have lacked the line end.
        cat "$before" >"$without"
    fi
    mv -f "$without" "$conf"
    say "took the include line out of $nginx_conf"
}

include_stream_file() {
    find_nginx_conf
    if [ ! -f "$conf" ]; then
        if [ "$dry_run" = yes ] || [ -n "$destdir" ]; then
            say "there is no $conf: install nginx, then run this again"
            return 0
        fi
        fail "there is no $conf: install nginx and its stream module, then run this again"
    fi
    if includes_stream_file; then
        included=already
    else
        included=now
        changed=$((changed + 1))
        if [ "$dry_run" = yes ]; then
            say "would add an include line to /etc/nginx/nginx.conf"
            return 0
        fi
        stay_inside "$(dirname "$conf")"
        note open - -
        if [ -L "$conf" ]; then
            # In an image a file takes the link's place.
            note_file "$nginx_conf" "$(with_include_line "$conf" | sha256sum | cut -d ' ' -f 1)"
        elif ! is_noted "$nginx_conf"; then
            mkdir -p "$backups/etc/nginx"
            cp -p "$conf" "$backups$nginx_conf"
            keep_through_power_loss "$backups$nginx_conf"
            note included - "$nginx_conf"
        fi
        new=$conf.khw-gen-new
        rm -f "$new"
        cp -p "$conf" "$new"
        with_include_line "$conf" >"$new"
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
            take_include_line_out
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

load_balance() {
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
}

# 5. systemd learns of the units; they start at the next boot, or when INSTALL.md says.
systemctl_here() {
    if [ -n "$destdir" ]; then
        systemctl --root="$destdir" "$@"
    else
        systemctl "$@"
    fi
}

enablement() {
    # enabled, disabled, masked or the like; nothing where the unit is not there
    systemctl_here is-enabled "$1" 2>/dev/null || :
}

has_systemctl() {
    command -v systemctl >/dev/null 2>&1
}

reload_systemd() {
    [ -z "$destdir" ] || return 0
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
    else
        say "systemd does not run here: it will read the units when it starts"
    fi
}

is_disabled() {
    # Not what is masked, or not there.
    [ "$(enablement "$1")" = disabled ]
}

enable_units() {
    [ -n "$units" ] || return 0
    if ! has_systemctl; then
        say "there is no systemctl here: enable $units yourself"
        return 0
    fi
    if [ "$dry_run" = yes ]; then
        say "would enable $units"
        return 0
    fi
    reload_systemd
    for unit in $units; do
        if is_disabled "$unit"; then
            changed=$((changed + 1))
            note enabled - "$unit"
        fi
    done
    # $units is a list of words.
    # shellcheck disable=SC2086
    if systemctl_here --quiet enable $units; then
        say "enabled $units"
    elif [ -n "$destdir" ]; then
        say "could not enable all of: $units"
    else
        fail "could not enable all of: $units"
    fi
}

forget_what_was_written() {
    # The run before was cut off between writing and moving, maybe that of another bundle: nobody would come for its keys.
    while read -r kind detail path <&3; do
        case "$kind $detail" in
            "file "* | "replaced "* | "again "*) rm -f "$destdir$path.khw-gen-new" ;;
        esac
    done 3<"$journal"
}

install_all() {
    put_all
    load_balance
    enable_units
    find_newest_run
    if [ "$dry_run" = no ] && was_cut_off "$newest"; then
        note end - -
        [ "$resumed" = no ] || forget_what_was_written
    fi
    if [ "$changed" -eq 0 ]; then
        say "$host: nothing to change"
    elif [ "$dry_run" = yes ]; then
        say "$host: $changed changes to make"
    else
        say "$host: $changed changes made, which --rollback takes back; what was replaced is in $backups"
        say "next: see INSTALL.md for what to start, and when"
    fi
}

# 6. Taking back. Each line of a journal is undone in a way that does no harm twice, or where the run never came to it.
put_back() {
    # path on the host, the copy of what was there before, or nothing
    there=$destdir$1
    stay_inside "$(dirname "$there")"
    [ "$dry_run" = yes ] || rm -f "$there.khw-gen-new"
    if [ -n "$2" ]; then
        if [ ! -e "$2" ] && [ ! -L "$2" ]; then
            # Copies go when all is back, so an --uninstall that was cut off finds none.
            [ ! -f "$there" ] || ! is_ours "$1" "$(sha256 "$there")" || say "$1 stays: there is no copy of what was there before"
            return 0
        fi
        ! is_same "$2" "$there" || return 0
        what="put back"
    else
        [ -e "$there" ] || [ -L "$there" ] || return 0
        what=remove
    fi
    if [ -d "$there" ] && [ ! -L "$there" ]; then
        say "$1 is a folder now, and stays"
        return 0
    fi
    changed=$((changed + 1))
    if [ "$dry_run" = yes ]; then
        say "would $what $1"
        return 0
    fi
    if [ -L "$there" ]; then
        keep_what_was_changed "$1"
    elif [ -e "$there" ] && ! is_ours "$1" "$(sha256 "$there")" && ! is_in_bundle "$1" "$(sha256 "$there")"; then
        keep_what_was_changed "$1"
    fi
    if [ -n "$2" ]; then
        cp -pP "$2" "$there.khw-gen-new"
        mv -f "$there.khw-gen-new" "$there"
        say "put back $1"
    else
        rm -f "$there"
        say "removed $1"
    fi
}

is_in_bundle() {
    # path on the host, its sum
    cut -d ' ' -f 2- MANIFEST | grep -Fxq -e "$2 rootfs$1"
}

stays=
remove_folder() {
    case $store/ in
        # The journals are in it.
        "$1"/*) return 0 ;;
    esac
    [ -d "$destdir$1" ] && [ ! -L "$destdir$1" ] || return 0
    stay_inside "$(dirname "$destdir$1")"
    if [ "$dry_run" = yes ]; then
        say "would remove $1/ unless something else is in it"
    elif rmdir "$destdir$1" 2>/dev/null; then
        changed=$((changed + 1))
        say "removed $1/"
    else
        name_what_stays "$1"
    fi
}

name_what_stays() {
    # A folder in which another stays is not named beside it.
    case $stays in
        *" $1/"*) ;;
        *) stays="$stays $1/" ;;
    esac
}

disable_unit() {
    if ! has_systemctl; then
        say "there is no systemctl here: disable $1 yourself"
        return 0
    fi
    [ "$(enablement "$1")" = enabled ] || return 0
    changed=$((changed + 1))
    if [ "$dry_run" = yes ]; then
        say "would disable $1"
    else
        systemctl_here --quiet disable "$1"
        say "disabled $1"
    fi
}

last_lines_first() {
    # Runs, the oldest first: what they did with their number before it, the last first. What a path was before is told by the
    # first line that it has.
    for told in "$@"; do
        sed -n "s/^[a-z]/$told &/p" "$destdir$store/$told/JOURNAL"
    done | awk '
        $2 == "again" || $2 == "end" || $2 == "rolled-back" { next }
        {
            kind = $2 == "replaced" ? "file" : $2
            path = $0
            sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", path)
            if (!seen[kind " " path]++) line[++count] = $0
        }
        END { while (count > 0) print line[count--] }'
}

units_undone=
undo_runs() {
    lines=$(last_lines_first "$@")
    # Systemd's programs and nginx must not read the lines: they come by another descriptor.
    while read -r run kind detail path <&3; do
        [ -n "$run" ] || continue
        case "$kind /$path/" in
            enabled" "*) ;;
            *" "*/../* | *" "*/./*) fail "the journal of run $run has a line with the path $path" ;;
        esac
        backups=$destdir$store/$run
        case $path in
            /etc/systemd/system/*/*) ;;
            /etc/systemd/system/*.service)
                unit_file=${path##*/}
                units_undone="$units_undone ${unit_file%.service}"
                ;;
        esac
        case $kind in
            file) put_back "$path" "" ;;
            replaced) put_back "$path" "$backups$path" ;;
            folder) remove_folder "$path" ;;
            included) take_include_line_out ;;
            enabled) disable_unit "$path" ;;
            closed)
                is_number "$detail" || fail "the journal of run $run has a line with the mode $detail"
                if [ -d "$destdir$path" ] && [ "$(mode_of "$destdir$path")" = 700 ]; then
                    stay_inside "$destdir$path"
                    changed=$((changed + 1))
                    if [ "$dry_run" = yes ]; then
                        say "would open $path again"
                    else
                        chmod "$detail" "$destdir$path"
                        say "opened $path again, as it was"
                    fi
                fi
                ;;
            *) fail "the journal of run $run has a line that is not known: $kind" ;;
        esac
    done 3<<LINES
$lines
LINES
}

balancers() {
    echo "$load_balancer"
    [ "$keepalived" = no ] || echo keepalived
}

units_that_read() {
    # Those of this bundle, and those whose files another had brought, each once.
    # shellcheck disable=SC2046,SC2086
    printf '%s\n' $units $(balancers) ${runtime%.service} $units_undone | awk '!seen[$0]++'
}

say_what_stays() {
    [ -z "$stays" ] || say "these stay, for something is in them that no run put there:$stays"
    # In an image nothing runs.
    [ -z "$destdir" ] && [ "$changed" -gt 0 ] || return 0
    running=
    for reader in $(units_that_read); do
        if [ -d /run/systemd/system ] && has_systemctl; then
            systemctl is-active --quiet "$reader" || continue
        fi
        running="$running $reader"
    done
    [ -n "$running" ] || return 0
    if [ -d /run/systemd/system ]; then
        say "nothing was stopped: with files that changed or went run$running"
    else
        say "nothing was stopped: if any of these runs, it does so with files that changed or went:$running"
    fi
}

roll_back() {
    find_newest_run
    if [ "$newest" -eq 0 ]; then
        say "$host: there is no run to take back"
        return 0
    fi
    backups=$destdir$store/$newest
    [ -f "$backups/JOURNAL" ] || fail "the newest run kept no journal: what it replaced is in $backups"
    if has_line "$backups/JOURNAL" rolled-back; then
        say "$host: run $newest was taken back already"
        return 0
    fi
    undo_runs "$newest"
    if [ "$dry_run" = yes ]; then
        say "$host: $changed changes to make"
    else
        journal=$backups/JOURNAL
        note rolled-back - -
        reload_systemd
        say "$host: run $newest is taken back"
    fi
    say_what_stays
}

find_runs_that_count() {
    find_newest_run
    runs=
    counted=1
    while [ "$counted" -le "$newest" ]; do
        if [ -f "$destdir$store/$counted/JOURNAL" ] && ! has_line "$destdir$store/$counted/JOURNAL" rolled-back; then
            runs="$runs $counted"
        fi
        counted=$((counted + 1))
    done
}

is_known() {
    # path on the host: whether a run that counts has a line for it
    for known in $runs; do
        ! cut -d ' ' -f 3- "$destdir$store/$known/JOURNAL" | grep -Fxq -e "$1" || return 0
    done
    return 1
}

private=
uninstall_bundle_files() {
    # What no journal knows: a run before there were journals put it there, or it was right already.
    while read -r mode sum path <&3 || [ -n "$mode" ]; do
        case $path in rootfs/?*) ;; *) continue ;; esac
        target=${path#rootfs}
        target=${target%/}
        if [ "$sum" = - ]; then
            # A private folder with something else in it holds data.
            if [ "$mode" = 0700 ] && [ "$target" != /root ] && [ -d "$destdir$target" ]; then
                private="$private $target"
            fi
            continue
        fi
        ! is_known "$target" || continue
        if [ -f "$destdir$target" ] && [ "$(sha256 "$destdir$target")" = "$sum" ]; then
            put_back "$target" ""
        elif [ -e "$destdir$target" ]; then
            say "$target stays: no run put it there, and it is not what is in this bundle"
        fi
    done 3<MANIFEST
}

forget_run() {
    # A copy of what a run had put there is no work of anybody's, and may be a key.
    while read -r kind detail path <&3; do
        copy=$destdir$store/$1$path
        case $kind in
            replaced)
                if [ -L "$copy" ] || is_same "$copy" "$destdir$path"; then
                    rm -f "$copy"
                elif [ -f "$copy" ] && is_ours "$path" "$(sha256 "$copy")"; then
                    rm -f "$copy"
                fi
                ;;
            included) rm -f "$copy" ;;
        esac
    done 3<"$destdir$store/$1/JOURNAL"
    left=$(find "$destdir$store/$1" ! -type d | grep -Fxv -e "$destdir$store/$1/JOURNAL" || :)
    if [ -n "$left" ]; then
        kept=
        find_place_to_keep
        rm -f "$destdir$store/$1/JOURNAL"
        mv "$destdir$store/$1" "$kept"
        say "kept what others changed between two runs, in $kept"
    else
        # Nothing but folders is in it; where this ends half-way, the name says that it goes.
        rm -rf "$destdir$store/$1.new"
        mv "$destdir$store/$1" "$destdir$store/$1.new"
        rm -rf "$destdir$store/$1.new"
    fi
}

uninstall() {
    find_runs_that_count
    for unit in $units; do
        # What a run enabled is in its journal; where it did not, another unit of that name was enabled before.
        file=/etc/systemd/system/$unit.service
        if [ -f "$destdir$file" ] && ! is_known "$file"; then
            disable_unit "$unit"
        fi
    done
    uninstall_bundle_files
    # $runs is a list of numbers.
    # shellcheck disable=SC2086
    undo_runs $runs
    for folder in $private; do
        [ ! -d "$destdir$folder" ] || [ -z "$(ls -A "$destdir$folder")" ] || name_what_stays "$folder"
    done
    if [ "$dry_run" = yes ]; then
        say "$host: $changed changes to make, and then the journals and copies in $destdir$store go"
    else
        # Folders that were made to hold the journals can go only after them.
        made=
        for folder in /var/backups /var; do
            if cat "$destdir$store"/*/JOURNAL 2>/dev/null | grep -Fxq -e "folder - $folder"; then
                made="$made $folder"
            fi
        done
        # The newest first, so that what a path was before them all is known until the end.
        number=$newest
        while [ "$number" -gt 0 ]; do
            [ ! -f "$destdir$store/$number/JOURNAL" ] || forget_run "$number"
            number=$((number - 1))
        done
        if [ -d "$destdir$store" ]; then
            rm -rf "$destdir$store"/*.new
            rmdir "$destdir$store" 2>/dev/null || say "kept $destdir$store: look at what is in it"
        fi
        for folder in $made; do
            rmdir "$destdir$folder" 2>/dev/null || :
        done
        [ "$changed" -eq 0 ] || reload_systemd
        say "$host: $changed changes made"
    fi
    say_what_stays
}

# 7. What is right.
wrong=0
tell() {
    # what, path on the host, in how far
    case $1 in
        right) ;;
        *) wrong=$((wrong + 1)) ;;
    esac
    say "$1 $2${3:+: $3}"
}

is_owned_by_another() {
    # An image that somebody else than root made is theirs.
    [ -z "$destdir" ] || [ "$as_root" = yes ] || return 1
    [ "$(owner_of "$1")" != 0:0 ]
}

is_hidden() {
    # whether a folder on the way to a path can't be entered
    way=$(dirname "$1")
    while [ ! -d "$way" ] && [ "$way" != / ]; do
        way=$(dirname "$way")
    done
    [ ! -x "$way" ]
}

tell_file() {
    # path on the host, wanted mode, wanted sum or - for a folder
    file=$destdir$1
    if is_hidden "$file"; then
        tell unreadable "$1" "only root may look"
    elif [ ! -e "$file" ] && [ ! -L "$file" ]; then
        tell missing "$1"
    elif [ "$3" = - ]; then
        if [ ! -d "$file" ]; then
            tell differs "$1" "it is no folder"
        elif [ "$2" = 0700 ] && [ "$(mode_of "$file")" != 700 ]; then
            tell differs "$1" "others may look into it"
        fi
    elif [ -L "$file" ] || [ ! -f "$file" ]; then
        tell differs "$1" "it is no plain file"
    elif [ "$(mode_of "$file")" != "${2#0}" ]; then
        tell differs "$1" "its mode is $(mode_of "$file")"
    elif is_owned_by_another "$file"; then
        tell differs "$1" "its owner is $(owner_of "$file")"
    elif [ ! -r "$file" ]; then
        tell unreadable "$1" "only root may read it"
    elif [ "$(sha256 "$file")" != "$3" ]; then
        tell differs "$1" "its content"
    else
        tell right "$1"
    fi
}

tell_status() {
    while read -r mode sum path || [ -n "$mode" ]; do
        case $path in rootfs/?*) ;; *) continue ;; esac
        target=${path#rootfs}
        tell_file "${target%/}" "$mode" "$sum"
    done <MANIFEST
    if [ "$load_balancer" = nginx ]; then
        find_nginx_conf
        if [ ! -f "$conf" ]; then
            tell missing "$nginx_conf"
        elif ! includes_stream_file; then
            tell differs "$nginx_conf" "it does not include /etc/nginx/tcpconf.d"
        fi
    fi
    if has_systemctl; then
        for unit in $units $(balancers); do
            ! is_disabled "$unit" || tell differs "$unit" "the unit is not enabled"
        done
    fi
    find_newest_run
    if was_cut_off "$newest"; then
        tell differs "run $newest" "it was cut off: run install.sh again, or --rollback"
    fi
    if [ "$wrong" -gt 0 ]; then
        say "$host: $wrong not right"
        exit 1
    fi
    say "$host: all is right"
}

case $action in
    install) install_all ;;
    rollback) roll_back ;;
    uninstall) uninstall ;;
    status) tell_status ;;
esac
