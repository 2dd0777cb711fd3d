/* SPDX-License-Identifier: BSD-3-Clause */
/* The two function tables the provider hands out, and the WSP functions behind them. Their
 * contracts are in <sand/wsp.h> and <sand/san.h>. */
#ifndef SAND_WSP_TABLE_H
#define SAND_WSP_TABLE_H

#include <sand/san.h>

extern const WSPPROC_TABLE wsp_procs;
extern const struct san_linux_table wsp_linux_table;

int wsp_cleanup(LPINT err);

/* conn.c */
SOCKET wsp_socket(
    int af, int type, int proto, LPWSAPROTOCOL_INFOW info, GROUP g, DWORD flags, LPINT err);
int wsp_bind(SOCKET s, const struct sockaddr *name, int namelen, LPINT err);
int wsp_listen(SOCKET s, int backlog, LPINT err);
int wsp_connect(SOCKET s, const struct sockaddr *name, int namelen, LPWSABUF caller,
    LPWSABUF callee, LPQOS sqos, LPQOS gqos, LPINT err);
int wsp_close_socket(SOCKET s, LPINT err);
int wsp_close(SOCKET s, enum san_close_how how, LPINT err);
int wsp_shutdown(SOCKET s, int how, LPINT err);

/* accept.c */
SOCKET wsp_accept(SOCKET s, struct sockaddr *addr, LPINT addrlen, LPCONDITIONPROC cond,
    DWORD_PTR data, LPINT err);

/* event.c */
int wsp_event_select(SOCKET s, WSAEVENT ev, LONG mask, LPINT err);
int wsp_enum_network_events(SOCKET s, WSAEVENT ev, LPWSANETWORKEVENTS out, LPINT err);

/* option.c */
int wsp_get_sock_opt(SOCKET s, int level, int name, char *val, LPINT len, LPINT err);
int wsp_set_sock_opt(SOCKET s, int level, int name, const char *val, int len, LPINT err);
int wsp_ioctl(SOCKET s, DWORD code, LPVOID in, DWORD in_len, LPVOID out, DWORD out_len,
    LPDWORD bytes, LPWSAOVERLAPPED ov, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
    LPWSATHREADID tid, LPINT err);
int wsp_get_sock_name(SOCKET s, struct sockaddr *name, socklen_t *len, LPINT err);
int wsp_get_peer_name(SOCKET s, struct sockaddr *name, socklen_t *len, LPINT err);
int wsp_set_flag(SOCKET s, uint32_t flag, int on, LPINT err);
uint32_t wsp_ident(SOCKET s);
int wsp_alive(void);

#endif
