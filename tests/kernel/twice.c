// Preloaded into a program, this repeats every service and every real server that the kernel lists,
// as the kernel may while others change the table.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

ssize_t recv(int fd, void *buffer, size_t length, int flags)
{
    ssize_t (*next)(int, void *, size_t, int) = dlsym(RTLD_NEXT, "recv");
    ssize_t received = next(fd, buffer, length, flags);
    const struct nlmsghdr *first = buffer;
    if (received < NLMSG_HDRLEN || first->nlmsg_type <= NLMSG_MIN_TYPE ||
        !(first->nlmsg_flags & NLM_F_MULTI))
        return received;
    if (2 * (size_t)received > length)
        return received;
    memcpy((char *)buffer + received, buffer, received);
    return 2 * received;
}
