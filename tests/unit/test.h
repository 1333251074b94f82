#pragma once

/* What every cmocka program includes. Order matters to cmocka. */
#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
