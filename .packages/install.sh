#!/bin/sh
# Installs ipvsadm from the folder that this script is in, or removes it again.
#
#   ./install.sh [--uninstall] [--flavour plain|debian|rpm] [PREFIX=/usr/local] [DESTDIR=]
#
# plain, the default, takes its settings from /etc/default/ipvsadm and its rules from
# /etc/ipvsadm.rules, with a unit for systemd. Files that are there to be edited are left alone.
# Nothing is started or stopped, and the table is not touched. The other two lay out what the
# packages hold.
set -eu

flavour=plain
uninstall=false
PREFIX=${PREFIX-/usr/local}
DESTDIR=${DESTDIR-}
while [ $# -gt 0 ]; do
    case $1 in
    --uninstall) uninstall=true ;;
    --flavour) flavour=${2-} && shift ;;
    PREFIX=*) PREFIX=${1#PREFIX=} ;;
    DESTDIR=*) DESTDIR=${1#DESTDIR=} ;;
    *)
        sed -n 's/^#   //p' "$0" >&2
        exit 2
        ;;
    esac
    shift
done
from=$(cd "$(dirname "$0")" && pwd)

sbin=$PREFIX/sbin
libexec=$PREFIX/libexec/ipvsadm
man=$PREFIX/share/man/man8
doc=$PREFIX/share/doc/ipvsadm
units=$PREFIX/lib/systemd/system
bash=$PREFIX/share/bash-completion/completions
zsh=$PREFIX/share/zsh/site-functions
fish=$PREFIX/share/fish/vendor_completions.d
rules=/etc/ipvsadm.rules
config=/etc/default/ipvsadm
environment="# /etc/default/ipvsadm says what is done."
saves=
writes=
case $flavour in
plain) ;;
debian) zsh=$PREFIX/share/zsh/vendor-completions ;;
rpm)
    rules=/etc/sysconfig/ipvsadm
    config=/etc/sysconfig/ipvsadm-config
    # To enable the unit is to ask for the rules.
    environment="Environment=AUTO=true"
    saves=", the saved rules in /etc/sysconfig"
    writes=" -/etc/sysconfig"
    ;;
*)
    echo "$0: there is no flavour \"$flavour\"" >&2
    exit 2
    ;;
esac

if $uninstall; then
    cd "$DESTDIR/"
    rm -f "./$sbin/ipvsadm" "./$sbin/ipvsadm-save" "./$sbin/ipvsadm-restore"
    rm -rf "./$libexec" "./$doc"
    rm -f "./$man/ipvsadm.8" "./$man/ipvsadm-save.8" "./$man/ipvsadm-restore.8"
    rm -f "./$units/ipvsadm.service" "./$units/ipvsadm@.service"
    for program in ipvsadm ipvsadm-save ipvsadm-restore; do
        rm -f "./$bash/$program" "./$zsh/_$program" "./$fish/$program.fish"
    done
    exit 0
fi

put() { # MODE FILE FOLDER [NAME]
    install -d "$DESTDIR$3"
    install -m "$1" "$from/$2" "$DESTDIR$3/${4-${2##*/}}"
}

# Copies a template with the folders of this installation.
fill() { # MODE TEMPLATE FOLDER
    install -d "$DESTDIR$3"
    to=$DESTDIR$3/${2##*/}
    sed -e "/^@hardening@\$/{
            r $from/service/hardening
            d
        }" "$from/service/$2" |
        sed -e "s|@sbindir@|$sbin|g; s|@libexecdir@|$libexec|g; s|@rules@|$rules|g" \
            -e "s|@config@|$config|g; s|@environment@|$environment|" \
            -e "s|@saves@|$saves|; s|@writes@|$writes|" >"$to"
    chmod "$1" "$to"
}

link() { # TARGET FOLDER NAME
    ln -sf "$1" "$DESTDIR$2/$3"
}

put 755 sbin/ipvsadm "$sbin"
link ipvsadm "$sbin" ipvsadm-save
link ipvsadm "$sbin" ipvsadm-restore
for page in ipvsadm ipvsadm-save ipvsadm-restore; do
    put 644 "man/$page.8" "$man"
done
for program in ipvsadm ipvsadm-save ipvsadm-restore; do
    put 644 "completions/$program.bash" "$bash" "$program"
    put 644 "completions/_$program" "$zsh"
    put 644 "completions/$program.fish" "$fish"
done

fill 755 ipvsadm-service "$libexec"
# The names of the scripts in Debian 13, which drop-ins may call.
for action in load start stop flush; do
    link ipvsadm-service "$libexec" "ipvsadm-$action"
done
fill 644 ipvsadm.service "$units"
fill 644 ipvsadm@.service "$units"

for file in README.md CHANGELOG.md LICENSE; do
    put 644 "$file" "$doc"
done
for file in sysctl.conf modprobe.conf; do
    put 644 "service/$file" "$doc/examples"
done

case $flavour in
plain)
    install -d "$DESTDIR/etc/default"
    [ -e "$DESTDIR$config" ] || install -m 644 "$from/service/default" "$DESTDIR$config"
    [ -e "$DESTDIR$rules" ] || install -m 644 "$from/service/ipvsadm.rules" "$DESTDIR$rules"
    ;;
debian)
    fill 755 ipvsadm.init /etc/init.d
    mv "$DESTDIR/etc/init.d/ipvsadm.init" "$DESTDIR/etc/init.d/ipvsadm"
    put 644 service/default "$PREFIX/share/ipvsadm" ipvsadm
    put 644 service/ipvsadm.rules "$PREFIX/share/ipvsadm"
    ;;
rpm)
    put 600 service/default.rpm /etc/sysconfig ipvsadm-config
    ;;
esac
