# An image with nothing in it but micss and the C library that it needs, and a user who is not root.
#   docker build -t micss --build-arg BUILD="$(git log -1 --format='%h of %cs')" .
#   docker run --network host micss server --admin 127.0.0.1:9652 \
#     --channel 192.0.2.10 --channel 198.51.100.10 --target 80=127.0.0.1:8080

FROM denoland/deno:2.9.6 AS build
# What `micss version` says it was built from.
ARG BUILD=""
ENV MICSS_BUILD=$BUILD
WORKDIR /micss
COPY deno.json deno.lock main.ts ./
COPY scripts scripts
COPY src src
RUN ["deno", "task", "compile"]

# For who has to change rules, as a pod's init container, and not for handlers: with nft, and root.
#   docker build -t micss-rules --target rules .
FROM debian:12-slim AS rules
RUN apt-get update \
 && apt-get install --yes --no-install-recommends nftables \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /micss/micss /micss
ENTRYPOINT ["/micss", "rules"]

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="micss" \
      org.opencontainers.image.description="Carries TCP connections over several network paths, each with one share of every byte" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /micss/micss /micss
# The port of a channel, unless the configuration says otherwise.
EXPOSE 6522
# Named by its number, so that Kubernetes can tell that it is not root.
USER 65532:65532
# A handler that hangs does not answer at its --admin, here where it is when nobody says otherwise.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/micss", "status", "--admin", "127.0.0.1:9652"]
ENTRYPOINT ["/micss"]
CMD ["help"]
