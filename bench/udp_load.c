/*
 * udp_load: sends datagrams and answers them.
 *
 *   udp_load echo PORT                              sends each datagram back, from every address
 *   udp_load trip ADDRESS PORT SECONDS BYTES        one datagram there and back, repeatedly
 *   udp_load requests ADDRESS PORT SECONDS BYTES    64 at a time, the next one with each answer
 *
 * Prints JSON: trip {"median","p99","lost"} in microseconds, requests {"rate","lost"} a second. What has no answer within
 * 250 ms is lost.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define ROOM 9000
#define BATCH 64
#define AT_ONCE 64
#define MAX_TRIPS 2000000
/* Microseconds after which an answer does not come any more. */
#define PATIENCE 250000

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static _Noreturn void die(const char *what) {
    fprintf(stderr, "udp_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_in address(const char *host, const char *port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1) die(host);
    return to;
}

static int make_socket(void) {
    int s = socket(AF_INET, SOCK_DGRAM, 0), room = 4 << 20;
    if (s < 0) die("socket");
    setsockopt(s, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(s, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    return s;
}

static void echo(const char *port) {
    static char data[BATCH][ROOM];
    struct sockaddr_in at = address("0.0.0.0", port), from[BATCH];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
    int s = make_socket();
    if (bind(s, (void *)&at, sizeof at) != 0) die("bind");
    puts("listening");
    fflush(stdout);
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            parts[i] = (struct iovec){data[i], ROOM};
            messages[i].msg_hdr = (struct msghdr){
                .msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &parts[i], .msg_iovlen = 1};
        }
        int count = recvmmsg(s, messages, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < count; i++) parts[i].iov_len = messages[i].msg_len;
        for (int sent = 0; sent < count;) {
            int more = sendmmsg(s, messages + sent, count - sent, 0);
            sent += more > 0 ? more : 1;
        }
    }
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int connect_to(const char *host, const char *port) {
    struct sockaddr_in to = address(host, port);
    struct timeval patience = {0, PATIENCE};
    int s = make_socket();
    if (connect(s, (void *)&to, sizeof to) != 0) die("connect");
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return s;
}

/* Opens the way: the first datagrams of a flow may wait, or be lost. */
static void warm(int s, char *data, int bytes) {
    for (int tries = 0; tries < 40; tries++) {
        if (send(s, data, bytes, 0) == bytes && recv(s, data, ROOM, 0) == bytes) {
            while (recv(s, data, ROOM, MSG_DONTWAIT) > 0) continue;
            return;
        }
    }
    die("no answer");
}

static void trip(int s, double seconds, int bytes) {
    static double times[MAX_TRIPS];
    static char data[ROOM];
    uint32_t number = 0, got = 0;
    int count = 0, lost = 0;
    for (double end = now() + seconds; now() < end && count < MAX_TRIPS;) {
        double began = now();
        memcpy(data, &(uint32_t){++number}, sizeof number);
        send(s, data, bytes, 0);
        int length;
        do length = recv(s, data, ROOM, 0);
        while (length == bytes && (memcpy(&got, data, sizeof got), got != number));
        if (length == bytes) times[count++] = now() - began;
        else lost++;
    }
    if (count == 0) die("no answer");
    qsort(times, count, sizeof *times, compare);
    printf("{\"median\":%.1f,\"p99\":%.1f,\"lost\":%d}\n", times[count / 2] * 1e6, times[count * 99 / 100] * 1e6, lost);
}

static void requests(int s, double seconds, int bytes) {
    static char data[ROOM];
    long answers = 0, lost = 0;
    int out = 0;
    double began = now(), end = began + seconds;
    while (now() < end) {
        for (; out < AT_ONCE; out++) send(s, data, bytes, 0);
        if (recv(s, data, ROOM, 0) == bytes) {
            answers++, out--;
            while (recv(s, data, ROOM, MSG_DONTWAIT) == bytes) answers++, out--;
        } else {
            lost += out;
            out = 0;
        }
        if (out < 0) out = 0;
    }
    printf("{\"rate\":%.1f,\"lost\":%ld}\n", answers / (now() - began), lost);
}

int main(int argc, char **argv) {
    static char data[ROOM];
    if (argc == 3 && strcmp(argv[1], "echo") == 0) echo(argv[2]);
    if (argc != 6) return fputs("usage: see udp_load.c\n", stderr), 2;
    int s = connect_to(argv[2], argv[3]), bytes = atoi(argv[5]);
    if (bytes < 4 || bytes > ROOM) return fputs("4 to 9000 bytes\n", stderr), 2;
    warm(s, data, bytes);
    if (strcmp(argv[1], "trip") == 0) trip(s, atof(argv[4]), bytes);
    else requests(s, atof(argv[4]), bytes);
}
