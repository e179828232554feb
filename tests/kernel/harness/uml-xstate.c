/*
 * Loaded into user-mode Linux (LD_PRELOAD), so that it boots on processors with AMX.
 *
 * User-mode Linux up to 6.1 keeps the floating-point state of its processes in a buffer of 2,696 bytes, and
 * gives that to ptrace(PTRACE_SETREGSET, NT_X86_XSTATE). Where the processor has AMX the whole state is larger
 * (11,008 bytes), newer host kernels refuse to set only a part of it with EFAULT, and user-mode Linux panics at
 * its first process: "userspace - ptrace set fp regs failed, errno = 14".
 *
 * This wrapper tries again with the whole state: what it was given, and zeros behind it, which says "tile
 * registers in their initial state". It does nothing where the first try works.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

typedef long ptrace_function(enum __ptrace_request, ...);

long ptrace(enum __ptrace_request request, ...)
{
	static ptrace_function *real;
	static char whole[65536];

	va_list arguments;
	va_start(arguments, request);
	int pid = va_arg(arguments, int);
	void *address = va_arg(arguments, void *);
	void *data = va_arg(arguments, void *);
	va_end(arguments);

	if (!real)
		real = (ptrace_function *)dlsym(RTLD_NEXT, "ptrace");

	long result = real(request, pid, address, data);
	if (result >= 0 || errno != EFAULT || request != PTRACE_SETREGSET || (long)address != NT_X86_XSTATE)
		return result;

	struct iovec *given = data;
	struct iovec full = { whole, sizeof whole };
	if (real(PTRACE_GETREGSET, pid, address, &full) < 0 || full.iov_len <= given->iov_len) {
		errno = EFAULT;
		return -1;
	}
	memcpy(whole, given->iov_base, given->iov_len);
	memset(whole + given->iov_len, 0, full.iov_len - given->iov_len);
	return real(request, pid, address, &full);
}
