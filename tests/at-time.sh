#!/bin/sh
# Runs a program with the clock of another day.
#
# usage: at-time.sh '@2041-06-01 12:00:00' PROGRAM [ARGUMENT...]
#
# The date is what libfaketime takes: with @ the clock runs on from it, without it stands still. The library is loaded without its wrapper,
# faketime(1): that one refuses to start ("sem_open: File exists") where an earlier process with its number was killed and left a semaphore.
set -eu
library=/usr/\$LIB/faketime/libfaketime.so.1 # the dynamic loader's own $LIB
date=$1
shift
# Tests that run under another clock already may ask for a third.
unset FAKETIME_SHARED
LD_PRELOAD=$library FAKETIME=$date exec "$@"
