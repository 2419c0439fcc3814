#!/bin/sh
# Puts this bundle's files in place on one host. Safe to run twice: what is already right is left alone.
#
#   sudo ./install.sh              install
#   ./install.sh --status          say which files are right, differ or are missing; exits with 1 unless all are right
#   sudo ./install.sh --rollback   take back what the newest run did
#   sudo ./install.sh --uninstall  take back what all runs did; data stays
#   ./install.sh --dry-run         say what would be done, and do nothing; also with --rollback and --uninstall
#   DESTDIR=/mnt sudo -E ./install.sh   all of this in a tree (an image, a chroot); / for this machine, whatever it calls itself
#
# Where /etc/khw-gen/allowed_signers (or $ALLOWED_SIGNERS) says who may sign, only what they signed is installed.
#
# It starts and stops nothing: the order over the hosts is in INSTALL.md.
set -eu
umask 077
LC_ALL=C
export LC_ALL
unset CDPATH

cluster='billing'
units='kube-apiserver kube-controller-manager kube-scheduler pod-routes'
not_before='20251231235500'
not_after='20261231235500'
load_balancer=''
keepalived='no'
runtime=''
# Here follows golden/scripts/install-end.sh
