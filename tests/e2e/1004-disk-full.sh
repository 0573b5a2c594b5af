#!/bin/sh
# 1004-disk-full.sh -- no room, no inodes, read-only: whichever write fails, the command
# stops with exit 5 (exec 125), the log checks clean, nothing is half registered, and all
# works again once there is room.
# needs: box
# timeout: 120
. "$(dirname "$0")/lib.sh"
need_box
need_root
need unshare mount
unshare -m --propagation private true 2>/dev/null || skip_all "no mount namespace here"
export T
unshare -m --propagation private /usr/bin/python3 -B "$(dirname "$0")/1004-disk-full.py"
exit $?
