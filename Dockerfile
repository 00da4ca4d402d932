# The server, and the command line beside it: `docker run … node dist/src/cli.js status`.
# Node's version is that of package.json, and test/deployment keeps it so.

FROM node:24.21-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json nest-cli.json ./
COPY src src
COPY dashboard dashboard
COPY tools tools
COPY test/contract/openapi.json test/contract/openapi.json
RUN npm run build

FROM node:24.21-bookworm-slim
ENV NODE_ENV=production DATA_DIR=/data
WORKDIR /app
# pg_dump and pg_restore for backups, of the version of the server: Debian's own are of 15, which refuse to dump a 17. PostgreSQL's
# archive is trusted by this key alone, and only for itself; its packages are signed, so that plain http is enough.
COPY deploy/docker/postgresql.asc /usr/share/keyrings/postgresql.asc
RUN echo 'deb [signed-by=/usr/share/keyrings/postgresql.asc] http://apt.postgresql.org/pub/repos/apt bookworm-pgdg main' > /etc/apt/sources.list.d/postgresql.list \
  && apt-get update && apt-get install -y --no-install-recommends postgresql-client-17 && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json ./
# Optional is the embedded PostgreSQL alone, which production refuses to start on anyway: 60 MB less.
RUN npm ci --omit=dev --omit=optional && npm cache clean --force
COPY tools tools
COPY --from=build /app/dist dist
# No VOLUME for them: Railway refuses a Dockerfile that has one, and docker would make a nameless one at every start.
RUN mkdir /data /backups && chown node:node /data /backups
USER node
EXPOSE 3000
STOPSIGNAL SIGTERM
# /livez and not /readyz: what acts on this restarts the container, and that brings no database back.
HEALTHCHECK --interval=15s --timeout=3s --start-period=30s CMD ["node", "tools/healthcheck.mjs"]
# Node itself is process 1: it handles SIGTERM, and starts no children that somebody would have to reap.
CMD ["node", "dist/src/main.js"]
