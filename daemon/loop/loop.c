#include "daemon/loop/loop.h"
