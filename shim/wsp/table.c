/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include "duplicate.h"
#include "fork.h"
#include "heap.h"
#include "io.h"
#include "own_fd.h"
#include "rdma.h"
#include "ready.h"
#include "route.h"
#include "stream.h"
#include "wake.h"

const WSPPROC_TABLE wsp_procs = {
    .lpWSPAccept = wsp_accept,
    .lpWSPBind = wsp_bind,
    .lpWSPCleanup = wsp_cleanup,
    .lpWSPCloseSocket = wsp_close_socket,
    .lpWSPConnect = wsp_connect,
    .lpWSPDuplicateSocket = duplicate_socket,
    .lpWSPEnumNetworkEvents = wsp_enum_network_events,
    .lpWSPEventSelect = wsp_event_select,
    .lpWSPGetOverlappedResult = io_get_overlapped_result,
    .lpWSPGetSockOpt = wsp_get_sock_opt,
    .lpWSPGetQOSByName = io_get_qos_by_name,
    .lpWSPIoctl = wsp_ioctl,
    .lpWSPListen = wsp_listen,
    .lpWSPRecv = io_recv,
    .lpWSPSend = io_send,
    .lpWSPSetSockOpt = wsp_set_sock_opt,
    .lpWSPSocket = wsp_socket,
};

const struct san_linux_table wsp_linux_table = {
    .version = SAN_LINUX_VERSION,
    .size = sizeof(struct san_linux_table),
    .sanSend = stream_send,
    .sanRecv = stream_recv,
    .sanPoll = ready_poll,
    .sanWait = ready_wait,
    .sanShutdown = wsp_shutdown,
    .sanClose = wsp_close,
    .sanDrain = ready_drain,
    .sanGetSockName = wsp_get_sock_name,
    .sanGetPeerName = wsp_get_peer_name,
    .sanTakeError = stream_take_error,
    .sanQueue = stream_queue,
    .sanSetFlag = wsp_set_flag,
    .sanIdent = wsp_ident,
    .sanAlive = wsp_alive,
    .sanWakeCreate = wake_create,
    .sanWakeDestroy = wake_destroy,
    .sanWakeFd = wake_fd,
    .sanWakeArm = wake_arm,
    .sanWakeAdd = wake_add,
    .sanWakeRemove = wake_remove,
    .sanRelax = ready_relax,
    .sanRouteConnect = route_connect,
    .sanRouteListen = route_listen,
    .sanIsLocal = route_is_local,
    .sanForkBefore = fork_before,
    .sanForkParent = fork_parent,
    .sanForkChild = fork_child,
    .sanAlloc = heap_alloc,
    .sanFree = heap_free,
    .sanMemoryForeign = rdma_foreign,
    .sanMemoryNamed = rdma_named,
    .sanOwnFd = own_fd_next,
    .sanOffer = offer_make,
    .sanWithdraw = offer_withdraw,
    .sanClaim = offer_claim,
};
