// Loaded before the C library, this takes the right to administer the network from a program for as
// long as the file /tmp/no-right exists.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// The right stays permitted, so that it can come back.
static void set_right(int has_right)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, sets))
        return;
    if (has_right)
        sets[0].effective |= 1u << CAP_NET_ADMIN;
    else
        sets[0].effective &= ~(1u << CAP_NET_ADMIN);
    syscall(SYS_capset, &header, sets);
}

ssize_t send(int fd, const void *request, size_t length, int flags)
{
    ssize_t (*next)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
    set_right(access("/tmp/no-right", F_OK) != 0);
    return next(fd, request, length, flags);
}
