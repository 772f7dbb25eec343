# An image with nothing in it but micss and the C library that it needs.
#   docker build -t micss .
#   docker run --network host micss server --channel 192.0.2.10:6522 ... --target 80=127.0.0.1:8080

FROM denoland/deno:2.9.6 AS build
WORKDIR /micss
COPY deno.json deno.lock main.ts ./
COPY scripts scripts
COPY src src
RUN ["deno", "task", "compile"]

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /micss/micss /micss
# The port of a channel, unless the configuration says otherwise.
EXPOSE 6522
# Named by its number, so that Kubernetes can tell that it is not root.
USER 65532:65532
ENTRYPOINT ["/micss"]
