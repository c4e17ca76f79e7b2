#include "runtime/here.h"

brood_process_state brood_own_state;
