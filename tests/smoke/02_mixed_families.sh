#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# An IPv4 caller and an IPv6 callee, and the other way round: limen joins both worlds.
. "$(dirname "$0")/_init.sh"
lab_up --config "$smoke/flows.yaml"

ipv6=1 callee b uas_call -m 20
check "IPv4 to IPv6: the caller" caller a uac_call -s 6001 -m 20 -r 20 -d 100
check "IPv4 to IPv6: the callee" callee_done

callee b uas_call -m 20
ipv6=1
check "IPv6 to IPv4: the caller" caller a uac_call -s 2001 -m 20 -r 20 -d 100
check "IPv6 to IPv4: the callee" callee_done
