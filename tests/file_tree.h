/* Trees of files like those of a machine. */
#ifndef BROOD_TESTS_FILE_TREE_H
#define BROOD_TESTS_FILE_TREE_H

#include "harness.h"

#include <stdio.h>

#define PATH_BYTES 1024

typedef struct tree {
    char root[PATH_BYTES];
} tree;

static inline tree make_tree(void)
{
    tree made;

    support_make_directory(made.root, sizeof made.root);
    return made;
}

/* Makes a file, and the directories on the way to it. */
static inline void put(const tree *in, const char *path, const char *text)
{
    char full[PATH_BYTES * 4]; /* GCC reckons with all of an array of trees */
    FILE *file = NULL;

    snprintf(full, sizeof full, "%s%s", in->root, path);
    for (char *at = strchr(full + strlen(in->root) + 1, '/'); at != NULL;
         at = strchr(at + 1, '/')) {
        *at = '\0';
        assert_true(support_make_subdirectory(full));
        *at = '/';
    }
    file = fopen(full, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

#endif
