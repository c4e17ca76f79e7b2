/* brood/brood.h - all of brood. */
#ifndef BROOD_BROOD_H
#define BROOD_BROOD_H

#include <brood/cpu.h>
#include <brood/export.h>
#include <brood/init.h>
#include <brood/pool.h>
#include <brood/process.h>
#include <brood/progress.h>
#include <brood/result.h>
#include <brood/shared.h>
#include <brood/status.h>
#include <brood/task.h>
#include <brood/version.h>

#endif
