/*
 * alone: the peers of a client handler that is measured alone, so that no server handler shares the machine.
 *
 *   alone drain PORT ADDRESS...           acts as a server handler up to the first stream of each association, which it
 *                                         accepts and grants all credit; discards, uncopied, what it receives. Prints
 *                                         each channel's bytes per second, one line a second. ADDRESSes: an odd number
 *   alone flood ADDRESS PORT CONNECTIONS  writes to CONNECTIONS connections at once, endlessly
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK (256 * 1024)
#define GREETING 22
#define MAX_CHANNELS 16
#define LIST(n) (4 + 16 * (n))
/* Lengths of KEY and of a record's head, and the credit granted at a time, in bytes. */
#define KEY 48
#define RECORD_HEAD 35
#define CREDIT (1 << 30)

static void die(const char *what) {
    fprintf(stderr, "alone: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_in address(const char *host, const char *port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    if (inet_pton(AF_INET, host, &a.sin_addr) != 1) die(host);
    return a;
}

/* A connection that has not sent its whole list, or a listener if `n` is -1. */
struct peer {
    int s, n, have;
    uint64_t received, granted;
    uint8_t list[LIST(MAX_CHANNELS)];
};

static void watch(int poll, struct peer *p) {
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, p->s, &e)) die("epoll_ctl");
}

static struct peer *make(int s, int n) {
    struct peer *p = calloc(1, sizeof *p);
    p->s = s, p->n = n;
    return p;
}

static void greet(int poll, int listener) {
    int s = accept(listener, NULL, NULL), on = 1;
    uint8_t greeting[GREETING] = "MICSS\2";
    if (s < 0) return;
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (getrandom(greeting + 6, 16, 0) != 16 || send(s, greeting, GREETING, MSG_NOSIGNAL) != GREETING) {
        close(s);
        return;
    }
    watch(poll, make(s, 0));
}

/* Reads the list and echoes it. Returns 0 once the connection is closed. */
static int echo(struct peer *p) {
    int want = p->have < 4 ? 4 : LIST(p->list[3]);
    ssize_t got = recv(p->s, p->list + p->have, want - p->have, 0);
    if (got <= 0) return 0;
    p->have += got;
    if (p->have < 4 || p->list[3] > MAX_CHANNELS || p->have < LIST(p->list[3])) return p->list[3] <= MAX_CHANNELS;
    p->n = p->list[3];
    return send(p->s, p->list, p->have, MSG_NOSIGNAL) == p->have;
}

/*
 * Grants stream 1 credit, and accepts it first. Each channel carries the same share, so that an odd number of them joins to
 * it. Keys of zero make all hashes and tags of records zero (docs/PROTOCOL.md 4.1). Returns 0 once the connection is closed.
 */
static int grant(struct peer *p) {
    static const uint8_t result[] = {2, 0, 0, 0, 1, 0, 1, 0}, credit[] = {10, 0, 0, 0, 1, 0, 4, CREDIT >> 24, 0, 0, 0};
    uint8_t bytes[KEY + RECORD_HEAD + sizeof result + sizeof credit] = {0}, *at = bytes, *length;
    if (p->granted == 0) at += KEY;
    length = at + 2, at += RECORD_HEAD;
    if (p->granted == 0) at = mempcpy(at, result, sizeof result);
    at = mempcpy(at, credit, sizeof credit);
    *length = at - length - (RECORD_HEAD - 2);
    p->granted += CREDIT;
    return send(p->s, bytes, at - bytes, MSG_NOSIGNAL) == at - bytes;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static _Noreturn void drain(char **args, int count) {
    int poll = epoll_create1(0);
    for (int i = 1; i < count; i++) {
        struct sockaddr_in a = address(args[i], args[0]);
        int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;
        setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 1024)) die("listen");
        watch(poll, make(s, -1));
    }
    puts("listening");
    fflush(stdout);
    uint64_t bytes = 0;
    for (double since = now();;) {
        struct epoll_event events[64];
        int ready = epoll_wait(poll, events, 64, 100);
        for (int i = 0; i < ready; i++) {
            struct peer *p = events[i].data.ptr;
            if (p->n < 0) {
                greet(poll, p->s);
                continue;
            }
            int over;
            if (p->n == 0) over = !echo(p);
            else {
                ssize_t got = recv(p->s, NULL, 1 << 24, MSG_TRUNC | MSG_DONTWAIT);
                over = got == 0 || (got < 0 && errno != EAGAIN);
                if (got > 0) bytes += got, p->received += got;
                if (got > 0 && p->received > p->granted) over = !grant(p);
            }
            if (over) {
                close(p->s);
                free(p);
            }
        }
        double elapsed = now() - since;
        if (elapsed < 1) continue;
        printf("%.0f\n", bytes / elapsed / (count - 1));
        fflush(stdout);
        bytes = 0, since = now();
    }
}

static struct sockaddr_in flooded;

static void *flood(void *unused) {
    static const uint8_t block[BLOCK];
    int s = socket(AF_INET, SOCK_STREAM, 0);
    (void)unused;
    if (connect(s, (struct sockaddr *)&flooded, sizeof flooded)) die("connect");
    while (send(s, block, BLOCK, MSG_NOSIGNAL) > 0);
    die("send");
    return NULL;
}

int main(int count, char **args) {
    signal(SIGPIPE, SIG_IGN);
    if (count > 3 && !strcmp(args[1], "drain")) drain(args + 2, count - 2);
    if (count == 5 && !strcmp(args[1], "flood")) {
        flooded = address(args[2], args[3]);
        for (int i = 1; i < atoi(args[4]); i++) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, flood, NULL)) die("pthread_create");
        }
        flood(NULL);
    }
    fputs("usage: alone drain PORT ADDRESS... | alone flood ADDRESS PORT CONNECTIONS\n", stderr);
    return 2;
}
