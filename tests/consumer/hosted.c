/* Code whose main() is not its own: the shared library finds brood-worker wherever both lie now. */
#include <brood/brood.h>

#include <stdio.h>

int main(void)
{
    brood_status status = brood_init_hosted(NULL);

    printf("brood-worker: %s\n", brood_status_text(status));
    return status == BROOD_OK ? 0 : 1;
}
