// Ends what a begin_*.h has begun.
#pragma clang attribute pop
