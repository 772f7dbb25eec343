/*
 * load: generates and answers the bench's traffic, in the protocol of `micss bench` (src/bench/protocol.ts).
 *
 *   load serve PORT                       answers, on every address
 *   load wait  ADDRESS PORT               connects until something listens there
 *   load up    ADDRESS PORT SECONDS       bytes to the server, counted there
 *   load down  ADDRESS PORT SECONDS       bytes from the server
 *   load trip  ADDRESS PORT SECONDS       one byte there and back over one connection, repeatedly
 *   load dial  ADDRESS PORT SECONDS       the same over a new connection each time, one after another
 *   load burst ADDRESS PORT COUNT BYTES   COUNT connections at once, on each BYTES there and back, then its end
 *   load hold  ADDRESS PORT COUNT         makes COUNT connections and keeps them, idle, until it is killed; one that ends
 *                                         ends it
 *
 * Prints JSON: up and down {"mbps"}, trip {"mean","deviation","median","p99"} in microseconds, dial {"rate"} a second,
 * burst {"failed","seconds","reason"}; hold prints "held".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK (256 * 1024)
#define MAX_TRIPS 2000000
/* TCP's share of the window for getting up to speed, which is not counted. */
#define RAMP 0.25
/* Time limit of a burst, in seconds. */
#define PATIENCE 30
/* Connections that hold makes at once. */
#define AT_ONCE 32

struct request {
    char magic[11], mode;
    uint16_t ramp, window;
} __attribute__((packed));

struct count {
    uint64_t bytes, microseconds;
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static _Noreturn void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "ended too early");
    exit(1);
}

static void prepare(int s) {
    int on = 1;
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Counts received bytes, from the first read after the ramp to the first after the window. */
static int count_arriving(int s, char *block, double ramp, double window, struct count *count) {
    long got;
    if ((got = read(s, block, BLOCK)) <= 0) return -1;
    double began = now();
    for (double end = began + ramp; began < end; began = now())
        if ((got = read(s, block, BLOCK)) <= 0) return -1;
    double end = began, until = began + window;
    uint64_t bytes = 0;
    do {
        if ((got = read(s, block, BLOCK)) <= 0) return -1;
        bytes += got;
        end = now();
    } while (end < until);
    count->bytes = htobe64(bytes);
    count->microseconds = htobe64((uint64_t)((end - began) * 1e6));
    return 0;
}

static void answer(int s, char *block) {
    struct request request;
    struct count count;
    long got;
    if (recv(s, &request, sizeof request, MSG_WAITALL) != sizeof request) return;
    if (memcmp(request.magic, "micss-bench", sizeof request.magic)) return;
    if (send(s, &request, sizeof request, MSG_NOSIGNAL) != sizeof request) return;
    if (request.mode == 'e') {
        while ((got = read(s, block, BLOCK)) > 0 && send(s, block, got, MSG_NOSIGNAL) > 0) {}
    } else if (request.mode == 'd') {
        while (send(s, block, BLOCK, MSG_NOSIGNAL) > 0) {}
    } else if (request.mode == 'u') {
        if (count_arriving(s, block, ntohs(request.ramp) / 1e3, ntohs(request.window) / 1e3, &count)) return;
        send(s, &count, sizeof count, MSG_NOSIGNAL);
        /* Closing with bytes in flight would discard the count. */
        while (read(s, block, BLOCK) > 0) {}
    }
}

static void *serve_one(void *argument) {
    int s = (int)(long)argument;
    char *block = calloc(1, BLOCK);
    prepare(s);
    answer(s, block);
    free(block);
    close(s);
    return NULL;
}

static _Noreturn void serve(int port) {
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = INADDR_ANY};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (void *)&at, sizeof at) || listen(listener, 4096)) die("listen");
    printf("listening\n");
    fflush(stdout);
    for (;;) {
        int s = accept(listener, NULL, NULL);
        pthread_t thread;
        if (s < 0) continue;
        if (pthread_create(&thread, NULL, serve_one, (void *)(long)s)) close(s);
        else pthread_detach(thread);
    }
}

