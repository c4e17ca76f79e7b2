/* The seam's contract for finding functions, on whatever system. */
#include "harness.h"

#include <stdlib.h>

#include "platform.h"

static void a_function(void)
{
}

static void locate(brood_os_code *code)
{
    assert_ok(brood_os_code_locate(code, a_function, NULL));
}

static void a_function_is_found_again(void **state)
{
    brood_os_code code;
    brood_os_function *found = NULL;

    (void)state;
    locate(&code);
    assert_string_equal(code.module, ""); /* this program */
    assert_true(code.build_id_size > 0);
    assert_ok(brood_os_code_resolve(&code, &found, NULL));
    assert_true(found == a_function);
    free(code.module);
}

/* Refused where it is sent, or at the latest where it would be called. */
static void data_is_no_function(void **state)
{
    static int data;
    brood_os_code code;
    brood_os_function *found = a_function;
    brood_status status = brood_os_code_locate(&code, (brood_os_function *)(uintptr_t)&data, NULL);

    (void)state;
    if (status == BROOD_OK) {
        assert_status(brood_os_code_resolve(&code, &found, NULL), BROOD_ERR_NO_FUNCTION);
        assert_null(found);
    } else {
        assert_status(status, BROOD_ERR_ARGUMENT);
        assert_null(code.module);
    }
    free(code.module);
}

static void another_build_is_refused(void **state)
{
    brood_os_code code;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_os_function *found = a_function;

    (void)state;
    locate(&code);
    code.build_id[0] ^= 1;
    assert_status(brood_os_code_resolve(&code, &found, &error), BROOD_ERR_OTHER_BUILD);
    assert_null(found);
    assert_status(error.status, BROOD_ERR_OTHER_BUILD);
    code.build_id[0] ^= 1;
    code.build_id_size--;
    assert_status(brood_os_code_resolve(&code, &found, &error), BROOD_ERR_OTHER_BUILD);
    free(code.module);
}

static void an_offset_outside_of_the_code_is_refused(void **state)
{
    static const uint64_t offsets[] = {UINT64_MAX, UINT64_MAX / 2, UINT64_C(1) << 40};
    brood_os_code code;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_os_function *found = a_function;

    (void)state;
    locate(&code);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        code.offset = offsets[i];
        assert_status(brood_os_code_resolve(&code, &found, &error), BROOD_ERR_NO_FUNCTION);
        assert_null(found);
        assert_status(error.status, BROOD_ERR_NO_FUNCTION);
    }
    free(code.module);
}

static void a_library_that_is_not_there(void **state)
{
    static char path[] = "/no/such/library";
    brood_os_code code;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_os_function *found = a_function;
    char *module = NULL;

    (void)state;
    locate(&code);
    module = code.module;
    code.module = path;
    assert_status(brood_os_code_resolve(&code, &found, &error), BROOD_ERR_NOT_FOUND);
    assert_null(found);
    assert_status(error.status, BROOD_ERR_NOT_FOUND);
    free(module);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_function_is_found_again),
    cmocka_unit_test(data_is_no_function),
    cmocka_unit_test(another_build_is_refused),
    cmocka_unit_test(an_offset_outside_of_the_code_is_refused),
    cmocka_unit_test(a_library_that_is_not_there),
};

BROOD_TEST_MAIN(tests)
