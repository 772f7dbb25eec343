/*
  * delay: forwards packets between two devices, MILLISECONDS after each arrives: delay MILLISECONDS DEVICE DEVICE
  *
  * Stands in for netem, which the kernels of small machines often lack. Packets keep the kernel's notes on checksums and
  * segments (virtio_net_hdr), because the kernel postpones both until a packet leaves the machine.
 */
#define _GNU_SOURCE
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define MAX_BYTES (64 * 1024 + 256)
/* Exceeds the packets in flight at 100 Mbit/s over 20 ms. */
#define MAX_PACKETS 512

struct packet {
    double due;
    ssize_t length;
    char *bytes;
};

/* One direction: packets wait in a ring. */
struct way {
    int from, to;
    unsigned first, count;
    struct packet ring[MAX_PACKETS];
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int attach(const char *device) {
    int s = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), on = 1;
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    at.sll_ifindex = if_nametoindex(device);
    if (s < 0 || !at.sll_ifindex || setsockopt(s, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) ||
        bind(s, (void *)&at, sizeof at)) {
        perror(device);
        exit(1);
    }
    return s;
}

static void take(struct way *way, double delay) {
    struct sockaddr_ll from;
    socklen_t size = sizeof from;
    struct packet *packet = &way->ring[(way->first + way->count) % MAX_PACKETS];
    if (!packet->bytes) packet->bytes = malloc(MAX_BYTES);
    packet->length = recvfrom(way->from, packet->bytes, MAX_BYTES, MSG_DONTWAIT, (void *)&from, &size);
    if (packet->length <= 0 || from.sll_pkttype == PACKET_OUTGOING || way->count == MAX_PACKETS - 1) return;
    packet->due = now() + delay;
    way->count++;
}

static void give(struct way *way) {
    while (way->count && way->ring[way->first].due <= now()) {
        struct packet *packet = &way->ring[way->first];
        /* A packet that the device has no room for is lost, as on any network. */
        if (send(way->to, packet->bytes, packet->length, MSG_DONTWAIT) < 0) packet->length = 0;
        way->first = (way->first + 1) % MAX_PACKETS;
        way->count--;
    }
}

int main(int arguments, char **argument) {
    static struct way ways[2];
    if (arguments != 4) {
        fprintf(stderr, "usage: delay MILLISECONDS DEVICE DEVICE\n");
        return 2;
    }
    double delay = atof(argument[1]) / 1e3;
    ways[0].from = ways[1].to = attach(argument[2]);
    ways[1].from = ways[0].to = attach(argument[3]);
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        double next = now() + 1;
        for (int i = 0; i < 2; i++)
            if (ways[i].count && ways[i].ring[ways[i].first].due < next) next = ways[i].ring[ways[i].first].due;
        double rest = next - now();
        struct timespec wait = {0};
        if (rest > 0) wait.tv_sec = rest, wait.tv_nsec = (rest - wait.tv_sec) * 1e9;
        struct pollfd both[2] = {{.fd = ways[0].from, .events = POLLIN}, {.fd = ways[1].from, .events = POLLIN}};
        ppoll(both, 2, &wait, NULL);
        for (int i = 0; i < 2; i++) {
            if (both[i].revents & POLLIN) take(&ways[i], delay);
            give(&ways[i]);
        }
    }
}
