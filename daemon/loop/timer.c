#include "daemon/loop/timer.h"
