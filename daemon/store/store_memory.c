#include "daemon/store/store_memory.h"
