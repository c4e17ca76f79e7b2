/*
 * Macros that systems, compilers and other libraries put before our headers, after what those
 * headers include themselves: rpcndr.h, windef.h, wingdi.h and objbase.h of Windows, gcc -std=gnu,
 * complex.h, sys/sysmacros.h, X11.
 */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#undef small
#undef hyper
#undef near
#undef far
#undef interface
#undef min
#undef max
#undef I
#undef linux
#undef unix

#define small char
#define hyper __int64
#define near
#define far
#define interface struct
#define pascal __stdcall
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
#define IN
#define OUT
#define OPTIONAL
#define CONST const
#define VOID void
#define ERROR 0
#define DELETE 0x00010000L
#define IGNORE 0
#define STRICT 1
#define CALLBACK __stdcall
#define PASCAL __stdcall
#define environ (*hostile_environ())
#define I _Complex_I
#define linux 1
#define unix 1
#define major(number) hostile_major(number)
#define minor(number) hostile_minor(number)
#define Bool int
#define None 0L
#define Status int
#define Success 0
#define status_t int
#define assert(condition) hostile_assert(condition)
