#include "daemon/store/store_sqlite.h"
