/* SPDX-License-Identifier: BSD-3-Clause */
/* Device strings of ports. Main thread, while starting. */
#include "dataplane/io/device.h"

#include <errno.h>
#include <stdio.h>
#include <ctype.h>

/* Frames of an AF_PACKET ring: the driver's 512 hold 50 ms of 100 G.711 calls, too little where
 * workers share CPUs. */
#define AF_PACKET_FRAMES 4096u

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* "0000:03:00.0" or "03:00.0". */
static bool is_pci_address(struct span name)
{
	static const char *const shapes[] = {"xxxx:xx:xx.x", "xx:xx.x"};

	for (unsigned s = 0; s < 2; s++) {
		size_t i = 0;

		if (name.len != strlen(shapes[s]))
			continue;
		while (i < name.len &&
		       (shapes[s][i] == 'x' ? isxdigit((unsigned char)name.ptr[i]) != 0
					    : name.ptr[i] == shapes[s][i]))
			i++;
		if (i == name.len)
			return true;
	}
	return false;
}

struct span device_arg(const char *text, struct span key)
{
	const char *at = strchr(text, ',');

	while (at) {
		const char *end = strchr(++at, ',');
		size_t len = end ? (size_t)(end - at) : strlen(at);

		if (len > key.len && memcmp(at, key.ptr, key.len) == 0 && at[key.len] == '=')
			return span_of(at + key.len + 1, len - key.len - 1);
		at = end;
	}
	return SPAN_NONE;
}

int device_parse(const char *text, struct device *device, const char **why)
{
	struct span name = span_of(text, strcspn(text, ","));
	struct span iface = device_arg(text, SPAN("iface"));

	memset(device, 0, sizeof(*device));
	*why = "not a PCI address (0000:03:00.0) or a driver with its arguments "
	       "(net_af_xdp0,iface=eth1)";
	if (!name.len || name.len >= sizeof(device->name))
		return -EINVAL;
	memcpy(device->name, name.ptr, name.len);
	if (is_pci_address(name))
		device->kind = DEVICE_PCI;
	else if (starts_with(text, "net_af_xdp"))
		device->kind = DEVICE_AF_XDP;
	else if (starts_with(text, "net_af_packet"))
		device->kind = DEVICE_AF_PACKET;
	else if (starts_with(text, "net_"))
		device->kind = DEVICE_OTHER;
	else
		return -EINVAL;
	if (!device_pairs_queues(device))
		return 0;
	*why = "this driver needs iface=, the name of a network interface";
	if (!iface.len || iface.len >= sizeof(device->iface))
		return -EINVAL;
	memcpy(device->iface, iface.ptr, iface.len);
	return 0;
}

void device_put_args(char *out, size_t bytes, const char *text, const struct device *device,
		     unsigned npairs)
{
	int at = snprintf(out, bytes, "%s", text);

	if (device->kind == DEVICE_AF_XDP && !device_arg(text, SPAN("queue_count")).ptr)
		at += snprintf(out + at, bytes - (size_t)at, ",queue_count=%u", npairs);
	if (device->kind == DEVICE_AF_PACKET && !device_arg(text, SPAN("qpairs")).ptr)
		at += snprintf(out + at, bytes - (size_t)at, ",qpairs=%u", npairs);
	if (device->kind == DEVICE_AF_PACKET && !device_arg(text, SPAN("framecnt")).ptr)
		snprintf(out + at, bytes - (size_t)at, ",framecnt=%u", AF_PACKET_FRAMES);
}
