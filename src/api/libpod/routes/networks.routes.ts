/** Routes about networks. */
import type { Route } from "../../route.ts";

const networks = () => import("./networks.ts");

const one = "/networks/{name}";

export const networkRoutes: readonly Route[] = [
  { method: "GET", path: "/networks/json", load: async () => (await networks()).list },
  { method: "POST", path: "/networks/create", load: async () => (await networks()).create },
  { method: "POST", path: "/networks/prune", load: async () => (await networks()).prune },
  { method: "GET", path: one, load: async () => (await networks()).inspect },
  { method: "GET", path: `${one}/json`, load: async () => (await networks()).inspect },
  { method: "GET", path: `${one}/exists`, load: async () => (await networks()).exists },
  { method: "POST", path: `${one}/connect`, load: async () => (await networks()).connect },
  { method: "POST", path: `${one}/disconnect`, load: async () => (await networks()).disconnect },
  { method: "POST", path: `${one}/update`, load: async () => (await networks()).update },
  { method: "DELETE", path: one, load: async () => (await networks()).remove },
];
