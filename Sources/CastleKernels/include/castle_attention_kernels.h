#pragma once

#include <stddef.h>
#include <stdint.h>

#include "castle_isa.h"
