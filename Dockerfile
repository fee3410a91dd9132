# Four small images out of one build: --target bff-web, bff-mobile, order-service or customer-service.
# Works with BuildKit and without it.
ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

# The workspace without its code: manifests, the lock file, and an empty program for each target. What
# comes out of here changes only when a manifest does or a target comes or goes, whatever else is edited.
FROM ${RUST_IMAGE} AS skeleton
WORKDIR /src
COPY . .
RUN find . -type f ! -name Cargo.toml ! -path ./Cargo.lock ! -path './.cargo/*' \
      ! -regex '\./[^/]*/\(build\|src/lib\|src/main\|src/bin/.*\)\.rs' \
      ! -regex '\./[^/]*/\(tests\|benches\|examples\)/\([^/]*\|[^/]*/main\)\.rs' \
      -delete \
 && find . -name '*.rs' | while read -r file; do echo '#![allow(dead_code)] fn main() {}' > "$file"; done \
 && find . -type d -empty -delete

FROM ${RUST_IMAGE} AS build
WORKDIR /src
ENV CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
# The dependencies: this layer is kept until the skeleton changes.
COPY --from=skeleton /src .
RUN cargo build --release --locked --bins -p bff-web -p bff-mobile -p mock-services
# The code. Files keep their times when they are copied, and Cargo goes by times: without the touch it
# would take the empty programs for the newer ones.
COPY . .
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
 && cargo build --release --locked --bins -p bff-web -p bff-mobile -p mock-services

# The binaries need nothing but the C library. They write no files, so the root may be read-only.
FROM ${RUNTIME_IMAGE} AS runtime
LABEL org.opencontainers.image.licenses="MIT OR Apache-2.0"
USER 10001:10001
WORKDIR /
STOPSIGNAL SIGTERM

FROM runtime AS order-service
LABEL org.opencontainers.image.title="order-service" \
      org.opencontainers.image.description="A stand-in for the order service, for trying the BFFs"
COPY --from=build /src/target/release/order-service /usr/local/bin/
EXPOSE 8081 8091
ENTRYPOINT ["order-service"]
CMD ["--listen", "0.0.0.0:8081", "--grpc-listen", "0.0.0.0:8091"]

FROM runtime AS customer-service
LABEL org.opencontainers.image.title="customer-service" \
      org.opencontainers.image.description="A stand-in for the customer service, for trying the BFFs"
COPY --from=build /src/target/release/customer-service /usr/local/bin/
EXPOSE 8082 8092
ENTRYPOINT ["customer-service"]
CMD ["--listen", "0.0.0.0:8082", "--grpc-listen", "0.0.0.0:8092"]

# The admin listeners stay on the container's loopback, where the health command finds them.
FROM runtime AS bff-mobile
LABEL org.opencontainers.image.title="bff-mobile" \
      org.opencontainers.image.description="The Backend for Frontend of the mobile client"
COPY --from=build /src/target/release/bff-mobile /usr/local/bin/
ENV BFF__LISTEN=0.0.0.0:8083
EXPOSE 8083
ENTRYPOINT ["bff-mobile"]

FROM runtime AS bff-web
LABEL org.opencontainers.image.title="bff-web" \
      org.opencontainers.image.description="The Backend for Frontend of the web client"
COPY --from=build /src/target/release/bff-web /usr/local/bin/
ENV BFF__LISTEN=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["bff-web"]
