#include "daemon/loop/child.h"
