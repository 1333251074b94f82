#pragma once

/* A request's line in the audit log (audit.h); nothing without one. */
struct request;

/* The headers are there. */
void request_audit_begin(struct request *r);
/* The answer has been sent, or nobody is left to send it to. */
void request_audit_end(const struct request *r);
