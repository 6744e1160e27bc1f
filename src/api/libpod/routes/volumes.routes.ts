/** Routes about volumes. */
import type { Route } from "../../route.ts";

const volumes = () => import("./volumes.ts");

const one = "/volumes/{name}";

export const volumeRoutes: readonly Route[] = [
  { method: "GET", path: "/volumes/json", load: async () => (await volumes()).list },
  { method: "POST", path: "/volumes/create", load: async () => (await volumes()).create },
  { method: "POST", path: "/volumes/prune", load: async () => (await volumes()).prune },
  { method: "GET", path: `${one}/json`, load: async () => (await volumes()).inspect },
  { method: "GET", path: `${one}/exists`, load: async () => (await volumes()).exists },
  { method: "GET", path: `${one}/export`, load: async () => (await volumes()).exportTar },
  { method: "POST", path: `${one}/import`, load: async () => (await volumes()).importTar },
  { method: "DELETE", path: one, load: async () => (await volumes()).remove },
];
