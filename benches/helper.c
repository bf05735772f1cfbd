/* What the benchmark must do outside Python.
 *
 * helper meter COMMAND…  runs COMMAND and writes to descriptor 3, on one line: user and system time
 *                        in us, peak memory in KiB, wall time in ns, exit code (-1: by a signal).
 *                        A spawned process inherits the peak memory of who spawned it, so who
 *                        spawns has to be small.
 * helper floor DIR       stores what it reads on stdin in DIR in the least way that survives a
 *                        power cut, and says so on stderr.
 * helper write FILE TIMES REPORT
 *                        writes FILE so many times to stdout, then the CPU that this took it to
 *                        REPORT, in us.
 * helper drain           reads stdin to its end.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long wall_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long cpu_us(const struct rusage *used) {
    return (used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000000LL + used->ru_utime.tv_usec +
           used->ru_stime.tv_usec;
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

static int writes(const char *path, int times, const char *report) {
    struct stat about;
    struct rusage used;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &about) != 0) return 1;
    char *data = mmap(NULL, about.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    if (data == MAP_FAILED) return 1;
    while (times-- > 0) {
        for (off_t at = 0; at < about.st_size;) {
            off_t left = about.st_size - at;
            ssize_t done = write(1, data + at, left < 65536 ? left : 65536);
            if (done <= 0) return 1;
            at += done;
        }
    }
    getrusage(RUSAGE_SELF, &used);
    FILE *out = fopen(report, "w");
    return out && fprintf(out, "%lld\n", cpu_us(&used)) > 0 && fclose(out) == 0 ? 0 : 1;
}

static int drain(void) {
    static char space[131072];
    ssize_t count;
    while ((count = read(0, space, sizeof space)) > 0) continue;
    return count < 0;
}

int main(int count, char **arguments) {
    if (count > 2 && strcmp(arguments[1], "meter") == 0) return meter(arguments + 2);
    if (count == 3 && strcmp(arguments[1], "floor") == 0) return store(arguments[2]);
    if (count == 5 && strcmp(arguments[1], "write") == 0)
        return writes(arguments[2], atoi(arguments[3]), arguments[4]);
    if (count == 2 && strcmp(arguments[1], "drain") == 0) return drain();
    return 64;
}
