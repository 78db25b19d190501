/* Linux control groups: what a container, a service manager or a batch system allows this process. A limit may stand in
 * any of the groups that the process is in, one inside another; the smallest counts. */
#ifndef SENC_CGROUP_H
#define SENC_CGROUP_H

#include <stdint.h>

/* Calls visit with the folder of the process's own group and of every one around it, up to the root, for version 2 and
 * for version 1's hierarchy of a controller ("memory", "cpu"). Folders that are not there (a container often sees only
 * its own group, as the root) are visited too: files in them cannot be read, which is no limit. root: "" for the
 * system's own /proc and /sys; tests give another folder. */
typedef void senc_cgroup_visit(void *context, const char *folder);
void senc_cgroup_walk(const char *root, const char *controller, senc_cgroup_visit *visit, void *context);

/* The number in the first line of folder/name; 0 without the file, and for "max". */
int64_t senc_cgroup_number(const char *folder, const char *name);

/* Bytes that the groups leave this process: the smallest of limit - usage + what the system can take back of files
 * (at least 1); 0: no limit. */
int64_t senc_cgroup_memory_bytes(const char *root);
/* CPUs of the smallest quota, rounded up; 0: none. */
int64_t senc_cgroup_cpus(const char *root);

#endif
