/** Routes about containers and exec sessions. What Docker's API says in the same way is its handler. */
import type { Handler, Route } from "../../route.ts";

const read = () => import("./containers-read.ts");
const write = () => import("./containers-write.ts");
const streams = () => import("./containers-streams.ts");
const files = () => import("./containers-files.ts");
const checkpoints = () => import("./checkpoints.ts");
const exec = () => import("./exec.ts");
const docker = {
  read: () => import("../../routes/containers-read.ts"),
  streams: () => import("../../routes/containers-streams.ts"),
  files: () => import("../../routes/containers-files.ts"),
  exec: () => import("../../routes/exec.ts"),
};

/** Docker's handlers have other names for what stands in the path. */
const named =
  (handler: Handler): Handler =>
  ({ params, ...call }) =>
    handler({ ...call, params: { ...params, id: params.name ?? params.id ?? "" } });

const all = "/containers";
const one = "/containers/{name}";

export const containerRoutes: readonly Route[] = [
  { method: "POST", path: `${all}/create`, load: async () => (await write()).create },
  { method: "GET", path: `${all}/json`, load: async () => (await read()).list },
  { method: "POST", path: `${all}/prune`, load: async () => (await write()).prune },
  { method: "GET", path: `${all}/showmounted`, load: async () => (await read()).showMounted },
  { method: "GET", path: `${all}/stats`, load: async () => (await read()).statsOfMany },
  { method: "GET", path: `${one}/json`, load: async () => (await read()).inspect },
  { method: "GET", path: `${one}/exists`, load: async () => (await read()).exists },
  {
    method: "POST",
    path: `${one}/shouldrestart`,
    load: async () => (await read()).shouldRestart,
  },
  { method: "GET", path: `${one}/top`, load: async () => (await read()).top },
  { method: "GET", path: `${one}/healthcheck`, load: async () => (await read()).checkHealth },
  {
    method: "GET",
    path: `${one}/changes`,
    load: async () => (await import("./changes.ts")).changes,
  },
  { method: "GET", path: `${one}/stats`, load: async () => named((await docker.read()).stats) },
  { method: "GET", path: `${one}/logs`, load: async () => named((await streams()).logs) },
  {
    method: "POST",
    path: `${one}/attach`,
    load: async () => named((await docker.streams()).attach),
  },
  {
    method: "POST",
    path: `${one}/resize`,
    load: async () => named((await docker.streams()).resize),
  },
  { method: "POST", path: `${one}/wait`, load: async () => (await streams()).wait },
  { method: "POST", path: `${one}/start`, load: async () => (await write()).start },
  { method: "POST", path: `${one}/init`, load: async () => (await write()).init },
  { method: "POST", path: `${one}/stop`, load: async () => (await write()).stop },
  { method: "POST", path: `${one}/restart`, load: async () => (await write()).restart },
  { method: "POST", path: `${one}/kill`, load: async () => (await write()).kill },
  { method: "POST", path: `${one}/pause`, load: async () => (await write()).pause },
  { method: "POST", path: `${one}/unpause`, load: async () => (await write()).unpause },
  { method: "POST", path: `${one}/rename`, load: async () => (await write()).rename },
  { method: "POST", path: `${one}/update`, load: async () => (await write()).update },
  {
    method: "POST",
    path: `${one}/checkpoint`,
    load: async () => (await checkpoints()).checkpoint,
  },
  { method: "POST", path: `${one}/restore`, load: async () => (await checkpoints()).restore },
  { method: "POST", path: `${one}/mount`, load: async () => (await write()).mount },
  { method: "POST", path: `${one}/unmount`, load: async () => (await write()).unmount },
  {
    method: "GET",
    path: `${one}/export`,
    load: async () => named((await docker.files()).exportTar),
  },
  { method: "GET", path: `${one}/archive`, load: async () => (await files()).getArchive },
  { method: "HEAD", path: `${one}/archive`, load: async () => (await files()).statArchive },
  { method: "PUT", path: `${one}/archive`, load: async () => (await files()).putArchive },
  { method: "DELETE", path: one, load: async () => (await write()).remove },
  { method: "POST", path: "/commit", load: async () => (await files()).commit },

  { method: "POST", path: `${one}/exec`, load: async () => named((await docker.exec()).create) },
  { method: "POST", path: "/exec/{id}/start", load: async () => (await exec()).start },
  { method: "POST", path: "/exec/{id}/resize", load: async () => (await docker.exec()).resize },
  { method: "GET", path: "/exec/{id}/json", load: async () => (await exec()).inspect },
  { method: "POST", path: "/exec/{id}/remove", load: async () => (await exec()).remove },
];
