/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a fuzz harness over every file of a directory, once with an unreadable page behind the input
 * and once with one before it: replay DIRECTORY... */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>

#include "../guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file_read(const char *path, char *bytes, size_t *len)
{
	FILE *file = fopen(path, "rb");

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	*len = fread(bytes, 1, GUARD_BYTES_MAX, file);
	fclose(file);
	return 0;
}

/* The number of inputs, or -1. */
static int directory_run(const char *path)
{
	static char bytes[GUARD_BYTES_MAX];
	DIR *dir = opendir(path);
	struct dirent *entry;
	int count = 0;

	if (!dir) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	while ((entry = readdir(dir))) {
		char file[4096];
		size_t len;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (file_read(file, bytes, &len)) {
			closedir(dir);
			return -1;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)guard_behind(bytes, len), len);
		LLVMFuzzerTestOneInput((const uint8_t *)guard_before(bytes, len), len);
		count++;
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		int count = directory_run(argv[i]);

		if (count < 0)
			return 1;
		total += count;
	}
	printf("%d inputs\n", total);
	return total ? 0 : 1;
}
