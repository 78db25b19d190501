/* Control groups: made-up trees of /proc and /sys. */
#include "autograd/base/cgroup.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"

static char root[] = "/tmp/senc-cgroup-XXXXXX";

static void set_up(void) {
    snprintf(root, sizeof root, "/tmp/senc-cgroup-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static void tear_down(void) {
    senc_path_remove(root, NULL);
}

static void put(const char *name, const char *text) {
    senc_error err = {0};
    char *path = senc_path_join(root, name), *above = senc_path_folder(path);
    ck_assert(senc_path_create_folders(above, &err));
    ck_assert_msg(senc_file_write(path, text, strlen(text), &err), "%s", err.text);
    free(path);
    free(above);
}

#define G "sys/fs/cgroup/"

START_TEST(nothing_is_no_limit) {
    ck_assert_int_eq(senc_cgroup_memory_bytes(root), 0);
    ck_assert_int_eq(senc_cgroup_cpus(root), 0);
    put("proc/self/cgroup", "0::/user/me\n");
    put(G "user/me/memory.max", "max\n");
    put(G "user/me/cpu.max", "max 100000\n");
    ck_assert_int_eq(senc_cgroup_memory_bytes(root), 0);
    ck_assert_int_eq(senc_cgroup_cpus(root), 0);
}
END_TEST

START_TEST(the_smallest_of_nested_groups_counts) {
    put("proc/self/cgroup", "0::/batch/job/step\n");
    put(G "memory.max", "max\n");
    put(G "batch/memory.max", "9000000\n");
    put(G "batch/memory.current", "1000\n");
    put(G "batch/job/memory.max", "5000000\n"); /* the limit of the one in the middle */
    put(G "batch/job/memory.current", "3000000\n");
    put(G "batch/job/step/memory.max", "8000000\n");
    put(G "batch/job/step/memory.current", "2500000\n");
    ck_assert_int_eq(senc_cgroup_memory_bytes(root), 2000000);
    put(G "batch/job/memory.stat", "anon 100\nfile 900000\ninactive_file 600000\nactive_file 200000\n");
    ck_assert_int_eq(senc_cgroup_memory_bytes(root), 2800000); /* pages of files come back */
    put(G "batch/cpu.max", "350000 100000\n");
    put(G "batch/job/cpu.max", "max 100000\n");
    ck_assert_int_eq(senc_cgroup_cpus(root), 4);
    put(G "cpu.max", "100000 100000\n"); /* the root of a container */
    ck_assert_int_eq(senc_cgroup_cpus(root), 1);
}
END_TEST

START_TEST(a_container_sees_its_group_as_the_root) {
    put("proc/self/cgroup", "0::/docker/0123456789abcdef\n");
    put(G "memory.max", "1000000\n");
    put(G "memory.current", "400000\n");
    ck_assert_int_eq(senc_cgroup_memory_bytes(root), 600000);
    put("proc/self/cgroup", "0::/../../outside\n");
    put("outside/memory.max", "1\n"); /* would be found by ".." */
    ck_assert_int_eq(senc_cgroup_memory_bytes(root), 600000);
    put("proc/self/cgroup", "0::/\n");
    ck_assert_int_eq(senc_cgroup_memory_bytes(root), 600000);
}
END_TEST

START_TEST(used_up_is_not_unlimited) {
    put("proc/self/cgroup", "0::/a\n");
    put(G "a/memory.max", "1000\n");
    put(G "a/memory.current", "1500\n");
    ck_assert_int_eq(senc_cgroup_memory_bytes(root), 1);
}
END_TEST

START_TEST(version_1) {
    put("proc/self/cgroup", "11:hugetlb:/\n5:cpuacct,cpu:/slice/a\n4:memory:/slice/a\n0::/other\n");
    put(G "memory/memory.limit_in_bytes", "9223372036854771712\n");
    put(G "memory/memory.usage_in_bytes", "77\n");
    put(G "memory/slice/memory.limit_in_bytes", "1000000\n");
    put(G "memory/slice/memory.usage_in_bytes", "700000\n");
    put(G "memory/slice/memory.stat",
        "inactive_file 1\nactive_file 1\ntotal_inactive_file 50000\ntotal_active_file 10000\n");
    put(G "memory/slice/a/memory.limit_in_bytes", "2000000\n");
    put(G "memory/slice/a/memory.usage_in_bytes", "600000\n");
    ck_assert_int_eq(senc_cgroup_memory_bytes(root), 360000);
    put(G "cpu/slice/a/cpu.cfs_quota_us", "-1\n");
    put(G "cpu/slice/a/cpu.cfs_period_us", "100000\n");
    ck_assert_int_eq(senc_cgroup_cpus(root), 0);
    put(G "cpu/slice/cpu.cfs_quota_us", "250000\n");
    put(G "cpu/slice/cpu.cfs_period_us", "100000\n");
    ck_assert_int_eq(senc_cgroup_cpus(root), 3);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cgroup");
    TCase *c = tcase_create("cgroup");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, nothing_is_no_limit);
    tcase_add_test(c, the_smallest_of_nested_groups_counts);
    tcase_add_test(c, a_container_sees_its_group_as_the_root);
    tcase_add_test(c, used_up_is_not_unlimited);
    tcase_add_test(c, version_1);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
