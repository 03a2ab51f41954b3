#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Nothing of one side shows on the other: all that a side's own messages say of it is looked for in the other side's capture.
. "$(dirname "$0")/_init.sh"
lab_up

capture a "$work/a.pcap"
capture b "$work/b.pcap"
for flow in "uas_call uac_media 7500 3" "uas_bye uac_wait_bye 300 5" "uas_cancel uac_cancel 300 5" "uas_early uac_early 300 5" \
    "uas_reinvite uac_reinvite 300 5" "uas_refuse uac_refused 300 5"; do
    read -r callee_does caller_does ms count <<<"$flow"
    code=486 callee b "$callee_does" -m "$count" -d "$ms" -rtp_echo
    code=486 check "$caller_does: the caller" caller a "$caller_does" -s 2001 -m "$count" -d "$ms" -r 10
    check "$caller_does: the callee" callee_done
done
ipv6=1
callee b uas_call -m 5
check "IPv6: the caller" caller a uac_call -s 2001 -m 5 -d 100
check "IPv6: the callee" callee_done
captures_done
/usr/bin/python3 "$smoke/hidden.py" "$work/a.pcap" "$work/b.pcap" || failures=$((failures + 1))
