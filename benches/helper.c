/* The two things that the benchmark must do outside Python.
 *
 * helper meter COMMAND…  runs COMMAND and writes to descriptor 3, on one line: user and system time
 *                        in us, peak memory in KiB, wall time in ns, exit code (-1: by a signal).
 *                        A spawned process inherits the peak memory of who spawned it, so who
 *                        spawns has to be small.
 * helper floor DIR       stores what it reads on stdin in DIR in the least way that survives a
 *                        power cut, and says so on stderr.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long wall_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int meter(char **command) {
    struct rusage used;
    pid_t child;
    int status;
    fcntl(3, F_SETFD, FD_CLOEXEC);
    long long start = wall_ns();
    if (posix_spawnp(&child, command[0], NULL, NULL, command, environ) != 0) {
        dprintf(2, "cannot be started\n");
        return 127;
    }
    if (wait4(child, &status, 0, &used) != child) return 126;
    dprintf(3, "%lld %lld %ld %lld %d\n",
            used.ru_utime.tv_sec * 1000000LL + used.ru_utime.tv_usec,
            used.ru_stime.tv_sec * 1000000LL + used.ru_stime.tv_usec,
            used.ru_maxrss, wall_ns() - start, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    return 0;
}

static int store(const char *path) {
    char value[4096];
    ssize_t size = read(0, value, sizeof value);
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int file = openat(dir, "value.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (size <= 0 || dir < 0 || file < 0) return 1;
    if (write(file, value, size) != size || fsync(file) != 0) return 1;
    if (renameat(dir, "value.new", dir, "value") != 0 || fsync(dir) != 0) return 1;
    return write(2, "stored\n", 7) == 7 ? 0 : 1;
}

int main(int count, char **arguments) {
    if (count > 2 && strcmp(arguments[1], "meter") == 0) return meter(arguments + 2);
    if (count == 3 && strcmp(arguments[1], "floor") == 0) return store(arguments[2]);
    return 64;
}
