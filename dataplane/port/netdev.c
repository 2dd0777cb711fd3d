/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdev.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "san_err.h"

static int
mtu_raise(int fd, struct ifreq *request, uint32_t mtu, uint32_t *had)
{
	if (ioctl(fd, SIOCGIFMTU, request) != 0)
		return SAN_ENOENT;
	*had = (uint32_t)request->ifr_mtu;
	if (*had >= mtu)
		return 0;
	request->ifr_mtu = (int)mtu;
	if (ioctl(fd, SIOCSIFMTU, request) == 0)
		return 0;
	return errno == EPERM || errno == EACCES ? SAN_EPERM : SAN_EINVAL;
}

int
netdev_mtu_raise(const char *iface, uint32_t mtu, uint32_t *had)
{
	struct ifreq request = {0};
	size_t len = strlen(iface);
	int fd, err;

	*had = 0;
	if (len == 0 || len >= sizeof request.ifr_name)
		return SAN_ENOENT;
	memcpy(request.ifr_name, iface, len);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return SAN_EIO;
	err = mtu_raise(fd, &request, mtu, had);
	close(fd);
	return err;
}
