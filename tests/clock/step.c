/* Puts clocks off by what a file says, for one process: LD_PRELOAD. Everything else stays as it is.
 * libfaketime does more than that, and Envoy does not start under it.
 *
 * CARACAL_CLOCK names a file of twice 8 bytes: the offsets of the wall clock and of the monotonic one, in
 * nanoseconds, in the machine's own order. It is mapped, so that a step is seen at the next reading of a
 * clock, by all threads, without a system call. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NANOS 1000000000LL

enum { WALL, MONOTONIC, CLOCKS };

static const volatile int64_t *offsets;

/* Before main. Until then, and where it fails, clocks are right: the test notices. */
__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("CARACAL_CLOCK");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *at = mmap(NULL, CLOCKS * sizeof *offsets, PROT_READ, MAP_SHARED, file, 0);
  if (at != MAP_FAILED) offsets = at;
  close(file);
}

static int64_t offset_of(clockid_t clock) {
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
      return offsets[WALL];
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
      return offsets[MONOTONIC];
    default:
      return 0;
  }
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  long failed = syscall(SYS_clock_gettime, clock, time);
  int64_t offset = failed || !offsets ? 0 : offset_of(clock);
  if (!offset) return (int)failed;
  int64_t nanos = time->tv_sec * NANOS + time->tv_nsec + offset;
  time->tv_sec = nanos / NANOS;
  time->tv_nsec = nanos % NANOS;
  return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *to) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now)) return (time_t)-1;
  if (to) *to = now.tv_sec;
  return now.tv_sec;
}
