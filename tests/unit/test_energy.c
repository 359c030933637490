/* Energy counters as the kernel shows them, in a folder made up for it. */
#include <stdio.h>
#include <string.h>
#include "harness/bench/energy.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static void put(const char *folder, int package, const char *name, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/intel-rapl:%d", folder, package);
    CHECK_OK(ssmq_make_directory(path));
    snprintf(path, sizeof path, "%s/intel-rapl:%d/%s", folder, package, name);
    CHECK_OK(ssmq_file_write(path, text, strlen(text)));
}

static void put_package(const char *folder, int package, const char *name, const char *uj)
{
    put(folder, package, "name", name);
    put(folder, package, "max_energy_range_uj", "1000000\n");
    put(folder, package, "energy_uj", uj);
}

static void test_packages(void **state)
{
    const char         *folder = ((const scratch *)*state)->path;
    ssmq_energy         e;
    ssmq_energy_reading from, to;
    put_package(folder, 0, "package-0\n", "999000\n");
    put_package(folder, 1, "psys\n", "5\n"); /* holds the packages, which would count twice */
    put_package(folder, 3, "package-1\n", "10\n");
    ssmq_energy_find(folder, &e);
    assert_int_equal(e.n, 2);
    assert_true(ssmq_energy_read(&e, &from));
    put(folder, 0, "energy_uj", "2000\n"); /* beyond its range: 3000 more */
    put(folder, 3, "energy_uj", "510\n");
    assert_true(ssmq_energy_read(&e, &to));
    assert_true(ssmq_energy_joules(&e, &from, &to) == 3500 / 1e6);
    assert_true(ssmq_energy_joules(&e, &to, &to) == 0);
}

static void test_unreadable(void **state)
{
    const char *folder = ((const scratch *)*state)->path;
    char        path[600];
    ssmq_energy e;
    put_package(folder, 0, "package-0\n", "1\n");
    put_package(folder, 1, "package-1\n", "no number\n");
    ssmq_energy_find(folder, &e);
    assert_int_equal(e.n, 0); /* a part of the energy is not the energy */
    snprintf(path, sizeof path, "%s/none", folder);
    ssmq_energy_find(path, &e);
    assert_int_equal(e.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_packages, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_unreadable, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
