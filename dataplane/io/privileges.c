/* SPDX-License-Identifier: BSD-3-Clause */
/* The dataplane's user, and what it may ask of the kernel while it runs and when it stops. Main
 * thread, while starting. */
#include "dataplane/io/privileges.h"

#include "common/log/log.h"
#include "common/priv/sandbox.h"
#include "dataplane/io/device.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define CALLS_MAX 32u
#define VFIO_TYPE 0x3b00 /* _IO(';', n) */

static int find_one(const char *key, const char *name, const char *otherwise,
		    struct privileges_user *user, struct fault *fault)
{
	int err = privileges_find(name, otherwise, user);

	if (err == -EPERM)
		return fault_set(fault, err, "%s: %s is root; name another user", key, name);
	return err ? fault_set(fault, err,
			       "%s: there is no user %s on this machine; make it (useradd "
			       "--system), or name another",
			       key, name)
		   : 0;
}

int dp_users_find(struct dp_users *users, const struct conf *conf, struct fault *fault)
{
	const struct conf_machine *machine = &conf->machine;
	int err = find_one("machine.user", machine->user, CONF_USER_DEFAULT, &users->control,
			   fault);

	if (!err)
		err = find_one("machine.dataplane_user", machine->dataplane_user,
			       CONF_DATAPLANE_USER_DEFAULT, &users->self, fault);
	/* of one group, so that both may put their sockets into run_dir */
	if (!err && users->self.changes && users->control.changes)
		users->self.gid = users->control.gid;
	return err;
}

/* --- system calls --- */

/* Which drivers there are. */
struct kinds {
	bool of[DEVICE_OTHER + 1];
	bool kernel_device;
};

static void look(const struct conf *conf, struct kinds *kinds)
{
	*kinds = (struct kinds){.kernel_device = false};
	for (unsigned i = 0; i < conf->nports; i++) {
		struct device device;
		const char *why;

		if (device_parse(conf->ports[i].device, &device, &why) == 0)
			kinds->of[device.kind] = true;
	}
	for (unsigned i = 0; i < conf->nrealms; i++)
		kinds->kernel_device |= conf->realms[i].kernel_device[0] != '\0';
}

static const char *const allowed[] = {
	/* rings for a control plane that comes */
	"memfd_create",
	/* its own socket, and those of memif */
	"unlink", "unlinkat",
	NULL,
};

/* The AF_XDP libraries would keep a lock file somewhere. */
static const struct sandbox_call refused[] = {{.name = "mkdir"}, {.name = "mkdirat"}, {NULL}};

struct calls {
	unsigned n;
	struct sandbox_call list[CALLS_MAX];
};

static void add(struct calls *calls, const char *name, unsigned nargs, struct scmp_arg_cmp first,
		struct scmp_arg_cmp second)
{
	calls->list[calls->n++] = (struct sandbox_call){name, nargs, {first, second}};
}

#define ANY (struct scmp_arg_cmp){0}

static void add_request(struct calls *calls, unsigned long code)
{
	add(calls, "ioctl", 1, (struct scmp_arg_cmp)SCMP_A1(SCMP_CMP_EQ, code), ANY);
}

static void add_family(struct calls *calls, int family)
{
	add(calls, "socket", 1, (struct scmp_arg_cmp)SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family),
	    ANY);
}

static void add_names(struct calls *calls, const char *const *names)
{
	for (; *names; names++)
		add(calls, *names, 0, ANY, ANY);
}

/* The interface's state and counters, by a socket that is there for nothing else: it can be neither
 * bound nor connected. */
