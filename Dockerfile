# An image with only micss and the C library that it needs, run by an unprivileged user.
#   docker build -t micss --build-arg BUILD="$(git log -1 --format='%h of %cs')" .
#   docker run --network host micss server --admin 127.0.0.1:9652 \
#     --channel 192.0.2.10 --channel 198.51.100.10 --target 80=127.0.0.1:8080

FROM denoland/deno:2.9.6 AS build
# Shown by `micss version`.
ARG BUILD=""
ENV MICSS_BUILD=$BUILD
WORKDIR /micss
COPY deno.json deno.lock main.ts ./
COPY scripts scripts
COPY src src
RUN ["deno", "task", "compile"]

# For changing rules, as a pod's init container, not for handlers: with nft, and as root.
#   docker build -t micss-rules --target rules .
FROM debian:12-slim AS rules
RUN apt-get update \
 && apt-get install --yes --no-install-recommends nftables \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /micss/micss /micss
ENTRYPOINT ["/micss", "rules"]

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="micss" \
      org.opencontainers.image.description="Carries TCP connections and UDP datagrams over several network paths, each with one share of every byte" \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /micss/micss /micss
# Default port of a channel: TCP, and UDP for datagrams.
EXPOSE 6522 6522/udp
# By number, so that Kubernetes can verify that it is not root.
USER 65532:65532
# Fails when the handler hangs. Needs --admin at this address.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/micss", "status", "--admin", "127.0.0.1:9652"]
ENTRYPOINT ["/micss"]
CMD ["help"]
