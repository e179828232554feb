// Preloaded into a program, this ends it by SIGTERM, as somebody else might, just before it writes
// something large for the first time.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <unistd.h>

ssize_t write(int fd, const void *bytes, size_t length)
{
    static int large;
    ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    if (length > 4096 && large++ == 0)
        raise(SIGTERM);
    return next(fd, bytes, length);
}
