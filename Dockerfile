# The program alone: no development dependency, no ClickHouse engine (a server takes its place), no package manager.
FROM node:24.21.0-bookworm-slim AS packages
RUN npm install --global pnpm@12
WORKDIR /idemtrace
COPY pnpm-workspace.yaml pnpm-lock.yaml package.json ./
COPY infra/patches infra/patches/
COPY schemas/package.json schemas/
COPY services/identity/package.json services/identity/
COPY services/stream/package.json services/stream/
COPY services/emitter/package.json services/emitter/
COPY services/gateway/package.json services/gateway/
COPY services/detector/package.json services/detector/
COPY services/lineage/package.json services/lineage/
COPY services/idemtrace/package.json services/idemtrace/
# Optional packages are the engine and a Node of pnpm's own.
RUN pnpm install --prod --no-optional --frozen-lockfile --ignore-scripts --filter 'idemtrace...'

FROM node:24.21.0-bookworm-slim
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn* /usr/local/bin/yarn*
WORKDIR /idemtrace
COPY --from=packages /idemtrace ./
COPY schemas/avro schemas/avro
COPY schemas/src schemas/src
COPY services/identity/src services/identity/src
COPY services/stream/src services/stream/src
COPY services/emitter/src services/emitter/src
COPY services/gateway/src services/gateway/src
COPY services/detector/src services/detector/src
COPY services/lineage/src services/lineage/src
COPY services/idemtrace/src services/idemtrace/src
COPY infra/clickhouse/migrations infra/clickhouse/migrations
COPY LICENSE ./
RUN ln -s /idemtrace/services/idemtrace/src/bin.ts /usr/local/bin/idemtrace
ENV NODE_ENV=production
# The base image's own unprivileged user, by number: Kubernetes does not know its name.
USER 1000:1000
WORKDIR /tmp
# Intake and probes.
EXPOSE 7390 7391
ENTRYPOINT ["idemtrace"]
CMD ["--help"]
