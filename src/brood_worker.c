/* brood-worker: runs children for code whose main() is not its own. */
#include <stdio.h>

#include <brood/brood.h>

int main(int argc, char **argv)
{
    brood_status status = brood_init(argc, argv);

    fprintf(stderr,
            "brood-worker %s: started by hand (%s); it runs the processes of programs that call "
            "brood_init_hosted\n",
            brood_version(), brood_status_text(status));
    return 2;
}
