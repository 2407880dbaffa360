/* Loaded before libfaketime: a sleep until a time on the monotonic clock, which is not faked here, is the system's.
   libfaketime 0.9.10 reckons it against the real-time clock; Python's time.sleep then fails with EINVAL. */

#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *request, struct timespec *remain) {
    return syscall(SYS_clock_nanosleep, clock, flags, request, remain) == 0 ? 0 : errno;
}
