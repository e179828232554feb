// Loaded before the C library, this makes every statistic of IPVS $COUNTER.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

// Called for each attribute between two places
typedef void each(int type, char *value, char *end);

static void attributes(char *at, char *end, each *take)
{
    while (at + NLA_HDRLEN <= end) {
        struct nlattr *attribute = (void *)at;
        char *after = at + attribute->nla_len;
        if (attribute->nla_len < NLA_HDRLEN || after > end)
            return;
        take(attribute->nla_type & NLA_TYPE_MASK, at + NLA_HDRLEN, after);
        at += NLA_ALIGN(attribute->nla_len);
    }
}

static void counter(int type, char *value, char *end)
{
    unsigned long long number = strtoull(getenv("COUNTER"), 0, 10);
    if (type != IPVS_STATS_ATTR_PAD && end - value == sizeof number)
        memcpy(value, &number, sizeof number);
}

static void service(int type, char *value, char *end)
{
    if (type == IPVS_SVC_ATTR_STATS64)
        attributes(value, end, counter);
}

static void destination(int type, char *value, char *end)
{
    if (type == IPVS_DEST_ATTR_STATS64)
        attributes(value, end, counter);
}

static void reply(int type, char *value, char *end)
{
    if (type == IPVS_CMD_ATTR_SERVICE)
        attributes(value, end, service);
    if (type == IPVS_CMD_ATTR_DEST)
        attributes(value, end, destination);
}

static void messages(void *data, ssize_t length)
{
    struct nlmsghdr *message = data;
    for (; NLMSG_OK(message, length); message = NLMSG_NEXT(message, length)) {
        if (message->nlmsg_type <= GENL_ID_CTRL)
            continue;
        char *start = (char *)message + NLMSG_HDRLEN + GENL_HDRLEN;
        attributes(start, (char *)message + message->nlmsg_len, reply);
    }
}

ssize_t recv(int fd, void *buffer, size_t length, int flags)
{
    ssize_t (*next)(int, void *, size_t, int) = dlsym(RTLD_NEXT, "recv");
    ssize_t received = next(fd, buffer, length, flags);
    messages(buffer, received);
    return received;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    ssize_t (*next)(int, struct msghdr *, int) = dlsym(RTLD_NEXT, "recvmsg");
    ssize_t received = next(fd, message, flags);
    // The program first asks for the length, with an empty buffer.
    if (received > 0 && (size_t)received <= message->msg_iov[0].iov_len)
        messages(message->msg_iov[0].iov_base, received);
    return received;
}
