/** Routes about images and registries. */
import type { Route } from "../route.ts";

const read = () => import("./images-read.ts");
const write = () => import("./images-write.ts");
const transfer = () => import("./images-transfer.ts");
const build = () => import("./build.ts");
const buildkit = () => import("./buildkit.ts");

const one = "/images/{name*}";

export const imageRoutes: readonly Route[] = [
  { method: "GET", path: "/images/json", load: async () => (await read()).list },
  { method: "GET", path: "/images/search", load: async () => (await read()).search },
  { method: "GET", path: "/images/get", load: async () => (await transfer()).save },
  { method: "POST", path: "/images/load", load: async () => (await transfer()).load },
  { method: "POST", path: "/images/create", load: async () => (await transfer()).create },
  { method: "POST", path: "/images/prune", since: 25, load: async () => (await write()).prune },
  { method: "GET", path: `${one}/json`, load: async () => (await read()).inspect },
  { method: "GET", path: `${one}/history`, load: async () => (await read()).history },
  {
    method: "GET",
    path: `${one}/attestations`,
    since: 55,
    load: async () => (await read()).attestations,
  },
  { method: "GET", path: `${one}/get`, load: async () => (await transfer()).save },
  { method: "POST", path: `${one}/tag`, load: async () => (await write()).tag },
  { method: "POST", path: `${one}/push`, load: async () => (await transfer()).push },
  { method: "DELETE", path: one, load: async () => (await write()).remove },
  { method: "POST", path: "/commit", load: async () => (await write()).commit },
  { method: "POST", path: "/build", load: async () => (await build()).build },
  {
    method: "POST",
    path: "/build/prune",
    since: 31,
    load: async () => (await import("./build-cache.ts")).prune,
  },
  { method: "POST", path: "/grpc", load: async () => (await buildkit()).grpc },
  { method: "POST", path: "/session", load: async () => (await buildkit()).session },
  { method: "POST", path: "/auth", load: async () => (await read()).auth },
  {
    method: "GET",
    path: "/distribution/{name*}/json",
    since: 30,
    load: async () => (await read()).distribution,
  },
];
