// U7: a C++ program that uses the library.
#include <cstdio>
#include <cstring>

#include <brood/brood.h>

int main(int argc, char **argv)
{
    bool fine = brood_init(argc, argv) == BROOD_OK &&
                std::strcmp(brood_version(), BROOD_VERSION_STRING) == 0 && brood_cpu_usable() >= 1;

    std::printf("u7 from C++: %s\n", fine ? "fine" : "failed");
    return fine ? 0 : 1;
}
