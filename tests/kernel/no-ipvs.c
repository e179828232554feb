// Loaded before the C library, this hides IPVS from a program, as if the kernel's module were
// missing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

// The first socket option of IPVS: IP_VS_BASE_CTL in <linux/ip_vs.h>
enum { BASE = 64 + 1024 + 64 };

// Asks for a netlink family that no kernel has.
static void rename_family(void *request, size_t length)
{
    char *name = memmem(request, length, "IPVS", sizeof "IPVS");
    if (name)
        name[3] = '?';
}

ssize_t send(int fd, const void *request, size_t length, int flags)
{
    ssize_t (*next)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
    rename_family((void *)request, length);
    return next(fd, request, length, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t (*next)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, "sendmsg");
    for (size_t part = 0; part < message->msg_iovlen; part++)
        rename_family(message->msg_iov[part].iov_base, message->msg_iov[part].iov_len);
    return next(fd, message, flags);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    int (*next)(int, int, int, void *, socklen_t *) = dlsym(RTLD_NEXT, "getsockopt");
    if (level == IPPROTO_IP && name >= BASE) {
        errno = ENOPROTOOPT;
        return -1;
    }
    return next(fd, level, name, value, length);
}
