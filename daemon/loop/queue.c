#include "daemon/loop/queue.h"
