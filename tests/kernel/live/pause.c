// Loaded before the C library, this waits a little after each piece of a long list, as a busy machine does, so that others
// can change the table before the next one.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t recv(int fd, void *buffer, size_t length, int flags)
{
    ssize_t (*next)(int, void *, size_t, int) = dlsym(RTLD_NEXT, "recv");
    ssize_t received = next(fd, buffer, length, flags);
    if (received > 16 * 1024)
        usleep(1000);
    return received;
}
