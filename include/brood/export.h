/*
 * brood/export.h - BROOD_API marks what the library exports.
 *
 * A program that links the static library defines BROOD_STATIC; the CMake targets and the
 * pkg-config file do it for you.
 */
#ifndef BROOD_EXPORT_H
#define BROOD_EXPORT_H

#if defined(BROOD_STATIC)
#define BROOD_API
#elif defined(_WIN32) && defined(BROOD_BUILDING)
#define BROOD_API __declspec(dllexport)
#elif defined(_WIN32)
#define BROOD_API __declspec(dllimport)
#elif defined(__GNUC__)
#define BROOD_API __attribute__((visibility("default")))
#else
#define BROOD_API
#endif

/* Is seldom called: a branch that comes to it is laid out of the way. */
#if defined(__GNUC__)
#define BROOD_COLD __attribute__((cold))
#else
#define BROOD_COLD
#endif

/* Not for programs: a cast and a null pointer of which no C++ compiler warns in our headers. */
#ifdef __cplusplus
#define BROOD_CAST(type, value) (reinterpret_cast<type>(value))
#define BROOD_NULL nullptr
#else
#define BROOD_CAST(type, value) ((type)(value))
#define BROOD_NULL NULL
#endif

#endif
