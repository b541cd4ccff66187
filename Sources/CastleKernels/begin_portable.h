// From here to end_isa.h, functions are compiled for whatever the build's baseline has.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CASTLE_PORTABLE 1
#define CASTLE_LANES 4
#define CASTLE_NAME(name) name##_portable
#pragma clang attribute push
