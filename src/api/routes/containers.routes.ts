/** Routes about containers. */
import type { Route } from "../route.ts";

const read = () => import("./containers-read.ts");
const write = () => import("./containers-write.ts");
const streams = () => import("./containers-streams.ts");
const checkpoints = () => import("./checkpoints.ts");
const files = () => import("./containers-files.ts");

const one = "/containers/{id}";

export const containerRoutes: readonly Route[] = [
  { method: "GET", path: "/containers/json", load: async () => (await read()).list },
  { method: "POST", path: "/containers/create", load: async () => (await write()).create },
  { method: "POST", path: "/containers/prune", since: 25, load: async () => (await write()).prune },
  { method: "GET", path: `${one}/json`, load: async () => (await read()).inspect },
  { method: "GET", path: `${one}/top`, load: async () => (await read()).top },
  { method: "GET", path: `${one}/changes`, load: async () => (await read()).changes },
  { method: "GET", path: `${one}/stats`, load: async () => (await read()).stats },
  { method: "GET", path: `${one}/logs`, load: async () => (await streams()).logs },
  { method: "POST", path: `${one}/attach`, load: async () => (await streams()).attach },
  {
    method: "GET",
    path: `${one}/attach/ws`,
    load: async () => (await streams()).attachWebSocket,
  },
  { method: "POST", path: `${one}/wait`, load: async () => (await streams()).wait },
  { method: "POST", path: `${one}/resize`, load: async () => (await streams()).resize },
  { method: "POST", path: `${one}/start`, load: async () => (await write()).start },
  { method: "POST", path: `${one}/stop`, load: async () => (await write()).stop },
  { method: "POST", path: `${one}/restart`, load: async () => (await write()).restart },
  { method: "POST", path: `${one}/kill`, load: async () => (await write()).kill },
  { method: "POST", path: `${one}/pause`, load: async () => (await write()).pause },
  { method: "POST", path: `${one}/unpause`, load: async () => (await write()).unpause },
  { method: "POST", path: `${one}/rename`, load: async () => (await write()).rename },
  { method: "POST", path: `${one}/update`, load: async () => (await write()).update },
  { method: "GET", path: `${one}/export`, load: async () => (await files()).exportTar },
  { method: "GET", path: `${one}/archive`, load: async () => (await files()).getArchive },
  { method: "HEAD", path: `${one}/archive`, load: async () => (await files()).statArchive },
  { method: "PUT", path: `${one}/archive`, load: async () => (await files()).putArchive },
  {
    method: "GET",
    path: `${one}/checkpoints`,
    load: async () => (await checkpoints()).list,
  },
  {
    method: "POST",
    path: `${one}/checkpoints`,
    load: async () => (await checkpoints()).create,
  },
  {
    method: "DELETE",
    path: `${one}/checkpoints/{name}`,
    load: async () => (await checkpoints()).remove,
  },
  { method: "DELETE", path: one, load: async () => (await write()).remove },
];
