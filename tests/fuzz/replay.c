/* SPDX-License-Identifier: BSD-3-Clause */
/* Plain main around a fuzz target: runs it over the files of folders, and over a few thousand
 * damaged copies of them, so that every build tries each target without libFuzzer.
 *
 * usage: TARGET FOLDER... */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prng.h"

#define INPUT_MAX  65536u
#define COPIES_MAX 500u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* From memory of exactly this size, so that a sanitizer sees every read beyond it. */
static void
run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size == 0 ? 1 : size);

	if (copy == NULL)
		exit(1);
	memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

/* Flip, insert, remove or repeat a few bytes; returns the new size. */
static size_t
damage(uint8_t *data, size_t size, struct prng *prng)
{
	for (unsigned n = 1 + prng_below(prng, 4); n > 0 && size > 0; n--) {
		size_t at = prng_below(prng, (uint32_t)size), rest = size - at;

		switch (prng_below(prng, 4)) {
		case 0:
			data[at] ^= (uint8_t)(1u << prng_below(prng, 8));
			break;
		case 1:
			data[at] = (uint8_t)prng_u64(prng);
			break;
		case 2:
			size -= prng_below(prng, (uint32_t)rest);
			break;
		default:
			if (size + rest <= INPUT_MAX) {
				memmove(data + at + rest, data + at, rest);
				size += rest;
			}
			break;
		}
	}
	return size;
}

static int
file_run(const char *path, struct prng *prng, unsigned *files)
{
	static uint8_t data[INPUT_MAX], copy[INPUT_MAX];
	FILE *f = fopen(path, "rb");
	size_t size;

	if (f == NULL) {
		perror(path);
		return 1;
	}
	size = fread(data, 1, sizeof data, f);
	fclose(f);
	run(data, size);
	for (unsigned i = 0; i < COPIES_MAX; i++) {
		memcpy(copy, data, size);
		run(copy, damage(copy, size, prng));
	}
	*files += 1;
	return 0;
}

int
main(int argc, char **argv)
{
	struct prng prng = {1};
	unsigned files = 0;
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		struct dirent *entry;
		char path[4096];

		if (folder == NULL) {
			perror(argv[i]);
			return 1;
		}
		while ((entry = readdir(folder)) != NULL) {
			if (entry->d_name[0] == '.')
				continue;
			snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
			failed |= file_run(path, &prng, &files);
		}
		closedir(folder);
	}
	printf("%u files, %u copies each\n", files, COPIES_MAX);
	return failed != 0 || files == 0;
}
