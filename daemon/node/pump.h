#pragma once

#include "api/client/stream.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Moves bytes between a stream's frames and a program's descriptors, without blocking and without
 * holding more than one side's queue. */
struct conn;
struct loop;
struct pump_in;
struct pump_out;

/* Frames to a descriptor. take_fd is consumed on failure too. conn is paused while the program
 * doesn't read. */
int pump_in_new(struct loop *loop, int take_fd, struct conn *conn, struct pump_in **ret,
                struct err *e);
/* The same for a pipe whose other end, *ret_child, is the caller's to hand to a program. */
int pump_in_new_pipe(struct loop *loop, struct conn *conn, struct pump_in **ret, int *ret_child,
                     struct err *e);
void pump_in_unref(struct pump_in *p);
/* fn: called once, when the descriptor is closed: all was written after pump_in_end(), or nobody
 * reads there any more. */
void pump_in_on_closed(struct pump_in *p, void (*fn)(void *userdata), void *userdata);
int pump_in_write(struct pump_in *p, const void *data, size_t len);
/* Closes the descriptor when all is written; a socket's sending side only. */
void pump_in_end(struct pump_in *p);
/* Writes what a frame of STREAM_STDIN holds, and ends with STREAM_STDIN_END; others are nothing to
 * it. */
void pump_in_frame(struct pump_in *p, const struct stream_frame *frame);

/* A descriptor to frames of a channel, from the next turn of the loop on. take_fd is consumed on
 * failure too. Returns 0, -ENOMEM, or what the loop refused with. */
int pump_out_new(struct loop *loop, int take_fd, struct conn *conn, enum stream_channel channel,
                 struct pump_out **ret, struct err *e);
/* fn: called once, when the other side is closed; may free p. */
void pump_out_on_end(struct pump_out *p, void (*fn)(void *userdata), void *userdata);
void pump_out_unref(struct pump_out *p);
/* Goes on after conn_room() was 0. */
void pump_out_resume(struct pump_out *p);
/* Takes what is there just now, even past the connection's room (at most a pipe's content). */
void pump_out_drain(struct pump_out *p);