static void add_interface(struct calls *calls)
{
	static const unsigned long requests[] = {SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCGIFMTU,
						 SIOCGIFINDEX, SIOCETHTOOL};

	add_family(calls, AF_INET);
	for (unsigned i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		add_request(calls, requests[i]);
}

/* What takes sockets out of an AF_XDP program's map and finds the program: nothing that loads
 * one. */
static void add_bpf(struct calls *calls)
{
	static const unsigned commands[] = {BPF_MAP_DELETE_ELEM, BPF_OBJ_GET_INFO_BY_FD, BPF_OBJ_GET,
					    BPF_PROG_GET_FD_BY_ID};

	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		add(calls, "bpf", 1, (struct scmp_arg_cmp)SCMP_A0(SCMP_CMP_EQ, commands[i]), ANY);
}

static void add_drivers(struct calls *calls, const struct kinds *kinds)
{
	static const char *const xdp[] = {"bind", "statfs", NULL};
	static const char *const memif[] = {"bind", "connect", "listen", NULL};

	if (kinds->of[DEVICE_AF_XDP] || kinds->of[DEVICE_AF_PACKET])
		add_interface(calls);
	if (kinds->of[DEVICE_AF_XDP]) {
		add(calls, "socket", 2,
		    (struct scmp_arg_cmp)SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
		    (struct scmp_arg_cmp)SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE));
		add_names(calls, xdp);
		add_bpf(calls);
	}
	if (kinds->of[DEVICE_OTHER]) {
		add_family(calls, AF_UNIX);
		add_names(calls, memif);
	}
	if (kinds->of[DEVICE_PCI])
		add(calls, "ioctl", 1,
		    (struct scmp_arg_cmp)SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff00, VFIO_TYPE), ANY);
	if (kinds->kernel_device)
		add_request(calls, TUNSETPERSIST);
}

static void make_calls(struct calls *calls, const struct kinds *kinds)
{
	/* nothing that is not code yet becomes code */
	add(calls, "mmap", 1, (struct scmp_arg_cmp)SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0), ANY);
	add(calls, "mprotect", 1, (struct scmp_arg_cmp)SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
	    ANY);
	add(calls, "socketpair", 1, (struct scmp_arg_cmp)SCMP_A0(SCMP_CMP_EQ, AF_UNIX), ANY);
	add_drivers(calls, kinds);
}

static int enter_sandbox(const struct conf *conf, const struct kinds *kinds, const char **step)
{
	struct calls calls = {.n = 0};
	const struct sandbox_rules rules = {
		.allowed = allowed, .with = calls.list, .refused = refused};

	make_calls(&calls, kinds);
	/* glibc loads it when a thread is cancelled, which DPDK does at its end */
	(void)dlopen("libgcc_s.so.1", RTLD_NOW);
	return sandbox_enter(&rules,
			     sandbox_mode_here(sandbox_mode_from(conf->machine.sandbox)), step);
}

int dp_privileges_drop(const struct conf *conf, const struct dp_users *users,
		       struct privileges_state *left, struct fault *fault)
{
	static const int none[] = {-1}, net_admin[] = {CAP_NET_ADMIN, -1};
	const char *step = "becoming the user";
	struct kinds kinds;
	const int *keep;
	int err;

	look(conf, &kinds);
	keep = kinds.of[DEVICE_AF_XDP] ? net_admin : none;
	privileges_forget_environment();
	err = privileges_become(&users->self, keep);
	privileges_core_dumps(conf->machine.core_dumps);
	if (!err) {
		step = "dropping capabilities";
		err = privileges_drop(keep);
	}
	if (!err)
		err = enter_sandbox(conf, &kinds, &step);
	if (!err) {
		step = "looking at what is left";
		err = privileges_state(left);
	}
	if (err)
		return fault_set(fault, err,
				 "machine: privileges cannot be given up: %s: %s; with sandbox: "
				 "off no filter of system calls is tried",
				 step, strerror(-err));
	LOG(INFO, "main", "privileges given up", LOG_U64("uid", left->uid),
	    LOG_U64("capabilities", left->capabilities),
	    LOG_U64("no_new_privs", left->no_new_privs), LOG_U64("seccomp", left->seccomp),
	    LOG_STR("sandbox", sandbox_mode_word(sandbox_mode_here(
				       sandbox_mode_from(conf->machine.sandbox)))));
	return 0;
}
