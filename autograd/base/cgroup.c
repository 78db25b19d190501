/* Control groups: see cgroup.h, and cgroups(7). */
#include "autograd/base/cgroup.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES     8192
#define UNLIMITED_FROM (INT64_C(1) << 60) /* version 1 writes "no limit" as a number near 2^63 */

/* ---- the groups of this process ---- */

/* From mount/a/b to mount/a to mount. `group` is "/a/b", and is cut. */
static void walk_up(const char *mount, char *group, senc_cgroup_visit *visit, void *context) {
    if (strstr(group, "/..")) group[0] = '\0'; /* outside of what this process may see */
    size_t n = strlen(group);
    while (n > 0 && group[n - 1] == '/') group[--n] = '\0';
    for (;;) {
        char folder[2 * PATH_BYTES];
        snprintf(folder, sizeof folder, "%s%s", mount, group);
        visit(context, folder);
        char *slash = strrchr(group, '/');
        if (!slash) return;
        *slash = '\0';
    }
}

/* Whether "cpu,cpuacct" names "cpu". */
static bool names_controller(const char *list, const char *controller) {
    const size_t n = strlen(controller);
    for (const char *p = list; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, controller, n) == 0 && (p[n] == ',' || p[n] == '\0')) return true;
    }
    return false;
}

/* Lines of /proc/self/cgroup: "0::/a/b" (version 2), "4:memory:/a/b" (version 1). */
void senc_cgroup_walk(const char *root, const char *controller, senc_cgroup_visit *visit, void *context) {
    char path[PATH_BYTES], line[PATH_BYTES], mount[PATH_BYTES];
    bool seen_2 = false, seen_1 = false;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        char *list = strchr(line, ':'), *group = list ? strchr(list + 1, ':') : NULL;
        if (!group) continue;
        *group++ = '\0';
        const bool is_2 = list[1] == '\0' && line[0] == '0'; /* "1:name=systemd:" has a list */
        if (!is_2 && !names_controller(list + 1, controller)) continue;
        snprintf(mount, sizeof mount, "%.4000s/sys/fs/cgroup%s%.40s", root, is_2 ? "" : "/", is_2 ? "" : controller);
        walk_up(mount, group, visit, context);
        *(is_2 ? &seen_2 : &seen_1) = true;
    }
    if (f) fclose(f);
    for (int version = 1; version <= 2; version++) { /* no /proc: at least what stands at the root */
        if (version == 2 ? seen_2 : seen_1) continue;
        snprintf(mount, sizeof mount, "%.4000s/sys/fs/cgroup%s%.40s", root, version == 2 ? "" : "/",
                 version == 2 ? "" : controller);
        visit(context, mount);
    }
}

static FILE *open_in(const char *folder, const char *name) {
    char path[2 * PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fopen(path, "r");
}

int64_t senc_cgroup_number(const char *folder, const char *name) {
    FILE *f = open_in(folder, name);
    char line[128];
    const int64_t number = f && fgets(line, sizeof line, f) ? strtoll(line, NULL, 10) : 0;
    if (f) fclose(f);
    return number;
}

/* ---- memory ---- */

/* Pages of files that the system gives up when memory gets short: "inactive_file N" and "active_file N" of memory.stat;
 * in version 1 "total_..." are those of the group with the groups in it. */
static int64_t reclaimable_bytes(const char *folder, const char *prefix) {
    FILE *f = open_in(folder, "memory.stat");
    char line[128], names[2][40];
    int64_t sum = 0;
    snprintf(names[0], sizeof names[0], "%sinactive_file ", prefix);
    snprintf(names[1], sizeof names[1], "%sactive_file ", prefix);
    while (f && fgets(line, sizeof line, f)) {
        for (int i = 0; i < 2; i++) {
            const size_t n = strlen(names[i]);
            if (strncmp(line, names[i], n) == 0) sum += strtoll(line + n, NULL, 10);
        }
    }
    if (f) fclose(f);
    return sum;
}

static void note_left(int64_t *least, int64_t limit, int64_t used, int64_t reclaimable) {
    if (limit <= 0 || limit >= UNLIMITED_FROM) return;
    int64_t left = limit - used + reclaimable;
    if (left > limit) left = limit;
    if (left < 1) left = 1;
    if (*least == 0 || left < *least) *least = left;
}

static void look_at_memory(void *context, const char *folder) {
    note_left(context, senc_cgroup_number(folder, "memory.max"), senc_cgroup_number(folder, "memory.current"),
              reclaimable_bytes(folder, ""));
    note_left(context, senc_cgroup_number(folder, "memory.limit_in_bytes"),
              senc_cgroup_number(folder, "memory.usage_in_bytes"), reclaimable_bytes(folder, "total_"));
}

int64_t senc_cgroup_memory_bytes(const char *root) {
    int64_t least = 0;
    senc_cgroup_walk(root, "memory", look_at_memory, &least);
    return least;
}

/* ---- CPUs ---- */

static void note_quota(int64_t *least, int64_t quota, int64_t period) {
    if (quota <= 0 || period <= 0) return;
    const int64_t cpus = quota / period + (quota % period != 0);
    if (*least == 0 || cpus < *least) *least = cpus;
}

/* cpu.max of version 2 is "150000 100000" or "max 100000"; version 1 keeps the two numbers in two files, -1: none. */
static void look_at_cpus(void *context, const char *folder) {
    FILE *f = open_in(folder, "cpu.max");
    char line[128];
    if (f && fgets(line, sizeof line, f)) {
        char *rest = line;
        const int64_t quota = strtoll(line, &rest, 10);
        note_quota(context, quota, rest == line ? 0 : strtoll(rest, NULL, 10));
    }
    if (f) fclose(f);
    note_quota(context, senc_cgroup_number(folder, "cpu.cfs_quota_us"),
               senc_cgroup_number(folder, "cpu.cfs_period_us"));
}

int64_t senc_cgroup_cpus(const char *root) {
    int64_t least = 0;
    senc_cgroup_walk(root, "cpu", look_at_cpus, &least);
    return least;
}
