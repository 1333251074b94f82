/* Answers HTTP on port 8080: /healthz with "ok", everything else with how long the node is up. */
#include "uptime.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void leave(int signal_number) {
        (void) signal_number;
        _exit(0);
}

static void answer(int client) {
        char request[1024], words[64] = "ok", text[256];
        ssize_t n = recv(client, request, sizeof request - 1, 0);
        struct timespec up;

        if (n <= 0)
                return;
        request[n] = '\0';
        if (strncmp(request, "GET /healthz ", 13) != 0 && clock_gettime(CLOCK_BOOTTIME, &up) == 0)
                uptime_in_words((unsigned long) up.tv_sec, words, sizeof words);
        n = snprintf(text, sizeof text,
                     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                     "Connection: close\r\n\r\n%s\n",
                     strlen(words) + 1, words);
        (void) send(client, text, (size_t) n, MSG_NOSIGNAL);
}

int main(void) {
        struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(8080) };
        struct timeval patience = { .tv_sec = 2 };
        int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

        /* Process 1 of a container dies of SIGTERM only if it wants to. */
        (void) signal(SIGTERM, leave);
        (void) setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (bind(s, (struct sockaddr *) &here, sizeof here) < 0 || listen(s, 64) < 0) {
                perror("uptime: cannot listen on port 8080");
                return 1;
        }
        (void) printf("uptime: listening on port 8080\n");
        (void) fflush(stdout);
        for (;;) {
                int client = accept(s, NULL, NULL);

                if (client < 0)
                        continue;
                (void) setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
                answer(client);
                (void) close(client);
        }
}
