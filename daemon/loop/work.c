#include "daemon/loop/work.h"
