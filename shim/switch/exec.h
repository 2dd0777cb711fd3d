/* SPDX-License-Identifier: BSD-3-Clause */
/* A program becomes another one, or starts one, and the sockets it leaves open go along. */
#ifndef SAND_SWITCH_EXEC_H
#define SAND_SWITCH_EXEC_H

/* Runs run(arg, environment), which starts a program and returns -errno or, perhaps, 0, with what
 * the program needs to find its sockets again. May be called in the child of a vfork(). */
int sw_exec(char *const envp[], int (*run)(void *arg, char *const envp[]), void *arg);
/* At the begin of a program: looks whether it was started by sw_exec. */
void sw_exec_begun(void);

#endif
