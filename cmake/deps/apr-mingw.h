/* Included ahead of every file of APR (see apr-mingw.cmake). winsock2.h must come before windows.h,
 * wtypes.h before APR hides its types, and iphlpapi.h declares if_nametoindex and its kin. */
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>
#include <wtypes.h>
#include <iphlpapi.h>
