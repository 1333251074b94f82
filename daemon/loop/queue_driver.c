#include "daemon/loop/queue_driver.h"
