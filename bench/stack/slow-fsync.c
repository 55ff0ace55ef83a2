/* Preloaded into a server, makes each of its syncs to disk take longer, as on a slower device, and counts them. The file
   that SLOW_FSYNC names holds three numbers of 32 bits: microseconds to add to each, syncs so far, their microseconds. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile uint32_t *shared;
static int (*really)(int);

__attribute__((constructor)) static void begin(void) {
  really = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  int file = open(getenv("SLOW_FSYNC"), O_RDWR);
  void *map = mmap(NULL, 12, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (map == MAP_FAILED) abort();
  shared = map;
}

static uint64_t microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int fdatasync(int file) {
  uint64_t before = microseconds();
  int result = really(file);
  if (shared[0] > 0) usleep(shared[0]);
  __atomic_fetch_add(&shared[1], 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(&shared[2], (uint32_t)(microseconds() - before), __ATOMIC_RELAXED);
  return result;
}
