#include "daemon/store/store.h"
