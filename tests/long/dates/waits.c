/* Loaded before libfaketime 0.9.10, for two ways of waiting that it gets wrong. */

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* Python's time.sleep: until a time on the monotonic clock, which is not faked here. libfaketime reckons it against the
   real-time clock, and it fails with EINVAL. */
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *request, struct timespec *remain) {
    return syscall(SYS_clock_nanosleep, clock, flags, request, remain) == 0 ? 0 : errno;
}

/* librdkafka's waits: until a time on the faked clock. glibc's own cnd_timedwait goes past libfaketime and waits for
   years; in glibc a cnd_t is a pthread_cond_t, and libfaketime knows what to do with that. */
int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until) {
    int error = pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until);
    return error == 0 ? thrd_success : error == ETIMEDOUT ? thrd_timedout : thrd_error;
}
