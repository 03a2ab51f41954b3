/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions that limen may resume. Few servers, and looked for once a connection: a list does.
 * limen-controlplane, loop thread. */
#include "controlplane/tls/tls_sessions.h"

#include <stdlib.h>
#include <string.h>

struct kept {
	struct net_endpoint peer;
	unsigned realm;
	char name[256];
	SSL_SESSION *session; /* NULL: free */
	uint64_t age;	      /* the highest is the newest */
};

struct tls_sessions {
	uint64_t last_age;
	unsigned n;
	struct kept list[TLS_SESSIONS_MAX];
};

struct tls_sessions *tls_sessions_new(void)
{
	return calloc(1, sizeof(struct tls_sessions));
}

void tls_sessions_free(struct tls_sessions *sessions)
{
	for (unsigned i = 0; sessions && i < sessions->n; i++)
		SSL_SESSION_free(sessions->list[i].session);
	free(sessions);
}

static struct kept *find(struct tls_sessions *sessions, const struct net_endpoint *peer,
			 unsigned realm, const char *name)
{
	for (unsigned i = 0; i < sessions->n; i++) {
		struct kept *kept = &sessions->list[i];

		if (net_endpoint_eq(&kept->peer, peer) && kept->realm == realm &&
		    strcmp(kept->name, name) == 0)
			return kept;
	}
	return NULL;
}

static struct kept *make_room(struct tls_sessions *sessions)
{
	struct kept *oldest = &sessions->list[0];

	if (sessions->n < TLS_SESSIONS_MAX)
		return &sessions->list[sessions->n++];
	for (unsigned i = 1; i < sessions->n; i++) {
		if (sessions->list[i].age < oldest->age)
			oldest = &sessions->list[i];
	}
	return oldest;
}

void tls_sessions_put(struct tls_sessions *sessions, const struct net_endpoint *peer,
		      unsigned realm, const char *name, SSL_SESSION *session)
{
	struct kept *kept = find(sessions, peer, realm, name);

	if (strlen(name) >= sizeof(kept->name)) {
		SSL_SESSION_free(session);
		return;
	}
	if (!kept)
		kept = make_room(sessions);
	SSL_SESSION_free(kept->session);
	kept->peer = *peer;
	kept->realm = realm;
	memcpy(kept->name, name, strlen(name) + 1);
	kept->session = session;
	kept->age = ++sessions->last_age;
}

SSL_SESSION *tls_sessions_take(struct tls_sessions *sessions, const struct net_endpoint *peer,
			       unsigned realm, const char *name)
{
	struct kept *kept = find(sessions, peer, realm, name);
	SSL_SESSION *session = kept ? kept->session : NULL;

	if (!session)
		return NULL;
	/* those of TLS 1.2 may be used again, and no new one comes */
	if (SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION)
		SSL_SESSION_up_ref(session);
	else
		kept->session = NULL;
	return session;
}
