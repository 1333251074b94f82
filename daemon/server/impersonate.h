#pragma once

#include <stdbool.h>

/* Impersonate-User, -Uid, -Group and -Extra-KEY: who may "impersonate" users, groups, uids and
 * userextras acts as somebody else, rights and all (k8s.io/apiserver/pkg/endpoints/filters/
 * impersonation). */
struct request;

/* r->user becomes who the headers say, r->asker stays. Without such headers nothing happens. False:
 * r->response is the refusal. */
bool request_impersonate(struct request *r);
