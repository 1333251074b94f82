#pragma once

#include "base/err.h"
#include "base/macros.h"

/* The agent of one machine: runs the pods bound to it and tells the server how they are. Lives on
 * one loop; a second node_new() on the same directories, after a crash too, finds every pod
 * running. */
struct node;
struct client;
struct loop;
struct node_config;

/* Adopts what runs, sets up the network, and starts to watch the server through client.
 *
 * config     strings are borrowed for the node's life.
 * client     a reference is taken.
 *
 * Returns 0 or a negative errno; each says what to do. Blocks for some milliseconds. */
int node_new(struct loop *loop, struct client *client, const struct node_config *config,
             struct node **ret, struct err *e);

/* Ends the agent. Pods go on running. */
void node_unref(struct node *n);
DEFINE_AUTO(node);