static int dial(const char *address, int port) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address)};
    if (connect(s, (void *)&to, sizeof to)) {
        close(s);
        return -1;
    }
    struct timeval patience = {.tv_sec = 20};
    prepare(s);
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return s;
}

/* Connects and sends the request. */
static int ask(const char *address, int port, const struct request *request) {
    int s = dial(address, port);
    if (s < 0) die("connect");
    if (write(s, request, sizeof *request) != sizeof *request) die("ask");
    return s;
}

/* Reads the request's echo. */
static void hear(int s, const struct request *request) {
    struct request reply;
    errno = 0;
    if (recv(s, &reply, sizeof reply, MSG_WAITALL) != sizeof reply || memcmp(request, &reply, sizeof reply)) die("answer");
}

static struct request request_for(char mode, double seconds) {
    struct request request = {.mode = mode, .ramp = htons(seconds * RAMP * 1e3), .window = htons(seconds * 1e3)};
    memcpy(request.magic, "micss-bench", sizeof request.magic);
    return request;
}

/* Begins a measurement. */
static int begin(const char *address, int port, char mode, double seconds) {
    struct request request = request_for(mode, seconds);
    int s = ask(address, port, &request);
    hear(s, &request);
    return s;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void trips(int s, double seconds) {
    double *sample = malloc(MAX_TRIPS * sizeof *sample), sum = 0, squares = 0;
    long n = 0;
    char byte = 'e';
    for (double start = now(), from = start, to; from - start < seconds && n < MAX_TRIPS; from = to, n++) {
        if (write(s, &byte, 1) != 1 || read(s, &byte, 1) != 1) die("trip");
        to = now();
        sample[n] = (to - from) * 1e6;
    }
    qsort(sample, n, sizeof *sample, by_value);
    for (long i = 0; i < n; i++) sum += sample[i];
    for (long i = 0; i < n; i++) squares += (sample[i] - sum / n) * (sample[i] - sum / n);
    printf("{\"mean\":%.1f,\"deviation\":%.1f,\"median\":%.1f,\"p99\":%.1f}\n", sum / n, sqrt(squares / n),
           sample[n / 2], sample[n * 99 / 100]);
}

/* Writes until the server reports its count. */
static void up(int s, char *block, struct count *count) {
    struct pollfd both = {.fd = s, .events = POLLIN | POLLOUT};
    for (;;) {
        if (poll(&both, 1, 30000) <= 0) die("write");
        if (both.revents & POLLIN) break;
        if (send(s, block, BLOCK, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN) die("write");
    }
    errno = 0;
    if (recv(s, count, sizeof *count, MSG_WAITALL) != sizeof *count) die("count");
}

/* A connection of a burst. */
struct volley {
    int s;
    long sent, received;
    char *bytes;
};

/* Sends as much as the socket takes, then the end, and reads. Returns 1 once all is back, -1 with errno on a failure. */
static int advance(struct volley *v, long length) {
    char block[64 * 1024];
    long got = 0;
    while (v->sent < length && (got = send(v->s, v->bytes + v->sent, length - v->sent, MSG_NOSIGNAL)) > 0)
        if ((v->sent += got) == length && shutdown(v->s, SHUT_WR)) return -1;
    if (got < 0 && errno != EAGAIN) return -1;
    while ((got = recv(v->s, block, sizeof block, 0)) > 0) {
        errno = EPROTO;
        if (got > length - v->received || memcmp(block, v->bytes + v->received, got)) return -1;
        v->received += got;
    }
    if (got < 0) return errno == EAGAIN ? 0 : -1;
    errno = ENODATA;
    return v->received == length ? 1 : -1;
}

/* The echo includes the request, so that a connection has to get exactly what it sent. */
static void burst(const char *address, int port, int count, long bytes) {
    struct request request = request_for('e', 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address)};
    long length = sizeof request + bytes;
    int poll = epoll_create1(0), failed = 0, left = count, reason = 0;
    struct volley *all = calloc(count, sizeof *all);
    for (int i = 0; i < count; i++) {
        all[i].bytes = malloc(length);
        memcpy(all[i].bytes, &request, sizeof request);
        for (long at = 0; at < bytes; at++) all[i].bytes[sizeof request + at] = (at + at / 251 + i * 31L) % 256;
    }
    double start = now();
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = i};
        int s = all[i].s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (s < 0 || (connect(s, (void *)&to, sizeof to) && errno != EINPROGRESS)) die("connect");
        if (epoll_ctl(poll, EPOLL_CTL_ADD, s, &event)) die("epoll");
    }
    while (left > 0 && now() - start < PATIENCE) {
        struct epoll_event events[256];
        int ready = epoll_wait(poll, events, 256, 1000);
        for (int i = 0; i < ready; i++) {
            struct volley *v = &all[events[i].data.u32];
            int over = advance(v, length);
            if (!over) continue;
            if (over < 0) failed++, reason = errno;
            close(v->s);
            left--;
        }
    }
    if (left > 0) failed += left, reason = ETIMEDOUT;
    const char *text = reason == EPROTO ? "wrong bytes" : reason == ENODATA ? "ended too early" : strerror(reason);
    printf("{\"failed\":%d,\"seconds\":%.4f,\"reason\":\"%s\"}\n", failed, now() - start, reason ? text : "");
}

