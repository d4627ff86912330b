# One image for gateway, worker, simulator and the operator's commands: the command of the container decides.
FROM node:24.19.0-bookworm-slim AS base
WORKDIR /app

FROM base AS build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY libs ./libs
COPY apps ./apps
COPY bench ./bench
# All that nest-cli.json names is built; benchmarks need packages that are not in the image.
RUN npm run build && rm -r dist/bench

FROM base AS dependencies
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=dev

FROM base
ENV NODE_ENV=production
ENV DATA_DIR=/data
# As NODE_ARGS and MALLOC of scripts/lib/services.mjs, where the reasons are.
ENV NODE_OPTIONS="--enable-source-maps --max-semi-space-size=8 --max-old-space-size=1024"
ENV MALLOC_ARENA_MAX=2
# A named volume that is mounted here for the first time takes over this owner.
RUN mkdir /data && chown node:node /data
COPY package.json ./
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
USER node
STOPSIGNAL SIGTERM
EXPOSE 3000 3001 3002
CMD ["node", "dist/apps/gateway/src/main.js"]
