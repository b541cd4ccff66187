#include "castle_kernels.h"