static _Noreturn void hold(const char *address, int port, int count) {
    struct request request = request_for('e', 0);
    struct epoll_event event = {.events = EPOLLIN};
    int poll = epoll_create1(0);
    for (int made = 0, sockets[AT_ONCE], batch; made < count; made += batch) {
        batch = count - made < AT_ONCE ? count - made : AT_ONCE;
        for (int i = 0; i < batch; i++) sockets[i] = ask(address, port, &request);
        for (int i = 0; i < batch; i++) hear(sockets[i], &request);
        for (int i = 0; i < batch; i++)
            if (epoll_ctl(poll, EPOLL_CTL_ADD, sockets[i], &event)) die("epoll");
    }
    printf("held\n");
    fflush(stdout);
    while (epoll_wait(poll, &event, 1, -1) < 0) {}
    errno = 0;
    die("a held connection");
}

/* As many connections as the system allows. */
static void raise_limit(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files)) return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

/* Resets a flow, so that bytes in flight don't disturb the next measurement. */
static void cut(int s) {
    struct linger none = {.l_onoff = 1};
    setsockopt(s, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(s);
}

int main(int arguments, char **argument) {
    raise_limit();
    if (arguments == 3 && !strcmp(argument[1], "serve")) serve(atoi(argument[2]));
    if (arguments < 4) {
        fprintf(stderr, "usage: see the head of load.c\n");
        return 2;
    }
    const char *mode = argument[1], *address = argument[2];
    int port = atoi(argument[3]), s;
    double seconds = arguments > 4 ? atof(argument[4]) : 1;
    char *block = calloc(1, BLOCK);
    struct count count;

    if (!strcmp(mode, "wait")) {
        for (int tries = 0; tries < 300; tries++, usleep(50000))
            if ((s = dial(address, port)) >= 0) return 0;
        die("nothing listens there");
    } else if (!strcmp(mode, "dial")) {
        long made = 0;
        double start = now();
        for (; now() - start < seconds; made++) close(begin(address, port, 'e', seconds));
        printf("{\"rate\":%.1f}\n", made / (now() - start));
    } else if (!strcmp(mode, "burst") && arguments == 6) {
        burst(address, port, atoi(argument[4]), atol(argument[5]));
    } else if (!strcmp(mode, "hold") && arguments == 5) {
        hold(address, port, atoi(argument[4]));
    } else if (!strcmp(mode, "trip")) {
        s = begin(address, port, 'e', seconds);
        trips(s, seconds);
        cut(s);
    } else {
        int down = !strcmp(mode, "down");
        s = begin(address, port, down ? 'd' : 'u', seconds);
        if (!down) up(s, block, &count);
        else if (count_arriving(s, block, seconds * RAMP, seconds, &count)) die("read");
        cut(s);
        printf("{\"mbps\":%.3f}\n", be64toh(count.bytes) * 8.0 / be64toh(count.microseconds));
    }
    return 0;
}
