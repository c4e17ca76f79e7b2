/* What the libraries of the tests export. */
#ifndef BROOD_TESTS_PLUGIN_H
#define BROOD_TESTS_PLUGIN_H

#include <brood/brood.h>

#if defined(_WIN32) && defined(PLUGIN_BUILDING)
#define PLUGIN_API __declspec(dllexport)
#elif defined(_WIN32)
#define PLUGIN_API __declspec(dllimport)
#else
#define PLUGIN_API __attribute__((visibility("default")))
#endif

/* Adds 2 to the int that it gets. */
PLUGIN_API brood_function plugin_answer;

/* All that plugin_host.c has to show; 0, or the number of the step that went wrong. */
PLUGIN_API int plugin_entry(const char *worker, brood_function *of_host);

#endif
