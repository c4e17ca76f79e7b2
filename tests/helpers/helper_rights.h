/* The exit codes of helper_rights. */
#ifndef BROOD_TESTS_HELPER_RIGHTS_H
#define BROOD_TESTS_HELPER_RIGHTS_H

#define RIGHTS_RAN_FOREIGN 66 /* what its caller's start asked for */
#define RIGHTS_OWN_MAIN 20    /* its own main, in the mode "quiet" */
#define RIGHTS_CHILD_AS_IT_SHOULD 21
#define RIGHTS_CHILD_OTHERWISE 22
#define RIGHTS_STATUS 100 /* and a status: of brood_init, or of the start of the child */

#endif
