/** Routes about volumes. */
import type { Route } from "../route.ts";

const volumes = () => import("./volumes.ts");

export const volumeRoutes: readonly Route[] = [
  { method: "GET", path: "/volumes", load: async () => (await volumes()).list },
  { method: "POST", path: "/volumes/create", load: async () => (await volumes()).create },
  { method: "POST", path: "/volumes/prune", since: 25, load: async () => (await volumes()).prune },
  { method: "GET", path: "/volumes/{name}", load: async () => (await volumes()).inspect },
  { method: "PUT", path: "/volumes/{name}", since: 42, load: async () => (await volumes()).update },
  { method: "DELETE", path: "/volumes/{name}", load: async () => (await volumes()).remove },
];
